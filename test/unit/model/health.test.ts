import { describe, expect, test } from 'vitest';
import type { Destination, Spec } from '../../../src/generated/spec.js';
import { buildApp } from '../../../src/model/build.js';
import { buildView } from '../../../src/view/view.js';

const ENDPOINT = { ip: '192.0.2.10', port: 80 };
const worker = (last: number, more: Partial<Destination> = {}): Destination => ({
  ip: `198.51.100.${last}`,
  port: 31_080,
  ...more,
});

function spec(more: Partial<Spec>): Spec {
  return { pomaloba: 1, app: 'shop', endpoints: [ENDPOINT], destinations: [worker(1)], ...more };
}

/** The checks of its destinations. */
function checks(more: Partial<Spec>) {
  return buildApp(spec(more)).destinations.map(({ check }) => check);
}

const DEFAULTS = { port: 31_080, interval: 2, timeout: 1, rise: 2, fall: 3 };
const REQUEST = { method: 'GET', path: '/', host: '', status: [[200, 399]], body: '' };

describe('the check of a destination', () => {
  test.each([
    { asked: {}, check: { kind: 'tcp', ...DEFAULTS } },
    { asked: { tcp: {}, interval: '1m', timeout: '10s' }, check: { interval: 60, timeout: 10 } },
    { asked: { http: {} }, check: { kind: 'http', ...DEFAULTS, ...REQUEST } },
    { asked: { https: {} }, check: { kind: 'https', ...DEFAULTS, ...REQUEST, verify: true } },
    { asked: { https: { verify: false, host: 'a' } }, check: { verify: false, host: 'a' } },
    { asked: { http: { status: 204 } }, check: { status: [[204, 204]] } },
    {
      asked: { http: { status: ['300-399', 200] } },
      check: {
        status: [
          [300, 399],
          [200, 200],
        ],
      },
    },
    { asked: { udp: { send: 'a' } }, check: { kind: 'udp', ...DEFAULTS, send: 'a', expect: '' } },
    { asked: { exec: { command: ['/a', 'b'] } }, check: { kind: 'exec', ...DEFAULTS, command: ['/a', 'b'] } },
    {
      asked: { kube_proxy: {}, fall: 1 },
      check: {
        kind: 'http',
        ...DEFAULTS,
        ...REQUEST,
        fall: 1,
        port: 10_256,
        path: '/healthz',
        status: [[200, 200]],
      },
    },
    { asked: { kube_proxy: {}, port: 10_257 }, check: { port: 10_257 } },
  ])('$asked is complete', ({ asked, check }) => {
    expect(checks({ health_check: asked })[0]).toMatchObject(check);
  });

  test.each([
    { own: { fall: 5 }, check: { kind: 'http', path: '/a', port: 81, fall: 5, rise: 9 } },
    { own: { http: { host: 'x' } }, check: { kind: 'http', path: '/', host: 'x', port: 81, rise: 9 } },
    { own: { tcp: {}, port: 82 }, check: { kind: 'tcp', port: 82, rise: 9 } },
  ])('takes from the app what it does not say itself: $own', ({ own, check }) => {
    const app = { http: { path: '/a' }, port: 81, rise: 9 };
    const destinations = [worker(1), worker(2, { health_check: own })];
    const [first, second] = checks({ health_check: app, destinations });
    expect(first).toMatchObject({ kind: 'http', path: '/a', port: 81, rise: 9, fall: 3 });
    expect(second).toMatchObject(check);
    expect(Object.keys(second ?? {}).length).toBe('path' in check ? 11 : 6);
  });

  test('is none where nobody asks for one', () => {
    const destinations = [worker(1), worker(2, { health_check: {} })];
    expect(checks({ destinations }).map((check) => check?.kind)).toEqual([undefined, 'tcp']);
    expect(checks({})).toEqual([undefined]);
    expect(buildApp(spec({}))).not.toHaveProperty('health');
  });
});

describe('when all are down', () => {
  test.each([
    { name: 'nothing said', more: { health_check: {} }, onEmpty: 'reject', onAllDown: 'reject' },
    {
      name: 'on_all_down: drop',
      more: { health_check: { on_all_down: 'drop' } },
      onEmpty: 'drop',
      onAllDown: 'drop',
    },
    {
      name: 'on_empty: drop',
      more: { health_check: {}, on_empty: 'drop' },
      onEmpty: 'drop',
      onAllDown: 'drop',
    },
    {
      name: 'on_all_down: ignore',
      more: { health_check: { on_all_down: 'ignore' }, on_empty: 'drop' },
      onEmpty: 'drop',
      onAllDown: 'ignore',
    },
  ] as const)('$name', ({ more, onEmpty, onAllDown }) => {
    expect(buildApp(spec(more))).toMatchObject({ onEmpty, health: { onAllDown, minUp: 0 } });
  });
});

describe('the view', () => {
  function viewOf(...specs: readonly Spec[]) {
    return buildView({ name: 'lb', apps: specs.map(buildApp) });
  }

  test('says nothing of checks where there are none', () => {
    const { pomaloba_ruleset, pomaloba_apps } = viewOf(spec({}));
    expect(pomaloba_ruleset).not.toHaveProperty('checks');
    expect(pomaloba_ruleset).not.toHaveProperty('executes');
    expect(JSON.stringify(pomaloba_apps)).not.toMatch(/"(?:health|check)"/);
  });

  test('has the checks of those that get connections', () => {
    const destinations = [worker(1), worker(2, { weight: 0 })];
    const { pomaloba_ruleset, pomaloba_apps } = viewOf(
      spec({ destinations, health_check: { min_up: 30, on_all_down: 'ignore' } }),
    );
    expect(pomaloba_ruleset).toMatchObject({ checks: true });
    expect(pomaloba_ruleset).not.toHaveProperty('executes');
    const [app] = pomaloba_apps;
    expect(app?.health).toEqual({ on_all_down: 'ignore', min_up: 30 });
    expect(app?.pools[0]?.destinations.map(({ check }) => check)).toEqual([
      { kind: 'tcp', ...DEFAULTS },
      undefined,
    ]);
  });

  test('has no checks of an app whose destinations are all drained', () => {
    const view = viewOf(spec({ destinations: [worker(1, { weight: 0 })], health_check: {} }));
    expect(view.pomaloba_ruleset).not.toHaveProperty('checks');
    expect(view.pomaloba_apps[0]).not.toHaveProperty('health');
  });

  test('says whether a command is run', () => {
    const health_check = { exec: { command: ['/bin/true'] } };
    const { pomaloba_ruleset } = viewOf(spec({}), spec({ app: 'b', health_check }));
    expect(pomaloba_ruleset).toMatchObject({ checks: true, executes: true });
  });
});
