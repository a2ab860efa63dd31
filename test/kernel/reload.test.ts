// Reloads that change weights, destinations and apps: no open connection is lost, and no new one is refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { BACKENDS, load } from '../support/backends.js';

const RELOADS = 100;
const HELD_EACH = 100;
const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'].map((ip) => ({ ip, port: 80 }));
const WORKERS = [1, 2, 3].map((host) => ({
  name: `w${host}`,
  addresses: [`198.51.100.${host}`, `2001:db8:2::${host}`],
}));

/** A ruleset of two apps or three; destinations of no weight are not in it at all. */
function specs(weights: readonly number[], more: object = {}, others = 1): string {
  const destinations = WORKERS.flatMap(({ addresses }, index) =>
    weights[index] ? addresses.map((ip) => ({ ip, port: 30_080, weight: weights[index] })) : [],
  );
  const app = (name: string, port: number, rest: object) => ({
    pomaloba: 1,
    app: name,
    endpoints: ENDPOINTS.map(({ ip }) => ({ ip, port })),
    destinations,
    ...rest,
  });
  const extra = Array.from({ length: others }, (_, index) => app(`other${index}`, 9000 + index, {}));
  return [app('web', 80, more), ...extra].map((one) => `---\n${JSON.stringify(one)}\n`).join('');
}

const VARIANTS = [
  specs([1, 1, 1]),
  specs([0, 3, 1]),
  specs([5, 0, 2], { scheduler: 'round-robin' }, 2),
  specs([1, 2, 0], { allow_from: ['198.18.1.0/24', 'fd18:1::/64'] }),
];

describe.each(BACKENDS)('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS.map(({ ip }) => ip), workers: WORKERS });
    await Promise.all(WORKERS.map(({ name }) => lab.listen(name, [30_080])));
  });
  afterAll(async () => {
    await lab.close();
  });

  test(`${RELOADS} of them under new connections`, async () => {
    await load(lab, backend, VARIANTS[0] ?? '');
    const held = await Promise.all(
      ENDPOINTS.map((target) => lab.hold('client', { target, connections: HELD_EACH })),
    );
    const reloading = { isOn: true };
    const opening = (async () => {
      const sum = { connections: 0, errors: {} as Record<string, number> };
      while (reloading.isOn) {
        const report = await lab.probe('client', { targets: ENDPOINTS, connections: 500, concurrency: 8 });
        for (const { destinations, errors } of Object.values(report)) {
          for (const count of Object.values(destinations)) sum.connections += count;
          for (const [code, count] of Object.entries(errors))
            sum.errors[code] = (sum.errors[code] ?? 0) + count;
        }
      }
      return sum;
    })();
    for (let reload = 1; reload <= RELOADS; reload++) {
      await load(lab, backend, VARIANTS[reload % VARIANTS.length] ?? '');
    }
    reloading.isOn = false;
    const { connections, errors } = await opening;
    expect(errors).toEqual({});
    // As many as the machine can: some hundreds a second at least, or nothing was put to the test.
    expect(connections).toBeGreaterThanOrEqual(1000);
    for (const { stop } of held) {
      const { opened, alive, errors: lost } = await stop();
      expect({ opened, alive, lost }).toEqual({ opened: HELD_EACH, alive: HELD_EACH, lost: {} });
    }
  });
});
