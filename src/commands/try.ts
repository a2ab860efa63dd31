// pomaloba try SPEC...: the printed ruleset in a lab of network namespaces, and what real traffic does there.
import { EnvironmentError, UsageError } from '../errors.js';
import { LabError, LabPlanError, LabUnavailable } from '../lab/errors.js';
import type { Lab } from '../lab/lab.js';
import { type Address, parseAddress } from '../model/address.js';
import type { Backend } from '../model/backends.js';
import { buildApp } from '../model/build.js';
import { type OutputType, printRuleset } from '../print/output.js';
import { isError } from '../problem/problem.js';
import { jsonText } from '../problem/printable.js';
import { buildRole } from '../role/build.js';
import { trace } from '../trace/trace.js';
import { expectationOf } from '../try/expectation.js';
import { LoadError, loadText } from '../try/load.js';
import { planOf, TooLarge, type TryPlan, type Way, type Worker } from '../try/plan.js';
import { factsOf } from '../try/report.js';
import { loadRole } from '../try/role.js';
import { type Ran, run } from '../try/run.js';
import { tryToText } from '../try/text.js';
import { type Expect, trialsOf } from '../try/trials.js';
import { roleProblems } from '../validate/capabilities.js';
import type { View } from '../view/view.js';
import { loadSpecs } from './load.js';
import { EXIT, type Outcome, type Stage } from './outcome.js';
import { ownAddresses, programOf } from './rules.js';
import { type Asked, backendOf, checkedType, rulesetOf } from './ruleset.js';

/** The output type that is a role. */
const ROLE = 'ansible';

export interface TryOptions extends Asked {
  readonly inputs: readonly string[];
  /** To each app and address family; undefined: as many as tell something. */
  readonly requests: number | undefined;
  /** A worker, by its name in the picture or by its address. */
  readonly kill: string | undefined;
  readonly json: boolean;
}

/** Tries what `options` ask for, and tells what came of it. Throws UsageError, and EnvironmentError where there can be no lab. */
export async function tryRuleset(options: TryOptions, stage: Stage): Promise<Outcome> {
  const isRole = options.outputType === ROLE;
  // The role's own default.
  const type = checkedType(isRole ? { name: options.name, outputType: 'nftables-rules' } : options);
  const backend = backendOf(type);
  const loaded = loadSpecs(options.inputs);
  if (loaded.problems.some(isError)) return { stdout: '', problems: loaded.problems };
  const { view, problems } = rulesetOf(loaded, isRole ? (options.name ?? 'lb') : options.name, backend);
  if (!view) return { stdout: '', problems };
  const load = isRole ? roleLoader(view) : textLoader(type, view);
  const apps = loaded.specs.map(buildApp);
  const { ran, plan, trials, killed } = await inLab(async () => {
    const plan = planOf(apps);
    if (plan.pools.length === 0) throw new UsageError('there is nothing to try', plan.notTried.join('; '));
    const killed = workerOf(plan, options.kill);
    const trials = trialsOf(plan, options.requests, expectBy(view, backend));
    const ran = await watched({ plan, trials, load, killed }, stage);
    return { ran, plan, trials, killed };
  });
  const { name } = view.pomaloba_ruleset;
  const facts = factsOf(plan, trials, ran, { ruleset: name, outputType: isRole ? ROLE : type, killed });
  return {
    stdout: options.json ? jsonText(facts) : tryToText(facts, plan.workers, stage.isColorful),
    problems: [...problems, ...(isRole ? [] : roleProblems(loaded.documents))],
    exitCode: facts.agrees ? EXIT.done : EXIT.problems,
  };
}

type Load = (lab: Lab) => Promise<void>;

function textLoader(type: OutputType, view: View): Load {
  const text = printRuleset(type, view, 'load');
  return (lab) => loadText(lab, type, text);
}

function roleLoader(view: View): Load {
  const role = buildRole(view, { role: 'pomaloba', backend: 'nftables' });
  return (lab) => loadRole(lab, role);
}

/** Runs it; a signal closes the lab, and ends the program before what fails then is told. */
async function watched(
  setup: Omit<Parameters<typeof run>[0], 'progress' | 'opened'>,
  stage: Stage,
): Promise<Ran> {
  const interruption = { hasCome: false };
  const opened = (lab: Lab): void => {
    stage.beforeSignal(async () => {
      interruption.hasCome = true;
      await lab.close();
    });
  };
  try {
    return await run({ ...setup, progress: stage.progress, opened });
  } catch (cause) {
    if (interruption.hasCome) await new Promise(() => undefined);
    throw cause;
  }
}

/** What the rules do with a connection; asked once for each client and way. */
function expectBy(view: View, backend: Backend): Expect {
  const program = programOf(view, backend);
  const own = ownAddresses(view);
  const named = { ruleset: view.pomaloba_ruleset.name, output_type: backend };
  const known = new Map<string, ReturnType<Expect>>();
  return (from, way: Way) => {
    const { ip, port, protocol } = way;
    const key = `${from.text} ${protocol} ${ip} ${port}`;
    const before = known.get(key);
    if (before) return before;
    const question = { from, to: addressOf(ip), port, protocol, down: [], own };
    const due = expectationOf(trace(program, question, named));
    known.set(key, due);
    return due;
  };
}

function addressOf(ip: string): Address {
  const address = parseAddress(ip);
  if (typeof address === 'string') throw new TypeError(`${ip} is no address`);
  return address;
}

function workerOf({ workers }: TryPlan, asked: string | undefined): Worker | undefined {
  if (asked === undefined) return undefined;
  const address = parseAddress(asked);
  const ip = typeof address === 'string' ? undefined : address.text;
  const worker = workers.find((one) => one.ip === ip || one.name.toLowerCase() === asked.toLowerCase());
  if (worker) return worker;
  const names = workers.slice(0, 5).map((one) => `${one.name} (${one.ip})`);
  const more = workers.length > names.length ? ' and so on' : '';
  throw new UsageError(`--kill ${asked} is no worker`, `there is ${names.join(', ')}${more}`);
}

/** The errors of a lab in the words of the command line. */
async function inLab<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof TooLarge || cause instanceof LabPlanError) {
      throw new UsageError(`no lab can be made for this: ${cause.message}`, 'try a part of it');
    }
    if (cause instanceof LabUnavailable || cause instanceof LoadError || cause instanceof LabError) {
      const [message = '', ...details] = cause.message.split('\n');
      throw new EnvironmentError(message, { cause, details });
    }
    throw cause;
  }
}
