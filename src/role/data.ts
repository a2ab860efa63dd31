// The role's data: what is balanced, as JSON, which Ansible reads ten times faster than YAML.
import type { View } from '../view/view.js';
import { digestOf } from './digest.js';

export interface RoleData extends View {
  readonly pomaloba_digest: string;
}

/** The variables that the generator decides: `view`, and by what the role notices edits of it. */
export function roleData(view: View): RoleData {
  return { ...view, pomaloba_digest: digestOf(view) };
}

/**
 * The files that hold `data`, by their names; `command` is what makes them anew. Two, since Ansible reads a file again
 * wherever a variable of it is used, and what concerns all apps is used everywhere.
 */
export function dataFiles({ pomaloba_apps, ...data }: RoleData, command: string): Record<string, string> {
  return {
    'apps.json': file({ pomaloba_apps }),
    'ruleset.json': file({ pomaloba_command: command, ...data }),
  };
}

function file(value: object): string {
  return `${laidOut(value, '\n')}\n`;
}

/** `value` as JSON, what holds no further object in one line; `lineBreak` is a line feed and the indentation of the line that it begins on. */
function laidOut(value: unknown, lineBreak: string): string {
  if (!isContainer(value)) return JSON.stringify(value);
  const isLine = isOneLine(value);
  const inner = isLine ? '' : `${lineBreak}  `;
  const items = Array.isArray(value)
    ? value.map((item) => laidOut(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${laidOut(item, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}${inner}${items.join(isLine ? ', ' : `,${inner}`)}${isLine ? '' : lineBreak}${close}`;
}

function isOneLine(value: object): boolean {
  if (Array.isArray(value)) return isListOfScalars(value);
  return Object.values(value).every((item) => !isContainer(item) || isListOfScalars(item));
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** True, too, for an empty list. */
function isListOfScalars(value: object): boolean {
  return Array.isArray(value) && !value.some(isContainer);
}
