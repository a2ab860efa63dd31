// The picture as SVG, laid out by Graphviz, which comes as WebAssembly: no browser, no network, the same everywhere.
import { instance, type Graph as VizGraph } from '@viz-js/viz';
import type { Arrow, Box, DestinationBox, Graph, Kind } from './graph.js';

const FONT = 'Helvetica,Arial,sans-serif';
const GREY = { color: '#aaaaaa', fontcolor: '#777777' };

/** Node colours of both light and dark pages: boxes are filled, and the page is white. */
const FILLS = { clients: '#fff4d6', pool: '#dcebff', destination: '#e2f5e2', drained: '#eeeeee' };

const STYLES: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  used: {},
  backup: { style: 'dashed' },
  drained: { style: 'dotted', ...GREY },
};

/** The text of an SVG document. https://graphviz.org/doc/info/attrs.html */
export async function graphToSvg(graph: Graph): Promise<string> {
  const viz = await instance();
  return viz.renderString(vizGraph(graph), { format: 'svg' });
}

function vizGraph({ clients, pools, destinations, arrows }: Graph): VizGraph {
  return {
    graphAttributes: { rankdir: 'LR', nodesep: 0.15, ranksep: 1.2, fontname: FONT, bgcolor: 'white' },
    // A margin for fonts that are wider than the one that Graphviz knows the letters of.
    nodeAttributes: {
      shape: 'box',
      style: 'filled,rounded',
      margin: '0.25,0.05',
      fontname: FONT,
      fontsize: 12,
    },
    edgeAttributes: { tailport: 'e', headport: 'w', fontname: FONT, fontsize: 10, arrowsize: 0.7 },
    nodes: [node(clients, { fillcolor: FILLS.clients }), ...destinations.map(destinationNode)],
    subgraphs: [
      {
        name: 'cluster_balancer',
        graphAttributes: { label: 'load balancer', style: 'rounded', color: '#888888' },
        nodes: pools.map((box) => node(box, { fillcolor: FILLS.pool })),
      },
    ],
    edges: arrows.map(edge),
  };
}

function node({ id, lines }: Box, attributes: Readonly<Record<string, string>>) {
  return { name: id, attributes: { label: lines.join('\n'), ...attributes } };
}

function destinationNode(box: DestinationBox) {
  return node(box, box.isDrained ? { fillcolor: FILLS.drained, ...GREY } : { fillcolor: FILLS.destination });
}

function edge({ from, to, label, kind }: Arrow) {
  return { tail: from, head: to, attributes: { ...(label === '' ? {} : { label }), ...STYLES[kind] } };
}
