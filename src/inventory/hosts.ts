// Inventories as plain data: groups of hosts with the few variables that tell where ssh goes.
import type { Location } from '../problem/problem.js';

/** A variable's value, and where it stands. */
export interface Setting {
  readonly value: string | number;
  readonly location: Location;
}

/** The variables that concern ssh, by name; others are not kept. */
export type Settings = ReadonlyMap<string, Setting>;

export interface Host {
  /** The host's name, which is its address if no variable tells another. */
  readonly name: Setting;
  readonly settings: Settings;
}

export interface Group {
  readonly name: string;
  readonly hosts: readonly Host[];
  readonly children: readonly string[];
  readonly settings: Settings;
}

/** Where Ansible connects to. */
export interface SshServer {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** What tells so: the address, else the host. */
  readonly location: Location;
}

const ADDRESS = ['ansible_host', 'ansible_ssh_host'];
const PORT = ['ansible_port', 'ansible_ssh_port'];
const CONNECTION = ['ansible_connection'];
const DEFAULT_PORT = 22;

/** The variables that this module understands. */
export const SSH_SETTINGS: ReadonlySet<string> = new Set([...ADDRESS, ...PORT, ...CONNECTION]);

/**
 * The ssh servers of all hosts. As in Ansible, a host's own variables count more than its groups', and those of a
 * group more than those of the groups above it.
 */
export function sshServers(groups: readonly Group[]): SshServer[] {
  const depths = depthsOf(groups);
  const hosts = new Map<string, { name: Setting; layers: [depth: number, settings: Settings][] }>();
  for (const group of groups) {
    for (const host of group.hosts) {
      const key = String(host.name.value);
      const known = hosts.get(key) ?? { name: host.name, layers: [] };
      known.layers.push([Number.POSITIVE_INFINITY, host.settings]);
      for (const above of withAncestors(group.name, groups)) {
        known.layers.push([depths.get(above.name) ?? 0, above.settings]);
      }
      hosts.set(key, known);
    }
  }
  return [...hosts].flatMap(([host, { name, layers }]) => {
    const sorted = layers.sort(([one], [other]) => one - other).map(([, settings]) => settings);
    return serverOf(host, name, sorted);
  });
}

function serverOf(host: string, name: Setting, layers: readonly Settings[]): SshServer[] {
  const settings = new Map(layers.flatMap((layer) => [...layer]));
  const setting = (names: readonly string[]): Setting | undefined =>
    names.map((one) => settings.get(one)).find((one) => one !== undefined);
  if (setting(CONNECTION)?.value === 'local') return [];
  const address = setting(ADDRESS) ?? name;
  const port = Number(setting(PORT)?.value ?? DEFAULT_PORT);
  return [{ host, address: String(address.value), port, location: address.location }];
}

/** How far below `all` each group is: the longest way counts. Of a cycle, which Ansible refuses, not the end. */
function depthsOf(groups: readonly Group[]): Map<string, number> {
  const depths = new Map<string, number>(groups.map(({ name }) => [name, name === 'all' ? 0 : 1]));
  const edges = groups.flatMap(({ name, children }) => children.map((child) => [name, child] as const));
  let changed = true;
  while (changed) {
    changed = false;
    for (const [name, child] of edges) {
      const depth = (depths.get(name) ?? 1) + 1;
      if (depth <= (depths.get(child) ?? 1) || depth > groups.length + 1) continue;
      depths.set(child, depth);
      changed = true;
    }
  }
  return depths;
}

/** The groups of that name, and all that have it among their children or children's children; `all` always. */
function withAncestors(name: string, groups: readonly Group[]): Group[] {
  const wanted = new Set([name, 'all']);
  for (let size = 0; size !== wanted.size;) {
    size = wanted.size;
    for (const group of groups) {
      if (group.children.some((child) => wanted.has(child))) wanted.add(group.name);
    }
  }
  return groups.filter((group) => wanted.has(group.name));
}
