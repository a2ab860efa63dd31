// Options that several commands have.
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import { type Backend, BACKENDS } from '../model/backends.js';
import type { Action } from '../print/output.js';
import type { AnsibleOptions } from './ansible.js';

export interface InputFlags {
  readonly inputSpec?: readonly string[];
  readonly json?: true;
}

export interface RoleFlags extends InputFlags {
  readonly out?: string;
  readonly name?: string;
  readonly playbook?: string;
  readonly inventory?: string;
  readonly vars?: string;
  readonly backend?: Backend;
  readonly check?: true;
  readonly diff?: true;
  readonly force?: true;
  readonly allowSshCapture?: true;
}

export interface PrintFlags extends RoleFlags {
  readonly outputType: string;
  readonly delete?: true;
  readonly now?: true;
}

const ROLE_OPTIONS: readonly (readonly [flags: string, description: string])[] = [
  ['--playbook <file>', 'write a playbook that applies the role, too'],
  ['--inventory <file>', 'write an inventory to start from, unless it is there: then it is only read'],
  ['--vars <file>', 'write the data alone, for another environment'],
  ['--check', 'write nothing; exit code 3 if anything would be written'],
  ['--diff', 'print what changes as a unified diff, on standard output'],
  ['--force', 'overwrite files that were edited by hand or are not ours'],
  ['--allow-ssh-capture', 'accept an endpoint that is where the ssh of a host of the inventory listens'],
];

/** The options of a role; `hidden` where they are only there for `--output-type ansible`. */
export function addRoleOptions(command: Command, { hidden }: { readonly hidden: boolean }): void {
  const backend = new Option(
    '--backend <backend>',
    "the role's default packet filter (default: nftables)",
  ).choices(BACKENDS);
  const others = ROLE_OPTIONS.map(([flags, description]) => new Option(flags, description));
  for (const option of [backend, ...others]) command.addOption(option.hideHelp(hidden));
}

/** The first option that only a role has, as it is written; undefined if there is none. */
export function misplaced(flags: RoleFlags): string | undefined {
  const { playbook, inventory, vars, backend, check, diff, force, allowSshCapture } = flags;
  const given = Object.entries({ playbook, inventory, vars, backend, check, diff, force, allowSshCapture });
  const [name] = given.find(([, value]) => value !== undefined) ?? [];
  return name === undefined
    ? undefined
    : `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What is to be printed. */
export function actionOf({ delete: isUndo, now }: PrintFlags): Action {
  if (now && !isUndo) throw new UsageError('--now needs --delete', 'it says that what is open is cut');
  return isUndo ? (now ? 'remove' : 'drain') : 'load';
}

/** The options of the command ansible. */
export function toAnsibleOptions(specs: readonly string[], flags: RoleFlags): AnsibleOptions {
  const { out, playbook, inventory, vars, name = 'lb', backend = 'nftables' } = flags;
  const { check = false, diff = false, force = false, json = false, allowSshCapture = false } = flags;
  return {
    inputs: inputs(specs, flags),
    ...{ out, playbook, inventory, vars, name, backend },
    ...{ check, diff, force, json, allowSshCapture },
  };
}

/** `--input-spec`, which can be given several times. */
export function inputSpec(): Option {
  return repeatable('--input-spec <file>', 'a spec: file, directory, or -');
}

/** A command of `program` that reads specs. */
export function commandOfSpecs(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('[spec...]', 'specs: files, directories, or - for standard input')
    .addOption(inputSpec());
}

/** An option whose values are collected. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description} (can be given several times)`).argParser(
    (value, values: readonly string[] | undefined) => [...(values ?? []), value],
  );
}

/** All specs of the command line. */
export function inputs(specs: readonly string[], flags: InputFlags): string[] {
  const all = [...(flags.inputSpec ?? []), ...specs];
  if (all.length === 0)
    throw new UsageError('no spec is given', 'name one: pomaloba --input-spec sample.json');
  return all;
}
