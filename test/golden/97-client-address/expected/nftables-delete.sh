#!/bin/sh
# Pomaloba ruleset lb: removes its nft table and nothing else. Forwarding stays as it is: others may need it.
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
	nft list table inet pomaloba-lb 2>/dev/null | awk '
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

flows=$(loaded_flows)
# Adding first makes the deletion work where the table does not exist.
nft -f - <<'RULESET'
add table inet pomaloba-lb
delete table inet pomaloba-lb
RULESET
move_flows "$flows"
