import { describe, expect, it } from 'vitest';
import { readDocuments } from '../../../src/read/document.js';
import { validateDocuments } from '../../../src/validate/validate.js';

interface Parts {
  /** Of the endpoint. */
  readonly protocol?: string;
  readonly destinations?: readonly string[];
  readonly more?: string;
}

const FIRST = '{ ip: 198.51.100.1, port: 31080 }';
const second = (check: string, port = 'port: 31080, '): string =>
  `{ ip: 198.51.100.2, ${port}health_check: ${check} }`;

/** The problems of an app with this health check, as `pointer code`. */
function told(check: string, { protocol = 'tcp', destinations = [FIRST], more = '' }: Parts = {}): string[] {
  const text = [
    'pomaloba: 1',
    'app: shop',
    `endpoints: [{ ip: 192.0.2.10, port: 80, protocol: ${protocol} }]`,
    `destinations: [${destinations.join(', ')}]`,
    ...(check === '' ? [] : [`health_check: ${check}`]),
    `${more}\n`,
  ].join('\n');
  const { documents, problems } = readDocuments({ file: 'spec.yml', text });
  expect(problems).toEqual([]);
  return validateDocuments(documents).problems.map(
    ({ code, location }) => `${location.pointer ?? ''} ${code}`,
  );
}

const HTTP = '/health_check/http';
const withPath = (path: string): string => `{ http: { path: ${path} } }`;
const withHost = (host: string): string => `{ http: { host: ${host} } }`;
const withStatus = (status: string): string => `{ http: { status: ${status} } }`;
const withBody = (body: string): string => `{ http: { body: ${body} } }`;
const withCommand = (command: string): string => `{ exec: { command: ${command} } }`;

describe('what an app says', () => {
  it.each([
    ...['{}', '{ tcp: {} }', '{ http: {} }', '{ https: { verify: false } }', '{ kube_proxy: {} }'],
    ...['{ udp: { send: "a\\tb\\r\\n" } }', withCommand('[/bin/true, "", "--a b"]')],
    ...[withPath('/'), withPath('"/a?b=c&d=%7B\\"\'"'), withPath(`/${'a'.repeat(1023)}`)],
    ...[withHost('example.org:8443'), withHost('"[2001:db8::1]:80"'), withHost('under_score')],
    ...['200', '200-200', '100-599', '[200, 204, 300-399]'].map(withStatus),
    ...[withBody('"{\\"ok\\": {}}"'), withBody('"ünd }}"'), withBody(`"${'ü'.repeat(1024)}"`)],
    ...['{ interval: 1h, timeout: 3600s }', '{ interval: 1s }', '{ timeout: 2s }', '{ rise: 1, fall: 100 }'],
    ...['{ on_all_down: ignore, min_up: 0 }', '{ min_up: 100 }', '{ port: 65535 }'],
  ])('%s is fine', (check) => {
    expect(told(check)).toEqual([]);
  });

  it.each([
    { check: '~', problems: ['/health_check wrong-type'] },
    { check: '[]', problems: ['/health_check wrong-type'] },
    { check: '{ http: {}, https: {} }', problems: ['/health_check/https wrong-value'] },
    { check: '{ icmp: {} }', problems: ['/health_check/icmp unknown-key'] },
    { check: '{ tcp: { port: 80 } }', problems: ['/health_check/tcp/port unknown-key'] },
    { check: '{ http: { verify: true } }', problems: [`${HTTP}/verify unknown-key`] },
    { check: '{ http: { method: get } }', problems: [`${HTTP}/method wrong-value`] },
    { check: withPath('healthz'), problems: [`${HTTP}/path wrong-value`] },
    { check: withPath('"/a b"'), problems: [`${HTTP}/path wrong-value`] },
    { check: withPath('"/a#b"'), problems: [`${HTTP}/path wrong-value`] },
    { check: withPath('"/\\r\\nX: y"'), problems: [`${HTTP}/path wrong-value`] },
    { check: withPath('"/\\n"'), problems: [`${HTTP}/path wrong-value`] },
    { check: withPath('/ü'), problems: [`${HTTP}/path wrong-value`] },
    { check: withPath('"/{{x}}"'), problems: [`${HTTP}/path wrong-value`] },
    { check: withHost('"example.org\\r\\nX: y"'), problems: [`${HTTP}/host wrong-value`] },
    { check: withHost('"example.org\\n"'), problems: [`${HTTP}/host wrong-value`] },
    { check: withHost('https://example.org'), problems: [`${HTTP}/host wrong-value`] },
    { check: withHost('""'), problems: [`${HTTP}/host wrong-value`] },
    { check: withStatus('99'), problems: [`${HTTP}/status wrong-value`] },
    { check: withStatus('600'), problems: [`${HTTP}/status wrong-value`] },
    { check: withStatus('2xx'), problems: [`${HTTP}/status wrong-value`] },
    { check: withStatus('200-'), problems: [`${HTTP}/status wrong-value`] },
    { check: withStatus('399-200'), problems: [`${HTTP}/status wrong-value`] },
    { check: withStatus('[200, 399-300]'), problems: [`${HTTP}/status/1 wrong-value`] },
    { check: withStatus('0xc8'), problems: [`${HTTP}/status not-decimal`] },
    { check: withBody('""'), problems: [`${HTTP}/body wrong-value`] },
    { check: withBody('"\\0"'), problems: [`${HTTP}/body wrong-value`] },
    { check: withBody('"\\ud800"'), problems: [`${HTTP}/body wrong-value`] },
    { check: withBody('"a {% b %}"'), problems: [`${HTTP}/body wrong-value`] },
    { check: '{ http: { method: HEAD, body: ok } }', problems: [`${HTTP}/body wrong-value`] },
    { check: '{ udp: {} }', problems: ['/health_check/udp missing-key'] },
    { check: '{ udp: { send: "{# x #}" } }', problems: ['/health_check/udp/send wrong-value'] },
    { check: '{ udp: { send_hex: "00" } }', problems: [' missing-key', '_hex unknown-key'] },
    { check: withCommand('[]'), problems: ['/health_check/exec/command wrong-value'] },
    { check: withCommand('[true]'), problems: ['/health_check/exec/command/0 wrong-type'] },
    { check: withCommand('[check]'), problems: ['/health_check/exec/command/0 wrong-value'] },
    { check: withCommand('[""]'), problems: ['/health_check/exec/command/0 wrong-value'] },
    { check: withCommand('[/bin/sh, "a\\nb"]'), problems: ['/health_check/exec/command/1 wrong-value'] },
    { check: '{ port: 0 }', problems: ['/health_check/port wrong-value'] },
    { check: '{ port: 8000-8001 }', problems: ['/health_check/port wrong-type'] },
    { check: '{ interval: 61m }', problems: ['/health_check/interval wrong-value'] },
    { check: '{ interval: 500ms }', problems: ['/health_check/interval wrong-value'] },
    { check: '{ timeout: 3s }', problems: ['/health_check/timeout wrong-value'] },
    { check: '{ interval: 1m, timeout: 61s }', problems: ['/health_check/timeout wrong-value'] },
    { check: '{ rise: 0 }', problems: ['/health_check/rise wrong-value'] },
    { check: '{ fall: 2.5 }', problems: ['/health_check/fall wrong-type'] },
    { check: '{ min_up: 0x32 }', problems: ['/health_check/min_up not-decimal'] },
    { check: '{ min_up: 101 }', problems: ['/health_check/min_up wrong-value'] },
  ])('$check: $problems', ({ check, problems }) => {
    const found = told(check);
    expect(found).toHaveLength(problems.length);
    problems.forEach((problem, index) => {
      expect(found[index]).toContain(problem);
    });
  });

  it.each([
    { check: '{ on_all_down: reject }', more: 'on_empty: drop', problems: 1 },
    { check: '{ on_all_down: drop }', more: 'on_empty: reject', problems: 1 },
    { check: '{ on_all_down: drop }', more: 'on_empty: drop', problems: 0 },
    { check: '{ on_all_down: ignore }', more: 'on_empty: drop', problems: 0 },
    { check: '{}', more: 'on_empty: drop', problems: 0 },
  ])('$check and $more are $problems problems', ({ check, more, problems }) => {
    const expected = Array.from({ length: problems }, () => '/health_check/on_all_down wrong-value');
    expect(told(check, { more })).toEqual(expected);
  });
});

describe('without TCP', () => {
  it.each(['udp', 'sctp', '[udp, sctp]'])('an app of %s has to say how it is checked', (protocol) => {
    expect(told('{ interval: 5s }', { protocol })).toEqual(['/health_check missing-key']);
    expect(told('{ tcp: {} }', { protocol })).toEqual([]);
    expect(told('{ udp: { send: ping } }', { protocol })).toEqual([]);
  });

  it('and so has a destination of which the app says nothing', () => {
    const parts = { protocol: 'udp', destinations: [FIRST, second('{}')] };
    expect(told('', parts)).toEqual(['/destinations/1/health_check missing-key']);
    expect(told('{ tcp: {} }', parts)).toEqual([]);
  });

  it('is not concluded from a protocol that is wrong', () => {
    expect(told('{}', { protocol: 'tpc' })).toEqual(['/endpoints/0/protocol wrong-value']);
    expect(told('{}', { protocol: '[tcp, udp]' })).toEqual([]);
  });
});

describe('a destination without a port', () => {
  const destinations = ['{ ip: 198.51.100.1 }', '{ ip: 198.51.100.3 }'];

  it.each([
    { check: '{}', own: '{}', problems: ['/health_check missing-key'] },
    { check: '{ port: 22 }', own: '{}', problems: [] },
    { check: '{ kube_proxy: {} }', own: '{}', problems: [] },
    { check: withCommand('[/bin/true]'), own: '{}', problems: ['/health_check missing-key'] },
    {
      check: '{ kube_proxy: {} }',
      own: '{ http: {} }',
      problems: ['/destinations/2/health_check missing-key'],
    },
    { check: '{ kube_proxy: {} }', own: '{ http: {}, port: 80 }', problems: [] },
    // What stands there may well be meant as a port.
    {
      check: '{}',
      own: '{ port: x }',
      problems: ['/destinations/2/health_check/port wrong-type', '/health_check missing-key'],
    },
  ])('$check, and of one of them $own: $problems', ({ check, own, problems }) => {
    const all = [...destinations, second(own, '')];
    expect(told(check, { destinations: all })).toEqual(problems);
  });

  it('is of no matter while it is not checked', () => {
    expect(told('', { destinations: [...destinations, second('{}')] })).toEqual([]);
  });
});

describe('what a destination says', () => {
  it.each([
    { own: '{}', problems: [] },
    { own: '{ interval: 4s }', problems: ['/interval wrong-value'] },
    { own: '{ interval: 4s, timeout: 4s }', problems: [] },
    { own: '{ timeout: 11s }', problems: ['/timeout wrong-value'] },
    { own: '{ http: {}, exec: { command: [x] } }', problems: ['/exec wrong-value', '/exec/command/0 wrong'] },
    { own: '{ min_up: 5 }', problems: ['/min_up unknown-key'] },
    { own: '{ on_all_down: drop }', problems: ['/on_all_down unknown-key'] },
    { own: '{ http: { status: [0xc8] } }', problems: ['/http/status/0 not-decimal'] },
    { own: 'true', problems: [' wrong-type'] },
  ])('$own: $problems', ({ own, problems }) => {
    const found = told('{ tcp: {}, interval: 10s, timeout: 5s }', { destinations: [FIRST, second(own)] });
    expect(found).toHaveLength(problems.length);
    problems.forEach((problem, index) => {
      expect(found[index]).toContain(`/destinations/1/health_check${problem}`);
    });
  });

  it('is looked at in a list of any length', () => {
    const many = Array.from(
      { length: 5000 },
      (_, n) => `{ ip: 10.1.${n >> 8}.${n & 255}, health_check: {} }`,
    );
    expect(told('{}', { destinations: many })).toContain('/destinations wrong-value');
    const codes = withStatus(`[${Array.from({ length: 50_000 }, () => 'x').join()}]`);
    expect(told(codes)).toEqual(['/health_check/http/status wrong-value']);
  });
});
