// The command line: which commands and options there are. What they do is in their own files.
import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import { OUTPUT_TYPES } from '../print/output.js';
import { printable } from '../problem/printable.js';
import { SCHEMA_FILE } from '../validate/schema.js';
import type { Shell } from './completion.js';
import {
  actionOf,
  addRoleOptions,
  commandOfSpecs,
  inputs,
  inputSpec,
  misplaced,
  type PrintFlags,
  type RoleFlags,
  toAnsibleOptions,
} from './options.js';
import type { Outcome, Run } from './outcome.js';
import { print } from './print.js';
import { addDiagram, addExplain, addTrace, addTry, addValidate } from './questions.js';

const EXAMPLES = `Examples:
  pomaloba --input-spec sample.json --output-type iptables-rules   print what iptables-restore reads
  pomaloba --input-spec sample.json --output-type nftables | sudo sh
  pomaloba --input-spec sample.json --output-type nftables --delete | sudo sh
  pomaloba specs/ --name lb --output-type nftables-rules --out lb.nft
  pomaloba validate specs/*.yml
  pomaloba explain specs/*.yml
  pomaloba trace sample.json --from 203.0.113.7 --to 1.2.3.4:1234
  pomaloba try sample.json                                         real packets, in network namespaces
  pomaloba ansible --input-spec specs/ --out roles/pomaloba --playbook site.yml --inventory inventory.yml
  pomaloba ansible --input-spec specs/ --out roles/pomaloba --check --diff        for CI: exit code 3 if stale
`;

const SHELLS: readonly Shell[] = ['bash', 'fish', 'zsh'];

const EXIT_CODES = `
Exit codes:
  0   done
  1   the spec has problems, which are printed; or the traffic does not do what it says (try)
  2   the command line or the environment is at fault
  3   ansible --check: the files are stale; or a file is in the way and was not overwritten
  70  a bug in pomaloba
`;

/** The whole command line; `run` shows what a command yields. */
export function buildProgram(version: string, run: Run): Command {
  const program = new Command('pomaloba')
    .description("The Poor man's Load Balancer: turns specs into netfilter rulesets and Ansible roles.")
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .enablePositionalOptions()
    // What is wrong is thrown, and told by cli.ts as everything else.
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .hook('preSubcommand', refuseOwnOptions);
  addPrint(program, run);
  addAnsible(program, run);
  addValidate(program, run);
  addExplain(program, run);
  addTrace(program, run);
  addDiagram(program, run);
  addTry(program, run);
  addSchema(program, run);
  addCompletion(program, run);
  return program;
}

/** Options before a command belong to printing: `--input-spec a.yml validate b.yml` would not look at a.yml. */
function refuseOwnOptions(program: Command, command: Command): void {
  const given = program.options.find((one) => program.getOptionValueSource(one.attributeName()) === 'cli');
  if (!given) return;
  const hint = `options of a command stand after it: pomaloba ${command.name()} --help shows them`;
  throw new UsageError(`${given.long ?? given.flags} does not belong before ${command.name()}`, hint);
}

function addPrint(program: Command, run: Run): void {
  program
    .argument('[spec...]', 'specs: files, directories, or - for standard input')
    .addOption(inputSpec())
    .addOption(
      new Option('--output-type <type>', 'what to print; ansible is the command ansible')
        .choices([...OUTPUT_TYPES, 'ansible'])
        .default('iptables'),
    )
    .option('--delete', 'print what removes the rules again, once open connections have ended')
    .option('--now', 'with --delete: at once, open connections are cut')
    .option('--name <name>', "the ruleset's name (default: the app's, if there is one app)")
    .option('--out <file>', 'write to a file, as a whole or not at all, instead of standard output')
    .option('--json', 'print what is wrong as JSON, on standard error');
  addRoleOptions(program, { hidden: true });
  program.action((specs: string[], flags: PrintFlags) => {
    if (flags.outputType === 'ansible') return runAnsible(specs, flags, run);
    const stray = misplaced(flags);
    if (stray !== undefined) throw new UsageError(`${stray} needs --output-type ansible`);
    const { name, out, json = false, outputType } = flags;
    const action = actionOf(flags);
    // What to remove is known by its name: the specs may be lost, or no longer valid.
    const noSpec = action !== 'load' && name !== undefined && specs.length === 0 && !flags.inputSpec;
    const options = { inputs: noSpec ? [] : inputs(specs, flags), outputType, action, name, out };
    return run(() => toFile(out, print(options)), { json, reportIsProduct: false });
  });
}

function addAnsible(program: Command, run: Run): void {
  const command = commandOfSpecs(
    program,
    'ansible',
    'write an Ansible role that installs, applies and persists the ruleset; see docs/gitops.md',
  )
    .option('--out <directory>', "the role's directory, for example roles/pomaloba")
    .option('--name <name>', "the ruleset's name (default: lb)")
    .option('--json', 'print what was done as JSON, on standard output');
  addRoleOptions(command, { hidden: false });
  command.action((specs: string[], flags: RoleFlags) => runAnsible(specs, flags, run));
}

/** Loaded only where it is asked for: every other start is faster without. */
function runAnsible(specs: readonly string[], flags: Partial<PrintFlags>, run: Run): Promise<void> {
  if (flags.delete ?? flags.now) {
    throw new UsageError('a role has no --delete', 'run the playbook with pomaloba_state: absent');
  }
  const options = toAnsibleOptions(specs, flags);
  const command = async (): Promise<Outcome> => (await import('./ansible.js')).ansible(options);
  return run(command, { json: options.json, reportIsProduct: true });
}

function addSchema(program: Command, run: Run): void {
  program
    .command('schema')
    .description("print the spec's JSON Schema, for editors")
    .action(() => {
      const schema = (): Outcome => ({ stdout: readFileSync(SCHEMA_FILE, 'utf8'), problems: [] });
      return run(schema, { json: false, reportIsProduct: false });
    });
}

/** What makes the scripts is loaded only for them: every other start is faster without. */
function addCompletion(program: Command, run: Run): void {
  program
    .command('completion')
    .description('print a completion script')
    .addArgument(new Argument('<shell>', 'which shell it is for').choices(SHELLS))
    .action((shell: Shell) => {
      const script = async (): Promise<Outcome> =>
        (await import('./completion.js')).completion(program, shell);
      return run(script, { json: false, reportIsProduct: false });
    });
}

async function toFile(out: string | undefined, outcome: Outcome): Promise<Outcome> {
  if (out === undefined || outcome.stdout === '') return outcome;
  const { writeFile } = await import('../print/write-file.js');
  writeFile(out, outcome.stdout);
  return { ...outcome, stdout: '', note: `${printable(out)}: written` };
}
