// pomaloba trace SPEC... --from IP --to IP:PORT: what the printed rules do with a connection, without a kernel.
import { UsageError } from '../errors.js';
import { type Address, parseAddress, unusableBecause } from '../model/address.js';
import type { Protocol } from '../model/model.js';
import { jsonText } from '../problem/printable.js';
import { isError } from '../problem/problem.js';
import { traceToText } from '../trace/text.js';
import { asksFor, type Down, trace as traceProgram } from '../trace/trace.js';
import { loadSpecs } from './load.js';
import type { Outcome } from './outcome.js';
import { ownAddresses, programOf } from './rules.js';
import { type Asked, backendOf, checkedType, rulesetOf } from './ruleset.js';

export interface TraceOptions extends Asked {
  readonly inputs: readonly string[];
  /** As they were given: IP, IP:PORT, and IP or IP:PORT. */
  readonly from: string;
  readonly to: string;
  readonly down: readonly string[];
  readonly protocol: Protocol;
  readonly json: boolean;
}

/** What becomes of the connection that `options` ask about. Throws UsageError where they do not make sense. */
export function trace(options: TraceOptions): Outcome {
  const backend = backendOf(checkedType(options));
  const { from, to, port } = endsOf(options);
  const down = options.down.map(parseDown);
  const loaded = loadSpecs(options.inputs);
  if (loaded.problems.some(isError)) return { stdout: '', problems: loaded.problems };
  const { view, problems } = rulesetOf(loaded, options.name, backend);
  if (!view) return { stdout: '', problems };
  // A script has the same rules.
  const type = `${backend}-rules` as const;
  const program = programOf(view, backend);
  down.forEach((one, index) => {
    if (asksFor(program, one)) return;
    throw new UsageError(
      `--down ${options.down[index] ?? ''} is no destination that new connections go to`,
      'name one as the spec does, with its port or without; port 0 is that of one that has none',
    );
  });
  const own = ownAddresses(view);
  if (own.includes(from.text)) {
    const hint = 'name a client that is elsewhere: what the load balancer itself opens is not traced';
    throw new UsageError(`--from ${options.from} is an address of the load balancer`, hint);
  }
  const { name } = view.pomaloba_ruleset;
  const question = { from, to, port, protocol: options.protocol, down, own };
  const traced = traceProgram(program, question, { ruleset: name, output_type: type });
  return { stdout: options.json ? jsonText(traced) : traceToText(traced), problems };
}

interface Ends {
  readonly from: Address;
  readonly to: Address;
  readonly port: number;
}

const PLACE = 'an IP address and a port, for example 192.0.2.10:80 or [2001:db8::10]:80';

function endsOf({ from: client, to: endpoint }: Pick<TraceOptions, 'from' | 'to'>): Ends {
  const from = checkedAddress(
    '--from',
    client,
    client,
    'it is an IP address, for example 203.0.113.7; names are not looked up',
  );
  const { ip, port } = split(endpoint);
  const to = checkedAddress('--to', endpoint, ip, `it is ${PLACE}`);
  if (port === undefined || port === 0)
    throw new UsageError(`--to ${endpoint} has no port`, `it is ${PLACE}`);
  if (from.family !== to.family) {
    const hint = 'a connection is of IPv4 or of IPv6';
    throw new UsageError(`--from ${client} and --to ${endpoint} are of two address families`, hint);
  }
  return { from, to, port };
}

function parseDown(text: string): Down {
  const { ip, port } = split(text);
  const address = checkedAddress('--down', text, ip, `it is an IP address, or ${PLACE}`);
  return port === undefined ? { address } : { address, port };
}

/** An address, and the port behind it; an IPv6 address has brackets then, and may have them without. */
function split(text: string): { readonly ip: string; readonly port?: number } {
  const [, six, four, digits] = /^(?:\[(.*:.*)\]|([^:[\]]*))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const ip = six ?? four ?? text;
  if (digits === undefined) return { ip };
  const port = Number(digits);
  return port > 65_535 ? { ip: text } : { ip, port };
}

function checkedAddress(option: string, given: string, ip: string, hint: string): Address {
  const address = parseAddress(ip);
  if (typeof address === 'string') throw new UsageError(`${option} ${given} cannot be read`, hint);
  const kind = unusableBecause(address);
  if (kind !== undefined) throw new UsageError(`${option} ${given} is ${kind}`, hint);
  return address;
}
