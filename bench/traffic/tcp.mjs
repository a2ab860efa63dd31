// Real TCP: new connections, latency on open ones, bulk, and the CPU time that the load balancer has for a connection.
import { cpus } from 'node:os';
import { inRounds } from '../rounds.mjs';
import { shuffled } from '../statistics.mjs';
import { cpuTime } from './clocks.mjs';
import { fleet } from './fleet.mjs';
import { isThere, peers } from './load.mjs';
import { startWorkers, TcpLab } from './tcp-lab.mjs';
import { direct, DIRECT, packetFilters, proxiesOf } from './variants.mjs';

/** @typedef {import('./inside.mjs').Out} Out */

/** @param {Out} out @param {boolean} quick */
export async function tcp(out, quick) {
  const stop = await startWorkers();
  await measureSize(out, 1, quick, 0);
  if (!quick) await measureSize(out, 1000, quick, 40);
  await stop();
}

/** @param {number} apps */
function variants(apps) {
  const all = [direct, ...packetFilters(), ...proxiesOf(peers, Math.min(2, cpus().length))];
  return all.filter((variant) => isThere(variant) && apps <= (variant.most ?? Infinity));
}

/** @param {Out} out @param {number} count @param {boolean} quick @param {number} first index of a lab */
async function measureSize(out, count, quick, first) {
  const size = `${count} × 3`;
  process.stderr.write(`bench: tcp, ${size}\n`);
  const apps = fleet(count, 3);
  /** @type {TcpLab[]} */
  const labs = [];
  for (const [index, variant] of variants(count).entries()) {
    const lab = new TcpLab(first + index, variant, apps);
    try {
      await lab.load(size);
      labs.push(lab);
    } catch (reason) {
      await lab.close();
      out.note(`tcp, ${size}: ${variant.name} was left out: ${String(reason).split('\n')[0]?.slice(0, 200)}`);
    }
  }
  inRounds(quick ? 1 : 5, count > 1 ? 20 : 60, () => {
    connect(out, labs, size, quick ? 300 : 5000);
    if (count > 1) return;
    for (const lab of shuffled(labs)) open(out, lab, quick ? 0.2 : 0.4);
  });
  for (const lab of labs) await lab.close();
}

/** One round. @param {Out} out @param {TcpLab[]} labs @param {string} size @param {number} many */
function connect(out, labs, size, many) {
  const results = shuffled(labs).map((lab) => {
    const before = cpuTime();
    const { ok = 0, seconds = 0, cpu = 0 } = lab.ask('connect', 64, many, 10);
    const variant = lab.variant.name;
    if (ok !== many) out.note(`tcp, ${size}: ${variant} answered ${ok} of ${many} connections`);
    return { variant, rate: ok / seconds, used: ((cpu + cpuTime() - before) / ok) * 1e6 };
  });
  const own = results.find(({ variant }) => variant === DIRECT)?.used ?? NaN;
  for (const { variant, rate, used } of results) {
    out.sample({ table: 'rate', column: size, variant, unit: '', value: rate });
    if (variant !== DIRECT)
      out.sample({ table: 'cpu', column: size, variant, unit: 'µs', value: used - own });
  }
}

/** @param {Out} out @param {TcpLab} lab @param {number} seconds */
function open(out, lab, seconds) {
  const variant = lab.variant.name;
  const { p50 = NaN, p99 = NaN } = lab.ask('ask', 32, 0, seconds);
  out.sample({ table: 'open', column: 'p50 of 32', variant, unit: 'µs', value: p50 });
  out.sample({ table: 'open', column: 'p99 of 32', variant, unit: 'µs', value: p99 });
  const one = lab.ask('ask', 1, 0, seconds);
  out.sample({ table: 'open', column: 'p50 of 1', variant, unit: 'µs', value: one['p50'] ?? NaN });
  out.sample({ table: 'open', column: 'p99 of 1', variant, unit: 'µs', value: one['p99'] ?? NaN });
  const bulk = lab.ask('send', 4, 0, seconds);
  const gigabits = ((bulk['bytes'] ?? NaN) * 8) / (bulk['seconds'] ?? NaN) / 1e9;
  out.sample({ table: 'open', column: 'Gbit/s of 4', variant, unit: '', value: gigabits });
}
