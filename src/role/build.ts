// From a view to the files of a role, and to those beside it.
import { files } from '../generated/role.js';
import { renderRole } from '../template/role.js';
import type { Backend } from '../model/backends.js';
import type { View } from '../view/view.js';
import type { Artifact } from './artifact.js';
import { dataFiles, roleData } from './data.js';
import { appTexts, pictured } from './readme.js';
import { variablesOf } from './variables.js';
import { varsFile } from './vars.js';

/** What of the command line shows in the files. */
export interface RoleSettings {
  /** The role's name: that of its directory. */
  readonly role: string;
  readonly backend: Backend;
}

const README = 'README.md';
const ARGUMENT_SPECS = 'meta/argument_specs.yml';
const DEFAULTS = 'defaults/main.yml';

/** All files of the role, sorted by path. */
export function buildRole(view: View, settings: RoleSettings): Artifact[] {
  const context = contextOf(view, settings);
  const data = Object.entries(dataFiles(roleData(view), context.command)).map(([name, text]): Artifact => ({
    path: `files/${name}`,
    text,
    executable: false,
  }));
  const others = files
    .filter(({ path }) => path !== README)
    .map(({ path, executable, text }) => ({ path, executable, text: text ?? renderRole(path, context) }));
  const textOf = (wanted: string): string => others.find(({ path }) => path === wanted)?.text ?? '';
  const generated = new Set([...Object.keys(view), 'pomaloba_digest']);
  const variables = variablesOf(textOf(ARGUMENT_SPECS), textOf(DEFAULTS)).filter(
    ({ name }) => !generated.has(name),
  );
  const readme = { path: README, text: renderRole(README, { ...context, variables }), executable: false };
  return [...others, ...data, readme].sort((one, other) => (one.path < other.path ? -1 : 1)).map(checked);
}

/** The data alone, for another environment. */
export function buildVars(view: View, backend: Backend): string {
  return varsFile(roleData(view), commandOf(view, backend, '--vars FILE'));
}

/** The playbook; `rolePath` is how it names the role. */
export function buildPlaybook(view: View, settings: RoleSettings, rolePath: string): string {
  return renderRole('beside/playbook.yml', { ...contextOf(view, settings), role_path: rolePath });
}

/** The inventory to start from. */
export function buildInventory(view: View, settings: RoleSettings): string {
  return renderRole('beside/inventory.yml', contextOf(view, settings));
}

/** What the templates of the role can print, beside the view itself. */
function contextOf(view: View, { role, backend }: RoleSettings) {
  const apps = appTexts(view);
  return {
    ...view,
    role,
    backend,
    name: view.pomaloba_ruleset.name,
    command: commandOf(view, backend, '--out DIRECTORY'),
    apps,
    pictured_apps: pictured(apps),
    group: 'lb',
  };
}

/** Without the paths of this machine: the same specs give the same bytes, wherever they lie. */
function commandOf({ pomaloba_ruleset: { name } }: View, backend: Backend, output: string): string {
  const options = [
    ...(name === 'lb' ? [] : [`--name ${name}`]),
    ...(backend === 'nftables' ? [] : [`--backend ${backend}`]),
  ];
  return ['pomaloba ansible --input-spec SPECS', output, ...options].join(' ');
}

/** What no generated file may be: a bug of a template that would otherwise go unseen. */
function checked(artifact: Artifact): Artifact {
  const { path, text } = artifact;
  if (text.includes('\r') || (text !== '' && !text.endsWith('\n'))) {
    throw new TypeError(`${path}: lines do not end in a line feed`);
  }
  return artifact;
}
