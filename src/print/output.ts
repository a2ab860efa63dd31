// Which output types there are, and what each of them and its undo is made of.
import type { View } from '../view/view.js';
import { render } from '../template/engine.js';

/** `load` and `remove` are templates; both are executable files. */
const OUTPUTS = {
  iptables: { load: 'iptables.sh.j2', remove: 'iptables-delete.sh.j2' },
  'iptables-rules': { load: 'iptables.rules.j2', remove: 'iptables-delete.sh.j2' },
  nftables: { load: 'nftables.sh.j2', remove: 'nftables-delete.sh.j2' },
  'nftables-rules': { load: 'nftables.nft.j2', remove: 'nftables-delete.sh.j2' },
} as const;

export type OutputType = keyof typeof OUTPUTS;

/** The output types that can be printed, the default first. */
export const OUTPUT_TYPES = Object.keys(OUTPUTS) as readonly OutputType[];

/** True if `text` names an output type that can be printed. */
export function isOutputType(text: string): text is OutputType {
  return Object.hasOwn(OUTPUTS, text);
}

/** The text that loads the ruleset of `view`, or with `remove` the one that undoes it. */
export function printRuleset(type: OutputType, view: View, remove: boolean): string {
  return render(OUTPUTS[type][remove ? 'remove' : 'load'], view);
}
