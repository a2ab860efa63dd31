// The facts as text for people.
import { FAMILY_NAMES, withPort } from '../model/address.js';
import { checkText } from './check.js';
import type { AppFacts, DestinationFacts, Explanation, LimitFacts, PoolFacts } from './facts.js';
import { labelled, table } from './layout.js';

/** What stands beside a label. */
type Fact = readonly [label: string, text: string];

/** A column of the table of destinations: its title, and what stands in it. */
type Column = readonly [title: string, cell: (destination: DestinationFacts, pool: PoolFacts) => string];

const SCHEDULERS: Readonly<Record<AppFacts['scheduler'], string>> = {
  random: 'random: each new connection draws a destination, by weight',
  'source-hash': "source-hash: by the client's address, the same on every load balancer",
  'round-robin': 'round-robin: by turns and weight, the heavy ones spread',
};

const ON_EMPTY: Readonly<Record<AppFacts['on_empty'], string>> = {
  reject: 'every connection is rejected at once',
  drop: 'every connection is dropped, without an answer',
};

/** A client is what they count by. */
const LIMITS: readonly (readonly [key: keyof LimitFacts, text: string])[] = [
  ['connections_per_client', 'connections of a client (IPv4 address or IPv6 /64) at the same time'],
  ['new_per_second_per_client', 'new ones of a client a second'],
  ['new_per_second', 'new ones of all clients a second'],
];

const COLUMNS: readonly Column[] = [
  ['destination', ({ ip, port }, { family }) => withPort({ family, text: ip }, port ?? undefined)],
  ['weight', ({ weight }) => String(weight)],
  ['share', shareOf],
  [
    'capacity',
    ({ drained, capacity }) => (drained ? '-' : capacity === null ? 'no limit' : counted(capacity)),
  ],
];

/** What nf_conntrack_init_start sets (net/netfilter/nf_conntrack_core.c); before Linux 5.15 by other steps. */
const CONNTRACK_DEFAULT = '262,144 with more than 4 GiB of memory, 65,536 with more than 1 GiB, fewer below';

/** The source ports of a destination, divided by the seconds that a port is taken for nothing. */
const CLOSED =
  'a closed connection counts for 120 s more (nf_conntrack_tcp_timeout_time_wait), ' +
  'which leaves a destination ports for about 537 new ones a second from each address of the load balancer';

const SHARED = 'several apps have a destination in common, and its capacity with it';

const PRESERVED =
  "connections that keep the client's address come on top: the ports are the client's, and their number is not limited";

/** About what a connection takes of the kernel's memory. */
const ENTRY_BYTES = 320;

/** The text of `explanation`: an app after the other, and what concerns all of them. */
export function explanationToText(explanation: Explanation): string {
  const parts = [...explanation.apps.flatMap(appParts), ...conntrackParts(explanation)];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function appParts(app: AppFacts): string[][] {
  const checks = checkText(app);
  const facts: Fact[] = [
    ['scheduler', SCHEDULERS[app.scheduler]],
    ...(app.affinity === null ? [] : [['affinity', affinityOf(app.affinity)] as const]),
    ['no destination', ON_EMPTY[app.on_empty]],
    ...limitsOf(app.limits),
    ...(checks === undefined ? [] : [['health check', checks] as const]),
  ];
  return [[app.app, ...labelled(facts)], ...app.pools.flatMap((pool) => poolParts(app, pool))];
}

function limitsOf(limits: LimitFacts): Fact[] {
  const texts = LIMITS.flatMap(([key, text]) => {
    const most = limits[key];
    return most === null ? [] : [`${counted(most)} ${text}`];
  });
  return texts.length === 0 ? [] : [['limits', `${texts.join('; ')}. What is over gets no answer`]];
}

function poolParts(app: AppFacts, pool: PoolFacts): string[][] {
  const endpoints = pool.endpoints.map(
    ({ ip, port, protocol }) => `${withPort({ family: pool.family, text: ip }, port)}/${protocol}`,
  );
  const isEmpty = pool.capacity === 0;
  const facts: Fact[] = [
    [`${FAMILY_NAMES[pool.family]} endpoints`, endpoints.join(', ')],
    // Who may not come is of no matter to a pool that takes nobody.
    ...(isEmpty ? [] : [['clients', clientsOf(pool)] as const, ['workers see', sourceOf(pool)] as const]),
    ['capacity', isEmpty ? `none: ${ON_EMPTY[app.on_empty]}` : capacityOf(pool)],
  ];
  const titles = COLUMNS.map(([title]) => title);
  const rows = pool.destinations.map((destination) => COLUMNS.map(([, cell]) => cell(destination, pool)));
  return [labelled(facts), ...(rows.length === 0 ? [] : [table([titles, ...rows])])];
}

function shareOf({ drained, backup, percent }: DestinationFacts): string {
  if (drained) return 'drained';
  // Without anybody else, it is no longer what it is called.
  return backup && percent === 0 ? 'backup' : `${percent.toFixed(2)} %`;
}

function affinityOf(seconds: number): string {
  return `a client keeps its destination until it has opened no connection for ${seconds} s`;
}

function clientsOf({ allow_from: networks, family }: PoolFacts): string {
  if (networks === null) return 'everyone';
  if (networks.length === 0) return `nobody: allow_from has no ${FAMILY_NAMES[family]} network`;
  return `only ${networks.join(', ')}; others get no answer`;
}

/** The source address of what is balanced. */
function sourceOf({ masquerade_from: networks, snat }: PoolFacts): string {
  const masqueraded =
    snat === null
      ? "the load balancer's address on the way to them"
      : `${snat.join(', ')}${snat.join().includes('-') || snat.length > 1 ? ', one of them by chance' : ''}`;
  if (networks === null) return masqueraded;
  const exceptions = `from ${networks.join(', ')} and from the load balancer itself: ${masqueraded}`;
  return `the client's address, and answer through the load balancer; ${exceptions}`;
}

function capacityOf({ capacity, full_at: fullAt }: PoolFacts): string {
  if (capacity === null || fullAt === null) return "not limited: the ports are each client's own";
  const all = `${counted(capacity)} connections at the same time`;
  return fullAt === capacity
    ? all
    : `${all}; by the shares, the first destination is full at ${counted(fullAt)}`;
}

function conntrackParts({ apps, conntrack: { sysctl, entries } }: Explanation): string[][] {
  const capacities = apps.flatMap(({ pools }) => pools).map(({ capacity }) => capacity);
  const preserved: Fact[] = capacities.includes(null) ? [['preserved', PRESERVED]] : [];
  const title = 'conntrack, for all apps together';
  if (entries === 0) {
    return preserved.length === 0
      ? []
      : [[title, ...labelled([...preserved, ['default', CONNTRACK_DEFAULT]])]];
  }
  const sum = capacities.reduce<number>((all, capacity) => all + (capacity ?? 0), 0);
  const mebibytes = counted(Math.ceil((entries * ENTRY_BYTES) / 2 ** 20));
  const facts: Fact[] = [
    ...(sum > entries ? [['shared', SHARED] as const] : []),
    ['needed', `${sysctl} = ${entries} or more, for all destinations at their capacity at the same time`],
    ['memory', `about ${mebibytes} MiB, for as many connections`],
    ...preserved,
    ['default', CONNTRACK_DEFAULT],
    ['closed', CLOSED],
  ];
  return [[title, ...labelled(facts)]];
}

function counted(number: number): string {
  return number.toLocaleString('en-US');
}
