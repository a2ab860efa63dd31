// How long loading takes, for the first time and again, and changing one destination.
import { run } from '../measure.mjs';
import { inRounds } from '../rounds.mjs';
import { shuffled } from '../statistics.mjs';
import { fleet } from './fleet.mjs';
import { bounded, fileOf, isThere, loading } from './load.mjs';
import { addNamespace, inside, removeNamespaces } from './namespaces.mjs';
import { changes, packetFilters, scripts } from './variants.mjs';

/** @typedef {import('./inside.mjs').Out} Out */
/** @typedef {import('./variants.mjs').Variant} Variant */

/** What took as many milliseconds is measured once. */
const SLOW = 4000;

/** @param {Out} out @param {boolean} quick */
export function loads(out, quick) {
  for (const count of quick ? [1] : [1, 1000, 5000]) {
    const size = `${count} × 3`;
    process.stderr.write(`bench: loads, ${size}\n`);
    const apps = fleet(count, 3);
    const all = [...packetFilters(), ...scripts()].filter(
      (variant) => variant.kind !== 'nothing' && isThere(variant) && count <= (variant.most ?? Infinity),
    );
    /** @type {Set<string>} */
    const done = new Set();
    inRounds(quick ? 1 : 3, 15, () => {
      for (const variant of shuffled(all)) {
        if (done.has(variant.name)) continue;
        try {
          if (measure(out, variant, apps, size) > SLOW) done.add(variant.name);
        } catch (reason) {
          done.add(variant.name);
          out.note(`loads, ${size}: ${variant.name}: ${String(reason).split('\n')[0]?.slice(0, 200)}`);
        }
      }
    });
  }
}

/** The longest of it, in milliseconds. @param {Out} out @param {Variant} variant @param {import('./fleet.mjs').App[]} apps @param {string} size */
function measure(out, variant, apps, size) {
  const namespace = 'load';
  addNamespace(namespace);
  let longest = 0;
  /** @param {string} what @param {readonly string[]} command */
  const timed = (what, command) => {
    const { milliseconds } = run(inside(namespace, bounded(command)));
    longest = Math.max(longest, milliseconds);
    out.sample({ table: what, column: size, variant: variant.name, unit: 'ms', value: milliseconds });
  };
  try {
    const command =
      loading(
        variant,
        fileOf(`${variant.name} ${size}`, () => variant.text(apps)),
      ) ?? [];
    timed('load', command);
    // What nftlb does of a second time is refuse.
    if (variant.kind === 'nftlb') return longest;
    timed('reload', command);
    for (const way of ['there', 'back']) {
      const loader = variant.change?.loader ?? variant.loader ?? [];
      const file = fileOf(
        `${variant.name} ${size} ${way}`,
        () => changes(variant, apps)[way === 'there' ? 0 : 1] ?? '',
      );
      timed('change', loading({ kind: variant.kind, loader }, file) ?? []);
    }
    return longest;
  } finally {
    removeNamespaces([namespace]);
  }
}
