// What the role's checker is told beside the destinations' own checks.
import type { Check } from '../model/health.js';
import type { App } from '../model/model.js';

export interface HealthView {
  /** As in the spec: `reject`, `drop` or `ignore`. */
  readonly on_all_down: string;
  /** In percent. */
  readonly min_up: number;
}

interface Pool {
  readonly destinations: readonly { readonly check?: Check }[];
}

/** What becomes of `app` when checks fail; without checks, nothing is said of it. */
export function healthView({ health }: App, pools: readonly Pool[]): { readonly health?: HealthView } {
  if (!health || checksOf(pools).length === 0) return {};
  return { health: { on_all_down: health.onAllDown, min_up: health.minUp } };
}

/** Whether anything is checked in `pools`, those of all apps, and whether a command is run for it; what is not so is not said. */
export function checksView(pools: readonly Pool[]): { readonly checks?: true; readonly executes?: true } {
  const checks = checksOf(pools);
  return {
    ...(checks.length > 0 ? { checks: true } : {}),
    ...(checks.some(({ kind }) => kind === 'exec') ? { executes: true } : {}),
  };
}

function checksOf(pools: readonly Pool[]): Check[] {
  return pools.flatMap(({ destinations }) => destinations.flatMap(({ check }) => check ?? []));
}
