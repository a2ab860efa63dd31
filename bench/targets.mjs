// What is aimed at, beside what was measured. Nothing fails by it: machines are shared and noisy.
import { summary } from './statistics.mjs';
import { BASE, FLAT_MAP, OURS } from './traffic/variants.mjs';

/** @typedef {import('./report.mjs').Sample} Sample */
/** @typedef {{ name: string, goal: string, measured: string, met: boolean }} Target */

/** @param {readonly Sample[]} samples */
function lookup(samples) {
  /** The median of a cell; NaN if it was not measured. @param {string} table @param {string} column @param {string} variant */
  return (table, column, variant) => {
    const values = samples.filter(
      (one) => one.table === table && one.column === column && one.variant === variant,
    );
    return summary(values.map(({ value }) => value)).median;
  };
}

/**
 * The targets of which there are figures.
 * @param {readonly Sample[]} samples
 * @returns {Target[]}
 */
export function targets(samples) {
  const of = lookup(samples);
  /** @param {string} variant */
  const packet = (variant) => {
    const sizes = [
      ...new Set(samples.filter(({ table }) => table === 'packets').map(({ column }) => column)),
    ];
    const ratios = sizes.map((size) => of('packets', size, variant) / of('packets', size, BASE));
    return Math.max(...ratios.filter((ratio) => !Number.isNaN(ratio)));
  };
  /** @param {string} table */
  const five = (table) => of(table, '5000 × 3', OURS.nftables) / of(table, '5000 × 3', FLAT_MAP);
  const memory = samples.filter(({ table, column }) => table === 'render' && column === 'memory');
  const play = (/** @type {string} */ variant) => of('ansible', 'time', variant);
  /** @type {[name: string, goal: number, measured: number, least?: boolean, unit?: string][]} */
  const all = [
    [
      '`pomaloba sample.json`, to `node -e 0`',
      2.5,
      of('start', 'time', 'pomaloba sample.json') / of('start', 'time', 'node -e 0'),
    ],
    ['peak memory at any size', 1024, Math.max(...memory.map(({ value }) => value)), false, ' MiB'],
    ['second run of the role, to one ping', 4, play('second run') / play('a playbook of one ping')],
    [
      '1,000 apps applied by the role, to the second run of one',
      2,
      play('1,000 apps applied') / play('second run'),
    ],
    ['first packet, nftables, the worst size, to one fixed DNAT', 1.05, packet(OURS.nftables)],
    ['first packet, iptables, the worst size, to one fixed DNAT', 1.5, packet(OURS.iptables)],
    ['first packet, iptables-legacy, the worst size, to one fixed DNAT', 1.5, packet(OURS.iptablesLegacy)],
    [
      'bulk, nftables, to one fixed DNAT',
      0.98,
      of('open', 'Gbit/s of 4', OURS.nftables) / of('open', 'Gbit/s of 4', BASE),
      true,
    ],
    [
      "CPU a connection, nftables, to HAProxy's",
      0.4,
      of('cpu', '1 × 3', OURS.nftables) / of('cpu', '1 × 3', 'HAProxy'),
    ],
    ['loading 5,000 apps × 3, nftables, to one flat map', 3, five('load')],
    ['loading them again, to one flat map', 3, five('reload')],
    ['changing one destination of them, to one flat map', 3, five('change')],
    [
      'SYNs of a million that miss the rules by reloads, nftables',
      2,
      of('blast', 'missed of a million', OURS.nftables),
      false,
      '',
    ],
    [
      'the same where only the elements of its maps change',
      0,
      of('blast', 'missed of a million', `${OURS.nftables}, only its maps' elements`),
      false,
      '',
    ],
  ];
  return all.flatMap(([name, goal, measured, least = false, unit = ' ×']) =>
    Number.isFinite(measured)
      ? [
          {
            name,
            goal: `${least ? '≥' : '≤'} ${goal}${unit}`,
            measured: `${measured.toFixed(2)}${unit}`,
            met: least ? measured >= goal : measured <= goal,
          },
        ]
      : [],
  );
}
