#!/bin/sh
# Pomaloba ruleset lb: loads it with nft and switches forwarding on. Generated: change the spec, not this
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
	echo 1 >"/proc/sys/$1"
}

forwardable net/ipv4/ip_forward
nft -f - <<'RULESET'
# Adding first makes the deletion work where the table does not exist; nft 1.0.6 has no "destroy".
add table inet pomaloba-lb
delete table inet pomaloba-lb

# The rulesets that these apps may have had to themselves would shadow this one.
add table inet pomaloba-a-name-of-sixty-three-characters.which-is-the-longest_allowed.0
delete table inet pomaloba-a-name-of-sixty-three-characters.which-is-the-longest_allowed.0
add table inet pomaloba-a-name-of-sixty-three-characters.which-is-the-longest_allowed.1
delete table inet pomaloba-a-name-of-sixty-three-characters.which-is-the-longest_allowed.1
add table inet pomaloba-3masquerade
delete table inet pomaloba-3masquerade
add table inet pomaloba-dnat
delete table inet pomaloba-dnat

table inet pomaloba-lb {
	# IPv4: one look-up finds the app of an address, protocol and port.
	map endpoints-ip {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = {
			192.0.2.10 . tcp . 80 comment "a-name-of-sixty-three-characters.which-is-the-longest_allowed.0" : goto app/a-name-of-sixty-three-characters.which-is-the-longest_allowed.0/ip,
			192.0.2.11 . tcp . 80 comment "a-name-of-sixty-three-characters.which-is-the-longest_allowed.1" : goto app/a-name-of-sixty-three-characters.which-is-the-longest_allowed.1/ip,
			192.0.2.12 . tcp . 80 comment "3masquerade" : goto app/3masquerade/ip,
			192.0.2.13 . tcp . 80 comment "dnat" : goto app/dnat/ip,
		}
	}

	# a-name-of-sixty-three-characters.which-is-the-longest_allowed.0
	chain app/a-name-of-sixty-three-characters.which-is-the-longest_allowed.0/ip {
		meta l4proto tcp dnat ip to 198.51.100.1:30080
	}

	# a-name-of-sixty-three-characters.which-is-the-longest_allowed.1
	chain app/a-name-of-sixty-three-characters.which-is-the-longest_allowed.1/ip {
		meta l4proto tcp dnat ip to 198.51.100.2:30080
	}

	# 3masquerade
	chain app/3masquerade/ip {
		meta l4proto tcp dnat ip to 198.51.100.3:30080
	}

	# dnat
	chain app/dnat/ip {
		meta l4proto tcp dnat ip to 198.51.100.1:30081
	}

	# The first packet of a connection only: what this host served before the ruleset was loaded is left to it.
	chain balance {
		tcp flags & (fin | syn | rst | ack) != syn return
		ip daddr . meta l4proto . th dport vmap @endpoints-ip
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
			192.0.2.11 . 80,
			192.0.2.12 . 80,
			192.0.2.13 . 80,
		}
	}

	# A destination that saw the client's address would answer past this host. Only what was opened to one
	# of our endpoints is masqueraded: other traffic to the same destinations keeps its source address.
	chain postrouting {
		type nat hook postrouting priority 100; policy accept;
		ct status dnat meta l4proto tcp ct original ip daddr . ct original proto-dst @balanced-ip masquerade fully-random
	}
}
RULESET
forward net/ipv4/ip_forward
