// Whether a plan can be built: names that `ip netns` takes, addresses that are nobody else's.
import { BlockList, isIP, SocketAddress } from 'node:net';
import { LabPlanError } from './errors.js';
import type { LabPlan } from './plan.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const TAKEN_NAMES: ReadonlySet<string> = new Set(['client', 'lb', 'switch']);
/** As many as the last number of an IPv4 address has room for above .11. */
const MAX_WORKERS = 200;

const own = new BlockList();
own.addSubnet('198.18.0.0', 15, 'ipv4');
own.addSubnet('fd18::', 16, 'ipv6');

/**
 * `plan` with each address once and as the kernel prints it. Throws LabPlanError with the first fault: a name or
 * an address that cannot be used, or that two hosts have.
 */
export function checkedPlan(plan: LabPlan): LabPlan {
  if (plan.workers.length > MAX_WORKERS) {
    throw new LabPlanError(`a lab has at most ${MAX_WORKERS} workers, not ${plan.workers.length}`);
  }
  checkNames(plan.workers.map(({ name }) => name));
  const endpointAddresses = unique(plan.endpointAddresses);
  const workers = plan.workers.map(({ name, addresses }) => ({ name, addresses: unique(addresses) }));
  const ownerOf = new Map(endpointAddresses.map((address) => [address, 'the lb']));
  for (const { name, addresses } of workers) {
    for (const address of addresses) {
      const other = ownerOf.get(address);
      if (other !== undefined) {
        throw new LabPlanError(`${address} cannot be an address of both ${other} and ${name}`);
      }
      ownerOf.set(address, name);
    }
  }
  return { ...plan, endpointAddresses, workers };
}

function unique(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses.map(canonical))];
}

function checkNames(names: readonly string[]): void {
  const seen = new Set(TAKEN_NAMES);
  for (const name of names) {
    if (!NAME.test(name)) throw new LabPlanError(`${JSON.stringify(name)} cannot name a worker`);
    if (seen.has(name)) throw new LabPlanError(`two hosts of the lab have the name ${name}`);
    seen.add(name);
  }
}

/** The address as the kernel prints it, so that two spellings are one. */
function canonical(address: string): string {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) throw new LabPlanError(`${address} is not an IP address`);
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (own.check(address, family)) {
    throw new LabPlanError(`${address} is in 198.18.0.0/15 or fd18::/16, which the lab uses for itself`);
  }
  return new SocketAddress({ address, family }).address;
}
