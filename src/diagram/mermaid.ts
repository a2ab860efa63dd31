// The picture as Mermaid draws it, which GitHub and GitLab do in Markdown: https://mermaid.js.org/syntax/flowchart.html.
import type { Arrow, Box, DestinationBox, Graph, Kind } from './graph.js';

const LINES: Readonly<Record<Kind, string>> = { used: '-->', backup: '-.->', drained: '-.->' };

/** The text of a Mermaid flowchart. Nothing in it needs escaping: names, addresses and numbers, all in quotes. */
export function graphToMermaid({ clients, pools, destinations, arrows }: Graph): string {
  const lines = [
    'flowchart LR',
    `  ${clients.id}([${quoted(clients)}])`,
    '  subgraph balancer["load balancer"]',
    ...pools.map((box) => `    ${box.id}[${quoted(box)}]`),
    '  end',
    ...destinations.map((box) => `  ${box.id}(${quoted(box)})${classOf(box)}`),
    ...arrows.map(arrowText),
    '  classDef drained fill:#eee,stroke:#aaa,color:#777',
  ];
  return `${lines.join('\n')}\n`;
}

function quoted({ lines }: Box): string {
  return `"${lines.join('<br/>')}"`;
}

function classOf({ isDrained }: DestinationBox): string {
  return isDrained ? ':::drained' : '';
}

function arrowText({ from, to, label, kind }: Arrow): string {
  return `  ${from} ${LINES[kind]}${label === '' ? '' : `|"${label}"|`} ${to}`;
}
