// What the rules that were printed do with a connection, as the lab sees it.
import { LB } from '../lab/topology.js';
import { nameOf } from '../lab/traffic.js';
import type { Trace } from '../trace/facts.js';

export interface Expectation {
  /** The error that a connection ends with; undefined: it is answered. */
  readonly error: 'ECONNREFUSED' | 'ETIMEDOUT' | undefined;
  /** Shares, by `ip:port` of who answers. */
  readonly destinations: Readonly<Record<string, number>>;
  /** Shares, by the address that who answers sees. */
  readonly sources: Readonly<Record<string, number>>;
}

/** `trace` as the lab sees it. What is not balanced comes to the load balancer itself, where nobody listens. */
export function expectationOf({ outcomes, from }: Trace): Expectation {
  const { verdict, sources } = outcomes[0] ?? {};
  const masquerade = LB.toWorkers[from.includes(':') ? 'ipv6' : 'ipv4'];
  const places = outcomes.flatMap(({ destination, share }) =>
    destination ? [[nameOf(destination), share] as const] : [],
  );
  return {
    error: verdict === 'balanced' ? undefined : verdict === 'dropped' ? 'ETIMEDOUT' : 'ECONNREFUSED',
    destinations: Object.fromEntries(places),
    sources: Object.fromEntries((sources ?? []).map(({ ip, share }) => [ip ?? masquerade, share])),
  };
}
