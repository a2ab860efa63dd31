#!/bin/sh
# Pomaloba ruleset weighted: loads it with nft and switches forwarding on. Generated: change the spec, not this
# file. It can be run again and again; --delete prints the script that removes the rules.
#
# For the time being no new connections to a destination (delete instead of add: as before); port 0 where it has none:
#   nft add element inet pomaloba-weighted down-ip '{ ADDRESS . PORT }'
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
need awk mawk

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

# A UDP flow stays with the destination of its first packet as long as packets come, and a flow that was there before its
# endpoint is never balanced: the kernel asks the rules for first packets only. Makes it forget the flows that the rules
# would not send where they go; all others go on. $1: lines "udp ADDRESS FIRST LAST [DESTINATION,PORT...]", an endpoint
# each; where no destination is named, what is translated is forgotten. Nothing where conntrack is missing.
move_flows() {
	[ -n "$1" ] || return 0
	command -v conntrack >/dev/null || {
		echo 'pomaloba: warning: without conntrack (of the package of that name) UDP flows stay where they are until they pause' >&2
		return 0
	}
	for family in ipv4 ipv6; do
		{ printf '%s\n' "$1" '#'; conntrack -L -f "$family" -p udp 2>/dev/null || :; } | awk '
			$1 == "#" { listed = 1; next }
			!listed && NF {
				address[++endpoints] = $2
				first[endpoints] = $3
				last[endpoints] = $4
				named[endpoints] = NF > 4
				for (i = 5; i <= NF; i++) may[endpoints, $i] = 1
				next
			}
			listed {
				split("", times)
				for (i = 1; i <= NF; i++) if (split($i, part, "=") == 2) value[part[1], ++times[part[1]]] = part[2]
				# First what was sent, then what is to come back: from the destination.
				to = value["dst", 1]; port = value["dport", 1]; reply = value["src", 2]; from = value["sport", 2]
				group = to " " port " " reply " " from
				if (group in seen) next
				seen[group] = 1
				# The last line of an endpoint is what holds: those before are of earlier rules.
				for (i = endpoints; i > 0; i--) if (address[i] == to && port + 0 >= first[i] && port + 0 <= last[i]) {
					stays = named[i] ? (i, reply "," from) in may || from == port && (i, reply ",any") in may : reply == to && from == port
					if (!stays) print group
					break
				}
			}' | while read -r address port reply from; do
			conntrack -D -f "$family" -p udp --orig-dst "$address" --orig-port-dst "$port" \
				--reply-src "$reply" --reply-port-src "$from" >/dev/null 2>&1 || :
		done
	done
}

# The UDP endpoints that are loaded, as move_flows reads them.
loaded_flows() {
	nft list table inet pomaloba-weighted 2>/dev/null | awk '
		/daddr [^ ]+ udp dport [0-9]+-[0-9]+ goto/ {
			for (i = 1; $i != "dport"; i++) continue
			split($(i + 1), ports, "-")
			print "udp", $(i - 2), ports[1], ports[2]
		}
		{
			while (match($0, /[0-9a-f.:]+ \. udp \. [0-9]+/)) {
				split(substr($0, RSTART, RLENGTH), part, " ")
				print "udp", part[1], part[5], part[5]
				$0 = substr($0, RSTART + RLENGTH)
			}
		}' || :
}

# Removes the chains and sets of the table that the ruleset on standard input does not name: a load in place leaves them
# behind, empty.
prune() {
	{
		sed -n 's/^add \([a-z]*\) inet [^ ]* \([^ ]*\) .*/wanted \1 \2/p; s/^	chain \([^ ]*\) {$/wanted chain \1/p'
		nft -t list table inet pomaloba-weighted
	} | awk -v table='inet pomaloba-weighted' '
		$1 == "wanted" { wanted[$2, $3] = 1; next }
		# What refers to chains goes before them.
		/^	(chain|map|set|limit) / && !(($1, $2) in wanted) { gone[$1] = gone[$1] "delete " $1 " " table " " $2 "\n" }
		END { printf "%s", gone["map"] gone["set"] gone["chain"] gone["limit"] }' | nft -f - ||
		echo 'pomaloba: warning: something of an earlier version stays in table pomaloba-weighted; it does nothing' >&2
}

rules() {
	cat <<'RULESET'
# In place: what people or packets put into sets stays, such as what is down. Sets are added by commands of their own:
# nft 0.9.8 crashes on one inside of a table that exists.
add table inet pomaloba-weighted
flush table inet pomaloba-weighted

# IPv4: destinations that get no new connections for the time being; port 0 for one that keeps the client's.
add set inet pomaloba-weighted down-ip { type ipv4_addr . inet_service; }
# The app of an endpoint; and the endpoints again, as conntrack remembers what a connection was opened to.
add map inet pomaloba-weighted apps-ip { type ipv4_addr . inet_proto . inet_service : verdict; }
flush map inet pomaloba-weighted apps-ip
add set inet pomaloba-weighted balanced-ip { type ipv4_addr . inet_proto . inet_service; }
flush set inet pomaloba-weighted balanced-ip
# Of apps that say more of the source address than that it is masqueraded.
add map inet pomaloba-weighted sources-ip { type ipv4_addr . inet_proto . inet_service : verdict; }
flush map inet pomaloba-weighted sources-ip
# Where answers come from. The protocol first: endpoints are found in lists by the other order.
add set inet pomaloba-weighted destinations-ip { type inet_proto . ipv4_addr . inet_service; }
flush set inet pomaloba-weighted destinations-ip

table inet pomaloba-weighted {
	# weighted: each rule has its share of what the rules before it left; the last one takes the rest.
	chain choose/weighted/ip {
		numgen random mod 6 < 1 goto to/weighted/198.51.100.1/30080 # 16.67 %
		numgen random mod 5 < 2 goto to/weighted/198.51.100.2/30080 # 33.33 %
		goto to/weighted/198.51.100.3/30080 # 50.00 %
	}

	chain to/weighted/198.51.100.1/30080 {
		meta l4proto tcp ip daddr & 198.51.100.1 | 198.51.100.1 . th dport & 30080 | 30080 != @down-ip dnat ip to 198.51.100.1:30080
	}

	chain to/weighted/198.51.100.2/30080 {
		meta l4proto tcp ip daddr & 198.51.100.2 | 198.51.100.2 . th dport & 30080 | 30080 != @down-ip dnat ip to 198.51.100.2:30080
	}

	chain to/weighted/198.51.100.3/30080 {
		meta l4proto tcp ip daddr & 198.51.100.3 | 198.51.100.3 . th dport & 30080 | 30080 != @down-ip dnat ip to 198.51.100.3:30080
	}

	chain app/weighted/ip {
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump choose/weighted/ip
		jump to/weighted/198.51.100.1/30080
		jump to/weighted/198.51.100.2/30080
		jump to/weighted/198.51.100.3/30080
		meta l4proto tcp reject with tcp reset
	}

	# The first packet of a connection only: what this host served before the ruleset was loaded is left to it.
	chain balance {
		tcp flags & (fin | syn | rst | ack) != syn return
		ip daddr . meta l4proto . th dport vmap @apps-ip
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

	# A destination that saw the client's address would answer past this host. Only what was opened to one
	# of our endpoints is masqueraded: other traffic to the same destinations keeps its source address.
	chain postrouting {
		type nat hook postrouting priority 100; policy accept;
		ct status dnat meta l4proto tcp ct original ip daddr . meta l4proto . ct original proto-dst @balanced-ip masquerade fully-random
	}

	# What conntrack cannot place, as a segment far outside of the TCP window, is not translated and comes to this host,
	# which would reset a connection that it does not know. Dropped, it is sent again. Of our connections only.
	chain stray {
		meta l4proto . ip saddr . th sport @destinations-ip counter drop
		ip daddr . meta l4proto . th dport @balanced-ip counter drop
	}

	chain stray-input {
		type filter hook input priority -101; policy accept;
		ct state invalid jump stray
	}
}

# IPv4: one look-up finds the app of an address, protocol and port.
add element inet pomaloba-weighted apps-ip {
	192.0.2.10 . tcp . 80 comment "weighted" : goto app/weighted/ip,
}
add element inet pomaloba-weighted balanced-ip {
	192.0.2.10 . tcp . 80,
}
add element inet pomaloba-weighted destinations-ip {
	tcp . 198.51.100.1 . 30080,
	tcp . 198.51.100.2 . 30080,
	tcp . 198.51.100.3 . 30080,
}
RULESET
}

forwardable net/ipv4/ip_forward
flows=$(loaded_flows)
rules | nft -f -
rules | prune
move_flows "$(echo "$flows" && rules | sed -n 's/^# udp /udp /p')"
forward net/ipv4/ip_forward
