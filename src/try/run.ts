// Makes the lab, loads what was printed, and sends the requests.
import { eachBounded } from '../lab/bounded.js';
import { LabError, LabUnavailable } from '../lab/errors.js';
import { createLab, type Lab } from '../lab/lab.js';
import { parseAddress } from '../model/address.js';
import { capture } from './capture.js';
import { clientCommands } from './clients.js';
import { type Exchange, exchangesOf } from './exchanges.js';
import type { TryPlan, Worker } from './plan.js';
import { Sender } from './send.js';
import type { Outcome } from './tally.js';
import type { Trial } from './trials.js';

export interface Setup {
  readonly plan: TryPlan;
  readonly trials: readonly Trial[];
  /** Loads the ruleset into the lab's load balancer. */
  readonly load: (lab: Lab) => Promise<void>;
  /** Who is stopped when half of the requests are made. */
  readonly killed: Worker | undefined;
  /** Tells how far it is, in words. */
  readonly progress: (text: string) => void;
  /** Is given the lab as soon as there is one. */
  readonly opened: (lab: Lab) => void;
}

export interface Ran {
  /** By trial: the requests that were to be answered, and those that were not. */
  readonly outcomes: readonly (readonly Outcome[])[];
  readonly refused: readonly (readonly Outcome[])[];
  readonly exchanges: readonly Exchange[];
  /** Why there is no picture. */
  readonly unseen?: string | undefined;
}

/** How many connections are drawn, and how many are looked at until one meets the worker that is gone. */
const DRAWN = 3;
const MOST_LOOKED_AT = 24;
const AT_ONCE = 4;

/** Tries it. The lab is gone afterwards. Rejects with the errors of the lab, and LoadError. */
export async function run(setup: Setup): Promise<Ran> {
  setup.progress('building the lab');
  const lab = await openLab(setup.plan);
  setup.opened(lab);
  try {
    const services = await prepare(lab, setup);
    setup.progress('loading the ruleset');
    await setup.load(lab);
    return await sendAll(lab, setup, services);
  } finally {
    await lab.close();
  }
}

/** Without a user namespace for root: nft may send more there. */
async function openLab({ lab }: TryPlan): Promise<Lab> {
  try {
    return await createLab({ ...lab, userNamespace: false });
  } catch (cause) {
    if (!(cause instanceof LabUnavailable)) throw cause;
    return createLab(lab);
  }
}

/** Stops the services at an address. */
type Stop = (worker: Worker) => Promise<void>;

async function prepare(lab: Lab, { plan, trials, progress }: Setup): Promise<Stop> {
  const froms = new Set(trials.flatMap(({ jobs, refused }) => [...jobs, ...refused].map(({ from }) => from)));
  const clients = [...froms].map(parseAddress).filter((one) => typeof one !== 'string');
  const commands = clientCommands(clients);
  await ip(lab, 'client', commands.client);
  await ip(lab, 'lb', commands.lb);
  // An ICMP error for each connection that is rejected, and not one a second.
  const unlimited =
    'cd /proc/sys/net; for file in ipv4/icmp_ratelimit ipv6/icmp/ratelimit; do echo 0 >$file; done';
  await lab.exec('lb', ['sh', '-c', unlimited]);
  // Only where clients' addresses are kept: else an answer must not find its way by luck.
  const routesBack = plan.pools.some(({ app }) => app.clientAddress === 'preserve');
  const stops = new Map<string, (ip: string) => Promise<void>>();
  await eachBounded([...plan.services], AT_ONCE, async ([host, list]) => {
    if (routesBack) await ip(lab, host, commands.worker);
    stops.set(host, (await lab.serve(host, list)).stop);
    progress(`starting workers: ${stops.size} of ${plan.services.size}`);
  });
  return async (worker) => stops.get(worker.host)?.(worker.ip);
}

async function ip(lab: Lab, host: string, commands: readonly string[]): Promise<void> {
  const stdin = commands.map((line) => `${line}\n`).join('');
  const { code, stderr } = await lab.exec(host, ['ip', '-batch', '-'], { stdin });
  if (code !== 0) throw new LabError(`the lab cannot be prepared: ${stderr.trim()}`);
}

async function sendAll(lab: Lab, { plan, trials, killed, progress }: Setup, stop: Stop): Promise<Ran> {
  const sender = new Sender(lab, trials, progress);
  const clients = new Set(
    trials.flatMap(({ jobs, refused }) => [...jobs, ...refused].map(({ from }) => from)),
  );
  const workers = new Map(plan.workers.map((one) => [one.ip, one.name]));
  const look = async (work: () => Promise<void>) => {
    const { packets, trouble } = await capture(lab, work);
    return { exchanges: exchangesOf(packets, clients, workers), trouble };
  };
  const first = await look(() => sender.sendFirst(DRAWN));
  const exchanges = [...first.exchanges];
  if (killed) {
    await sender.sendHalf();
    await stop(killed);
    sender.isLate = true;
    const { exchanges: after } = await look(() => sender.sendUntilFailure(killed, MOST_LOOKED_AT));
    exchanges.push(
      ...after
        .filter(({ hops }) => hops.some(({ label }) => label === 'RST' || label === 'ICMP error'))
        .slice(0, 1),
    );
  }
  await sender.sendRest();
  await sender.sendRefused();
  return { outcomes: sender.outcomes, refused: sender.refused, exchanges, unseen: first.trouble };
}
