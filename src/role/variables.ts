// The role's variables, as meta/argument_specs.yml documents them, for the table of its README.
import { parse } from 'yaml';

export interface Variable {
  readonly name: string;
  readonly default: string;
  readonly type: string;
  readonly description: string;
}

interface Option {
  readonly description?: string | readonly string[];
  readonly type?: string;
  readonly default?: unknown;
  readonly choices?: readonly unknown[];
  readonly required?: boolean;
}

interface ArgumentSpecs {
  readonly argument_specs?: { readonly main?: { readonly options?: Readonly<Record<string, Option>> } };
}

/** The options of the entry point `main`, in their order; `argumentSpecs` and `defaults` are the files' texts. */
export function variablesOf(argumentSpecs: string, defaults: string): Variable[] {
  const { argument_specs: specs } = (parse(argumentSpecs) ?? {}) as ArgumentSpecs;
  const values = (parse(defaults) ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(specs?.main?.options ?? {}).map(([name, option]) => ({
    name,
    default: cell(defaultOf(option, values[name])),
    type: option.type ?? 'str',
    description: cell(describe(option)),
  }));
}

function defaultOf(option: Option, value: unknown): string {
  const given = value ?? option.default;
  if (given !== undefined) return `\`${JSON.stringify(given)}\``;
  return option.required === true ? 'required' : '';
}

/** The description, without Ansible's markup for code and the like, and what may be chosen. */
function describe({ description = '', choices }: Option): string {
  const text = typeof description === 'string' ? description : description.join(' ');
  const plain = text.trim().replace(/\b[CVOIBE]\(([^)]*)\)/g, '`$1`');
  return choices === undefined ? plain : `${plain} (${choices.map(String).join(', ')})`;
}

/** Text for a cell of a Markdown table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}
