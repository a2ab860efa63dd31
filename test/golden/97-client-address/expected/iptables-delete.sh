#!/bin/sh
# Pomaloba ruleset lb: removes its iptables rules and nothing else, in whatever state they are. Forwarding
# stays as it is: others may need it.
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
need awk mawk
need flock util-linux
need iptables-save iptables
need iptables-restore iptables

owned='PMLB/lb'
doubt=1

# Prints what makes the rules in $2 (restore format; none: removes all) what is loaded of ours, for $1-restore ($1 is
# iptables or ip6tables), one transaction a table. Ours are the chains named in $owned, chains that a restore file of
# this ruleset has emptied, and those below them. Chains that $2 lacks go, with the jumps to them; of a jump that is
# there several times one stays, where it is; what else is loaded is not touched. Fails if a table that holds ours, or
# is to, cannot be seen; $doubt is the exit code if nobody knows.
changes() {
	loaded=$("$1-save") || return 1
	case $1 in iptables) other=-6 ;; *) other=-4 ;; esac
	# One rule that only nft knows, and iptables shows nothing of a table. nft, where it is installed, names its chains.
	case $loaded in
		*' is incompatible,'*)
			loaded="$loaded
$(nft list chains "${1%tables}" 2>/dev/null)" || : ;;
	esac
	# All by standard input: one argument can have no more than 128 KiB.
	printf '%s\n' "#owned $owned" "$loaded" '#wanted' "$2" |
		awk -v tool="$1" -v other="$other" -v doubt="$doubt" -v emptied='--comment "replaced by lb" -j RETURN' '
			# An emptied chain holds the mark alone: with any other rule, its own ruleset was loaded again.
			function is_ours(table, chain, part) {
				split(chain, part, "/")
				chain = part[1] "/" part[2]
				return chain in ours || (table, chain) in marked && !((table, chain) in used)
			}

			$1 == "#owned" { for (i = 2; i <= NF; i++) ours[$i] = 1; next }
			$1 == "#wanted" { wanted = 1; next }
			/^# Table .(filter|mangle|nat). is incompatible,/ { hidden[substr($3, 2, length($3) - 2)] = 1; next }
			!wanted && $1 == "table" { table = $3; known = 1 }
			!wanted && $1 == "chain" { if (table in hidden && is_ours(table, $2)) held[table] = 1 }
			/^\*/ { table = substr($1, 2); next }
			/^#/ || /^$/ || $1 == "COMMIT" { next }

			!wanted && /^:/ { chain[table, ++chains[table]] = substr($1, 2) }
			!wanted && $1 == "-A" && index($0, emptied) { marked[table, $2] = 1; next }
			!wanted && $1 == "-A" {
				used[table, $2] = 1
				if ($(NF - 1) ~ /^-[gj]$/) jump[table, ++jumps[table]] = $0
			}
			!wanted || $1 == other { next }

			/^-[46] / { rules[table]++ }
			# Without what is in chains below that of the ruleset, balancing works as long as nobody drops what is forwarded.
			/^-[46] / && !(table == "filter" && $3 ~ /\/.*\//) { needed[table] = 1 }
			/^:/ { declared[table, substr($1, 2)] = 1 }
			/^-[AI] [A-Z]+ / { hooks[table, listed($0)] = 1 }
			{ line[table, ++lines[table]] = $0 }

			# As iptables-save shows a jump that is to be the first one.
			function listed(text) {
				sub(/^-I/, "-A", text)
				return text
			}
			function goes(table, name) {
				return is_ours(table, name) && !(rules[table] && (table, name) in declared)
			}
			function put(table, text) {
				if (!opened[table]++) print "*" table
				print text
			}
			function commit(table, i, text, words, last) {
				# Chains and jumps are for both address families: without a rule, this one needs none of them.
				if (!rules[table]) lines[table] = 0
				for (i = 1; i <= lines[table]; i++) if (line[table, i] ~ /^:/) put(table, line[table, i])
				for (i = 1; i <= jumps[table]; i++) {
					text = jump[table, i]
					last = split(text, words, " ")
					if (!is_ours(table, words[last]) || is_ours(table, words[2])) continue
					if (!goes(table, words[last]) && !((table, text) in hooks && present[table, text]++)) continue
					sub(/^-A/, "-D", text)
					put(table, text)
				}
				for (i = 1; i <= chains[table]; i++) if (goes(table, chain[table, i])) put(table, "-F " chain[table, i])
				for (i = 1; i <= chains[table]; i++) if (goes(table, chain[table, i])) put(table, "-X " chain[table, i])
				for (i = 1; i <= lines[table]; i++) {
					text = line[table, i]
					if (text ~ /^:/ || present[table, listed(text)]) continue
					put(table, text)
				}
				if (opened[table]) print "COMMIT"
			}
			function report(table, where) {
				if (!(table in hidden)) return
				where = tool " cannot show table " table ", where another program has rules that only nft knows"
				if (needed[table]) say(1, where ". Use --output-type nftables, or move those rules to a table of their own")
				else if (held[table]) say(1, where ", nor remove our chains there. Take those rules away and run this again")
				else if (!known) say(doubt, where ". Install the package nftables and run this again to know whether our chains are there")
				else say(0, "warning: " where ". No chain of ours is there")
				rules[table] = 0
			}
			function say(code, text) {
				print "pomaloba: " text >"/dev/stderr"
				if (code) status = code
			}
			# Rejecting, guarding and letting through begin before balancing changes; where nothing remains of them, they
			# end after that.
			END {
				tables = split("filter mangle nat", name, " ")
				for (i = 1; i <= tables; i++) report(name[i])
				for (i = 1; i < tables; i++) if (rules[name[i]]) commit(name[i])
				commit("nat")
				for (i = 1; i < tables; i++) if (!rules[name[i]]) commit(name[i])
				exit status
			}
		'
}

# Hands $2, as changes printed it, to $1-restore; with --test, only to see whether that would take it.
restore() {
	[ -z "$2" ] || printf '%s\n' "$2" | "$1-restore" -w 60 --noflush ${3:+"$3"}
}

# One run at a time: what a run has found must still be so when it changes it.
exec 9>/run/pomaloba.lock
flock -w 60 9 || fail 'another run holds /run/pomaloba.lock'

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
	for tool in iptables ip6tables; do
		"$tool" -w 60 -t nat -S PMLB/lb 2>/dev/null || :
	done | awk '/-p udp / {
		for (i = 1; i <= NF; i++) option[$i] = $(i + 1)
		sub("/.*", "", option["-d"])
		if (split(option["--dport"], ports, ":") == 1) ports[2] = ports[1]
		print "udp", option["-d"], ports[1], ports[2]
	}'
}

# What cannot be removed does not keep the rest.
left=0
flows=$(loaded_flows)
for tool in iptables ip6tables; do
	command -v "$tool-save" >/dev/null || continue
	transaction=$(changes "$tool" '') || left=1
	restore "$tool" "$transaction" || left=1
done
# Other rules may go on with them.
[ -n "${POMALOBA_KEEP_FLOWS:-}" ] || move_flows "$flows"
exit "$left"
