// How destinations are checked: complete, and as the role's checker reads it, so that the view passes it on as it is.
import type { CheckHttp, DestinationCheck, HealthCheck, Spec } from '../generated/spec.js';
import { secondsOf } from './duration.js';
import type { OnEmpty } from './model.js';

/** The ways of checking that a spec can name. */
export const CHECK_KINDS = ['tcp', 'http', 'https', 'udp', 'exec', 'kube_proxy'] as const;
export type CheckKind = (typeof CHECK_KINDS)[number];

/** What holds where a spec says nothing. */
export const CHECK_DEFAULTS = { interval: '2s', timeout: '1s', rise: 2, fall: 3 } as const;

/** What kube-proxy answers on each node, if it is asked. */
const KUBE_PROXY = { port: 10_256, path: '/healthz', status: 200 } as const;

/** The first and the last of the status codes that pass. */
export type StatusRange = readonly [first: number, last: number];

/** Where, how often, and what follows from it. */
interface Timing {
  readonly port: number;
  /** In seconds, from start to start, and the longest that it may take. */
  readonly interval: number;
  readonly timeout: number;
  /** So many passes in a row bring the destination back, so many failures take it out. */
  readonly rise: number;
  readonly fall: number;
}

interface Request {
  readonly method: string;
  readonly path: string;
  /** Empty: the address. */
  readonly host: string;
  readonly status: readonly StatusRange[];
  /** What the answer has to contain; empty: anything. */
  readonly body: string;
}

type Probe =
  | { readonly kind: 'tcp' }
  | ({ readonly kind: 'http' } & Request)
  | ({ readonly kind: 'https'; readonly verify: boolean } & Request)
  | { readonly kind: 'udp'; readonly send: string; readonly expect: string }
  | { readonly kind: 'exec'; readonly command: readonly string[] };

/** The check of one destination. */
export type Check = Timing & Probe;

/** What becomes of an app when its checks fail. */
export interface Health {
  /** What new connections meet while all destinations are down; `ignore`: all are used. */
  readonly onAllDown: OnEmpty | 'ignore';
  /** So many percent of a pool's destinations stay in use, whatever the checks say. */
  readonly minUp: number;
}

/** The kinds that a `health_check` names; valid is at most one. */
export function kindsIn(asked: object): CheckKind[] {
  return CHECK_KINDS.filter((kind) => Object.hasOwn(asked, kind));
}

/** The keys of a destination's `health_check` win over those of the app's; a kind takes the place of another one. */
export function mergeChecks<Asked extends object>(app: Asked, own: Asked): Asked {
  if (kindsIn(own).length === 0) return { ...app, ...own };
  const kinds: readonly string[] = CHECK_KINDS;
  const kept = Object.fromEntries(Object.entries(app).filter(([key]) => !kinds.includes(key)));
  return { ...kept, ...own };
}

/** Which port is checked: undefined if neither check nor destination has one. */
export function checkedPort(
  asked: { readonly port?: number },
  destination: number | undefined,
): number | undefined {
  return asked.port ?? (Object.hasOwn(asked, 'kube_proxy') ? KUBE_PROXY.port : destination);
}

/** Reads a status code or a range of them; undefined for a range that ends before it begins. */
export function parseStatus(status: number | string): StatusRange | undefined {
  const [first = 0, last = first] = String(status).split('-').map(Number);
  return first <= last ? [first, last] : undefined;
}

/** The check of a destination of a valid spec; undefined if none is asked for. */
export function buildCheck(
  app: HealthCheck | undefined,
  { port: ownPort, health_check: own }: { readonly port?: number; readonly health_check?: DestinationCheck },
): Check | undefined {
  if (app === undefined && own === undefined) return undefined;
  const asked = {
    ...CHECK_DEFAULTS,
    ...mergeChecks<DestinationCheck>(app ?? {}, own ?? {}),
  };
  const port = checkedPort(asked, ownPort);
  if (port === undefined) throw new TypeError('not validated: a check without a port');
  const { kind, ...probe } = probeOf(asked);
  const { interval, timeout, rise, fall } = asked;
  const timing = { interval: secondsOf(interval), timeout: secondsOf(timeout), rise, fall };
  return { kind, port, ...timing, ...probe } as Check;
}

/** How it is checked, whatever the port and the times. */
function probeOf({ http, https, udp, exec, kube_proxy: kubeProxy }: DestinationCheck): Probe {
  if (http) return { kind: 'http', ...requestOf(http) };
  if (https) return { kind: 'https', ...requestOf(https), verify: https.verify ?? true };
  if (udp) return { kind: 'udp', send: udp.send, expect: udp.expect ?? '' };
  if (exec) return { kind: 'exec', command: exec.command };
  return kubeProxy ? { kind: 'http', ...requestOf(KUBE_PROXY) } : { kind: 'tcp' };
}

function requestOf({
  method = 'GET',
  path = '/',
  host = '',
  status = '200-399',
  body = '',
}: CheckHttp): Request {
  return { method, path, host, status: [status].flat().map(validStatus), body };
}

function validStatus(status: number | string): StatusRange {
  const range = parseStatus(status);
  if (!range) throw new TypeError(`not validated: ${status} is no range of status codes`);
  return range;
}

/** What a valid spec says of all its checks together; undefined if it asks for none. `onEmpty` is what the ruleset answers. */
export function buildHealth({ health_check: app, destinations }: Spec, onEmpty: OnEmpty): Health | undefined {
  if (app === undefined && destinations.every(({ health_check: own }) => own === undefined)) return undefined;
  return { onAllDown: app?.on_all_down ?? onEmpty, minUp: app?.min_up ?? 0 };
}

/** What a ruleset answers when no destination takes a connection: the checks have a word for it, too. */
export function onEmptyOf({ on_empty: asked, health_check: app }: Spec): OnEmpty {
  return asked ?? (app?.on_all_down === 'drop' ? 'drop' : 'reject');
}
