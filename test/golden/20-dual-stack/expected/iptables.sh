#!/bin/sh
# Pomaloba ruleset shop: loads it with iptables and switches forwarding on. Generated: change the spec, not
# this file. It can be run again and again; --delete prints the script that removes the rules. Firewalls of others that
# drop what is forwarded with nft let through what was balanced then, unless POMALOBA_FIREWALLS is "no".
#
# For the time being no new connections to a destination, and as before; port 0 where it has none:
#   echo +0.0.0.0 | tee /proc/net/xt_recent/pomaloba-shop /proc/net/xt_recent/pomaloba-shop,ADDRESS,PORT
#   echo -0.0.0.0 >/proc/net/xt_recent/pomaloba-shop,ADDRESS,PORT
#   echo +:: | tee /proc/net/xt_recent/pomaloba-shop /proc/net/xt_recent/pomaloba-shop,ADDRESS,PORT
#   echo -:: >/proc/net/xt_recent/pomaloba-shop,ADDRESS,PORT
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
need ip6tables-save iptables
need ip6tables-restore iptables

owned='PMLB/shop'
doubt=0

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

# An endpoint where the host's own ssh listens: its rule would send the next login to a destination. Asked of the sockets,
# as nobody knows who will log in from where; not where ss (of the package iproute2) is missing.
keep_ssh() {
	[ "${POMALOBA_ALLOW_SSH_CAPTURE:-no}" != yes ] && command -v ss >/dev/null || return 0
	captured=$({
		ip -o address show 2>/dev/null | awk '{ sub("/.*", "", $4); print "local", $4 }'
		ss -Hltnp 2>/dev/null | awk '/\(\("(sshd|dropbear)",/ || /:22 .*\(\("systemd",/ { print "ssh", $4 }'
		cat <<'ENDPOINTS'
endpoint 192.0.2.10 80 80
endpoint 192.0.2.10 443 443
endpoint 2001:db8::10 80 80
endpoint 2001:db8::11 80 80
ENDPOINTS
	} | awk '
		$1 == "local" { here[$2] = 1 }
		$1 == "ssh" {
			port[++sockets] = $2
			sub(/.*:/, "", port[sockets])
			address[sockets] = $2
			sub(/:[0-9]+$/, "", address[sockets])
			gsub(/[][]|%.*/, "", address[sockets])
		}
		$1 == "endpoint" && $2 in here {
			for (i = 1; i <= sockets; i++)
				if (port[i] + 0 >= $3 && port[i] + 0 <= $4 && (address[i] == $2 || address[i] ~ /^([*]|0[.]0[.]0[.]0|::)$/))
					print $2 " port " port[i]
		}' | sort -u)
	[ -z "$captured" ] || fail "the ssh of this host listens where an endpoint is: $(echo "$captured" | paste -sd, -).
Another login would end at a destination. Where ssh is reached in another way: POMALOBA_ALLOW_SSH_CAPTURE=yes sh FILE"
}

# Prints what makes the rules in $2 (restore format; none: removes all) what is loaded of ours, for $1-restore ($1 is
# iptables or ip6tables), one transaction a table. Ours are the chains named in $owned, chains that a restore file of
# this ruleset has emptied, and those below them. Chains that $2 lacks go, with the jumps to them; of a jump that is
# there several times one stays, where it is; what else is loaded is not touched. Fails if a table that holds ours, or
# is to, cannot be seen; $doubt is the exit code if nobody knows.
changes() {
	loaded=$("$1-save" -c) || return 1
	case $1 in iptables) other=-6 ;; *) other=-4 ;; esac
	# One rule that only nft knows, and iptables shows nothing of a table. nft, where it is installed, names its chains.
	case $loaded in
		*' is incompatible,'*)
			loaded="$loaded
$(nft list chains "${1%tables}" 2>/dev/null)" || : ;;
	esac
	# All by standard input: one argument can have no more than 128 KiB.
	printf '%s\n' "#owned $owned" "$loaded" '#wanted' "$2" |
		awk -v tool="$1" -v other="$other" -v doubt="$doubt" -v emptied='--comment "replaced by shop" -j RETURN' '
			# An emptied chain holds the mark alone: with any other rule, its own ruleset was loaded again.
			function is_ours(table, chain, part) {
				split(chain, part, "/")
				chain = part[1] "/" part[2]
				return chain in ours || (table, chain) in marked && !((table, chain) in used)
			}

			# As iptables-save writes those of conntrack.
			BEGIN { protocol[6] = "tcp"; protocol[17] = "udp"; protocol[132] = "sctp" }
			# What a rule counts is known by its chain, addresses and ports; empty without an address.
			function subject(i, part) {
				split("", part)
				for (i = 1; i < NF; i++) part[$i] = $(i + 1)
				if (part["-d"] part["--ctorigdst"] part["--ctreplsrc"] part["--to-destination"] == "") return ""
				sub("/(32|128)$", "", part["-d"])
				# Of many, each is in the chain of its branch, which changes when others come or go.
				sub("/_(to|fwd|masq)/[a-z2-7]+$", "", part["-A"])
				sub("/_(forward|masq)$", "", part["-A"])
				if (part["--ctreplsrc"] != "") sub("/(_fwd|f[0-9]+)$", "", part["-A"])
				# Those of destinations are numbered, which changes when another one comes or goes.
				if (part["--to-destination"] != "") sub("/[0-9]+$", "", part["-A"])
				if (part["--ctproto"] in protocol) part["--ctproto"] = protocol[part["--ctproto"]]
				return part["-A"] " " part["-p"] " " part["--ctproto"] " " part["-d"] " " part["--dport"] " " \
					part["--ctorigdst"] " " part["--ctorigdstport"] " " part["--ctreplsrc"] " " part["--ctreplsrcport"] " " \
					part["--to-destination"]
			}

			$1 == "#owned" { for (i = 2; i <= NF; i++) ours[$i] = 1; next }
			$1 == "#wanted" { wanted = 1; next }
			/^# Table .(filter|mangle|nat). is incompatible,/ { hidden[substr($3, 2, length($3) - 2)] = 1; next }
			{ counters = "" }
			/^\[[0-9]+:[0-9]+\] / {
				counters = substr($1, 2, length($1) - 2)
				sub(/^[^ ]* /, "")
			}
			!wanted && $1 == "table" { table = $3; known = 1 }
			!wanted && $1 == "chain" { if (table in hidden && is_ours(table, $2)) held[table] = 1 }
			/^\*/ { table = substr($1, 2); next }
			/^#/ || /^$/ || $1 == "COMMIT" { next }

			!wanted && /^:/ { chain[table, ++chains[table]] = substr($1, 2) }
			!wanted && $1 == "-A" && index($0, emptied) { marked[table, $2] = 1; next }
			!wanted && $1 == "-A" {
				used[table, $2] = 1
				if (counters != "0:0" && is_ours(table, $2)) counted[table, subject()] = counters
				if ($(NF - 1) ~ /^-[gj]$/) jump[table, ++jumps[table]] = $0
			}
			!wanted || $1 == other { next }

			/^-[46] / { rules[table]++ }
			# Without what is in chains below that of the ruleset, balancing works as long as nobody drops what is forwarded.
			/^-[46] / && !(table == "filter" && $3 ~ /\/.*\//) { needed[table] = 1 }
			/^:/ { declared[table, substr($1, 2)] = 1 }
			/^-[AI] [A-Z]+ / { hooks[table, listed($0)] = 1 }
			{ line[table, ++lines[table]] = $0 with_counters() }

			# Of the rule on this line, when it is loaded instead of the one that has counted so far.
			function with_counters(of, part) {
				of = subject()
				if (of == "" || !((table, of) in counted)) return ""
				split(counted[table, of], part, ":")
				return " -c " part[1] " " part[2]
			}
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

# The endpoints that are loaded into iptables, as move_flows and open_connections read them.
iptables_endpoints() {
	for tool in iptables ip6tables; do
		# Those of the nat table are gone while connections are let end.
		"$tool" -w 60 -t nat -S PMLB/shop 2>/dev/null || :
		"$tool" -w 60 -t filter -S PMLB/shop/_stray 2>/dev/null || :
	done | awk '/ -d .* --dport / {
		for (i = 1; i <= NF; i++) option[$i] = $(i + 1)
		sub("/.*", "", option["-d"])
		if (split(option["--dport"], ports, ":") == 1) ports[2] = ports[1]
		print option["-p"], option["-d"], ports[1], ports[2]
	}'
}

# A UDP flow stays with the destination of its first packet as long as packets come, and a flow that was there before its
# endpoint is never balanced: the kernel asks the rules for first packets only. Makes it forget the flows that the rules
# would not send where they go; all others go on. $1: lines "PROTOCOL ADDRESS FIRST LAST [DESTINATION,PORT...]", an
# endpoint each; where no destination is named, what is translated is forgotten. Nothing where conntrack is missing.
move_flows() {
	case $1 in *'udp '*) ;; *) return 0 ;; esac
	command -v conntrack >/dev/null || {
		echo 'pomaloba: warning: without conntrack (of the package of that name) UDP flows stay where they are until they pause' >&2
		return 0
	}
	for family in ipv4 ipv6; do
		{ printf '%s\n' "$1" '#'; conntrack -L -f "$family" -p udp 2>/dev/null || :; } | awk '
			$1 == "#" { listed = 1; next }
			!listed && $1 == "udp" {
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

# Firewalls of others that drop what is forwarded. No accept of ours overrules them: what was balanced is let through
# where they drop, by a jump that has this comment, to a chain of this name: one look-up in nft, a rule an endpoint in
# iptables. Both are found again by these, and all that is asked for comes from what is loaded.
tag='pomaloba:shop'
accept='PMLB/shop/_forward'

# The tools of iptables. Each of its variants shows its own rules only: that which is not in use may have some, too.
case $(iptables -V 2>/dev/null) in *nf_tables*) unused=legacy ;; *) unused=nft ;; esac
iptables_tools() {
	for tool in iptables ip6tables "iptables-$unused" "ip6tables-$unused"; do
		! command -v "$tool-save" >/dev/null || echo "$tool"
	done
}

# Prints a transaction for each table of others that drops, or that has something of ours. Above it "# NUMBER STATE TOOL
# PLACE": the state is "open" if our jumps are where they should be, "shut" if not, "idle" if they are to go.
#
# What looks at the sender, at a rate or for invalid packets is no reason: that is somebody's decision about clients, and
# stays before ours if it is. What is left of rulesets that are not loaded any more goes as well; if $1 is "no", so does
# ours.
firewalls() {
	{
		for tool in $(iptables_tools); do
			echo "#tool $tool $("$tool" -V)"
			"$tool-save" || :
		done
		echo '#tool nft'
		! command -v nft >/dev/null || nft -a list ruleset || :
	} 2>/dev/null | awk -v own="$tag" -v accept="$accept" -v wanted="$1" '
		$1 == "#tool" { tool = $2; is_of_nft = /nf_tables/; next }

		# What is listed by iptables: the endpoints of our own ruleset from nat, the firewall from filter.
		tool != "nft" && /^\*/ {
			part = $1
			table = tool
			if (part != "*filter") next
			see(table)
			if (is_of_nft) shown[tool ~ /^ip6/ ? "nft ip6 filter" : "nft ip filter"] = 1
		}
		tool != "nft" && part == "*nat" && /^:/ { loaded[substr($1, 2) "/_forward"] = 1 }
		tool != "nft" && part == "*nat" && $1 == "-A" { sub("/_to/[a-z2-7]+$", "", $2) }
		tool != "nft" && part == "*nat" && $1 == "-A" && $2 "/_forward" == accept && / --dport / {
			for (i = 1; i < NF; i++) option[$i] = $(i + 1)
			sub("/.*", "", option["-d"])
			endpoint(option["-d"], option["-p"], option["--dport"])
		}
		tool != "nft" && part == "*filter" && /^:/ {
			chain = substr($1, 2)
			declared[table, chain] = 1
			if (chain == "FORWARD") base(table, chain, $2 == "DROP")
		}
		tool != "nft" && part == "*filter" && $1 == "-A" {
			at = $0
			comment = match($0, /--comment "pomaloba:[^"]*"/) ? substr($0, RSTART + 11, RLENGTH - 12) : ""
			gsub(/"([^"\\]|\\.)*"/, "")
			to = ""
			for (i = 3; i < NF; i++) if ($i ~ /^-[gj]$/) to = $(i + 1)
			if (/^-A [^ ]+ -m conntrack --ctstate ([A-Z]+,)*DNAT(,[A-Z]+)* -j ACCEPT$/) to = "pass"
			if (to ~ /^(DROP|REJECT)$/) to = "drop"
			if (/ (-s|--src-range|--match-set [^ ]+ src) |INVALID| -m (limit|hashlimit|connlimit|recent|geoip) /) to = ""
			rule(table, $2, at, comment, to)
		}
		tool != "nft" { next }

		$1 == "table" { table = "nft " $2 " " $3; is_ours = $2 == "inet" && $3 ~ /^pomaloba-/; see(table); next }
		is_ours { if (table == "nft inet pomaloba-" substr(own, 10)) endpoints(); next }
		/^\t(chain|map|set) / {
			chain = ($1 == "map" ? "@" : "") $2
			text = ""
			if ($1 != "map") declared[table, $2] = 1
			if ($1 == "set") chain = ""
		}
		/^\t}/ { chain = "" }
		/^(\t?[a-z}]|$)/ || chain == "" { next }
		/^\t\ttype filter hook forward / {
			text = ""
			# Of a table that iptables shows, iptables is to be asked. firewalld has one for the moment of a reload.
			if (table ~ /^nft (ip|ip6|inet) / && !(table in shown && chain == "FORWARD") && table !~ / firewalld_policy_drop$/)
				base(table, chain, $0 ~ /policy drop/)
			next
		}
		{ text = text " " $0 }
		chain ~ /^@/ || / # handle [0-9]+$/ {
			comment = match(text, /comment "pomaloba:[^"]*" # handle/) ? substr(text, RSTART + 9, RLENGTH - 19) : ""
			gsub(/"[^"]*"/, "", text)
			rule(table, chain, $NF, comment, text ~ / saddr |invalid|limit rate|ct count over|quota/ ? "" : verdicts(text))
			text = ""
		}

		# Balanced, or to be rejected: connections live on that a destination had before it was drained.
		function endpoints(words, i) {
			if (/^\t(set|map|chain) /) elements = /^\t(set balanced|map apps)-/
			while (elements && match($0, /[0-9a-f.:]+ \. (tcp|udp|sctp) \. [0-9]+/)) {
				split(substr($0, RSTART, RLENGTH), words, " ")
				endpoint(words[1], words[3], words[5])
				$0 = substr($0, RSTART + RLENGTH)
			}
			gsub(/meta l4proto |ct original proto-/, "")
			for (i = 1; i < NF - 4; i++) if ($i == "daddr" && $(i + 3) ~ /^d(st|port)$/ && $(i + 4) ~ /^[0-9]+-[0-9]+$/)
				endpoint($(i + 1), $(i + 2), $(i + 4))
		}
		function endpoint(address, protocol, ports, version) {
			version = address ~ /:/ ? "ip6" : "ip"
			sub("-", ":", ports)
			if (wanted == "no" || known[address, protocol, ports]++) return
			listed[version, ++count[version]] = address " " protocol " " ports
		}
		function see(table) { if (!(table in seen)) { seen[table] = 1; name[++tables] = table } }
		function base(table, chain, drops) { chain_of[table, ++bases[table]] = chain; policy[table, bases[table]] = drops }
		# "to" is what a rule leads to: chains, maps of verdicts, "drop"; "pass" if it accepts all that was translated.
		function rule(table, chain, at, comment, to, n) {
			sub(/^ /, "", to)
			n = ++rules[table, chain]
			# That of --output-type iptables, or nft does not show the comment that iptables has written.
			if (comment == "" && to == accept) {
				comment = own
				bare[table, chain, n] = 1
				ruled[table] = 1
			}
			place[table, chain, n] = at
			mark[table, chain, n] = comment
			if (comment == "") leads[table, chain, n] = to
			else target[table, chain, n] = to
		}
		function verdicts(text, words, n, i, to) {
			if (text ~ /^[ \t]*ct status dnat (counter packets [0-9]+ bytes [0-9]+ )?accept( comment)? *#/) return "pass"
			gsub(/[,;{}]/, " ", text)
			n = split(text, words, /[ \t]+/)
			for (i = 1; i <= n; i++) {
				if (words[i] == "drop" || words[i] == "reject") to = to " drop"
				else if (words[i] == "jump" || words[i] == "goto") to = to " " words[++i]
				else if (words[i] ~ /^@/) to = to " " words[i]
			}
			return to
		}
		function drops(table, to, words, n, i) {
			n = split(to, words, " ")
			for (i = 1; i <= n; i++) if (words[i] == "drop" || chain_drops(table, words[i])) return 1
			return 0
		}
		function chain_drops(table, chain, n) {
			if (!((table, chain) in dropping)) {
				dropping[table, chain] = 0
				for (n = 1; n <= rules[table, chain]; n++) if (drops(table, leads[table, chain, n])) dropping[table, chain] = 1
			}
			return dropping[table, chain]
		}

		# Of which address families a table is.
		function versions(table) {
			return table ~ /^nft inet/ ? "ip ip6" : table ~ /^(nft ip6|ip6tables)/ ? "ip6" : "ip"
		}
		# The rule that our jump has to come before; one more than there are if the policy drops; 0 if nothing does.
		function first_drop(table, chain, policy, n, to) {
			split(versions(table), version, " ")
			if (!count[version[1]] && !count[version[2]]) return 0
			for (n = 1; n <= rules[table, chain]; n++) {
				to = leads[table, chain, n]
				if (to == "pass") return 0
				if (drops(table, to)) return n
			}
			return policy ? n : 0
		}
		function is_loaded(comment, chain) {
			return ("nft inet pomaloba-" substr(comment, 10)) in seen || chain in loaded
		}
		# kept is how many rules stay before the one that is the first to drop.
		function jump(table, chain, first, kept, is_last) {
			is_last = first > rules[table, chain]
			if (table !~ /^nft/) return (is_last ? "-A " chain : "-I " chain " " kept + 1) " -m conntrack --ctstate DNAT -m comment --comment \"" own "\" -j " accept
			return (is_last ? "add rule " : "insert rule ") substr(table, 5) " " chain (is_last ? "" : " handle " place[table, chain, first]) " ct status dnat jump " accept " comment \"" own "\""
		}
		function deletion(table, chain, at) {
			if (table ~ /^nft/) return "delete rule " substr(table, 5) " " chain " handle " at
			sub(/^-A/, "-D", at)
			return at
		}

		# Which rules of the chain go: ours where they are of no use, and of rulesets that are not loaded any more. Counts
		# those that stay before the first that drops.
		function sift(table, chain, first, n, comment, to, kept) {
			is_placed = before = kept = 0
			for (n = 1; n <= rules[table, chain]; n++) {
				if (n <= first) before = kept
				comment = mark[table, chain, n]
				to = target[table, chain, n]
				if (comment == own && n < first && !is_placed) is_placed = ++kept
				else if (comment == "" || (comment == own ? is_ruled && bare[table, chain, n] : is_loaded(comment, to))) kept++
				else {
					deletions[++gone] = deletion(table, chain, place[table, chain, n])
					if (comment != own && (table, to) in declared && !((table, to) in emptied)) old[++olds] = to
					emptied[table, to] = 1
				}
			}
			if (first > rules[table, chain]) before = kept
		}
		function plan(table, i, chain, first, where, jumps, state) {
			# A table of the ruleset of --output-type iptables: it has the chain of ours, and in FORWARD its jump.
			is_ruled = table in ruled && accept in loaded
			if (is_ruled && table !~ /^nft/ || table in shown && !bases[table]) return
			gone = olds = 0
			for (i = 1; i <= bases[table]; i++) {
				chain = chain_of[table, i]
				first = first_drop(table, chain, policy[table, i])
				sift(table, chain, first)
				if (!first) continue
				where = where (where == "" ? " " : ", ") chain
				if (!is_placed) added[++jumps] = jump(table, chain, first, before)
			}
			if (where == "" && !is_ruled && (table, accept) in declared) old[++olds] = accept
			state = where == "" ? "idle" : gone + olds + jumps ? "shut" : "open"
			if (state == "idle" && !(gone + olds)) return

			print "#", ++transactions, state, table ~ /^nft/ ? table where : table " " table where
			if (table !~ /^nft/) print "*filter"
			for (i = 1; i <= gone; i++) print deletions[i]
			for (i = 1; i <= olds; i++) remove(table, old[i])
			if (where != "" && !is_ruled) put(table)
			for (i = 1; i <= jumps; i++) print added[i]
			if (table !~ /^nft/) print "COMMIT"
		}
		function remove(table, chain) {
			if (table !~ /^nft/) {
				print "-F " chain
				print "-X " chain
				return
			}
			sub(/^nft /, "", table)
			print "flush chain " table " " chain
			print "delete chain " table " " chain
			if (("nft " table, chain "/ip") in declared) print "delete set " table " " chain "/ip"
			if (("nft " table, chain "/ip6") in declared) print "delete set " table " " chain "/ip6"
		}
		function put(table, version, n, i) {
			if (table ~ /^nft/) {
				print "add chain " substr(table, 5) " " accept
				print "flush chain " substr(table, 5) " " accept
			} else print ":" accept " - [0:0]"
			n = split(versions(table), version, " ")
			for (i = 1; i <= n; i++) if (table ~ /^nft/) put_nft(substr(table, 5), version[i])
			else put_iptables(version[i])
		}
		function put_iptables(version, i, part) {
			for (i = 1; i <= count[version]; i++) {
				split(listed[version, i], part, " ")
				print "-A " accept " -m conntrack --ctproto " part[2] " --ctorigdst " part[1] " --ctorigdstport " part[3] " -j ACCEPT"
			}
		}
		# Errors about a connection are its own, but of their own protocol; and nft before 1.1 knows that there are ports
		# only where protocols stand before.
		function put_nft(table, version, i, part, set, errors, original, rule_of_ours) {
			set = table " " accept "/" version
			if (!count[version]) {
				if (("nft " table, accept "/" version) in declared) print "delete set " set
				return
			}
			errors = version == "ip" ? "icmp" : "ipv6-icmp"
			original = " ct original " version " daddr "
			rule_of_ours = "add rule " table " " accept " meta l4proto "
			print "add set " set " { type " (version == "ip" ? "ipv4" : "ipv6") "_addr . inet_proto . inet_service; }"
			print "flush set " set
			print rule_of_ours "{ tcp, udp, sctp, " errors " }" original ". ct protocol . ct original proto-dst @" accept "/" version " accept"
			for (i = 1; i <= count[version]; i++) {
				split(listed[version, i], part, " ")
				if (sub(":", "-", part[3])) {
					print rule_of_ours part[2] original part[1] " ct protocol " part[2] " ct original proto-dst " part[3] " accept"
					print rule_of_ours errors original part[1] " ct protocol " part[2] " ct original proto-dst " part[3] " accept"
				} else print "add element " set " { " part[1] " . " part[2] " . " part[3] " }"
			}
		}
		END { for (i = 1; i <= tables; i++) plan(name[i]) }
	'
}

# Does what firewalls prints of $1. Not to be able to is no reason to stop: the balancer is loaded.
let_through() {
	plan=$(firewalls "$1")
	[ -n "$plan" ] || return 0
	printf '%s\n' "$plan" | sed -n 's/^# //p' | while read -r number state tool place; do
		said="$place may drop what is forwarded: what was balanced is let through there"
		[ "$state" != idle ] || said="nothing of ours is left in $place"
		if printf '%s\n' "$plan" | awk -v number="$number" '$1 == "#" { wanted = $2 == number } wanted' |
			case $tool in nft) nft -f - ;; *) "$tool-restore" -w 60 --noflush ;; esac then
			echo "pomaloba: $said"
		else
			echo "pomaloba: warning: $place may drop what was balanced, and could not be changed" >&2
		fi
	done
}

rules() {
	cat <<'RULES'
*filter
:PMLB/shop/_forward - [0:0]
:PMLB/shop/_down - [0:0]
# Of pools all of whose destinations are down: by the ports that the nat table has sent them to. (Written as iptables-save
# does, by which the script sees that the jump is there.)
-I INPUT -p tcp -m tcp --dport 0:1 -m conntrack --ctstate DNAT -j PMLB/shop/_down
-4 -A PMLB/shop/_down -p tcp -m conntrack --ctorigdst 192.0.2.10 --ctorigdstport 80 -m comment --comment "shop" -j REJECT --reject-with tcp-reset
-4 -A PMLB/shop/_down -p tcp -m conntrack --ctorigdst 192.0.2.10 --ctorigdstport 443 -m comment --comment "shop" -j REJECT --reject-with tcp-reset
-6 -A PMLB/shop/_down -p tcp -m conntrack --ctorigdst 2001:db8::10 --ctorigdstport 80 -m comment --comment "shop" -j REJECT --reject-with tcp-reset
-6 -A PMLB/shop/_down -p tcp -m conntrack --ctorigdst 2001:db8::11 --ctorigdstport 80 -m comment --comment "shop" -j REJECT --reject-with tcp-reset
# A firewall of this host that drops what is forwarded (Docker, ufw, a policy) is passed first of all, both ways, by what
# was opened to one of our endpoints, errors about it (ICMP) included, and by nothing else: hence no word of RELATED and
# ESTABLISHED. Where the pool is empty, too: connections that a destination had before it was drained live on.
-I FORWARD -m conntrack --ctstate DNAT -j PMLB/shop/_forward
:PMLB/shop/shop/_fwd - [0:0]
-4 -A PMLB/shop/_forward -m conntrack --ctproto tcp --ctorigdst 192.0.2.10 --ctorigdstport 80 -g PMLB/shop/shop/_fwd
-4 -A PMLB/shop/_forward -m conntrack --ctproto tcp --ctorigdst 192.0.2.10 --ctorigdstport 443 -g PMLB/shop/shop/_fwd
# shop: counted, for each destination.
-4 -A PMLB/shop/shop/_fwd -m conntrack --ctreplsrc 198.51.100.1 --ctreplsrcport 30080 -j ACCEPT
-4 -A PMLB/shop/shop/_fwd -m conntrack --ctreplsrc 198.51.100.2 --ctreplsrcport 30080 -j ACCEPT
-4 -A PMLB/shop/shop/_fwd -j ACCEPT
-6 -A PMLB/shop/_forward -m conntrack --ctproto tcp --ctorigdst 2001:db8::10 --ctorigdstport 80 -g PMLB/shop/shop/_fwd
-6 -A PMLB/shop/_forward -m conntrack --ctproto tcp --ctorigdst 2001:db8::11 --ctorigdstport 80 -g PMLB/shop/shop/_fwd
# shop: counted, for each destination.
-6 -A PMLB/shop/shop/_fwd -m conntrack --ctreplsrc 2001:db8:2::1 --ctreplsrcport 30080 -j ACCEPT
-6 -A PMLB/shop/shop/_fwd -m conntrack --ctreplsrc 2001:db8:2::2 --ctreplsrcport 30080 -j ACCEPT
-6 -A PMLB/shop/shop/_fwd -j ACCEPT
:PMLB/shop/_stray - [0:0]
# What conntrack cannot place, as a segment far outside of the TCP window, is not translated and comes to this host,
# which would reset a connection that it does not know. Dropped, it is sent again. Of our connections only.
-I INPUT -m conntrack --ctstate INVALID -j PMLB/shop/_stray
-4 -A PMLB/shop/_stray -d 192.0.2.10 -p tcp --dport 80 -j DROP
-4 -A PMLB/shop/_stray -d 192.0.2.10 -p tcp --dport 443 -j DROP
-4 -A PMLB/shop/_stray -s 198.51.100.1 -p tcp --sport 30080 -j DROP
-4 -A PMLB/shop/_stray -s 198.51.100.2 -p tcp --sport 30080 -j DROP
-6 -A PMLB/shop/_stray -d 2001:db8::10 -p tcp --dport 80 -j DROP
-6 -A PMLB/shop/_stray -d 2001:db8::11 -p tcp --dport 80 -j DROP
-6 -A PMLB/shop/_stray -s 2001:db8:2::1 -p tcp --sport 30080 -j DROP
-6 -A PMLB/shop/_stray -s 2001:db8:2::2 -p tcp --sport 30080 -j DROP
COMMIT
*nat
:PMLB/shop - [0:0]
:PMLB/shop/_masq - [0:0]
:PMLB/shop/_refuse - [0:0]
:PMLB/shop/shop - [0:0]
:PMLB/shop/shop/draw - [0:0]
:PMLB/shop/shop/1 - [0:0]
:PMLB/shop/shop/2 - [0:0]
:PMLB/shop/shop/3 - [0:0]
:PMLB/shop/shop/4 - [0:0]
# Lines that begin with -4 are for iptables-restore only, those with -6 for ip6tables-restore.

# Connections from elsewhere, and those of this host itself, which do not pass PREROUTING.
-A PREROUTING -j PMLB/shop
-A OUTPUT -j PMLB/shop
-A POSTROUTING -m conntrack --ctstate DNAT -j PMLB/shop/_masq
# Without a destination. The filter table rejects what comes to this host: this brings it here, even where no route
# leads to its address. To ports that nobody listens on (0, which DNAT of iptables 1.8.7 does not take, and 1): no
# service of the host is reached, whatever stands in the filter table.
-A PMLB/shop/_refuse -p tcp -m addrtype --dst-type LOCAL -j DNAT --to-destination :1
-A PMLB/shop/_refuse -p tcp -j REDIRECT --to-ports 0
# shop
-4 -A PMLB/shop -d 192.0.2.10 -p tcp --dport 80 --syn -m comment --comment "shop" -g PMLB/shop/shop
-4 -A PMLB/shop -d 192.0.2.10 -p tcp --dport 443 --syn -m comment --comment "shop" -g PMLB/shop/shop
# shop: each rule has its share of what the rules before it left; the last one takes the rest.
-4 -A PMLB/shop/shop/draw -m statistic --mode random --probability 0.50000000000 -g PMLB/shop/shop/1
-4 -A PMLB/shop/shop/draw -g PMLB/shop/shop/2
-4 -A PMLB/shop/shop -j PMLB/shop/shop/draw
-4 -A PMLB/shop/shop -j PMLB/shop/shop/1
-4 -A PMLB/shop/shop/1 -m recent --name pomaloba-shop --rcheck --mask 0.0.0.0 -m recent --name pomaloba-shop,198.51.100.1,30080 --rcheck --mask 0.0.0.0 -j RETURN
-4 -A PMLB/shop/shop/1 -p tcp -j DNAT --to-destination 198.51.100.1:30080
-4 -A PMLB/shop/shop -j PMLB/shop/shop/2
-4 -A PMLB/shop/shop/2 -m recent --name pomaloba-shop --rcheck --mask 0.0.0.0 -m recent --name pomaloba-shop,198.51.100.2,30080 --rcheck --mask 0.0.0.0 -j RETURN
-4 -A PMLB/shop/shop/2 -p tcp -j DNAT --to-destination 198.51.100.2:30080
-4 -A PMLB/shop/shop -g PMLB/shop/_refuse
# shop
-6 -A PMLB/shop -d 2001:db8::10 -p tcp --dport 80 --syn -m comment --comment "shop" -g PMLB/shop/shop
-6 -A PMLB/shop -d 2001:db8::11 -p tcp --dport 80 --syn -m comment --comment "shop" -g PMLB/shop/shop
# shop: each rule has its share of what the rules before it left; the last one takes the rest.
-6 -A PMLB/shop/shop/draw -m statistic --mode random --probability 0.50000000000 -g PMLB/shop/shop/3
-6 -A PMLB/shop/shop/draw -g PMLB/shop/shop/4
-6 -A PMLB/shop/shop -j PMLB/shop/shop/draw
-6 -A PMLB/shop/shop -j PMLB/shop/shop/3
-6 -A PMLB/shop/shop/3 -m recent --name pomaloba-shop --rcheck --mask :: -m recent --name pomaloba-shop,2001:db8:2::1,30080 --rcheck --mask :: -j RETURN
-6 -A PMLB/shop/shop/3 -p tcp -j DNAT --to-destination [2001:db8:2::1]:30080
-6 -A PMLB/shop/shop -j PMLB/shop/shop/4
-6 -A PMLB/shop/shop/4 -m recent --name pomaloba-shop --rcheck --mask :: -m recent --name pomaloba-shop,2001:db8:2::2,30080 --rcheck --mask :: -j RETURN
-6 -A PMLB/shop/shop/4 -p tcp -j DNAT --to-destination [2001:db8:2::2]:30080
-6 -A PMLB/shop/shop -g PMLB/shop/_refuse
# A destination that saw the client's address would answer past this host. Only what was opened to one of our
# endpoints is masqueraded: other traffic to the same destinations keeps its source address.
-4 -A PMLB/shop/_masq -m conntrack --ctproto tcp --ctorigdst 192.0.2.10 --ctorigdstport 80 -j MASQUERADE --random-fully
-4 -A PMLB/shop/_masq -m conntrack --ctproto tcp --ctorigdst 192.0.2.10 --ctorigdstport 443 -j MASQUERADE --random-fully
-6 -A PMLB/shop/_masq -m conntrack --ctproto tcp --ctorigdst 2001:db8::10 --ctorigdstport 80 -j MASQUERADE --random-fully
-6 -A PMLB/shop/_masq -m conntrack --ctproto tcp --ctorigdst 2001:db8::11 --ctorigdstport 80 -j MASQUERADE --random-fully
COMMIT
RULES
}

forwardable net/ipv4/ip_forward
forwardable net/ipv6/conf/all/forwarding
keep_ssh
rules=$(rules)
iptables=$(changes iptables "$rules")
ip6tables=$(changes ip6tables "$rules")
# All of it without effect first: a refusal must not come after a change in another table or family.
restore iptables "$iptables" --test
restore ip6tables "$ip6tables" --test
flows=$(iptables_endpoints)
restore iptables "$iptables"
restore ip6tables "$ip6tables"
let_through "${POMALOBA_FIREWALLS:-yes}"
move_flows "$(echo "$flows" && echo "$rules" | sed -n 's/^# udp /udp /p')"
forward net/ipv4/ip_forward
forward net/ipv6/conf/all/forwarding

# Each variant has rules: whoever looks with one of them does not see what the other drops.
for tool in iptables ip6tables; do
	if "$tool-save" 2>/dev/null | grep -q '^-A' && "$tool-$unused-save" 2>/dev/null | grep -q '^-A'; then
		echo "pomaloba: warning: $tool-$unused has rules, too, which $tool does not show: look with $tool-$unused-save" >&2
	fi
done
