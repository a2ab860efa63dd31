#!/bin/sh
# Pomaloba ruleset MyApp: loads it with nft and switches forwarding on. Generated: change the spec, not this
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
add table inet pomaloba-MyApp
delete table inet pomaloba-MyApp

table inet pomaloba-MyApp {
	# IPv4: one look-up finds the app of an address, protocol and port.
	map endpoints-ip {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = {
			1.2.3.4 . tcp . 1234 comment "MyApp" : goto app/MyApp/ip,
		}
	}

	# MyApp: each new connection draws a slot at random.
	chain app/MyApp/ip {
		meta l4proto tcp dnat ip addr . port to numgen random mod 3 map {
			0 : 10.0.1.2 . 31234, # 33.33 %
			1 : 10.0.1.3 . 31234, # 33.33 %
			2 : 10.0.1.4 . 31234, # 33.33 %
		}
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
			1.2.3.4 . 1234,
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
