// mss: clamp: where the path to the workers is narrow, both sides hear of segments that fit; others are left alone.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import type { LabProcess } from '../../src/lab/lab-process.js';
import { BACKENDS, inLb, load, OTHER_NFTS, remove, rulesOf } from '../support/backends.js';

const PROGRAM = join(import.meta.dirname, '../support/segment.py');
const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'];
const WORKER = { name: 'w1', addresses: ['198.51.100.1', '2001:db8:2::1'] };
const MTU = 1400;
/** Headers of IP and TCP, and the option of timestamps that Linux counts in. */
const HEADERS = [20 + 20 + 12, 40 + 20 + 12];

/** Two apps, the second as it is by default. */
function specs(): string {
  const app = (name: string, port: number, more: object) => ({
    pomaloba: 1,
    app: name,
    endpoints: ENDPOINTS.map((ip) => ({ ip, port })),
    destinations: WORKER.addresses.map((ip) => ({ ip, port: 30_080 })),
    ...more,
  });
  return [app('narrow', 80, { mss: 'clamp' }), app('wide', 81, {})]
    .map((one) => `---\n${JSON.stringify(one)}\n`)
    .join('');
}

describe.each([...BACKENDS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;
  let server: LabProcess;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS, workers: [WORKER] });
    // Of the way from the lb to the workers; the workers themselves know nothing of it.
    await inLb(lab, backend, `ip link set eth1 mtu ${MTU}`);
    server = lab.start('w1', ['python3', PROGRAM, 'serve', '30080']);
    expect(await server.nextLine(5000)).toBe('ready');
  });
  afterAll(async () => {
    await lab.close();
  });

  /** The segment of a connection at the client and at the worker. */
  async function segments(ip: string, port: number): Promise<(number | undefined)[]> {
    const { stdout, stderr } = await lab.exec('client', ['python3', PROGRAM, 'connect', ip, String(port)]);
    expect(stderr).toBe('');
    return [Number(stdout), Number(await server.nextLine(5000))];
  }

  test('both sides cut their segments, of the apps that ask for it', async () => {
    await load(lab, backend, specs());
    for (const [family, ip] of ENDPOINTS.entries()) {
      const narrow = MTU - (HEADERS[family] ?? 0);
      const [client = 0, worker = 0] = await segments(ip, 80);
      expect(client).toBe(narrow);
      expect(worker).toBeLessThanOrEqual(1500 - (HEADERS[family] ?? 0));
      const wide = await segments(ip, 81);
      expect(wide[0]).toBe(1500 - (HEADERS[family] ?? 0));
    }
  });

  test('is removed without a trace', async () => {
    await load(lab, backend, specs());
    await remove(lab, backend, specs());
    expect(await rulesOf(lab, backend)).not.toMatch(/PMLB|pomaloba/);
  });
});
