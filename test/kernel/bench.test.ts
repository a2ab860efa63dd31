// npm run bench in small: each variant delivers (the benchmark verifies that and says what does not), each table has each
// of them, and nothing is left. No figure is judged.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../cli/run.js';

interface Report {
  readonly machine: string;
  readonly date: string;
  readonly notes: readonly string[];
  readonly targets: readonly { readonly name: string; readonly met: boolean }[];
  readonly samples: readonly { readonly table: string; readonly variant: string; readonly value: number }[];
}

const OURS = ['pomaloba nftables-rules', 'pomaloba iptables-rules', 'pomaloba iptables-rules (legacy)'];
const SCRIPTS = ['pomaloba nftables (script)', 'pomaloba iptables (script)'];
const SHAPES = ['nft: one flat map', 'original', 'kube-proxy iptables', 'kube-proxy nftables'];
const LEGACY = ['original (legacy)', 'kube-proxy iptables (legacy)'];
const FILTERS = ['one fixed DNAT + masquerade', ...OURS, ...SHAPES, ...LEGACY, 'nftlb'];
const ROUTED = ['plain routing', ...FILTERS];
const TCP = [...ROUTED, 'HAProxy', 'nginx'];
const ELEMENTS = ['nft: one flat map', OURS[0] ?? ''].map((name) => `${name}, only its maps' elements`);

const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  packets: ROUTED,
  rate: [...TCP, 'no load balancer'],
  cpu: TCP,
  open: [...TCP, 'no load balancer'],
  load: [...FILTERS, ...SCRIPTS],
  reload: [...FILTERS, ...SCRIPTS].filter((name) => name !== 'nftlb'),
  change: [...FILTERS, ...SCRIPTS].filter((name) => name !== 'nftlb'),
  reloads: [OURS[0] ?? '', ...SCRIPTS, ...SHAPES, 'original (a command a rule)'],
  blast: [
    OURS[0] ?? '',
    SCRIPTS[1] ?? '',
    ...SHAPES.filter((name) => name !== 'kube-proxy iptables'),
    ...ELEMENTS,
  ],
};
const PARTS = ['packets', 'tcp', 'loads', 'reloads', 'blast'];

function directory() {
  const made = mkdtempSync(join(tmpdir(), 'pomaloba-bench-test-'));
  onTestFinished(() => {
    rmSync(made, { recursive: true });
  });
  return made;
}

/** Of processes, those whose command line has a word. */
function processesWith(word: string) {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
    } catch {
      return false;
    }
  });
}

function bench(...args: readonly string[]) {
  return [join(ROOT, 'scripts/bench.mjs'), '--quick', ...args];
}

if (process.getuid?.() === 0) {
  it('measures each variant, and writes the tables between the marks', () => {
    const [json, page] = ['data.json', 'page.md'].map((name) => join(directory(), name)) as [string, string];
    const marks = ['<!-- bench: made by npm run bench -- --write -->', '<!-- bench: end -->'];
    writeFileSync(page, `before\n\n${marks.join('\nold\n')}\n\nafter\n`);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      bench('--json', json, '--write', page, ...PARTS),
      {
        encoding: 'utf8',
      },
    );
    expect(status, stderr).toBe(0);
    const report = JSON.parse(readFileSync(json, 'utf8')) as Report;
    // A busy machine may lose some connections; it does not lose a variant.
    expect(report.notes.filter((note) => !/ answered \d+ of /.test(note))).toEqual([]);
    expect(report.machine).toMatch(/Linux .*, Node v.*, nftables v.*, iptables v/);
    expect(report.samples.filter(({ value }) => !Number.isFinite(value))).toEqual([]);
    const names = Object.keys(VARIANTS).map((table) => {
      const samples = report.samples.filter((sample) => sample.table === table);
      return [table, [...new Set(samples.map(({ variant }) => variant))].sort()];
    });
    expect(Object.fromEntries(names)).toEqual(
      Object.fromEntries(Object.entries(VARIANTS).map(([table, all]) => [table, [...all].sort()])),
    );
    expect(report.targets.length).toBeGreaterThan(5);
    const tableText = stdout.trim();
    expect(tableText).toContain('| pomaloba nftables-rules ');
    expect(readFileSync(page, 'utf8')).toBe(
      `before\n\n${marks[0] ?? ''}\n\n${tableText}\n\n${marks[1] ?? ''}\n\nafter\n`,
    );
  });

  it('leaves nothing when it is killed', async () => {
    const child = spawn(process.execPath, bench('reloads'), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TMPDIR: directory() },
    });
    await new Promise((resolve) => {
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        if ((text += chunk).includes('bench: reloads')) resolve(text);
      });
    });
    const inside = join(ROOT, 'bench/traffic/inside.mjs');
    // unshare and its child; and, between fork and exec, who is about to be another program
    await expect.poll(() => processesWith(inside)).toHaveLength(2);
    await expect.poll(() => processesWith('hold')).not.toEqual([]);
    child.kill('SIGKILL');
    await expect.poll(() => [...processesWith(inside), ...processesWith('hold')]).toEqual([]);
  });
} else {
  it('says that sending packets needs root', () => {
    const { status, stdout } = spawnSync(process.execPath, bench('packets'), { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('need root') as string });
  });
}
