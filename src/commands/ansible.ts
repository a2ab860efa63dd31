// pomaloba ansible SPEC... --out DIR: a role, and beside it a playbook, an inventory, data for other environments.
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { UsageError } from '../errors.js';
import { apply } from '../files/apply.js';
import { diffs, isRefused, isStale, planToJson, refusedDiffs, summary } from '../files/report.js';
import { initialTarget, namesOf, pathsOf, roleTarget, sealedTarget, type Target } from '../files/target.js';
import { sshProblems } from '../inventory/problems.js';
import type { Backend } from '../model/backends.js';
import { buildRuleset } from '../model/build.js';
import { NAME_PATTERN } from '../model/names.js';
import { isError } from '../problem/problem.js';
import { buildInventory, buildPlaybook, buildRole, buildVars, type RoleSettings } from '../role/build.js';
import { capabilityProblems } from '../validate/capabilities.js';
import { collisions } from '../validate/together.js';
import { buildView, type View } from '../view/view.js';
import { loadSpecs } from './load.js';
import { EXIT, type Outcome } from './outcome.js';
import { refuseSpecs } from './overwrite.js';

export interface AnsibleOptions {
  readonly inputs: readonly string[];
  /** The role's directory. */
  readonly out: string | undefined;
  readonly playbook: string | undefined;
  readonly inventory: string | undefined;
  readonly vars: string | undefined;
  /** The ruleset's name. */
  readonly name: string;
  readonly backend: Backend;
  /** Write nothing; say whether anything would be written. */
  readonly check: boolean;
  readonly diff: boolean;
  /** Overwrite what was edited by hand or is not ours. */
  readonly force: boolean;
  readonly json: boolean;
  readonly allowSshCapture: boolean;
}

/** Ansible finds a role by this name in directories and by variables' prefix; spaces and the like break both. */
const ROLE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The role names its units `pomaloba-NAME`, and three more of them after that. */
const NAME_OF_A_UNIT = /-(?:addresses|health|rollback)$/;

/** Writes what `options` ask for, or with `check` tells what would be written. */
export function ansible(options: AnsibleOptions): Outcome {
  checkOptions(options);
  const { documents, specs, identities, problems: wrong } = loadSpecs(options.inputs);
  if (wrong.some(isError)) return { stdout: '', problems: wrong };
  const { name, inventory, allowSshCapture } = options;
  const problems = [
    ...wrong,
    ...collisions(name, documents),
    ...capabilityProblems(documents, options.backend),
    ...(inventory === undefined ? [] : sshProblems(inventory, documents, allowSshCapture)),
  ];
  if (problems.some(isError)) return { stdout: '', problems };
  const view = buildView(buildRuleset(name, specs));
  const targets = targetsOf(view, options);
  // An inventory that is there is only read, but then it is no inventory.
  refuseSpecs([...targets.flatMap(namesOf), ...(inventory === undefined ? [] : [inventory])], identities);
  return { ...carryOut(targets, options), problems };
}

function checkOptions({ out, playbook, vars, name }: AnsibleOptions): void {
  if (out === undefined && vars === undefined) {
    throw new UsageError('a role needs a directory', 'add --out DIR, for example --out roles/pomaloba');
  }
  if (out === undefined && playbook !== undefined) {
    throw new UsageError('a playbook needs a role', 'add --out DIR, for example --out roles/pomaloba');
  }
  if (out !== undefined && !ROLE_NAME.test(basename(resolve(out)))) {
    const hint = "the directory's name is the role's: use letters, digits, '.', '_' and '-'";
    throw new UsageError(`${JSON.stringify(basename(resolve(out)))} cannot name a role`, hint);
  }
  if (!NAME_PATTERN.test(name)) {
    const hint =
      "a name has letters, digits, '.', '_' and '-', begins with a letter or digit, and has at most 63";
    throw new UsageError(`${JSON.stringify(name)} cannot name a ruleset`, hint);
  }
  if (NAME_OF_A_UNIT.test(name)) {
    const hint = 'a role of another name has units that are called like that: choose another end';
    throw new UsageError(`${JSON.stringify(name)} cannot name the ruleset of a role`, hint);
  }
}

function targetsOf(view: View, options: AnsibleOptions): Target[] {
  const { out, playbook, inventory, vars, backend, force } = options;
  const settings: RoleSettings = { role: out === undefined ? 'pomaloba' : basename(resolve(out)), backend };
  const initial =
    inventory === undefined ? undefined : initialTarget(inventory, buildInventory(view, settings));
  const targets = [
    ...(out === undefined ? [] : [roleTarget(out, buildRole(view, settings), force)]),
    ...(vars === undefined ? [] : [sealedTarget(vars, buildVars(view, backend), force)]),
    ...(out === undefined || playbook === undefined
      ? []
      : [sealedTarget(playbook, buildPlaybook(view, settings, rolePath(playbook, out)), force)]),
    ...(initial === undefined ? [] : [initial]),
  ];
  const paths = targets.flatMap(pathsOf);
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice !== undefined) {
    throw new UsageError(`two files would be written to ${twice}`, 'give each of them a path of its own');
  }
  return targets;
}

/** How a playbook names its role: Ansible looks into roles/ beside the playbook, and takes paths from there. */
function rolePath(playbook: string, out: string): string {
  const path = relative(resolve(dirname(playbook)), resolve(out))
    .split(sep)
    .join('/');
  return /^roles\/[^/]+$/.test(path) ? path.slice('roles/'.length) : path;
}

function carryOut(targets: readonly Target[], options: AnsibleOptions): Omit<Outcome, 'problems'> {
  const { check, diff, json } = options;
  const refused = targets.some(isRefused);
  const stale = targets.filter(isStale);
  const planned = refused || check;
  if (!planned) stale.forEach(apply);
  return {
    stdout: diff && !json ? diffs(targets) : '',
    note:
      [...(refused && !diff ? refusedDiffs(targets) : []), summary(targets, planned)].join('\n') +
      hintOf(refused),
    report: { files: planToJson(targets, diff) },
    exitCode: planned && stale.length > 0 ? EXIT.stale : EXIT.done,
  };
}

function hintOf(refused: boolean): string {
  if (!refused) return '';
  const hint =
    'nothing was written; revert what was edited and change the specs, or overwrite it with --force';
  return `\n  hint: ${hint}`;
}
