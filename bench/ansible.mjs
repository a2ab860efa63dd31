// The role on a container load balancer: wall time of runs of ansible-playbook, against a playbook of one ping.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleaved, run } from './measure.mjs';
import { specs } from './specs.mjs';

const ROOT = join(import.meta.dirname, '..');
const SUPPORT = join(ROOT, 'molecule/support');
const LAB = 'pml-bench';
const ROLES = join(ROOT, '.cache/molecule/bench-roles');
const ROUNDS = 3;
/** As the sample has. */
const DESTINATIONS = 3;

const environment = {
  MOLECULE_PROJECT_DIRECTORY: ROOT,
  MOLECULE_SCENARIO_NAME: 'bench',
  ANSIBLE_ROLES_PATH: ROLES,
  ANSIBLE_PIPELINING: 'true',
};

/** @param {string} playbook @param {readonly string[]} [args] */
function play(playbook, args = []) {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const program = join(ROOT, '.venv/bin/ansible-playbook');
  return ['env', ...settings, program, '-i', join(SUPPORT, 'inventory.yml'), playbook, ...args];
}

/** @param {string} spec the file @param {string} text that it gets */
function makeRole(spec, text) {
  writeFileSync(spec, text);
  const out = join(ROLES, 'pomaloba');
  run([process.execPath, join(ROOT, 'dist/cli.js'), 'ansible', spec, '--out', out, '--force']);
}

/** @param {string} directory for specs @param {import('./report.mjs').Results} results */
function measure(directory, { samples }) {
  const [converge, ping] = [join(SUPPORT, 'converge.yml'), join(ROOT, 'bench/ping.yml')];
  const spec = join(directory, 'ansible.yml');
  const thousand = specs(1000, DESTINATIONS);
  makeRole(spec, specs(1, DESTINATIONS));
  const first = [run(play(converge))];
  const [pings = [], seconds = [], checks = []] = interleaved(
    [play(ping), play(converge), play(converge, ['--check'])],
    ROUNDS,
  );
  const applied = [thousand, thousand.replace('10.0.1.0,', '10.0.99.1,'), thousand].map((text) => {
    makeRole(spec, text);
    return run(play(converge));
  });
  const rows = {
    'a playbook of one ping': pings,
    'first run, with its packages': first,
    'second run': seconds,
    '--check': checks,
    '1,000 apps applied': applied,
  };
  for (const [variant, runs] of Object.entries(rows))
    for (const { milliseconds } of runs)
      samples.push({ table: 'ansible', column: 'time', variant, unit: 's', value: milliseconds / 1000 });
}

/** About three minutes. @param {string} directory for specs @param {import('./report.mjs').Results} results */
export function benchAnsible(directory, results) {
  const lab = join(SUPPORT, 'lab.sh');
  try {
    run([lab, 'up', LAB, 'bookworm']);
    measure(directory, results);
  } finally {
    run([lab, 'down', LAB]);
    rmSync(ROLES, { recursive: true, force: true });
  }
}
