// What a template prints of an endpoint, and how iptables finds the app of one of many.
import { withPort } from '../model/address.js';
import type { Endpoint } from '../model/model.js';
import { iptablesBranch } from '../model/names.js';
import { isRange, portsInSpec, portsText } from '../model/ports.js';
import { type BranchView, treeOf } from './branches.js';
import { FAMILIES } from './families.js';

export interface EndpointView {
  readonly ip: string;
  /** A number, or a range as in the spec. */
  readonly port: number | string;
  readonly protocol: string;
  /** The first and the last port. */
  readonly ports: readonly [number, number];
  readonly is_range: boolean;
  /** `ip:port` as ss prints it, an IPv6 address in brackets. */
  readonly socket: string;
  /** The branch of iptables' chains that it stands in; empty: in the first chain. */
  readonly branch: string;
}

/** The view of an endpoint; `branch` is what treesOfEndpoints says of it. */
export function endpointView({ address, ports, protocol }: Endpoint, branch: string): EndpointView {
  return {
    ip: address.text,
    port: portsInSpec(ports),
    protocol,
    ports: [ports.first, ports.last],
    is_range: isRange(ports),
    socket: withPort(address, portsText(ports)),
    branch,
  };
}

export interface EndpointBranchView extends BranchView {
  readonly iptables_option: string;
}

/** The trees of the endpoints of all apps, for both families: what an endpoint's branch is, and the branches of each family. */
export function treesOfEndpoints(endpoints: readonly Endpoint[]) {
  const names = new Set<string>();
  const nameOf = (key: string): string => {
    const name = iptablesBranch(key, names);
    names.add(name);
    return name;
  };
  const branchOf = new Map<Endpoint, string>();
  const branches = FAMILIES.flatMap(({ family, iptables_option }): EndpointBranchView[] => {
    const mine = endpoints.filter(({ address }) => address.family === family);
    const tree = treeOf(mine, nameOf);
    mine.forEach((endpoint, index) => branchOf.set(endpoint, tree.leaves[index] ?? ''));
    return tree.branches.map((branch) => ({ iptables_option, ...branch }));
  });
  return { branches, branchOf: (endpoint: Endpoint) => branchOf.get(endpoint) ?? '' };
}
