// Start-up, rendering and loading, and roles, against `node -e 0` and against the kernel.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleaved, run } from './measure.mjs';
import { specs } from './specs.mjs';
import { median } from './statistics.mjs';

/** @typedef {import('./report.mjs').Results} Results */
/** @typedef {import('./measure.mjs').Sample} Timed */

const CLI = [process.execPath, 'dist/cli.js'];

/**
 * A command in a network namespace that ends with it. Root needs no user namespace, and large rulesets do not
 * load in one: nft may not raise the size of its socket's buffer there.
 * @param {readonly string[]} command
 */
function isolated(command) {
  return ['unshare', process.getuid?.() === 0 ? '-n' : '-Urn', ...command];
}

/** @param {readonly Timed[]} samples */
function times(samples) {
  return samples.map(({ milliseconds }) => milliseconds);
}

/** @param {Results} results @param {string} table @param {string} variant @param {string} column @param {readonly number[]} values @param {string} [unit] */
function add({ samples }, table, variant, column, values, unit = 'ms') {
  for (const value of values) samples.push({ table, variant, column, unit, value });
}

/** @param {string} directory @param {boolean} quick @param {Results} results */
export function benchStart(directory, quick, results) {
  const [node = [], sample = []] = interleaved(
    [
      [process.execPath, '-e', '0'],
      [...CLI, '--input-spec', 'examples/sample.json', '--output-type', 'iptables-rules'],
    ],
    quick ? 1 : 21,
  );
  add(results, 'start', 'node -e 0', 'time', times(node));
  add(results, 'start', 'pomaloba sample.json', 'time', times(sample));
}

/** @param {string} directory @param {boolean} quick @param {Results} results */
export function benchRendering(directory, quick, results) {
  for (const count of quick ? [1] : [1, 100, 1000, 10_000]) benchSize(directory, count, results);
}

/** @param {string} directory @param {number} count @param {Results} results */
function benchSize(directory, count, results) {
  const spec = join(directory, `${count}.yml`);
  writeFileSync(spec, specs(count));
  const rounds = count > 1000 ? 1 : 5;
  const types = /** @type {const} */ (['nftables-rules', 'iptables-rules']);
  const [validate = [], ...prints] = interleaved(
    [
      [...CLI, 'validate', spec],
      ...types.map((type) => [...CLI, spec, '--name', 'lb', '--output-type', type]),
    ],
    rounds,
  );
  types.forEach((type, index) => {
    const print = prints[index] ?? [];
    const file = join(directory, `${count}.${type}`);
    writeFileSync(file, print[0]?.stdout ?? '');
    const loader = type === 'nftables-rules' ? ['nft', '-f', file] : ['iptables-restore', '--noflush', file];
    // More take minutes; the part `loads` has what a load costs.
    const [load = []] = count > 1000 ? [] : interleaved([isolated(loader)], count > 100 ? 1 : rounds);
    const rendering = Math.max(0, median(times(print)) - median(times(validate)));
    const row = `${count.toLocaleString('en')} apps, ${type}`;
    add(results, 'render', row, 'printed', times(print));
    add(results, 'render', row, 'rendering', [rendering]);
    add(
      results,
      'render',
      row,
      'memory',
      print.map(({ mebibytes }) => mebibytes),
      'MiB',
    );
    add(results, 'render', row, 'loaded', times(load));
  });
}

/** A role written from nothing, checked when it is up to date, and one destination changed. @param {string} directory @param {boolean} quick @param {Results} results */
export function benchRole(directory, quick, results) {
  for (const count of quick ? [1] : [1, 1000]) {
    const [spec = '', changed = ''] = [`role-${count}.yml`, `changed-${count}.yml`].map((name) =>
      join(directory, name),
    );
    const text = specs(count);
    writeFileSync(spec, text);
    writeFileSync(changed, text.replace('10.0.1.0,', '10.0.99.1,'));
    const ansible = [...CLI, 'ansible', '--out', join(directory, `written-${count}/lb`)];
    run([...ansible, spec]);
    const fresh = ['sh', '-c', 'rm -rf "$1"; shift; exec "$@"', 'sh', join(directory, 'fresh')];
    const commands = {
      validate: [...CLI, 'validate', spec],
      write: [...fresh, ...CLI, 'ansible', '--out', join(directory, 'fresh/lb'), spec],
      '--check': [...ansible, spec, '--check'],
      // Its exit code 3 is what is expected.
      '--check --diff after a change': [
        ...['sh', '-c', '"$@"; test $? = 3', 'sh', ...ansible],
        ...[changed, '--check', '--diff'],
      ],
    };
    const samples = interleaved(Object.values(commands), quick ? 1 : 5);
    Object.keys(commands).forEach((column, index) => {
      add(results, 'role', `${count.toLocaleString('en')} apps`, column, times(samples[index] ?? []));
    });
  }
}
