// --delete lets open connections end before it removes the rules, and takes no new ones; --now cuts them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ExecResult } from '../../src/lab/execute.js';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { type Backend, inLb, load, remove, rulesetFile, rulesOf, SCRIPTS } from '../support/backends.js';

const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'];
const WORKER = { name: 'w1', addresses: ['198.51.100.1', '2001:db8:2::1'] };
const TARGETS = ENDPOINTS.flatMap((ip) => [80, 7995].map((port) => ({ ip, port })));

function app(name: string, port: number | string): string {
  const destinations = WORKER.addresses.map((ip) => ({ ip, ...(port === 80 ? { port: 8000 } : {}) }));
  return JSON.stringify({
    pomaloba: 1,
    app: name,
    endpoints: ENDPOINTS.map((ip) => ({ ip, port, protocol: ['tcp', 'udp'] })),
    destinations,
  });
}

const SPEC = `${app('one', 80)}\n---\n${app('range', '7990-7999')}\n`;

describe.each(SCRIPTS)('$name', (backend: Backend) => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS, workers: [WORKER] });
    await lab.listen('w1', [8000, 7995]);
    await load(lab, backend, SPEC);
  });
  afterEach(async () => {
    await lab.close();
  });

  async function undo(environment = ''): Promise<ExecResult> {
    const script = rulesetFile(backend, SPEC, 'drain');
    return lab.exec('lb', ['sh', '-c', `${backend.tools} ${environment} dash "$1"`, 'sh', script]);
  }

  async function expectNothing(): Promise<void> {
    expect(await rulesOf(lab, backend)).not.toMatch(/pomaloba|PMLB/);
  }

  /** Connections that are open on all targets, and how many of them are alive at the end. */
  async function holdAll(connections: number): Promise<() => Promise<number>> {
    const held = await Promise.all(TARGETS.map((target) => lab.hold('client', { target, connections })));
    return async () =>
      (await Promise.all(held.map((one) => one.stop()))).reduce((sum, { alive }) => sum + alive, 0);
  }

  async function errors(): Promise<unknown> {
    const report = await lab.probe('client', { targets: TARGETS, connections: 3, timeoutMs: 2000 });
    return Object.values(report).map((one) => one.errors);
  }

  test('without open connections, it removes at once', async () => {
    expect(await errors()).toEqual(TARGETS.map(() => ({})));
    expect(await undo()).toMatchObject({ code: 0, stderr: '' });
    await expectNothing();
  });

  test('open connections live on, new ones are not taken; when they have ended, the rules go', async () => {
    const stop = await holdAll(4);
    const { code, stderr } = await undo('POMALOBA_DRAIN_SECONDS=1');
    expect(code).toBe(1);
    expect(stderr).toContain('connections that are still open: 16. They go on, and no new ones come');
    expect(await errors()).toEqual(TARGETS.map(() => ({ ECONNREFUSED: 3 })));

    const drained = undo();
    expect(await stop()).toBe(16);
    expect(await drained).toMatchObject({ code: 0 });
    await expectNothing();
  });

  test('a connection that the host itself serves is not waited for', async () => {
    await remove(lab, backend, SPEC);
    await lab.listen('lb', [80]);
    const held = await lab.hold('client', { target: { ip: ENDPOINTS[0] ?? '', port: 80 }, connections: 1 });
    expect(held.opened).toBe(1);
    await load(lab, backend, SPEC);
    expect(await undo('POMALOBA_DRAIN_SECONDS=0')).toMatchObject({ code: 0 });
    expect((await held.stop()).alive).toBe(1);
  });

  test('what was loaded again in the meantime stays', async () => {
    const stop = await holdAll(1);
    const drained = undo();
    await expect.poll(errors).toEqual(TARGETS.map(() => ({ ECONNREFUSED: 3 })));
    await load(lab, backend, SPEC);
    const loaded = await rulesOf(lab, backend);
    expect(await stop()).toBe(4);
    const { code, stderr } = await drained;
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toContain('the ruleset was loaded again in the meantime: it stays');
    expect(await rulesOf(lab, backend)).toBe(loaded);
    expect(await errors()).toEqual(TARGETS.map(() => ({})));
  });

  test('--now cuts them', async () => {
    const stop = await holdAll(1);
    await remove(lab, backend, SPEC);
    await expectNothing();
    expect(await stop()).toBe(0);
  });

  test('a number of seconds that is none changes nothing', async () => {
    const loaded = await rulesOf(lab, backend);
    const { code, stderr } = await undo('POMALOBA_DRAIN_SECONDS=soon');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'pomaloba: POMALOBA_DRAIN_SECONDS is not a number: soon\n',
    });
    expect(await rulesOf(lab, backend)).toBe(loaded);
  });

  test('without conntrack nothing changes either', async () => {
    const loaded = await rulesOf(lab, backend);
    const tools =
      'mkdir -p /run/tools; for i in /usr/sbin/* /usr/bin/*; do [ "${i##*/}" = conntrack ] || ln -sf "$i" /run/tools; done;';
    const path = backend.name.includes('legacy') ? '/run/legacy:/run/tools' : '/run/tools';
    const script = rulesetFile(backend, SPEC, 'drain');
    await inLb(lab, backend, tools);
    const strict = 'sed "s,^PATH=.*,," "$1" >/run/undo';
    await inLb(lab, backend, strict, script);
    const { code, stderr } = await lab.exec('lb', ['env', '-i', `PATH=${path}`, 'dash', '/run/undo']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'pomaloba: conntrack is missing: install the package conntrack\n',
    });
    expect(await rulesOf(lab, backend)).toBe(loaded);
  });

  test('where conntrack cannot tell, nothing changes either', async () => {
    const loaded = await rulesOf(lab, backend);
    const fake =
      "mkdir -p /run/fake; printf '#!/bin/sh\\nexit 1\\n' >/run/fake/conntrack; chmod +x /run/fake/conntrack";
    await inLb(lab, backend, fake);
    const { code, stderr } = await undo('PATH=/run/fake:$PATH');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'pomaloba: conntrack cannot list connections: use what --delete --now prints\n',
    });
    expect(await rulesOf(lab, backend)).toBe(loaded);
  });

  test('connections are seen on a host without names of protocols, too', async () => {
    const stop = await holdAll(1);
    const nameless = `unshare -m sh -c 'mount --bind /dev/null /etc/protocols; exec dash "$1"' sh "$1"`;
    await inLb(lab, backend, nameless, rulesetFile(backend, SPEC));
    const shell = `${backend.tools} export POMALOBA_DRAIN_SECONDS=0; ${nameless}`;
    const argv = ['sh', '-c', shell, 'sh', rulesetFile(backend, SPEC, 'drain')];
    const { code, stderr } = await lab.exec('lb', argv);
    expect(code).toBe(1);
    expect(stderr).toContain('connections that are still open: 4.');
    expect(await stop()).toBe(4);
  });
});
