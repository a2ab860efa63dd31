// Which addresses the lab's client has: its own, and some that each app lets in.
import { LB } from '../lab/topology.js';
import {
  type Address,
  addressOf,
  type Family,
  numberOf,
  parseAddress,
  unusableBecause,
} from '../model/address.js';
import type { App } from '../model/model.js';
import { isIn, mergeNetworks, networkRange, type Network, parseNetwork } from '../model/network.js';

/** How many clients there are of each family: where each keeps its destination, more of them tell more. */
const FEW = 8;
const MANY = 64;

/** What the lab has for itself: only its own clients are there. */
const LAB_NETWORKS = ['198.18.0.0/15', 'fd18::/16'];

/** Limits count an IPv6 client by its /64: each has one of its own. */
const STEP: Readonly<Record<Family, bigint>> = { ipv4: 1n, ipv6: 1n << 64n };

/** True if a client of `app` has the same destination with each connection. */
export function keepsDestination({ scheduler, affinity }: App): boolean {
  return scheduler === 'source-hash' || affinity !== undefined;
}

/** Client addresses for `apps`, none of which is one of `taken`. Who of them may come to which app, its rules say. */
export function clientsFor(apps: readonly App[], family: Family, taken: ReadonlySet<string>): Address[] {
  const count = apps.some(keepsDestination) ? MANY : FEW;
  const inside = apps.flatMap(({ allowFrom = [] }) =>
    mergeNetworks(allowFrom, family).flatMap((network) => some(valid(network), count)),
  );
  const candidates = [...ownClients(family, count), ...inside.filter((one) => isUsable(one, taken))];
  return [...new Map(candidates.map((one) => [one.text, one])).values()];
}

/** From the lab's own networks. */
function ownClients(family: Family, count: number): Address[] {
  const first = family === 'ipv4' ? '198.18.1.10' : 'fd18:1:0:1::2';
  return Array.from({ length: count }, (_, index) =>
    addressOf(family, numberOf(validAddress(first)) + BigInt(index) * STEP[family]),
  );
}

/** Some of a network, none of which is its first or its last address where there are others. */
function some(network: Network, count: number): Address[] {
  const { family, first, last } = networkRange(network);
  const size = last - first + 1n;
  if (size <= 2n) return [addressOf(family, first)];
  const step = size > STEP[family] * BigInt(count) ? STEP[family] : 1n;
  const most = size - 2n < BigInt(count) ? Number(size - 2n) : count;
  return Array.from({ length: most }, (_, index) => addressOf(family, first + 1n + BigInt(index) * step));
}

function isUsable(address: Address, taken: ReadonlySet<string>): boolean {
  if (taken.has(address.text) || unusableBecause(address) !== undefined) return false;
  return !LAB_NETWORKS.some((network) => isIn(address, valid(network)));
}

/** What is added to the lab so that `clients` are its client's addresses; with `routeBack` workers answer to them. */
export function clientCommands(
  clients: readonly Address[],
): Readonly<Record<'client' | 'lb' | 'worker', string[]>> {
  const via = ({ family }: Address): string => LB.toWorkers[family];
  const nodad = ({ family }: Address): string => (family === 'ipv6' ? ' nodad' : '');
  return {
    client: clients.map((one) => `address add ${one.text} dev eth0${nodad(one)}`),
    lb: clients.map(({ text }) => `route add ${text} dev eth0`),
    worker: clients.map((one) => `route add ${one.text} via ${via(one)}`),
  };
}

function valid(text: string): Network {
  const network = parseNetwork(text);
  if (typeof network === 'string') throw new TypeError(`${text} is no network`);
  return network;
}

function validAddress(text: string): Address {
  const address = parseAddress(text);
  if (typeof address === 'string') throw new TypeError(`${text} is no address`);
  return address;
}
