// Start-up, rendering and loading, against `node -e 0` and against the kernel.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchAnsible } from './ansible.mjs';
import { interleaved, median, run, spread } from './measure.mjs';
import { DESTINATIONS, specs } from './specs.mjs';

const CLI = [process.execPath, 'dist/cli.js'];
const SIZES = [1, 100, 1000, 10_000];

/**
 * A command in a network namespace that ends with it. Root needs no user namespace, and large rulesets do not
 * load in one: nft may not raise the size of its socket's buffer there.
 * @param {readonly string[]} command
 */
function isolated(command) {
  return ['unshare', process.getuid?.() === 0 ? '-n' : '-Urn', ...command];
}

function benchStart() {
  const rounds = 21;
  const [node = [], sample = []] = interleaved(
    [
      [process.execPath, '-e', '0'],
      [...CLI, '--input-spec', 'examples/sample.json', '--output-type', 'iptables-rules'],
    ],
    rounds,
  );
  console.log(`Start to finish, median of ${rounds} interleaved runs [least..most]:`);
  console.log(`  node -e 0               ${spread(node)}`);
  console.log(
    `  pomaloba sample.json    ${spread(sample)}  = ${(median(sample) / median(node)).toFixed(2)} x (goal: 2.5)\n`,
  );
}

/** @param {string} directory @param {number} count */
function benchSize(directory, count) {
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
    const load = interleaved([isolated(loader)], rounds)[0] ?? [];
    const rendering = Math.max(0, median(print) - median(validate));
    const columns = [
      String(count).padStart(6),
      type.padEnd(15),
      `${median(print).toFixed(0)} ms`.padStart(9),
      `${(median(print) / count).toFixed(2)} ms`.padStart(9),
      `${rendering.toFixed(0)} ms`.padStart(9),
      `${Math.max(...print.map(({ mebibytes }) => mebibytes)).toFixed(0)} MiB`.padStart(9),
      `${median(load).toFixed(0)} ms`.padStart(9),
      (median(print) / median(load)).toFixed(2).padStart(8),
    ];
    console.log(columns.join(' '));
  });
}

/** A role written from nothing, checked when it is up to date, and one destination changed. @param {string} directory */
function benchRole(directory) {
  console.log('\npomaloba ansible, of as many apps; median of 5 interleaved runs [least..most]:');
  console.log(
    '  apps  validate           write              --check            --check --diff after a change',
  );
  for (const count of [1, 1000]) {
    const [spec, changed] = [`role-${count}.yml`, `changed-${count}.yml`].map((name) =>
      join(directory, name),
    );
    const text = specs(count);
    writeFileSync(spec ?? '', text);
    writeFileSync(changed ?? '', text.replace('10.0.1.0,', '10.0.99.1,'));
    const ansible = [...CLI, 'ansible', '--out', join(directory, `written-${count}/lb`)];
    run([...ansible, spec ?? '']);
    const fresh = ['sh', '-c', 'rm -rf "$1"; shift; exec "$@"', 'sh', join(directory, 'fresh')];
    const samples = interleaved(
      [
        [...CLI, 'validate', spec ?? ''],
        [...fresh, ...CLI, 'ansible', '--out', join(directory, 'fresh/lb'), spec ?? ''],
        [...ansible, spec ?? '', '--check'],
        // Its exit code 3 is what is expected.
        ['sh', '-c', '"$@"; test $? = 3', 'sh', ...ansible, changed ?? '', '--check', '--diff'],
      ],
      5,
    );
    console.log([String(count).padStart(6), ...samples.map((one) => spread(one).padEnd(18))].join(' '));
  }
}

/**
 * All of it, about five minutes.
 * @param {string | undefined} obstacle what keeps this machine from running container load balancers
 */
export function bench(obstacle) {
  const { stdout } = run(isolated(['nft', '--version']));
  const memory = spawnSync('sed', ['-n', 's/^MemTotal: *//p', '/proc/meminfo'], {
    encoding: 'utf8',
  }).stdout.trim();
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'} x ${cpus().length}, ${memory}, Linux ${release()}, Node ${process.version}, ${stdout.trim()}\n`,
  );
  benchStart();
  console.log(
    `Apps of ${DESTINATIONS} destinations in one file; "rendering" is what printing takes longer than validating.`,
  );
  console.log('  apps type              printed   per app rendering    memory  to load  printed/load');
  const directory = mkdtempSync(join(tmpdir(), 'pomaloba-bench-'));
  try {
    for (const count of SIZES) benchSize(directory, count);
    benchRole(directory);
    if (obstacle === undefined) benchAnsible(directory);
    else console.log(`\nansible-playbook was not measured: ${obstacle}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
