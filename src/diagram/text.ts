// The picture as text for a terminal: for each app its endpoints, and below them where their connections go.
import type { Arrow, Box, Graph, Kind } from './graph.js';

const LINES: Readonly<Record<Kind, string>> = { used: '──▶', backup: '╌╌▶', drained: '╌╌╌' };

/** The text of `graph`, a part for each of its pools. */
export function graphToText(graph: Graph): string {
  return `${graph.pools.map((pool) => poolLines(pool, graph).join('\n')).join('\n\n')}\n`;
}

function poolLines({ id, lines: [app = '', ...others] }: Box, { destinations, arrows }: Graph): string[] {
  const names = new Map(destinations.map((box) => [box.id, box.lines.join(' ')]));
  const incoming = arrows.filter(({ to }) => to === id).map(({ label }) => label);
  const outgoing = arrows.filter(({ from }) => from === id);
  const width = Math.max(0, ...outgoing.map(({ label }) => label.length));
  return [
    `clients${incoming.map((label) => (label === '' ? '' : ` (${label})`)).join('')} ──▶ ${app}`,
    ...others.map((line) => `  ${outgoing.length === 0 ? ' ' : '│'} ${line}`),
    ...outgoing.map((arrow, index) => {
      const branch = index === outgoing.length - 1 ? '└' : '├';
      return `  ${branch}${arrowText(arrow, width)} ${names.get(arrow.to) ?? ''}`;
    }),
  ];
}

function arrowText({ label, kind }: Arrow, width: number): string {
  return `── ${label.padStart(width)} ${LINES[kind]}`;
}
