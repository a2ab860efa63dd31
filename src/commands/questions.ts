// The command line of what tells something about specs and changes nothing.
import { type Command, Option } from 'commander';
import { type Format, FORMATS } from '../diagram/formats.js';
import { UsageError } from '../errors.js';
import { type Protocol, PROTOCOLS } from '../model/model.js';
import { OUTPUT_TYPES } from '../print/output.js';
import { commandOfSpecs, type InputFlags, inputs, repeatable } from './options.js';
import type { Outcome, Run, Stage } from './outcome.js';
import { validate } from './validate.js';

/** The command validate. */
export function addValidate(program: Command, run: Run): void {
  commandOfSpecs(program, 'validate', 'check specs, each by itself and all together')
    .option('--json', 'print the report as JSON, on standard output')
    .action((specs: string[], flags: InputFlags) => {
      const named = inputs(specs, flags);
      return run(() => validate(named), { json: flags.json ?? false, reportIsProduct: true });
    });
}

/** The command explain. Loaded only where it is asked for, as ansible is. */
export function addExplain(program: Command, run: Run): void {
  commandOfSpecs(
    program,
    'explain',
    'print what becomes of the connections: shares, addresses, capacity; see docs/explain.md',
  )
    .option('--json', 'print it as JSON')
    .action((specs: string[], flags: InputFlags) => {
      const { json = false } = flags;
      const named = inputs(specs, flags);
      const command = async (): Promise<Outcome> => (await import('./explain.js')).explain(named, json);
      return run(command, { json, reportIsProduct: false });
    });
}

/** The command diagram. */
export function addDiagram(program: Command, run: Run): void {
  commandOfSpecs(program, 'diagram', 'draw who is sent where')
    .addOption(new Option('--format <format>', 'as what').choices(FORMATS).default('text'))
    .option('--json', 'print what is wrong as JSON, on standard error')
    .action((specs: string[], flags: InputFlags & { readonly format: Format }) => {
      const named = inputs(specs, flags);
      const command = async (): Promise<Outcome> =>
        (await import('./diagram.js')).diagram(named, flags.format);
      return run(command, { json: flags.json ?? false, reportIsProduct: false });
    });
}

interface TraceFlags extends InputFlags {
  readonly from: string;
  readonly to: string;
  readonly protocol: Protocol;
  readonly outputType: string;
  readonly name?: string;
  readonly down?: readonly string[];
}

/** The command trace. */
export function addTrace(program: Command, run: Run): void {
  commandOfSpecs(
    program,
    'trace',
    'follow a connection through the printed rules: where to, and why; see docs/trace.md',
  )
    .requiredOption('--from <ip>', 'the client, which is not the load balancer itself')
    .requiredOption('--to <ip:port>', 'what it connects to; of IPv6 [ip]:port')
    .addOption(new Option('--protocol <protocol>', 'over what').choices(PROTOCOLS).default('tcp'))
    .addOption(
      new Option('--output-type <type>', 'whose rules').choices(OUTPUT_TYPES).default('nftables-rules'),
    )
    .option('--name <name>', "the ruleset's name (default: the app's, if there is one app)")
    .addOption(repeatable('--down <ip:port>', 'a destination that is down, with its port or without'))
    .option('--json', 'print it as JSON')
    .action((specs: string[], flags: TraceFlags) => {
      const { from, to, protocol, outputType, name, down = [], json = false } = flags;
      const options = {
        inputs: inputs(specs, flags),
        ...{ from, to, protocol, outputType, name, down, json },
      };
      const command = async (): Promise<Outcome> => (await import('./trace.js')).trace(options);
      return run(command, { json, reportIsProduct: false });
    });
}

interface TryFlags extends InputFlags {
  readonly outputType: string;
  readonly requests?: number;
  readonly kill?: string;
  readonly name?: string;
}

/** How many requests are made at most: a minute's worth or more. */
const MOST_REQUESTS = 100_000;

/** The command try. */
export function addTry(program: Command, run: Run): void {
  commandOfSpecs(
    program,
    'try',
    'load the ruleset in a lab of network namespaces, send requests, show who gets them; see docs/try.md',
  )
    .addOption(
      new Option('--output-type <type>', 'what is loaded')
        .choices([...OUTPUT_TYPES, 'ansible'])
        .default('nftables'),
    )
    .addOption(
      new Option(
        '--requests <number>',
        'how many, to each app and address family (default: 1000, of many apps less)',
      ).argParser(requestsOf),
    )
    .option('--kill <worker>', 'stop a worker on the way, by its name or address')
    .option('--name <name>', "the ruleset's name (default: the app's, if there is one app)")
    .option('--json', 'print what came of it as JSON')
    .action((specs: string[], flags: TryFlags) => {
      const { outputType, requests, kill, name, json = false } = flags;
      const options = { inputs: inputs(specs, flags), ...{ outputType, requests, kill, name, json } };
      const command = async (stage: Stage): Promise<Outcome> =>
        (await import('./try.js')).tryRuleset(options, stage);
      return run(command, { json, reportIsProduct: false });
    });
}

function requestsOf(text: string): number {
  const number = /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : Infinity;
  if (number <= MOST_REQUESTS) return number;
  throw new UsageError(`--requests ${text} cannot be`, `it is a number from 1 to ${MOST_REQUESTS}`);
}
