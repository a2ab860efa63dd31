// What the scripts do to the host beside loading rules, and what they refuse to do.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { LB } from '../../src/lab/topology.js';
import { type Backend, BACKENDS, inLb, load, remove, rulesetFile, SCRIPTS } from '../support/backends.js';

const FOUR = JSON.stringify({
  pomaloba: 1,
  app: 'four',
  endpoints: [{ ip: '192.0.2.10', port: 80 }],
  destinations: [{ ip: '198.51.100.1', port: 30080 }],
});
const BOTH = JSON.stringify({
  pomaloba: 1,
  app: 'both',
  endpoints: [
    { ip: '192.0.2.10', port: 80 },
    { ip: '2001:db8:1::10', port: 80 },
  ],
  destinations: [
    { ip: '198.51.100.1', port: 30080 },
    { ip: '2001:db8:2::1', port: 30080 },
  ],
});
const FORWARDING = 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding';
const ADVERTISEMENTS = 'cat /proc/sys/net/ipv6/conf/eth0/accept_ra /proc/sys/net/ipv6/conf/eth1/accept_ra';

let lab: Lab;

beforeEach(async () => {
  lab = await createLab({
    endpointAddresses: ['192.0.2.10', '2001:db8:1::10'],
    workers: [{ name: 'w1', addresses: ['198.51.100.1', '2001:db8:2::1'] }],
  });
});
afterEach(async () => {
  await lab.close();
});

/** Runs a script that has to fail, and returns what it says; the rules must be as before. */
async function refusal(backend: Backend, shell: string, spec: string): Promise<string> {
  const before = await inLb(lab, backend, 'nft list ruleset');
  const command = `${backend.tools} ${shell}`;
  const { code, stdout, stderr } = await lab.exec('lb', [
    'sh',
    '-c',
    command,
    'sh',
    rulesetFile(backend, spec),
  ]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(await inLb(lab, backend, 'nft list ruleset')).toBe(before);
  return stderr.trim();
}

describe.each(SCRIPTS)('$name', (backend) => {
  test.each([
    { where: 'on all addresses', address: '::' },
    { where: 'on that of the endpoint', address: '192.0.2.10' },
  ])('refuses an endpoint where ssh listens $where, unless that is meant', async ({ address }) => {
    const program = `import socket, sys
open("/proc/self/comm", "w").write("sshd")
listener = socket.create_server((sys.argv[1], 80), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("ready", flush=True)
sys.stdin.read()`;
    const server = lab.start('lb', ['python3', '-c', program, address]);
    expect(await server.nextLine(10_000)).toBe('ready');
    const said = await refusal(backend, 'dash "$1"', FOUR);
    expect(said).toContain('the ssh of this host listens where an endpoint is: 192.0.2.10 port 80.');
    await inLb(lab, backend, 'POMALOBA_ALLOW_SSH_CAPTURE=yes dash "$1"', rulesetFile(backend, FOUR));
    server.kill('SIGKILL');
    await server.ended;
  });

  test('switches forwarding on for the families that are used, and deletion leaves it on', async () => {
    expect(await inLb(lab, backend, FORWARDING)).toBe('0\n0\n');
    await load(lab, backend, FOUR);
    expect(await inLb(lab, backend, FORWARDING)).toBe('1\n0\n');
    await load(lab, backend, BOTH);
    expect(await inLb(lab, backend, FORWARDING)).toBe('1\n1\n');
    await remove(lab, backend, BOTH);
    expect(await inLb(lab, backend, FORWARDING)).toBe('1\n1\n');
  });

  test('keeps an interface that listens to router advertisements listening', async () => {
    await inLb(
      lab,
      backend,
      'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra; echo 0 >/proc/sys/net/ipv6/conf/eth1/accept_ra',
    );
    await load(lab, backend, BOTH);
    expect(await inLb(lab, backend, ADVERTISEMENTS)).toBe('2\n0\n');
    await load(lab, backend, BOTH);
    expect(await inLb(lab, backend, ADVERTISEMENTS)).toBe('2\n0\n');
  });

  test('says that it needs root', () => {
    // Outside of the lab, which knows no other user: nobody may do nothing, and the script stops at once.
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const [program, ...args] = [...(process.getuid?.() === 0 ? nobody : []), 'dash', '-s'];
    const input = readFileSync(rulesetFile(backend, FOUR), 'utf8');
    const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^pomaloba: run this script as root/);
  });

  const tools =
    backend.type === 'nftables'
      ? { nft: 'nftables' }
      : { awk: 'mawk', flock: 'util-linux', 'iptables-save': 'iptables' };

  test.each(Object.entries(tools))('names %s if it is missing, and its package', async (tool, name) => {
    // What is there and cannot be run is not there for the shell.
    const hide = `for file in /run/legacy/${tool} /usr/sbin/${tool} /sbin/${tool} /usr/bin/${tool} /bin/${tool}; do [ ! -e $file ] || mount --bind /dev/null $file; done`;
    const message = await refusal(backend, `unshare -m sh -c '${hide}; dash "$1"' sh "$1"`, BOTH);
    expect(message).toBe(`pomaloba: ${tool} is missing: install the package ${name}`);
  });

  test('says so where forwarding cannot be switched on, and loads nothing', async () => {
    const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';
    const message = await refusal(backend, `unshare -m sh -c '${readOnly}; dash "$1"' sh "$1"`, FOUR);
    expect(message).toMatch(/^pomaloba: .*ip_forward is read-only: set it to 1/);
  });

  test('works in the shells of Debian and with a bare environment', async () => {
    for (const shell of ['dash', 'bash', 'bash --posix']) {
      await inLb(lab, backend, `env -i PATH="$PATH" ${shell} "$1"`, rulesetFile(backend, BOTH));
    }
    await inLb(
      lab,
      backend,
      'env -i PATH=${PATH%:/usr/sbin*}:/bin:/usr/bin dash "$1"',
      rulesetFile(backend, BOTH),
    );
  });
});

describe.each(BACKENDS)('$name', (backend) => {
  test('masquerades what it has balanced, and nothing else that goes to the same destination', async () => {
    await lab.listen('w1', [30080]);
    await load(lab, backend, BOTH);
    // The worker may now answer the client directly: only the source address tells.
    await lab.exec('w1', ['ip', 'route', 'add', '198.18.1.0/24', 'via', LB.toWorkers.ipv4]);
    await inLb(
      lab,
      backend,
      `nft 'table ip foreign { chain prerouting { type nat hook prerouting priority -101; ip daddr 192.0.2.10 tcp dport 81 dnat to 198.51.100.1:30080; }; }'`,
    );
    const sources = async (ip: string, port: number): Promise<readonly string[]> => {
      const report = await lab.probe('client', { targets: [{ ip, port }], connections: 5 });
      return Object.keys(report[`${ip}:${port}`]?.sources ?? {});
    };
    expect(await sources('192.0.2.10', 80)).toEqual([LB.toWorkers.ipv4]);
    // The same address, translated by somebody else's rule; and the destination itself.
    expect(await sources('192.0.2.10', 81)).toEqual(['198.18.1.2']);
    expect(await sources('198.51.100.1', 30080)).toEqual(['198.18.1.2']);
  });

  test('leaves connections to the host that are older than the ruleset alone', async () => {
    await lab.listen('lb', [80]);
    const held = await lab.hold('client', {
      target: { ip: '192.0.2.10', port: 80 },
      connections: 5,
      intervalMs: 20,
    });
    await load(lab, backend, BOTH);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await load(lab, backend, BOTH.replace('"port":30080}', '"port":30080,"weight":0}'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await held.stop()).toMatchObject({ alive: 5, errors: {} });
  });

  test('leaves the other ports of an endpoint to the host', async () => {
    await lab.listen('lb', [22]);
    await load(lab, backend, BOTH);
    const report = await lab.probe('client', { targets: [{ ip: '192.0.2.10', port: 22 }], connections: 5 });
    expect(report['192.0.2.10:22']).toMatchObject({ destinations: { '192.0.2.10:22': 5 }, errors: {} });
  });
});
