// What becomes of connections, open ones and new ones, while the rules are loaded again.
import { run } from '../measure.mjs';
import { fleet } from './fleet.mjs';
import { fileOf, loading } from './load.mjs';
import { inside, numbers, start } from './namespaces.mjs';
import { startWorkers, TcpLab } from './tcp-lab.mjs';
import { changes, FLAT_MAP, originalScript, OURS, packetFilters, scripts } from './variants.mjs';

/** @typedef {import('./inside.mjs').Out} Out */
/** @typedef {import('./variants.mjs').Variant} Variant */

/** Not iptables-rules of ours: each load adds its jumps once more, as the file says. The script does not. */
const NAMES = [
  OURS.nftables,
  OURS.nftablesScript,
  OURS.iptablesScript,
  FLAT_MAP,
  'original',
  'original (a command a rule)',
  'kube-proxy iptables',
  'kube-proxy nftables',
];
/** Slow scripts do not get to a hundred; how often is said. */
const MOST_MILLISECONDS = 8000;

/** @param {Out} out @param {boolean} quick */
export async function reloads(out, quick) {
  const stop = await startWorkers();
  const all = [...packetFilters(), ...scripts(), originalScript()];
  for (const [index, name] of NAMES.entries()) {
    const variant = all.find((one) => one.name === name);
    if (variant) await measure(out, variant, index, quick ? 3 : 100);
  }
  await stop();
}

/** @param {Variant} variant @param {TcpLab} lab */
function commands(variant, lab) {
  const whole = fileOf(`${variant.name} 1 × 3`, () => variant.text(lab.apps));
  if (variant.name !== FLAT_MAP) return [loading(variant, whole) ?? []];
  return changes(variant, lab.apps).map(
    (text, way) =>
      loading(
        variant,
        fileOf(`${variant.name} ${way}`, () => text),
      ) ?? [],
  );
}

/** @param {Out} out @param {Variant} variant @param {number} index @param {number} most */
async function measure(out, variant, index, most) {
  const lab = new TcpLab(index, variant, fleet(1, 3));
  try {
    await lab.load('1 × 3');
    const held = start(lab.command('hold', 200, 200, 60));
    const flood = start(lab.command('connect', 4, 1e9, 60));
    await pause(600);
    const all = commands(variant, lab);
    const begun = performance.now();
    let count = 0;
    for (; count < most && performance.now() - begun < MOST_MILLISECONDS; count++) {
      run(inside(lab.balancer, all[count % all.length] ?? []));
      await pause(1);
    }
    await pause(300);
    const open = numbers(await held.stop());
    const fresh = numbers(await flood.stop());
    /** @param {string} column @param {number} value */
    const sample = (column, value) => {
      out.sample({ table: 'reloads', column, variant: variant.name, unit: '', value });
    };
    sample('reloads', count);
    sample('lost of 200 open', 200 - (open['open'] ?? 0));
    sample('new connections', fresh['ok'] ?? 0);
    sample('refused or lost', (fresh['refused'] ?? 0) + (fresh['lost'] ?? 0) + (fresh['resets'] ?? 0));
  } finally {
    await lab.close();
  }
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
