// Samples as tables in Markdown, which reads well on a terminal too.
import {
  FLAT_MAP,
  BASE,
  direct,
  originalScript,
  packetFilters,
  proxiesOf,
  scripts,
} from './traffic/variants.mjs';
import { summary } from './statistics.mjs';
import { targets } from './targets.mjs';

/**
 * @typedef {object} Sample
 * @property {string} table
 * @property {string} column
 * @property {string} variant the row
 * @property {string} unit
 * @property {number} value
 *
 * @typedef {object} Results
 * @property {string} machine
 * @property {string} date
 * @property {Sample[]} samples
 * @property {string[]} notes what was not measured, and why
 */

/** The tables in their order: what they tell, and the row that the ratios are to. @type {Record<string, { title: string, base?: string }>} */
const TABLES = {
  start: { title: 'Start to finish', base: 'node -e 0' },
  render: {
    title: 'Apps of 10 destinations in one file; "rendering" is what printing takes longer than validating',
  },
  role: { title: '`pomaloba ansible`, apps of 10 destinations' },
  ansible: {
    title: '`ansible-playbook` on a container load balancer, apps of 3 destinations',
    base: 'a playbook of one ping',
  },
  packets: {
    title:
      'The first packet of a connection: CPU time on the load balancer in µs, by apps × destinations; the app asked is the last',
    base: BASE,
  },
  rate: { title: 'New TCP connections a second, all on this machine, by apps × destinations', base: BASE },
  cpu: {
    title:
      'CPU time of the load balancer for a short TCP connection (what it takes more than without one), by apps × destinations',
    base: BASE,
  },
  open: { title: 'On open TCP connections, 1 app × 3 destinations', base: BASE },
  load: { title: 'Loading a ruleset into an empty kernel, by apps × destinations', base: FLAT_MAP },
  reload: { title: 'Loading it again', base: FLAT_MAP },
  change: { title: 'Changing one destination', base: FLAT_MAP },
  reloads: { title: 'Connections while the rules are loaded again and again, 1 app × 3 destinations' },
  blast: {
    title: 'SYNs of new flows, as many as a CPU can send, while the rules are loaded again and again',
  },
};

/** Samples are taken in random order; tables have this one. */
const ORDER = [direct, ...packetFilters(), ...scripts(), originalScript(), ...proxiesOf({}, 1)].map(
  ({ name }) => name,
);

/** Three digits of a number that is below a thousand. @param {number} value */
export function short(value) {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * The samples of a cell.
 * @param {readonly Sample[]} samples @param {string} table @param {string} column @param {string | undefined} variant
 */
function valuesOf(samples, table, column, variant) {
  return samples
    .filter((one) => one.table === table && one.column === column && one.variant === variant)
    .map(({ value }) => value);
}

/** `3.61 µs [3.50..3.80] 1.04 ×` @param {readonly number[]} values @param {readonly number[]} base @param {string} unit */
function cell(values, base, unit) {
  if (values.length === 0) return '-';
  const { median, min, max, count } = summary(values);
  const range = count > 1 ? ` [${short(min)}..${short(max)}]` : '';
  const ratio = base.length > 0 ? ` **${(median / summary(base).median).toFixed(2)} ×**` : '';
  return `${short(median)}${unit === '' ? '' : ` ${unit}`}${range}${ratio}`;
}

/** @param {readonly string[]} cells */
function line(cells) {
  return `| ${cells.join(' | ')} |`;
}

/** @param {readonly Sample[]} all @param {string} table @param {{ title: string, base?: string }} about */
function tableOf(all, table, { title, base }) {
  const samples = all.filter((sample) => sample.table === table);
  const columns = [...new Set(samples.map(({ column }) => column))];
  const rank = (/** @type {string} */ variant) =>
    (ORDER.indexOf(variant) + ORDER.length) % (ORDER.length + 1);
  const variants = [...new Set(samples.map(({ variant }) => variant))];
  if (variants.every((variant) => ORDER.some((name) => variant.startsWith(name))))
    variants.sort((a, b) => rank(a) - rank(b));
  const rows = variants.map((variant) => {
    const unit = samples.find((sample) => sample.variant === variant)?.unit ?? '';
    const cells = columns.map((column) => {
      const own =
        samples.find((sample) => sample.variant === variant && sample.column === column)?.unit ?? unit;
      return cell(valuesOf(samples, table, column, variant), valuesOf(samples, table, column, base), own);
    });
    return line([variant, ...cells]);
  });
  const against = base === undefined ? '' : `; **×**: against "${base}"`;
  return [
    `${title}${against}:`,
    '',
    line(['', ...columns]),
    line(['---', ...columns.map(() => '--:')]),
    ...rows,
    '',
  ];
}

/** Everything. @param {Results} results */
export function markdown(results) {
  const { machine, date, samples, notes } = results;
  const tables = Object.entries(TABLES).filter(([table]) => samples.some((sample) => sample.table === table));
  const goals = targets(samples).map(({ name, goal, measured, met }) =>
    line([name, goal, measured, met ? 'met' : '**missed**']),
  );
  return [
    `Measured by \`npm run bench\` on ${date}: ${machine}. Medians [least..most] of interleaved rounds; only ratios within one run mean something.`,
    '',
    ...(goals.length > 0
      ? [line(['what is aimed at', 'goal', 'measured', '']), line(['---', '--:', '--:', '---']), ...goals, '']
      : []),
    ...tables.flatMap(([table, about]) => tableOf(samples, table, about)),
    ...(notes.length > 0 ? ['Not measured:', '', ...notes.map((note) => `- ${note}`), ''] : []),
  ].join('\n');
}
