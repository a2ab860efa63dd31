#!/bin/sh
# Pomaloba ruleset turns: loads it with nft and switches forwarding on. Generated: change the spec, not this
# file. It can be run again and again; --delete prints the script that removes the rules.
set -eu
PATH=$PATH:/usr/sbin:/sbin

fail() {
	printf 'pomaloba: %s\n' "$1" >&2
	exit 1
}

need() {
	command -v "$1" >/dev/null || fail "$1 is missing: install the package $2"
}

[ "$(id -u)" -eq 0 ] || fail 'run this script as root: rules and forwarding are the kernel'\''s'
need nft nftables

# Is forwarding on, or can it be switched on? $1 is a file below /proc/sys. Writing what is there changes nothing,
# and tells more than asking: for root, some shells call everything writable.
forwardable() {
	[ -r "/proc/sys/$1" ] || fail "/proc/sys/$1 is missing: is this address family switched off?"
	value=$(cat "/proc/sys/$1")
	[ "$value" != 0 ] || { echo "$value" >"/proc/sys/$1"; } 2>/dev/null ||
		fail "/proc/sys/$1 is read-only: set it to 1 from outside"
}

# Not where it is on already: the kernel resets other settings with each change.
forward() {
	[ "$(cat "/proc/sys/$1")" = 0 ] || return 0
	case $1 in net/ipv6/*) keep_advertisements ;; esac
	echo 1 >"/proc/sys/$1"
}

# A router ignores router advertisements unless accept_ra is 2: an interface that has its address or default
# route from them would lose it (Documentation/networking/ip-sysctl.rst).
keep_advertisements() {
	for accept in /proc/sys/net/ipv6/conf/*/accept_ra; do
		[ "$(cat "$accept")" != 1 ] || [ "$(cat "${accept%accept_ra}forwarding")" != 0 ] || echo 2 >"$accept"
	done
}

forwardable net/ipv4/ip_forward
forwardable net/ipv6/conf/all/forwarding
nft -f - <<'RULESET'
# Adding first makes the deletion work where the table does not exist; nft 1.0.6 has no "destroy".
add table inet pomaloba-turns
delete table inet pomaloba-turns

table inet pomaloba-turns {
	# IPv4: one look-up finds the app of an address, protocol and port.
	map endpoints-ip {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = {
			192.0.2.10 . tcp . 80 comment "turns" : goto app/turns/ip,
		}
	}

	# IPv6: one look-up finds the app of an address, protocol and port.
	map endpoints-ip6 {
		type ipv6_addr . inet_proto . inet_service : verdict
		elements = {
			2001:db8:1::10 . tcp . 80 comment "turns" : goto app/turns/ip6,
		}
	}

	# turns: each new connection takes the next slot.
	chain app/turns/ip {
		meta l4proto tcp dnat ip addr . port to numgen inc mod 7 map {
			0 : 198.51.100.1 . 31080, 1 : 198.51.100.1 . 31080, 3 : 198.51.100.1 . 31080, 5 : 198.51.100.1 . 31080, 6 : 198.51.100.1 . 31080, # 71.43 %
			2 : 198.51.100.2 . 31080, # 14.29 %
			4 : 198.51.100.4 . 31080, # 14.29 %
		}
	}

	# turns
	chain app/turns/ip6 {
		meta l4proto tcp dnat ip6 to [2001:db8:2::1]:31080
	}

	# The first packet of a connection only: what this host served before the ruleset was loaded is left to it.
	chain balance {
		tcp flags & (fin | syn | rst | ack) != syn return
		ip daddr . meta l4proto . th dport vmap @endpoints-ip
		ip6 daddr . meta l4proto . th dport vmap @endpoints-ip6
	}

	# Connections from elsewhere. Priorities are numbers: nft 1.0.6 takes no names in the output hook.
	chain prerouting {
		type nat hook prerouting priority -100; policy accept;
		jump balance
	}

	# Connections of this host itself, which do not pass the prerouting hook.
	chain output {
		type nat hook output priority -100; policy accept;
		jump balance
	}

	# IPv4: the endpoints again, as conntrack remembers what a connection was opened to.
	set balanced-ip {
		type ipv4_addr . inet_service
		elements = {
			192.0.2.10 . 80,
		}
	}

	# IPv6: the endpoints again, as conntrack remembers what a connection was opened to.
	set balanced-ip6 {
		type ipv6_addr . inet_service
		elements = {
			2001:db8:1::10 . 80,
		}
	}

	# A destination that saw the client's address would answer past this host. Only what was opened to one
	# of our endpoints is masqueraded: other traffic to the same destinations keeps its source address.
	chain postrouting {
		type nat hook postrouting priority 100; policy accept;
		ct status dnat meta l4proto tcp ct original ip daddr . ct original proto-dst @balanced-ip masquerade fully-random
		ct status dnat meta l4proto tcp ct original ip6 daddr . ct original proto-dst @balanced-ip6 masquerade fully-random
	}
}
RULESET
forward net/ipv4/ip_forward
forward net/ipv6/conf/all/forwarding
