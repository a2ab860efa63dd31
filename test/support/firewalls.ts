// Firewalls of others on the load balancer that drop what is forwarded, and what is balanced beside them.
import { type Backend, SCRIPTS } from './backends.js';

export const ENDPOINT_IPS = ['192.0.2.10', '2001:db8:1::10'];
export const WORKER_IPS = ['198.51.100.1', '2001:db8:2::1'];

/** An app of both families and protocols, with a range of ports. */
export function spec(weight = 1): string {
  const protocol = ['tcp', 'udp'];
  const endpoints = [80, '8000-8009'].flatMap((port) => ENDPOINT_IPS.map((ip) => ({ ip, port, protocol })));
  const destinations = WORKER_IPS.map((ip) => ({ ip, weight }));
  return JSON.stringify({ pomaloba: 1, app: 'MyApp', endpoints, destinations });
}

export const NFT_SCRIPT: Backend = {
  name: 'nftables script',
  type: 'nftables',
  tools: '',
  load: 'dash "$1"',
};
export const BESIDE_LEGACY: Backend = {
  ...NFT_SCRIPT,
  name: 'nftables script beside iptables-legacy',
  tools: SCRIPTS.find(({ name }) => name.includes('legacy'))?.tools ?? '',
};

export interface Firewall {
  readonly name: string;
  /** Shell that puts its rules there. */
  readonly shell: string;
}

/** What Docker 20 makes, as iptables-save shows it, with the policy that it sets where it switches forwarding on. */
export const DOCKER: Firewall = {
  name: 'Docker',
  shell: `for tool in iptables ip6tables; do $tool-restore --noflush <<'RULES'
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
RULES
done`,
};

/** A table of nft: a blocklist, and what `forward` says. */
function table(
  family: string,
  policy: string,
  rules: string,
  blocked = 'ip saddr { 198.18.1.77, 198.18.1.78 }',
): string {
  return `nft -f - <<'NFT'
table ${family} filter {
	chain rest {
		counter drop
	}
	chain forward {
		type filter hook forward priority 0; policy ${policy};
		${blocked} counter drop comment "a blocklist: drop"
		${rules}
	}
}
NFT
`;
}

/** Tables written by hand, as each way to drop. */
export const TABLES: readonly Firewall[] = [
  { name: 'a policy', shell: table('inet', 'drop', 'ct state invalid drop') },
  {
    name: 'tables of one family',
    shell: table('ip', 'drop', '') + table('ip6', 'drop', '', 'ip6 saddr fd18:1::77'),
  },
  {
    name: 'a last rule',
    shell: table(
      'inet',
      'accept',
      'iifname "eth9" accept\n\t\tcounter reject with icmpx type admin-prohibited',
    ),
  },
  { name: 'a rule about interfaces', shell: table('inet', 'accept', 'oifname "eth1" drop') },
  { name: 'a chain below', shell: table('inet', 'accept', 'log prefix "drop this"\n\t\tjump rest') },
  {
    name: 'a map of verdicts',
    shell: table('inet', 'accept', 'oifname vmap { "eth1" : jump rest, "lo" : accept }'),
  },
];

/** Written with nft, under the names of iptables: that of nftables shows them, legacy does not. */
export const NAMESAKE: Firewall = {
  name: "tables with iptables' names",
  shell: ['ip', 'ip6']
    .map(
      (family) =>
        `nft 'table ${family} filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }'`,
    )
    .join('\n'),
};

/** As above, with a rule that only nft knows: iptables of nftables shows nothing of them. */
export const HIDDEN: Firewall = {
  name: 'tables that iptables cannot show',
  shell: `${NAMESAKE.shell}
for family in ip ip6; do
	nft add chain $family filter FOREIGN
	nft add rule $family filter FOREIGN numgen inc mod 2 0 counter
done`,
};

/** Tables whose forward chains drop nothing that was balanced. */
export const HARMLESS_TABLES = 'counts blocks translates gone';
export const HARMLESS = `nft -f - <<'NFT'
table inet counts { chain forward { type filter hook forward priority 0; policy accept; counter comment "drop"
	}
}
table inet blocks {
	set senders { type ipv4_addr; elements = { 198.18.1.77 }
	}
	chain forward {
		type filter hook forward priority -10; policy accept;
		ip saddr @senders counter drop
		ct state vmap { established : accept, invalid : drop }
		tcp dport 22 limit rate over 5/minute drop
	}
	chain input { type filter hook input priority 0; policy drop;
	}
}
table inet translates {
	chain forward {
		type filter hook forward priority 10; policy accept;
		ct state established,related accept
		ct status dnat accept
		reject with icmpx type admin-prohibited
	}
}
table inet gone { chain unused { drop
	}
}
NFT`;
