// The health checks of an app in a line.
import type { Check } from '../model/health.js';
import type { AppFacts, DestinationFacts } from './facts.js';

/** So many ways of checking are told; the rest is counted. */
const MOST_TOLD = 3;

/** How the destinations of `app` are checked and what follows from it; undefined: none is. */
export function checkText({ health_check: health, pools }: AppFacts): string | undefined {
  const counts = new Map<string, number>();
  for (const destination of pools.flatMap(({ destinations }) => destinations)) {
    const text = wayOf(destination);
    if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  if (health === null || counts.size === 0) return undefined;
  const { on_all_down: onAllDown, min_up: minUp } = health;
  return [
    ways(counts),
    ...(minUp > 0 ? [`at least ${minUp} % stay in use`] : []),
    ...(onAllDown === 'ignore' ? ['while all are down, all are used'] : []),
  ].join('; ');
}

function ways(counts: ReadonlyMap<string, number>): string {
  const each = [...counts];
  if (each.length === 1) return each.map(([text]) => text).join('');
  const more = each.slice(MOST_TOLD).reduce((sum, [, count]) => sum + count, 0);
  const told = each.slice(0, MOST_TOLD).map(([text, count]) => `${count} by ${text}`);
  return [...told, ...(more > 0 ? [`${more} in other ways`] : [])].join('; ');
}

function wayOf({ check, port }: DestinationFacts): string | undefined {
  if (check === null) return undefined;
  const at = check.port === port ? '' : ` at port ${check.port}`;
  const { interval, rise, fall } = check;
  return `${what(check)}${at} every ${interval} s, down after ${counted(fall, 'failure')}, up after ${counted(rise, 'pass', 'passes')}`;
}

function what(check: Check): string {
  switch (check.kind) {
    case 'http':
    case 'https':
      return `${check.kind} ${check.method} ${check.path}`;
    case 'exec':
      return `exec ${check.command[0] ?? ''}`;
    default:
      return check.kind;
  }
}

function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
