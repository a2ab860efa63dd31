// Inventories in INI form, as far as they are simple: sections, hosts, key=value.
import type { Location } from '../problem/problem.js';
import type { Source } from '../read/sources.js';
import { type Group, type Host, type Setting, SSH_SETTINGS } from './hosts.js';
import { expandHosts } from './ranges.js';

type Kind = 'hosts' | 'vars' | 'children';

interface Section {
  readonly name: string;
  readonly kind: Kind;
}

interface Mutable {
  readonly name: string;
  readonly hosts: Host[];
  readonly children: string[];
  readonly settings: Map<string, Setting>;
}

const SECTION = /^\[([^\][:\s]+)(?::(vars|children))?\]$/;
/** `key=value`, `key='value'`, `key="value"`. */
const SETTING = /([A-Za-z_][A-Za-z0-9_]*)\s*=\s*("[^"]*"|'[^']*'|[^\s#]*)/g;

/** The groups of `source`; undefined if a line of it is not understood. */
export function iniGroups(source: Source): Group[] | undefined {
  const groups = new Map<string, Mutable>();
  let section: Section = { name: 'ungrouped', kind: 'hosts' };
  for (const [index, raw] of source.text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || /^[#;]/.test(line)) continue;
    if (line.startsWith('[') && !line.startsWith('[', 1) && SECTION.test(line)) {
      const [, name = '', kind = 'hosts'] = SECTION.exec(line) ?? [];
      section = { name, kind: kind as Kind };
    } else if (!readLine(raw, index + 1, section, groupOf(groups, section.name), source)) {
      return undefined;
    }
  }
  return [...groups.values()];
}

function groupOf(groups: Map<string, Mutable>, name: string): Mutable {
  const group = groups.get(name) ?? { name, hosts: [], children: [], settings: new Map<string, Setting>() };
  groups.set(name, group);
  return group;
}

/** Adds what the line says to `group`; false if it is not understood. */
function readLine(raw: string, line: number, section: Section, group: Mutable, source: Source): boolean {
  const [word = ''] = raw.trim().split(/\s/, 1);
  const at = (column: number, length: number): Location => ({
    ...source,
    range: { start: { line, column }, end: { line, column: column + length } },
  });
  if (section.kind === 'children') {
    group.children.push(word);
    return /^[^\s=]+(?:\s*#.*)?$/.test(raw.trim());
  }
  const settings = settingsIn(raw, at);
  if (section.kind === 'vars') {
    for (const [name, setting] of settings) group.settings.set(name, setting);
    return raw.includes('=');
  }
  if (word.includes('=')) return false;
  const location = at(raw.indexOf(word) + 1, word.length);
  for (const { name, port } of expandHosts(word)) {
    const own = port === undefined ? [] : [['ansible_port', { value: port, location }] as const];
    group.hosts.push({ name: { value: name, location }, settings: new Map([...own, ...settings]) });
  }
  return true;
}

function settingsIn(raw: string, at: (column: number, length: number) => Location): [string, Setting][] {
  return [...raw.matchAll(SETTING)].flatMap((match): [string, Setting][] => {
    const [all, name = '', value = ''] = match;
    if (!SSH_SETTINGS.has(name)) return [];
    const column = match.index + all.length - value.length + 1;
    return [[name, { value: value.replaceAll(/^['"]|['"]$/g, ''), location: at(column, value.length) }]];
  });
}
