// Inventories in YAML (and JSON): groups with hosts, vars and children.
import type { SpecDocument } from '../read/document.js';
import { type Group, type Host, type Setting, type Settings, SSH_SETTINGS } from './hosts.js';
import { expandHosts } from './ranges.js';

type Path = readonly string[];

/** The groups of `document`; undefined if it is no inventory (a plugin's configuration, say). */
export function yamlGroups(document: SpecDocument): Group[] | undefined {
  const { data } = document;
  if (!isMapping(data) || 'plugin' in data) return undefined;
  return Object.entries(data).flatMap(([name, body]) => groupsOf(name, body, [name], document));
}

function groupsOf(name: string, body: unknown, path: Path, document: SpecDocument): Group[] {
  const { hosts, vars, children } = isMapping(body) ? body : {};
  const group: Group = {
    name,
    hosts: entries(hosts).flatMap(([pattern, settings]) =>
      hostsOf(pattern, settings, [...path, 'hosts', pattern], document),
    ),
    children: entries(children).map(([child]) => child),
    settings: settingsOf(vars, [...path, 'vars'], document),
  };
  const below = entries(children).flatMap(([child, inner]) =>
    groupsOf(child, inner, [...path, 'children', child], document),
  );
  return [group, ...below];
}

function hostsOf(pattern: string, settings: unknown, path: Path, document: SpecDocument): Host[] {
  const location = document.locate(path, 'key');
  const own = settingsOf(settings, path, document);
  return expandHosts(pattern).map(({ name, port }) => ({
    name: { value: name, location },
    settings: port === undefined ? own : new Map([['ansible_port', { value: port, location }], ...own]),
  }));
}

function settingsOf(vars: unknown, path: Path, document: SpecDocument): Settings {
  return new Map(
    entries(vars).flatMap(([name, value]): [string, Setting][] =>
      SSH_SETTINGS.has(name) && (typeof value === 'string' || typeof value === 'number')
        ? [[name, { value, location: document.locate([...path, name]) }]]
        : [],
    ),
  );
}

function entries(value: unknown): [string, unknown][] {
  return isMapping(value) ? Object.entries(value) : [];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
