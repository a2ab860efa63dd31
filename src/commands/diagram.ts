// pomaloba diagram SPEC...: a picture of the load balancer.
import type { Format } from '../diagram/formats.js';
import { graphOf } from '../diagram/graph.js';
import { graphToMermaid } from '../diagram/mermaid.js';
import { graphToText } from '../diagram/text.js';
import { explainApps } from '../explain/facts.js';
import { buildApp } from '../model/build.js';
import { isError } from '../problem/problem.js';
import { loadSpecs } from './load.js';
import type { Outcome } from './outcome.js';

/** Draws the apps of `inputs`, as those of one load balancer. */
export async function diagram(inputs: readonly string[], format: Format): Promise<Outcome> {
  const { specs, problems } = loadSpecs(inputs);
  if (problems.some(isError)) return { stdout: '', problems };
  const graph = graphOf(explainApps(specs.map(buildApp)).apps);
  if (format === 'mermaid') return { stdout: graphToMermaid(graph), problems };
  if (format === 'text') return { stdout: graphToText(graph), problems };
  // Loaded only where it is asked for: it is larger than all the rest.
  return { stdout: await (await import('../diagram/svg.js')).graphToSvg(graph), problems };
}
