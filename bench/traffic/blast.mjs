// SYNs that miss the rules while they are loaded again and again, under as many new flows as one CPU can send.
import { fleet } from './fleet.mjs';
import { fileOf, loading } from './load.mjs';
import { inside, start } from './namespaces.mjs';
import { onlyElements } from './nftables.mjs';
import { injectorOf } from './packets.mjs';
import { FLAT_MAP, OURS, packetFilters, scripts } from './variants.mjs';

/** @typedef {import('./inside.mjs').Out} Out */
/** @typedef {import('./variants.mjs').Variant} Variant */

const NAMES = [OURS.nftables, OURS.iptablesScript, FLAT_MAP, 'original', 'kube-proxy nftables'];
/** As a reload is not on the injector's CPU. */
const LOOP = 'while :; do "$@" >/dev/null || exit; echo; done';

/** @param {Out} out @param {boolean} quick */
export async function blast(out, quick) {
  const apps = fleet(1, 3);
  for (const name of NAMES) {
    const variant = [...packetFilters(), ...scripts()].find((one) => one.name === name);
    if (!variant) continue;
    const text = variant.text(apps);
    await measure(out, variant, text, variant.name, quick);
    const elements = variant.kind === 'nft' && !name.startsWith('kube') ? onlyElements(text) : undefined;
    if (elements) await measure(out, variant, elements, `${variant.name}, only its maps' elements`, quick);
  }
}

/** @param {Out} out @param {Variant} variant @param {string} text what is loaded again @param {string} label @param {boolean} quick */
async function measure(out, variant, text, label, quick) {
  const lab = await injectorOf(0, variant, fleet(1, 3), '1 × 3');
  const command =
    loading(
      variant,
      fileOf(`${label} again`, () => text),
    ) ?? [];
  const loop = start(inside(lab.balancer, ['taskset', '-c', '0', 'sh', '-c', LOOP, 'sh', ...command]));
  let [sent, missed, wall] = [0, 0, 0];
  for (let burst = 0; burst < (quick ? 1 : 25); burst++) {
    const before = lab.arrived();
    const result = lab.send(quick ? 5000 : 40_000, 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const count = result['sent'] ?? 0;
    sent += count;
    wall += (result['wall'] ?? 0) * count;
    missed += count - (lab.arrived() - before);
    lab.forget();
  }
  const reloads = (await loop.stop('SIGKILL')).length;
  lab.close();
  /** @param {string} column @param {number} value */
  const sample = (column, value) => {
    out.sample({ table: 'blast', column, variant: label, unit: '', value });
  };
  sample('reloads', reloads);
  sample('SYNs', sent);
  sample('SYNs a second', sent / (wall / 1e9));
  sample('missed', missed);
  sample('missed of a million', (missed / sent) * 1e6);
}
