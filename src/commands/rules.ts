// The printed rules, read again: what trace and try ask.
import type { Backend } from '../model/backends.js';
import { printRuleset } from '../print/output.js';
import { parseIptables } from '../trace/iptables.js';
import type { Program } from '../trace/language.js';
import { parseNft } from '../trace/nft.js';
import type { View } from '../view/view.js';

const PARSERS = { nftables: parseNft, iptables: parseIptables } as const;

/** The rules of `view` as a packet filter has them; those that a script loads are the same. */
export function programOf(view: View, backend: Backend): Program {
  return PARSERS[backend](printRuleset(`${backend}-rules`, view, 'load'));
}

/** The addresses that the load balancer is taken to have: those of endpoints, and of what masquerading uses. */
export function ownAddresses({ pomaloba_apps: apps }: View): string[] {
  return apps.flatMap(({ pools }) =>
    pools.flatMap(({ endpoints, snat }) => [...endpoints, ...snat]).map(({ ip }) => ip),
  );
}
