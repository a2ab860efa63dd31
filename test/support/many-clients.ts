// A lab whose client has many addresses: who of them comes to which worker.
import { join } from 'node:path';
import { expect } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { BACKENDS, OTHER_NFTS } from './backends.js';

const PROGRAM = join(import.meta.dirname, 'connect_from.py');
/** What an app says of its endpoints, IPv4 first. */
export const IPS = ['192.0.2.10', '2001:db8:1::10'];
/** The addresses of the workers, which are one host. */
export const WORKERS = [1, 2, 3].map((host) => [`198.51.100.${host}`, `2001:db8:2::${host}`]);
const CLIENTS = [...Array(150).keys()].map((index) => index + 10);
/** The client's addresses, a list for each family. */
const SOURCES = [CLIENTS.map((host) => `198.18.1.${host}`), CLIENTS.map((host) => `fd18:1::${host}`)];

/** The nftables outputs, and the rules with the other versions of nft. */
export const NFTABLES = [
  ...BACKENDS.filter(({ type }) => type.startsWith('nftables')),
  ...OTHER_NFTS.map(({ backend }) => backend),
];

export async function createClientsLab(ports: readonly number[]): Promise<Lab> {
  const lab = await createLab({
    endpointAddresses: IPS,
    workers: [{ name: 'w1', addresses: WORKERS.flat() }],
  });
  await lab.listen('w1', ports);
  const add = SOURCES.flat().map(
    (ip) =>
      `ip address add ${ip}/${ip.includes(':') ? '64' : '24'} dev eth0${ip.includes(':') ? ' nodad' : ''}`,
  );
  expect((await lab.exec('client', ['sh', '-ec', add.join('\n')])).code).toBe(0);
  return lab;
}

/** The worker that each client reaches over a family, 0 for IPv4, by the client's address. */
export async function places(lab: Lab, family: number, port: number): Promise<Map<string, string>> {
  const argv = ['python3', PROGRAM, IPS[family] ?? '', String(port), ...(SOURCES[family] ?? [])];
  const { stdout, stderr } = await lab.exec('client', argv);
  expect(stderr).toBe('');
  return new Map(Object.entries(JSON.parse(stdout) as Record<string, string>));
}

/** How many clients each worker has. */
export function countPlaces(found: ReadonlyMap<string, string>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const place of found.values()) sums[place] = (sums[place] ?? 0) + 1;
  return sums;
}
