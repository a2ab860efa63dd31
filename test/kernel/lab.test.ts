// The lab itself, on a real kernel: what it promises to the tests and to the command that use it.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { LabError, LabPlanError, LabUnavailable } from '../../src/lab/errors.js';
import { createLab, type Lab } from '../../src/lab/lab.js';
import type { LabPlan } from '../../src/lab/plan.js';
import { nameOf, type ProbeRequest, type TargetResult } from '../../src/lab/traffic.js';

const ROOT = join(import.meta.dirname, '../..');
const PLAN: LabPlan = {
  endpointAddresses: ['1.2.3.4', '2001:db8::10'],
  workers: [
    { name: 'red', addresses: ['10.0.1.2', 'fd00::2'] },
    { name: 'green', addresses: ['10.0.1.3', 'fd00::3'] },
    { name: 'blue', addresses: ['10.0.1.4', 'fd00::4'] },
  ],
};
const ENDPOINT4 = { ip: '1.2.3.4', port: 80 };
const ENDPOINT6 = { ip: '2001:db8::10', port: 80 };

/** IPv4 to red, IPv6 to green, and the lb as the source. */
const DNAT = `
table ip lb {
  chain in { type nat hook prerouting priority dstnat; ip daddr 1.2.3.4 tcp dport 80 dnat to 10.0.1.2:31234; }
  chain out { type nat hook postrouting priority srcnat; ct status dnat MASQUERADE; }
}
table ip6 lb {
  chain in { type nat hook prerouting priority dstnat; ip6 daddr 2001:db8::10 tcp dport 80 dnat to [fd00::3]:31234; }
  chain out { type nat hook postrouting priority srcnat; ct status dnat MASQUERADE; }
}`;
const MASQUERADED = DNAT.replaceAll('MASQUERADE', 'masquerade');
const PRESERVED = DNAT.replaceAll('MASQUERADE', 'accept');

/** A lab that ends with the test. */
async function labFor(plan: LabPlan = PLAN): Promise<Lab> {
  const lab = await createLab(plan);
  onTestFinished(() => lab.close());
  return lab;
}

async function load(lab: Lab, ruleset: string): Promise<void> {
  expect(await lab.exec('lb', ['nft', '-f', '-'], { stdin: ruleset })).toMatchObject({ code: 0, stderr: '' });
}

/** The results in the order of the request's targets. */
async function probe(lab: Lab, host: string, request: ProbeRequest): Promise<readonly TargetResult[]> {
  const results = await lab.probe(host, request);
  expect(Object.keys(results)).toEqual(request.targets.map(nameOf));
  return Object.values(results);
}

/** A lab that balances. */
async function balancingLab(ruleset: string): Promise<Lab> {
  const lab = await labFor();
  await lab.forward();
  await load(lab, ruleset);
  await Promise.all(['red', 'green', 'blue'].map((worker) => lab.listen(worker, [31234])));
  return lab;
}

/** Its argument is what the process is found by, among all that other labs run at the same time. */
function markedCommand(): readonly [string, string] {
  return ['sleep', `9${randomInt(1e9, 1e10)}`];
}

function processIds(): number[] {
  return readdirSync('/proc').map(Number).filter(Boolean);
}

function fileOf(pid: number, name: 'cmdline' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    // It has just ended.
    return '';
  }
}

/** The processes of a marked command, which are 0 or 1. */
function marked(mark: string): number[] {
  return processIds().filter((pid) => fileOf(pid, 'cmdline') === `sleep\0${mark}\0`);
}

async function untilMarked(mark: string): Promise<number> {
  await expect.poll(() => marked(mark)).toHaveLength(1);
  return marked(mark)[0] ?? 0;
}

/** A process and its ancestors below `owner`: the lab's agent, and the `unshare` that started it. */
function lineage(pid: number, owner: number): number[] {
  const pids: number[] = [];
  // proc_pid_stat(5): the parent is the second field after the name, which is in parentheses.
  for (
    let next = pid;
    next > 1 && next !== owner;
    next = Number(fileOf(next, 'stat').split(') ')[1]?.split(' ')[1])
  )
    pids.push(next);
  return pids;
}

function isGone(pid: number): boolean {
  return !/\) [^Z]/.test(fileOf(pid, 'stat'));
}

/** What `ip netns list` prints (ip-netns(8)). */
function namespacesOfMachine(): string {
  return existsSync('/run/netns') ? readdirSync('/run/netns').join() : '';
}

describe('a new lab', () => {
  test('has its hosts, its addresses, and no forwarding', async () => {
    const lab = await labFor();
    expect(lab.hosts).toEqual(['client', 'lb', 'red', 'green', 'blue']);
    const forwarding = ['cat', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding'];
    for (const host of lab.hosts) expect((await lab.exec(host, forwarding)).stdout).toBe('0\n0\n');
    expect((await lab.exec('lb', ['ip', 'address', 'show', 'lo'])).stdout).toMatch(
      /1\.2\.3\.4\/32[^]*2001:db8::10\/128/,
    );
    for (const host of lab.hosts)
      expect((await lab.exec(host, ['ip', 'address', 'show', 'tentative'])).stdout).toBe('');
  });

  test('connects the lb and the workers, and workers with each other', async () => {
    const lab = await labFor();
    await lab.listen('red', [80, 8080]);
    const targets = ['10.0.1.2', 'fd00::2'].map((ip) => ({ ip, port: 8080 }));
    for (const host of ['lb', 'green']) {
      const results = await probe(lab, host, { targets, connections: 3 });
      expect(results.map(({ destinations }) => destinations)).toEqual([
        { '10.0.1.2:8080': 3 },
        { '[fd00::2]:8080': 3 },
      ]);
    }
  });

  test('lets nothing from the client through, whatever the rules say', async () => {
    const lab = await labFor();
    await lab.listen('red', [31234]);
    await load(lab, MASQUERADED);
    const direct = { ip: '10.0.1.2', port: 31234 };
    const targets = await probe(lab, 'client', {
      targets: [ENDPOINT4, ENDPOINT6, direct],
      connections: 1,
      timeoutMs: 300,
    });
    expect(targets.map(({ errors }) => errors)).toEqual(targets.map(() => ({ ETIMEDOUT: 1 })));
  });

  test('comes without a user namespace for root', async ({ skip }) => {
    if (process.geteuid?.() !== 0) skip('needs root');
    const lab = await labFor({ ...PLAN, userNamespace: false });
    const map = await lab.exec('lb', ['cat', '/proc/self/uid_map']);
    expect(map.stdout).toBe(readFileSync('/proc/self/uid_map', 'utf8'));
  });

  test('may have 200 workers', async () => {
    const workers = Array.from({ length: 200 }, (_, i) => ({
      name: `w${i}`,
      addresses: [`10.9.0.${i}`, `fd00:9::${i}`],
    }));
    const lab = await labFor({ endpointAddresses: ['1.2.3.4'], workers });
    await lab.listen('w199', [80]);
    const targets = await probe(lab, 'lb', {
      targets: [{ ip: 'fd00:9::199', port: 80 }],
      connections: 1,
    });
    expect(targets[0]?.destinations).toEqual({ '[fd00:9::199]:80': 1 });
  });
});

describe('a plan', () => {
  const worker = { name: 'red', addresses: ['10.0.1.2'] };

  test.each<[string, LabPlan, RegExp]>([
    ['the own IPv4 addresses', { endpointAddresses: ['198.19.0.1'], workers: [] }, /198\.18\.0\.0\/15/],
    ['the own IPv6 addresses', { endpointAddresses: ['fd18:9::1'], workers: [] }, /fd18::\/16/],
    ['an address twice', { endpointAddresses: ['10.0.1.2'], workers: [worker] }, /both the lb and red/],
    ['a name twice', { endpointAddresses: [], workers: [worker, { ...worker, addresses: [] }] }, /name red/],
    ['a name of the lab', { endpointAddresses: [], workers: [{ name: 'lb', addresses: [] }] }, /name lb/],
    ['a name for a shell', { endpointAddresses: [], workers: [{ name: 'a b', addresses: [] }] }, /"a b"/],
    ['no address', { endpointAddresses: ['example.org'], workers: [] }, /not an IP address/],
  ])('with %s is refused', async (_, plan, message) => {
    const cause: unknown = await createLab(plan).catch((reason: unknown) => reason);
    expect(cause).toBeInstanceOf(LabPlanError);
    expect((cause as Error).message).toMatch(message);
  });

  test('may name an address more than once in the same place', async () => {
    const lab = await labFor({
      endpointAddresses: ['2001:db8::10', '2001:DB8:0::0010'],
      workers: [{ name: 'red', addresses: ['10.0.1.2', '10.0.1.2'] }],
    });
    expect((await lab.exec('lb', ['ip', 'address', 'show', 'lo'])).stdout.match(/2001/g)).toHaveLength(1);
  });

  test('on a machine without unshare is told what to install', async () => {
    const { PATH } = process.env;
    onTestFinished(() => {
      process.env['PATH'] = PATH;
    });
    process.env['PATH'] = '/nonexistent';
    const cause: unknown = await createLab(PLAN).catch((reason: unknown) => reason);
    expect(cause).toBeInstanceOf(LabUnavailable);
    expect((cause as Error).message).toMatch(/unshare --net[^]*ENOENT[^]*util-linux/);
  });
});

describe('commands', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab(PLAN);
  });
  afterAll(() => lab.close());

  test('yield their code and both outputs', async () => {
    const result = await lab.exec('red', ['sh', '-c', 'cat; echo oops >&2; exit 3'], { stdin: 'grüße\n' });
    expect(result).toEqual({ code: 3, signal: null, stdout: 'grüße\n', stderr: 'oops\n' });
  });

  test('take and give megabytes', async () => {
    const text = 'rule äöü €\n'.repeat(1_000_000);
    const { stdout } = await lab.exec('lb', ['cat', '/dev/stdin'], { stdin: text });
    expect(stdout === text).toBe(true);
  });

  test('end in time, with their children', async () => {
    const [program, mark] = markedCommand();
    const slow = lab.exec('lb', ['sh', '-c', `${program} ${mark}; true`], { timeoutMs: 300 });
    await expect(slow).rejects.toThrow(/took longer than 300 ms/);
    await expect.poll(() => marked(mark)).toEqual([]);
  });

  test('may leave a process behind that holds their output open', async () => {
    const [program, mark] = markedCommand();
    const result = await lab.exec('lb', ['sh', '-c', `${program} ${mark} & echo done`]);
    expect(result).toMatchObject({ code: 0, stdout: 'done\n' });
    expect(marked(mark)).toHaveLength(1);
  });

  test('that do not exist fail, and say so', async () => {
    const { code, stderr } = await lab.exec('lb', ['no-such-program']);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no-such-program') as string,
    });
  });

  test('need a host that there is', async () => {
    await expect(lab.exec('switch', ['true'])).rejects.toThrow(LabError);
  });

  test('that go on are read and written line by line, and killed', async () => {
    const cat = lab.start('green', ['cat']);
    cat.writeLine('one');
    cat.writeLine('two');
    expect([await cat.nextLine(5000), await cat.nextLine(5000)]).toEqual(['one', 'two']);
    await expect(cat.nextLine(50)).rejects.toThrow(/no line of output within 50 ms/);
    cat.endInput();
    expect(await cat.nextLine(5000)).toBeUndefined();
    expect(await cat.ended).toEqual({ code: 0, signal: null });
    const stubborn = lab.start('green', ['sleep', '1000']);
    stubborn.kill();
    expect(await stubborn.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('cannot listen on a port twice', async () => {
    await lab.listen('blue', [9000]);
    await expect(lab.listen('blue', [9000])).rejects.toThrow(/EADDRINUSE/);
  });
});

describe('probe', () => {
  test('tells who answered, and which source was seen', async () => {
    const lab = await balancingLab(MASQUERADED);
    const targets = await probe(lab, 'client', { targets: [ENDPOINT4, ENDPOINT6], connections: 20 });
    const latency = { p50: expect.any(Number) as number, p99: expect.any(Number) as number };
    expect(targets).toEqual([
      {
        destinations: { '10.0.1.2:31234': 20 },
        sources: { '198.18.2.1': 20 },
        errors: {},
        latency,
      },
      {
        destinations: { '[fd00::3]:31234': 20 },
        sources: { 'fd18:2::1': 20 },
        errors: {},
        latency,
      },
    ]);
    for (const { latency: measured } of targets)
      expect(measured?.p50).toBeLessThanOrEqual(measured?.p99 ?? 0);
  });

  test('tells that a port is closed', async () => {
    const lab = await balancingLab(MASQUERADED);
    const targets = [ENDPOINT4, ENDPOINT6].map(({ ip }) => ({ ip, port: 81 }));
    const results = await probe(lab, 'client', { targets, connections: 5 });
    expect(results.map(({ errors }) => errors)).toEqual([{ ECONNREFUSED: 5 }, { ECONNREFUSED: 5 }]);
  });

  test('gets no answer through a worker if the client is not masqueraded', async () => {
    const lab = await balancingLab(PRESERVED);
    const targets = await probe(lab, 'client', { targets: [ENDPOINT4], connections: 2, timeoutMs: 300 });
    expect(targets[0]?.errors).toEqual({ ETIMEDOUT: 2 });
  });

  test('from a worker (hairpin) needs masquerade, as on any LAN', async () => {
    const lab = await balancingLab(MASQUERADED);
    const request = { targets: [ENDPOINT4], connections: 2, timeoutMs: 300 };
    expect((await probe(lab, 'blue', request))[0]?.destinations).toEqual({ '10.0.1.2:31234': 2 });
    await load(lab, `delete table ip lb; delete table ip6 lb; ${PRESERVED}`);
    expect((await probe(lab, 'blue', request))[0]?.errors).toEqual({ ETIMEDOUT: 2 });
  });

  test('takes a source address', async () => {
    const lab = await labFor();
    await lab.listen('red', [80]);
    const targets = await probe(lab, 'blue', {
      targets: [{ ip: '10.0.1.2', port: 80 }],
      connections: 2,
      localAddress: '10.0.1.4',
    });
    expect(targets[0]?.sources).toEqual({ '10.0.1.4': 2 });
  });

  test('opens more connections than there are ports', async () => {
    const lab = await balancingLab(MASQUERADED);
    await lab.exec('client', ['sh', '-c', 'echo 40000 40999 > /proc/sys/net/ipv4/ip_local_port_range']);
    const targets = await probe(lab, 'client', { targets: [ENDPOINT4], connections: 5000 });
    expect(targets[0]).toMatchObject({ destinations: { '10.0.1.2:31234': 5000 }, errors: {} });
  });
});

describe('hold', () => {
  test('keeps connections alive', async () => {
    const lab = await balancingLab(MASQUERADED);
    const held = await lab.hold('client', { target: ENDPOINT6, connections: 50, intervalMs: 20 });
    expect(held).toMatchObject({ opened: 50, destinations: { '[fd00::3]:31234': 50 }, errors: {} });
    await sleep(300);
    const result = await held.stop();
    expect(result).toMatchObject({ opened: 50, alive: 50, resets: 0, timeouts: 0, errors: {} });
    expect(result.echoes).toBeGreaterThan(100);
    expect(result.slowestMs).toBeGreaterThan(0);
  });

  test('notices that a server was killed', async () => {
    const lab = await labFor();
    const server = await lab.listen('red', [80]);
    const held = await lab.hold('lb', { target: { ip: '10.0.1.2', port: 80 }, connections: 5 });
    server.kill();
    await server.ended;
    expect(await held.stop()).toMatchObject({
      opened: 5,
      alive: 0,
      resets: 5,
      timeouts: 0,
      errors: { ECONNRESET: 5 },
    });
  });

  test('notices that packets are lost', async () => {
    const lab = await balancingLab(MASQUERADED);
    const held = await lab.hold('client', { target: ENDPOINT4, connections: 5, timeoutMs: 300 });
    await load(lab, 'table ip stop { chain forward { type filter hook forward priority 0; policy drop; }\n}');
    expect(await held.stop()).toMatchObject({
      opened: 5,
      alive: 0,
      resets: 0,
      timeouts: 5,
      errors: { ETIMEDOUT: 5 },
    });
  });

  test('tells what could not be opened', async () => {
    const lab = await labFor();
    const held = await lab.hold('client', { target: ENDPOINT4, connections: 3 });
    expect(held).toMatchObject({ opened: 0, errors: { ECONNREFUSED: 3 } });
    expect(await held.stop()).toMatchObject({ opened: 0, alive: 0 });
  });
});

describe('after close', () => {
  test('nothing of the lab remains', async () => {
    const before = namespacesOfMachine();
    const lab = await createLab(PLAN);
    const [program, mark] = markedCommand();
    lab.start('red', [program, mark]);
    const pids = lineage(await untilMarked(mark), process.pid);
    expect(pids).toHaveLength(3);
    expect(namespacesOfMachine()).toBe(before);
    await lab.close();
    expect(pids.filter((pid) => !isGone(pid))).toEqual([]);
    expect(namespacesOfMachine()).toBe(before);
  });

  test('what was going on is told so, and close may be called again', async () => {
    const lab = await createLab(PLAN);
    const sleeping = lab.exec('red', ['sleep', '1000']);
    const started = lab.start('red', ['sleep', '1000']);
    const outcome = expect(sleeping).rejects.toThrow(/the lab has ended/);
    await Promise.all([lab.close(), lab.close()]);
    await outcome;
    expect(await started.nextLine(1000)).toBeUndefined();
    expect(await started.ended).toMatchObject({ code: null });
    await lab.close();
    await expect(lab.exec('red', ['true'])).rejects.toThrow(/the lab has ended/);
  });
});

describe('a lab whose owner is another process', () => {
  const owner = join(ROOT, `.cache/lab-owner-${process.pid}.mjs`);

  beforeAll(async () => {
    mkdirSync(join(ROOT, '.cache'), { recursive: true });
    const contents = `
      import { createLab } from './src/lab/lab.js';
      const [, , mark, stays] = process.argv;
      const lab = await createLab(${JSON.stringify(PLAN)});
      lab.start('red', ['sleep', mark]);
      if (stays) process.on('SIGINT', async () => {
        console.log((await lab.exec('red', ['echo', 'still there'])).stdout.trim());
        await lab.close();
      });
      console.log('up');`;
    await build({
      stdin: { contents, resolveDir: ROOT, loader: 'ts' },
      outfile: owner,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
  });
  afterAll(() => {
    rmSync(owner, { force: true });
  });

  /** An owner with a process group of its own, as a shell would start it, and all processes of its lab. */
  async function startOwner(
    ...args: readonly string[]
  ): Promise<{ child: ChildProcess; pids: readonly number[] }> {
    const [, mark] = markedCommand();
    const child = spawn(process.execPath, [owner, mark, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    const pids = lineage(await untilMarked(mark), child.pid ?? 0);
    expect(pids).toHaveLength(3);
    return { child, pids };
  }

  test('vanishes when its owner is killed by kill -9', async () => {
    const { child, pids } = await startOwner();
    child.kill('SIGKILL');
    await expect.poll(() => pids.filter((pid) => !isGone(pid))).toEqual([]);
  });

  test('vanishes when its unshare is killed', async () => {
    const { child, pids } = await startOwner();
    process.kill(pids.at(-1) ?? 0, 'SIGKILL');
    await expect.poll(() => pids.filter((pid) => !isGone(pid))).toEqual([]);
    // It is told, and then has nothing left to wait for.
    await expect.poll(() => child.exitCode).toBe(0);
  });

  test('vanishes on Ctrl-C', async () => {
    const { child, pids } = await startOwner();
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await expect.poll(() => pids.filter((pid) => !isGone(pid))).toEqual([]);
  });

  test('leaves it to its owner what Ctrl-C means', async () => {
    const { child, pids } = await startOwner('stays');
    let output = '';
    child.stdout?.on('data', (text) => (output += String(text)));
    await expect.poll(() => output).toBe('up\n');
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(output).toBe('up\nstill there\n');
    expect(pids.filter((pid) => !isGone(pid))).toEqual([]);
  });
});
