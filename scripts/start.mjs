// npm start: the sample's ruleset, with nothing to prepare by hand. Arguments after -- replace the sample's.
import { ensureBuild } from './support/build.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { messageOf, runInherited, say } from './support/shell.mjs';

const SAMPLE = ['--input-spec', 'examples/sample.json', '--output-type', 'iptables-rules'];

try {
  ensureNodeModules();
  ensureBuild();
  const given = process.argv.slice(2);
  process.exitCode = runInherited(process.execPath, ['dist/cli.js', ...(given.length > 0 ? given : SAMPLE)]);
} catch (reason) {
  say(`start: ${messageOf(reason)}`);
  process.exitCode = 1;
}
