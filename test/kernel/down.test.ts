// What is down gets no new connections, the others get its share of them, and backups serve when nobody else is left.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { nameOf } from '../../src/lab/traffic.js';
import { type Backend, inLb, load, OTHER_NFTS, SCRIPTS } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';

const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'].map((ip) => ({ ip, port: 80 }));
const WORKERS = [1, 2, 3, 4].map((number) => ({
  name: `w${number}`,
  addresses: [`198.51.100.${number}`, `2001:db8:2::${number}`],
}));
/** The last one is the backup. */
const WEIGHTS = [1, 1, 2, 1];
const CONNECTIONS = 300;

function spec(scheduler: string): string {
  return JSON.stringify({
    pomaloba: 1,
    app: 'downs',
    scheduler,
    endpoints: ENDPOINTS,
    destinations: WORKERS.flatMap(({ addresses }, index) =>
      addresses.map((ip) => ({ ip, port: 30_080, weight: WEIGHTS[index], backup: index === 3 })),
    ),
  });
}

/** Shell that takes a worker, by its number, out of the choice, or lets it come back: as the printed headers say. */
function switchTo(state: 'down' | 'up', { type }: Backend, worker: number): string {
  const [v4 = '', v6 = ''] = WORKERS[worker - 1]?.addresses ?? [];
  if (type.startsWith('nftables')) {
    const verb = state === 'down' ? 'add' : 'delete';
    return `nft ${verb} element inet pomaloba-downs down-ip '{ ${v4} . 30080 }' &&
      nft ${verb} element inet pomaloba-downs down-ip6 '{ ${v6} . 30080 }'`;
  }
  const [list, ...lists] = ['', `,${v4},30080`, `,${v6},30080`].map(
    (one) => `/proc/net/xt_recent/pomaloba-downs${one}`,
  );
  const [list4, list6] = lists;
  return state === 'down'
    ? `echo +0.0.0.0 | tee ${list} ${list4} >/dev/null && echo +:: | tee ${list} ${list6} >/dev/null`
    : `echo -0.0.0.0 >${list4} && echo -:: >${list6}`;
}

describe.each([...SCRIPTS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    // The lists of xt_recent belong to the first user namespace.
    const userNamespace = backend.type.startsWith('nftables');
    lab = await createLab({
      endpointAddresses: ENDPOINTS.map(({ ip }) => ip),
      workers: WORKERS,
      userNamespace,
    });
    await Promise.all(WORKERS.map(({ name }) => lab.listen(name, [30_080])));
    // What nobody answers for must not come to a service of the load balancer.
    await lab.listen('lb', [80]);
  });
  afterAll(async () => {
    await lab.close();
  });

  /** Who answers has to be one of those with a weight, by it; without any, all connections have to be refused. */
  async function expectAnswers(weights: readonly number[], scheduler: string): Promise<void> {
    const report = await lab.probe('client', { targets: ENDPOINTS, connections: CONNECTIONS });
    for (const [family, target] of ENDPOINTS.entries()) {
      const { destinations = {}, errors = {} } = report[nameOf(target)] ?? {};
      const names = WORKERS.map(({ addresses }) => nameOf({ ip: addresses[family] ?? '', port: 30_080 }));
      const all = Object.fromEntries(names.map((name, index) => [name, weights[index] ?? 0]));
      const total = weights.reduce((sum, one) => sum + one, 0);
      expect(errors).toEqual(total === 0 ? { ECONNREFUSED: CONNECTIONS } : {});
      expectShares(destinations, all);
      if (scheduler === 'round-robin' && total > 0)
        expect(names.map((name) => destinations[name] ?? 0)).toEqual(
          weights.map((weight) => (CONNECTIONS * weight) / total),
        );
    }
  }

  test.each(['random', 'round-robin'])('%s', async (scheduler) => {
    const steps = [
      { shell: 'true', weights: [1, 1, 2, 0] },
      { shell: switchTo('down', backend, 2), weights: [1, 0, 2, 0] },
      { shell: switchTo('down', backend, 3), weights: [1, 0, 0, 0] },
      { shell: switchTo('up', backend, 2), weights: [1, 1, 0, 0] },
      { shell: `${switchTo('down', backend, 1)} && ${switchTo('down', backend, 2)}`, weights: [0, 0, 0, 1] },
    ];
    await load(lab, backend, spec(scheduler));
    for (const { shell, weights } of steps) {
      await inLb(lab, backend, shell);
      await expectAnswers(weights, scheduler);
    }
    await load(lab, backend, spec(scheduler));
    await expectAnswers([0, 0, 0, 1], scheduler);
    await inLb(lab, backend, switchTo('down', backend, 4));
    await expectAnswers([0, 0, 0, 0], scheduler);
    for (const worker of [1, 2, 3, 4]) await inLb(lab, backend, switchTo('up', backend, worker));
    await expectAnswers([1, 1, 2, 0], scheduler);
  });
});
