// No test is skipped in silence: what could not run, and why, ends up in the summary of `npm test`.
import type { TestContext } from 'vitest';

/**
 * Skips the test if something of the machine that it needs is missing. `fix` tells what would help. Called
 * first in a test or in a `beforeEach`: `requires(ctx, 'user namespaces', hasUserNamespaces, 'run as root')`.
 */
export function requires(
  ctx: Pick<TestContext, 'skip'>,
  what: string,
  available: boolean,
  fix: string,
): void {
  if (!available) ctx.skip(`needs ${what}: ${fix}`);
}
