// Segments of a balanced connection that conntrack cannot place are not translated: they come to the host, which must not
// answer them with a reset. The transfer goes on.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { BACKENDS, inLb, load, OTHER_NFTS, remove, rulesOf } from '../support/backends.js';

const PROGRAM = join(import.meta.dirname, '../support/stray.py');
const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'];
const WORKER = { name: 'w1', addresses: ['198.51.100.1', '2001:db8:2::1'] };
/** What a connection is reset by: the program's last words. */
const RESET = /^(ConnectionResetError|BrokenPipeError)$/;

/** A destination with a port of its own, one that keeps the client's, and a range. */
function specs(weight = 1): string {
  const app = (name: string, port: number | string, to?: number) => ({
    pomaloba: 1,
    app: name,
    endpoints: ENDPOINTS.map((ip) => ({ ip, port })),
    destinations: WORKER.addresses.map((ip) => ({ ip, weight, ...(to === undefined ? {} : { port: to }) })),
  });
  return [app('own', 80, 8000), app('kept', 8000), app('range', '7990-7999')]
    .map((one) => `---\n${JSON.stringify(one)}\n`)
    .join('');
}

describe.each([...BACKENDS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;
  const withoutMeasure = backend.type.startsWith('nftables')
    ? 'nft flush chain inet pomaloba-lb stray'
    : 'iptables -F PMLB/lb/_stray; ip6tables -F PMLB/lb/_stray';

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS, workers: [WORKER] });
    for (const port of ['8000', '7995']) {
      const server = lab.start('w1', ['python3', PROGRAM, 'serve', port]);
      expect(await server.nextLine(5000)).toBe('ready');
    }
  });
  afterAll(async () => {
    await lab.close();
  });

  async function outcome(
    ip: string,
    port: number,
    who: 'worker' | 'client',
    host = 'client',
  ): Promise<string> {
    const args = ['python3', PROGRAM, 'connect', ip, String(port), who];
    const { stdout, stderr } = await lab.exec(host, args);
    expect(stderr).toBe('');
    return stdout.trim();
  }

  test.each(['worker', 'client'] as const)('of the %s: the connection lives on', async (who) => {
    await load(lab, backend, specs());
    for (const ip of ENDPOINTS) {
      for (const port of [80, 8000, 7995])
        expect(await outcome(ip, port, who), `${ip} ${port}`).toBe('alive');
    }
    if (who === 'worker') for (const ip of ENDPOINTS) expect(await outcome(ip, 80, who, 'lb')).toBe('alive');
  });

  test.each(['worker', 'client'] as const)('of the %s, without our measure: a reset', async (who) => {
    await load(lab, backend, specs());
    await inLb(lab, backend, withoutMeasure);
    for (const ip of ENDPOINTS) expect(await outcome(ip, 80, who)).toMatch(RESET);
    await load(lab, backend, specs());
    for (const ip of ENDPOINTS) expect(await outcome(ip, 80, who)).toBe('alive');
  });

  test('is removed without a trace', async () => {
    await load(lab, backend, specs());
    await remove(lab, backend, specs());
    expect(await rulesOf(lab, backend)).not.toMatch(/PMLB|pomaloba/);
  });
});
