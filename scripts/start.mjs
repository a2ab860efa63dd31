// npm start: the sample with real packets, with nothing to prepare by hand; where there can be no lab, its ruleset. Arguments
// after -- replace the sample's.
import { ensureBuild } from './support/build.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { messageOf, runInherited, say } from './support/shell.mjs';

const TRY = ['try', 'examples/sample.json'];
/** What pomaloba ends with where the environment is at fault. */
const NO_LAB = 2;
const SAMPLE = ['--input-spec', 'examples/sample.json', '--output-type', 'iptables-rules'];

try {
  ensureNodeModules();
  ensureBuild();
  const given = process.argv.slice(2);
  const pomaloba = (/** @type {readonly string[]} */ args) =>
    runInherited(process.execPath, ['dist/cli.js', ...args]);
  process.exitCode = pomaloba(given.length > 0 ? given : TRY);
  if (given.length === 0 && process.exitCode === NO_LAB) {
    say('\nstart: it cannot be tried here, so this is only what would be loaded:\n');
    process.exitCode = pomaloba(SAMPLE);
  }
} catch (reason) {
  say(`start: ${messageOf(reason)}`);
  process.exitCode = 1;
}
