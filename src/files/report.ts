// Plans as text for people and as data for programs.
import { printable } from '../problem/printable.js';
import { diffOf } from './diff.js';
import type { Action, Change } from './plan.js';
import { nameOf, type Target } from './target.js';

/** More lines than this are counted: --diff shows them all. */
const MOST_FILES = 100;
const MOST_DIFF_LINES = 40;

const WORDS: Readonly<Record<Action, readonly [done: string, planned: string]>> = {
  create: ['created', 'to create'],
  update: ['updated', 'to update'],
  delete: ['deleted', 'to delete'],
  refuse: ['refused', 'refused'],
  same: ['unchanged', 'unchanged'],
  forget: ['forgotten', 'to forget'],
};

/** True if the disk is not as it should be. */
export function isStale({ changes }: Target): boolean {
  return changes.some(({ action }) => action !== 'same');
}

/** True if nothing may be written. */
export function isRefused({ changes }: Target): boolean {
  return changes.some(({ action }) => action === 'refuse');
}

/** All diffs of `targets`, one after another. */
export function diffs(targets: readonly Target[]): string {
  return targets
    .flatMap((target) => target.changes.map((change) => diffOf(change, nameOf(target, change))))
    .join('');
}

/** What was done, or with `planned` what would be, in lines without a final line feed. */
export function summary(targets: readonly Target[], planned: boolean): string {
  const changed = targets.flatMap((target) =>
    target.changes.flatMap((change) => describe(change, target, planned)),
  );
  const more = changed.length - MOST_FILES;
  const shown = [...changed.slice(0, MOST_FILES), ...(more > 0 ? [`… and ${more} more`] : [])];
  return [...shown, total(targets, planned)].join('\n');
}

/** The diffs of what is refused, in lines for the terminal: cut, and without control characters. */
export function refusedDiffs(targets: readonly Target[]): string[] {
  return targets
    .flatMap((target) =>
      target.changes
        .filter(({ action, before }) => action === 'refuse' && before !== undefined)
        .map((change) => diffOf(change, nameOf(target, change))),
    )
    .flatMap(cut);
}

/** The same facts as data. */
export function planToJson(targets: readonly Target[], withDiffs: boolean): object[] {
  return targets.flatMap((target) =>
    target.changes.map((change) => ({
      file: nameOf(target, change),
      action: change.action,
      ...(change.reason === undefined ? {} : { reason: change.reason }),
      ...(withDiffs ? { diff: diffOf(change, nameOf(target, change)) } : {}),
    })),
  );
}

function describe(change: Change, target: Target, planned: boolean): string[] {
  const { action, reason } = change;
  if (action === 'same' || action === 'forget') return [];
  const because = reason === undefined ? '' : `: ${reason}`;
  return [printable(`${WORDS[action][planned ? 1 : 0]} ${nameOf(target, change)}${because}`)];
}

function total(targets: readonly Target[], planned: boolean): string {
  const changes = targets.flatMap((target) => target.changes);
  const counts = (Object.keys(WORDS) as Action[]).flatMap((action) => {
    const count = changes.filter((change) => change.action === action).length;
    return count === 0 ? [] : [`${count} ${WORDS[action][planned ? 1 : 0]}`];
  });
  return counts.join(', ');
}

function cut(diff: string): string[] {
  const lines = diff.split('\n').slice(0, -1).map(printable);
  const more = lines.length - MOST_DIFF_LINES;
  return [...lines.slice(0, MOST_DIFF_LINES), ...(more > 0 ? [`… and ${more} more lines: see --diff`] : [])];
}
