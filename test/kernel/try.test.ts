// pomaloba try, as a user runs it: each output type with real packets, a worker that is stopped, a ruleset that does something
// else, and what is left when it is cut off.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { PoolFacts, TryFacts } from '../../src/try/facts.js';
import { CLI, folder, pomaloba, type Result, ROOT } from '../cli/run.js';
import { requires } from '../support/requirement.js';

const SAMPLE = join(ROOT, 'examples/sample.json');
const GOLDEN = join(ROOT, 'test/golden');
const ANSIBLE = join(ROOT, '.venv/bin');
const PATH = process.env['PATH'] ?? '';
const TYPES = ['nftables', 'nftables-rules', 'iptables', 'iptables-rules'];

/** Both families, TCP and UDP, weights, one drained and one that is a backup, ports that are kept. */
const DUAL = `pomaloba: 1
app: dual
endpoints:
  - { ip: 192.0.2.10, port: 80, protocol: [tcp, udp] }
  - { ip: "2001:db8:1::10", port: 8000-8099, protocol: [tcp, udp] }
destinations:
  - { ip: 198.51.100.1, port: 30080, weight: 3 }
  - { ip: 198.51.100.2, port: 30080 }
  - { ip: 198.51.100.3, port: 30080, weight: 0 }
  - { ip: "2001:db8:2::1" }
  - { ip: "2001:db8:2::2", weight: 2 }
  - { ip: "2001:db8:2::9", backup: true }
`;

function tried(args: readonly string[], input = '', env: Readonly<Record<string, string>> = {}): Result {
  return pomaloba(['try', ...args], { input, env });
}

/** The facts, of a run that ended with `code`. */
function facts(args: readonly string[], input = '', code = 0, env = {}): TryFacts {
  const { code: found, stdout, stderr } = tried([...args, '--json'], input, env);
  expect(found, `${stdout}${stderr}`).toBe(code);
  return JSON.parse(stdout) as TryFacts;
}

function failing(pool: PoolFacts | undefined): string[] {
  return (pool?.checks ?? []).filter(({ agrees }) => !agrees).map(({ of }) => of);
}

describe.each(TYPES)('%s', (type) => {
  test('the sample: the picture, a bar for each destination, and what was checked', () => {
    const { code, stdout, stderr } = tried([SAMPLE, '--output-type', type]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^ +client +LB +Worker1 +Worker2 +Worker3$/m);
    expect(stdout).toMatch(/^ +\(IP 1\.2\.3\.4\) +\(IP 10\.0\.1\.2\) +\(IP 10\.0\.1\.3\)/m);
    expect(stdout.match(/\| GET +\|/g)?.length).toBeGreaterThanOrEqual(6);
    expect(stdout.match(/Response \|/g)).toHaveLength(6);
    for (const last of [2, 3, 4])
      expect(stdout).toMatch(
        new RegExp(`10\\.0\\.1\\.${last}:31234\\n {2}█+.? +\\d{3} +\\d\\d\\.\\d\\d % +33\\.33 %`),
      );
    expect(stdout).toContain('ok      answers       1000 of 1000 answered');
    expect(stdout).toContain('ok      workers saw   198.18.2.1 (the load balancer)');
    expect(stdout).toMatch(/does what the spec says\.\n$/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toMatch(/^building the lab\n/);
  });

  test('both families, TCP and UDP', () => {
    const { agrees, pools } = facts(['-', '--output-type', type, '--requests', '400'], DUAL);
    expect(agrees).toBe(true);
    expect(pools.map(({ requests, errors }) => ({ requests, errors }))).toEqual([
      { requests: 400, errors: {} },
      { requests: 400, errors: {} },
    ]);
    const [four, six] = pools;
    expect(four?.destinations.map(({ expected }) => expected)).toEqual([0.75, 0.25, 0]);
    expect(four?.destinations[2]?.requests).toBe(0);
    expect(six?.destinations.map(({ expected }) => expected)).toEqual([0.333333, 0.666667, 0]);
    expect(six?.sources).toEqual([{ ip: 'fd18:2::1', requests: 400, expected: 1 }]);
  });

  test('a worker that is stopped on the way: its clients are refused, the others are served', () => {
    const { agrees, killed, pools, exchanges } = facts([SAMPLE, '--output-type', type, '--kill', '10.0.1.3']);
    expect({ agrees, killed }).toEqual({ agrees: true, killed: { name: 'Worker2', ip: '10.0.1.3' } });
    const [pool] = pools;
    expect(Object.keys(pool?.errors ?? {})).toEqual(['ECONNREFUSED']);
    const refused = pool?.errors['ECONNREFUSED'] ?? 0;
    expect(pool?.destinations.map(({ failed }) => failed)).toEqual([0, refused, 0]);
    // Half of the requests, a third of them.
    expect(refused).toBeGreaterThan(80);
    expect(exchanges?.at(-1)?.hops).toEqual([
      { from: 'client', to: 'lb', label: 'SYN' },
      { from: 'lb', to: 'Worker2', label: 'SYN' },
      { from: 'Worker2', to: 'lb', label: 'RST' },
      { from: 'lb', to: 'client', label: 'RST' },
    ]);
  });
});

test('the role, by Ansible', (ctx) => {
  const available = existsSync(join(ANSIBLE, 'ansible-playbook'));
  requires(ctx, 'Ansible in .venv', available, 'run npm test, which installs it');
  const env = { PATH: `${ANSIBLE}${delimiter}${PATH}` };
  const { agrees, ruleset, pools } = facts(
    ['-', '--output-type', 'ansible', '--requests', '300'],
    DUAL,
    0,
    env,
  );
  expect({ agrees, ruleset, requests: pools.map(({ requests }) => requests) }).toEqual({
    agrees: true,
    ruleset: 'lb',
    requests: [300, 300],
  });
  expect(existsSync('/etc/pomaloba')).toBe(false);
});

/** Every key of the spec is in one of them. */
test.each(readdirSync(GOLDEN))('golden spec %s', (name) => {
  const file = readdirSync(join(GOLDEN, name)).find((one) => one.startsWith('spec.')) ?? '';
  const args = [join(GOLDEN, name, file), '--name', 'lb', '--requests', '300'];
  const { pools } = facts(args);
  expect(pools.length).toBeGreaterThan(0);
});

test('who may not come is tried, too, and a source of snat, and a client that keeps its destination', () => {
  const spec = `pomaloba: 1
app: guarded
endpoints: [{ ip: 192.0.2.10, port: 80 }]
destinations: [{ ip: 198.51.100.1, port: 80 }, { ip: 198.51.100.2, port: 80 }]
allow_from: [203.0.113.0/24]
snat: [192.0.2.20-192.0.2.21]
affinity: { client_ip: {} }
`;
  const { pools, not_tried: notTried } = facts(['-'], spec);
  const [pool] = pools;
  const checks = pool?.checks ?? [];
  expect(checks.map(({ of, agrees }) => [of, agrees])).toEqual([
    ['answers', true],
    ['shares', true],
    ['sources', true],
    ['refusals', true],
  ]);
  expect(checks[3]?.says).toMatch(/^\d+ clients: \d+ no answer$/);
  expect(checks[1]?.says).toMatch(/^each client keeps its own, chosen as the weights say: /);
  expect(pool?.sources.map(({ ip, expected }) => [ip, expected])).toEqual([
    ['192.0.2.20', 0.5],
    ['192.0.2.21', 0.5],
  ]);
  expect(pool?.clients).toBe(64);
  expect(notTried).toEqual([]);
});

describe('a ruleset that does something else is told by exit code 1', () => {
  /** An nft that changes what it loads. */
  function liar(edit: string): Readonly<Record<string, string>> {
    const nft = `#!/bin/sh\n[ "$1" != -f ] || sed -i '${edit}' "$2"\nexec /usr/sbin/nft "$@"\n`;
    const directory = folder({ nft });
    chmodSync(join(directory, 'nft'), 0o755);
    return { PATH: `${directory}${delimiter}${PATH}` };
  }
  const args = ['-', '--output-type', 'nftables-rules'];
  const spec = DUAL.replaceAll(', protocol: [tcp, udp]', '');

  test.each([
    { what: 'other shares', edit: 's/numgen random mod 4 < 3/numgen random mod 4 < 2/', of: ['shares'] },
    {
      what: 'a drained one that is used',
      edit: 's/dnat ip to 198.51.100.2:/dnat ip to 198.51.100.3:/',
      of: ['shares'],
    },
    { what: 'rules that drop', edit: 's/dnat ip to 198.51.100.[12]:.*/drop/', of: ['answers'] },
  ])('$what', ({ edit, of }) => {
    const { agrees, pools } = facts([...args, '--requests', '300'], spec, 1, liar(edit));
    expect(agrees).toBe(false);
    expect(failing(pools[0])).toEqual(expect.arrayContaining(of));
    expect(failing(pools[1])).toEqual([]);
  });

  test('without the lie it is not', () => {
    expect(facts(args, spec, 0, liar('s/x/x/')).agrees).toBe(true);
  });

  test('one that cannot be loaded is an error of the environment, with what nft says', () => {
    const { code, stdout, stderr } = tried(args, spec, liar('s/numgen/numgem/'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('the nftables-rules cannot be loaded');
    expect(stderr).toContain('numgem');
  });
});

describe('nothing is left', () => {
  const running: ChildProcess[] = [];
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });

  /** A run that has begun to send, and all the processes that it has. */
  async function begun(): Promise<{ readonly child: ChildProcess; readonly others: readonly number[] }> {
    const child = spawn(process.execPath, [CLI, 'try', SAMPLE, '--requests', '100000'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    running.push(child);
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (more: string) => (text += more));
    await expect.poll(() => text).toMatch(/[5-9] of 100000|\d{2,} of 100000/);
    const others = descendants(child.pid ?? 0);
    expect(others.length).toBeGreaterThan(4);
    return { child, others };
  }

  test.each(['SIGINT', 'SIGTERM'] as const)('after %s, when it ends', async (signal) => {
    const { child, others } = await begun();
    child.kill(signal);
    const [code, by] = (await once(child, 'exit')) as [number | null, string | null];
    expect({ code, by }).toEqual({ code: null, by: signal });
    expect(others.filter(isAlive)).toEqual([]);
  });

  test('after kill -9', async () => {
    const { child, others } = await begun();
    child.kill('SIGKILL');
    await expect.poll(() => others.filter(isAlive)).toEqual([]);
  });

  test('after a run', () => {
    const before = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
    facts([SAMPLE, '--requests', '10']);
    expect(existsSync('/run/netns') ? readdirSync('/run/netns') : []).toEqual(before);
    expect(existsSync('/run/pomaloba-try')).toBe(false);
  });
});

/** proc_pid_stat(5): state and parent, behind the name in parentheses. */
function statOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  return ![undefined, 'Z', 'X'].includes(statOf(pid)[0]);
}

function descendants(pid: number): number[] {
  const children = readdirSync('/proc')
    .map(Number)
    .filter((one) => Number(statOf(one)[1]) === pid);
  return children.flatMap((one) => [one, ...descendants(one)]);
}

function unprivileged(argv: readonly string[]) {
  const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  return spawnSync('setpriv', [...user, ...argv], { encoding: 'utf8', cwd: '/' });
}

if (process.geteuid?.() === 0) {
  /** A run on a machine without some programs. */
  function without(programs: readonly string[], ...args: readonly string[]) {
    const hide = programs.map((name) => `mount --bind /dev/null "$(command -v ${name})"`);
    const script = `PATH=$PATH:/usr/sbin; ${hide.join('; ')}; exec "$@"`;
    const argv = ['--mount', 'sh', '-ec', script, 'sh', process.execPath, CLI, 'try', SAMPLE, ...args];
    return spawnSync('unshare', argv, { encoding: 'utf8' });
  }

  test.each([
    { program: 'nft', type: 'nftables', name: 'nftables' },
    { program: 'iptables-restore', type: 'iptables-rules', name: 'iptables' },
  ])('without $program there is a word about it', ({ program, type, name }) => {
    const { status, stdout, stderr } = without([program], '--output-type', type);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(
      `pomaloba: ${program} is missing: it is in the Debian package ${name} (sudo apt-get install ${name}).\n`,
    );
  });

  test('without nft, iptables is tried all the same; without perl, there is no picture', () => {
    const { status, stdout } = without(['nft', 'perl'], '--output-type', 'iptables-rules');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^MyApp: 1000 requests/);
    expect(stdout).toMatch(/\nNot tried:\n {2}the picture: packets cannot be seen \(/);
  });

  test('a user other than root needs nothing but user namespaces', (ctx) => {
    const { status, stderr } = unprivileged(['unshare', '-Urn', 'true']);
    requires(ctx, 'user namespaces', status === 0, stderr);
    const { status: code, stdout } = unprivileged([process.execPath, CLI, 'try', SAMPLE]);
    expect(stdout).toMatch(/does what the spec says\.\n$/);
    expect(code).toBe(0);
  });
}
