// Endpoints against the ssh of the hosts that will balance them: an endpoint on that address and port would send
// the connections of Ansible, and of everybody, to a worker.
import { existsSync } from 'node:fs';
import { parseAddress } from '../model/address.js';
import { error, type Location, type Problem, warning } from '../problem/problem.js';
import { readDocuments, type SpecDocument } from '../read/document.js';
import { readSources, type Source } from '../read/sources.js';
import { endpointsOf } from '../validate/endpoints.js';
import { Taken } from '../validate/taken.js';
import { type Group, type SshServer, sshServers } from './hosts.js';
import { iniGroups } from './ini.js';
import { yamlGroups } from './yaml.js';

/** What is wrong between the endpoints of `documents` and the inventory `file`; nothing where there is no such file. */
export function sshProblems(file: string, documents: readonly SpecDocument[], allowed: boolean): Problem[] {
  if (allowed || !existsSync(file)) return [];
  const { sources, problems } = readSources([file]);
  if (problems.length > 0) return [notRead({ file }, problems[0]?.message ?? 'it is not text')];
  const groups: Group[] = [];
  const warnings: Problem[] = [];
  for (const source of sources) {
    const read = groupsOf(source);
    if (read) groups.push(...read);
    else warnings.push(notRead({ file: source.file }, 'it is neither YAML nor simple INI'));
  }
  return [...warnings, ...captures(sshServers(groups), documents)];
}

function groupsOf(source: Source): Group[] | undefined {
  if (source.text.startsWith('#!')) return undefined;
  if (!/\.(?:ya?ml|json)$/.test(source.file)) return iniGroups(source);
  const { documents, problems } = readDocuments(source);
  const [only, second] = documents;
  return only && !second && problems.length === 0 ? yamlGroups(only) : undefined;
}

function notRead(location: Location, reason: string): Problem {
  const hint = 'see to it yourself that no endpoint is the address and port of the ssh of a load balancer';
  return warning('inventory-not-read', location, `the inventory is not understood: ${reason}`, hint);
}

function captures(servers: readonly SshServer[], documents: readonly SpecDocument[]): Problem[] {
  const taken = new Taken<SshServer>();
  for (const server of servers) claim(server, taken);
  return endpointsOf(documents).flatMap(({ id, address, ports, location }) => {
    const server = taken.ownerOf(address, 'tcp', ports);
    if (!server) return [];
    return [
      error('captures-ssh', location, `the endpoint ${id} is where the ssh of ${server.host} listens`, {
        hint: 'use another address or port; where ssh is reached in another way, add --allow-ssh-capture',
        related: { message: 'the inventory says so at', location: server.location },
      }),
    ];
  });
}

/** Nothing for host names, which are not looked up, and for templates. */
function claim(server: SshServer, taken: Taken<SshServer>): void {
  const address = parseAddress(server.address.replace(/^\[(.*)\]$/, '$1'));
  if (typeof address === 'string') return;
  taken.claim(address, 'tcp', { first: server.port, last: server.port }, server);
}
