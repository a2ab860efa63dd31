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

# Makes the rules in $2 (restore format; none: removes all) what is loaded of ours, through $1 (iptables or
# ip6tables), in one transaction a table. Ours are the chains named in $owned, chains that a restore file of this
# ruleset has emptied, and those below them. Chains that $2 lacks go, with the jumps to them; of a jump that is there
# several times one stays, where it is; what else is loaded is not touched.
converge() {
	loaded=$("$1-save")
	# All by standard input: one argument can have no more than 128 KiB.
	transaction=$(
		printf '%s\n' "#owned $owned" "$loaded" '#wanted' "$2" |
			awk -v emptied='--comment "replaced by lb" -j RETURN' '
				# An emptied chain holds the mark alone: with any other rule, its own ruleset was loaded again.
				function is_ours(table, chain, part) {
					split(chain, part, "/")
					chain = part[1] "/" part[2]
					return chain in ours || (table, chain) in marked && !((table, chain) in used)
				}

				$1 == "#owned" { for (i = 2; i <= NF; i++) ours[$i] = 1; next }
				/^# Table .(filter|nat). is incompatible/ { print "pomaloba: " substr($0, 3) >"/dev/stderr"; exit failed = 1 }
				$1 == "#wanted" { wanted = 1; next }
				/^\*/ { table = substr($1, 2); next }
				/^#/ || /^$/ || $1 == "COMMIT" { next }

				!wanted && /^:/ { chain[table, ++chains[table]] = substr($1, 2) }
				!wanted && $1 == "-A" && index($0, emptied) { marked[table, $2] = 1; next }
				!wanted && $1 == "-A" {
					used[table, $2] = 1
					if ($(NF - 1) ~ /^-[gj]$/) jump[table, ++jumps[table]] = $0
				}
				!wanted { next }

				/^:/ { declared[table, substr($1, 2)] = 1 }
				/^-[AI] [A-Z]+ / { hooks[table, listed($0)] = 1 }
				{ line[table, ++lines[table]] = $0 }

				# As iptables-save shows a jump that is to be the first one.
				function listed(text) {
					sub(/^-I/, "-A", text)
					return text
				}
				function goes(table, name) {
					return is_ours(table, name) && !((table, name) in declared)
				}
				function put(table, text) {
					if (!opened[table]++) print "*" table
					print text
				}
				function commit(table, i, text, words, last) {
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
				# Rejecting begins before balancing ends, and ends after balancing has begun.
				END {
					if (failed) exit 1
					if (lines["filter"]) { commit("filter"); commit("nat") }
					else { commit("nat"); commit("filter") }
				}
			'
	)
	[ -n "$transaction" ] || return 0
	# Once without effect: a refusal in the second table must not come after a change in the first.
	printf '%s\n' "$transaction" | "$1-restore" -w 60 --noflush --test
	printf '%s\n' "$transaction" | "$1-restore" -w 60 --noflush
}

# One run at a time: what a run has found must still be so when it changes it.
exec 9>/run/pomaloba.lock
flock -w 60 9 || fail 'another run holds /run/pomaloba.lock'

for tool in iptables ip6tables; do
	! command -v "$tool-save" >/dev/null || converge "$tool" ''
done
