// Which output types there are, and what each of them and its undo is made of.
import type { View } from '../view/view.js';
import { render } from '../template/engine.js';

const IPTABLES_UNDO = { drain: 'drain-iptables.sh.j2', remove: 'iptables-delete.sh.j2' };
const NFTABLES_UNDO = { drain: 'drain-nftables.sh.j2', remove: 'nftables-delete.sh.j2' };

/** Templates, of executable files. */
const OUTPUTS = {
  iptables: { load: 'iptables.sh.j2', ...IPTABLES_UNDO },
  'iptables-rules': { load: 'iptables.rules.j2', ...IPTABLES_UNDO },
  nftables: { load: 'nftables.sh.j2', ...NFTABLES_UNDO },
  'nftables-rules': { load: 'nftables.nft.j2', ...NFTABLES_UNDO },
} as const;

/** What a text does: loads a ruleset, removes it once its open connections have ended, or removes it at once. */
export type Action = 'load' | 'drain' | 'remove';

export type OutputType = keyof typeof OUTPUTS;

/** The output types that can be printed, the default first. */
export const OUTPUT_TYPES = Object.keys(OUTPUTS) as readonly OutputType[];

/** True if `text` names an output type that can be printed. */
export function isOutputType(text: string): text is OutputType {
  return Object.hasOwn(OUTPUTS, text);
}

/** The text that does `action` to the ruleset of `view`. */
export function printRuleset(type: OutputType, view: View, action: Action): string {
  return render(OUTPUTS[type][action], view);
}
