// What fails its health checks gets no new connections, what comes back gets its share again, and others see nothing of it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LabProcess } from '../../src/lab/lab-process.js';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { nameOf } from '../../src/lab/traffic.js';
import { type Backend, inLb, load, OTHER_NFTS, SCRIPTS } from '../support/backends.js';
import { CheckerInLab } from '../support/checker.js';
import { expectShares } from '../support/chi-square.js';
import { viewOf } from '../support/rulesets.js';

const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'].map((ip) => ({ ip, port: 80 }));
const WORKERS = [1, 2, 3].map((number) => ({
  name: `w${number}`,
  addresses: [`198.51.100.${number}`, `2001:db8:2::${number}`],
}));
const PORT = 30_080;
const CHECK = { interval: 1, timeout: 1, rise: 2, fall: 2 };
/** For what a busy machine takes to notice, in seconds. */
const ALLOWANCE = 5;
/** To each endpoint: 2,000 together where none may fail, and what is enough to see shares. */
const CONNECTIONS = 1000;
const SOME = 200;
const HELD = 30;

const SPEC = JSON.stringify({
  pomaloba: 1,
  app: 'checked',
  endpoints: ENDPOINTS,
  destinations: WORKERS.flatMap(({ addresses }) => addresses.map((ip) => ({ ip, port: PORT }))),
  health_check: { tcp: {}, ...CHECK, interval: `${CHECK.interval}s`, timeout: `${CHECK.timeout}s` },
});

/** Shell that takes the first worker out by hand, or lets it in: as the printed headers say. */
function byHand(verb: 'add' | 'delete', { type }: Backend): string {
  const [v4 = '', v6 = ''] = WORKERS[0]?.addresses ?? [];
  if (type.startsWith('nftables'))
    return `nft ${verb} element inet pomaloba-checked down-ip '{ ${v4} . ${PORT} }' &&
      nft ${verb} element inet pomaloba-checked down-ip6 '{ ${v6} . ${PORT} }'`;
  const lists = '/proc/net/xt_recent/pomaloba-checked';
  return verb === 'add'
    ? `echo +0.0.0.0 | tee ${lists} ${lists},${v4},${PORT} >/dev/null && echo +:: | tee ${lists} ${lists},${v6},${PORT} >/dev/null`
    : `echo -0.0.0.0 >${lists},${v4},${PORT} && echo -:: >${lists},${v6},${PORT}`;
}

describe.each([...SCRIPTS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;
  let checker: CheckerInLab;
  let servers: LabProcess[];

  beforeEach(async () => {
    // The lists of xt_recent belong to the first user namespace.
    const userNamespace = backend.type.startsWith('nftables');
    lab = await createLab({
      endpointAddresses: ENDPOINTS.map(({ ip }) => ip),
      workers: WORKERS,
      userNamespace,
    });
    servers = await Promise.all(WORKERS.map(({ name }) => lab.listen(name, [PORT])));
    await load(lab, backend, SPEC);
    checker = new CheckerInLab(lab, backend, viewOf(SPEC));
    checker.start();
    await checker.until(states());
  });
  afterEach(async () => {
    await lab.close();
  });

  /** The states of all destinations, when those of these workers are down. */
  function states(...down: readonly number[]): Record<string, 'up' | 'down'> {
    return Object.fromEntries(
      [0, 1].flatMap((family) =>
        WORKERS.map(({ addresses }, index) => [
          addresses[family] ?? '',
          down.includes(index + 1) ? 'down' : 'up',
        ]),
      ),
    );
  }

  /** New connections never fail, and come to workers with these weights. */
  async function expectAnswers(weights: readonly number[], connections = SOME): Promise<void> {
    const report = await lab.probe('client', { targets: ENDPOINTS, connections });
    for (const [family, target] of ENDPOINTS.entries()) {
      const { destinations = {}, errors } = report[nameOf(target)] ?? {};
      expect(errors).toEqual({});
      const names = WORKERS.map(({ addresses }) => nameOf({ ip: addresses[family] ?? '', port: PORT }));
      expectShares(destinations, Object.fromEntries(names.map((name, index) => [name, weights[index] ?? 0])));
    }
  }

  /** Holds connections to all workers; `stop` expects that those to all but one worker have lived on. */
  async function hold(lost: number): Promise<{ stop: () => Promise<void> }> {
    const all = await Promise.all(
      ENDPOINTS.map((target) => lab.hold('client', { target, connections: HELD, timeoutMs: 20_000 })),
    );
    return {
      stop: async () => {
        for (const [family, { destinations, stop }] of all.entries()) {
          const name = nameOf({ ip: WORKERS[lost - 1]?.addresses[family] ?? '', port: PORT });
          const dead = destinations[name] ?? 0;
          const { opened, alive } = await stop();
          expect(opened).toBe(HELD);
          expect(alive).toBeGreaterThanOrEqual(HELD - dead);
        }
      },
    };
  }

  async function expectDownInTime(worker: number): Promise<void> {
    const seconds = await checker.until(states(worker));
    expect(seconds).toBeLessThan(CHECK.fall * CHECK.interval + CHECK.timeout + ALLOWANCE);
  }

  async function expectUpInTime(): Promise<void> {
    const seconds = await checker.until(states());
    expect(seconds).toBeLessThan(CHECK.rise * CHECK.interval + 1 + ALLOWANCE);
  }

  test('a process that dies', async () => {
    await expectAnswers([1, 1, 1]);
    const held = await hold(2);
    servers[1]?.kill();
    await expectDownInTime(2);
    await expectAnswers([1, 0, 1], CONNECTIONS);
    await held.stop();

    await lab.listen('w2', [PORT]);
    await expectUpInTime();
    await expectAnswers([1, 1, 1]);
  });

  test('a host that is not reached, a checker that dies meanwhile, and what was taken out by hand', async () => {
    await inLb(lab, backend, byHand('add', backend));
    const held = await hold(3);
    const drop = `add table inet unplugged; add chain inet unplugged input { type filter hook input priority 0; policy drop; }`;
    expect((await lab.exec('w3', ['nft', drop])).code).toBe(0);
    await expectDownInTime(3);
    await expectAnswers([0, 1, 0], CONNECTIONS);
    await held.stop();

    await checker.kill();
    await expectAnswers([0, 1, 0]);
    const before = checker.states().map(({ ip, state, since }) => ({ ip, state, since }));
    checker.start();
    // It would be used again by now if the checker had begun with nothing.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await checker.until(states(3));
    expect(checker.states()).toMatchObject(before);
    await expectAnswers([0, 1, 0]);

    expect((await lab.exec('w3', ['nft', 'delete table inet unplugged'])).code).toBe(0);
    await expectUpInTime();
    // Though the first worker has passed all of its checks.
    await expectAnswers([0, 1, 1]);
    await inLb(lab, backend, byHand('delete', backend));
    await expectAnswers([1, 1, 1]);
  });
});
