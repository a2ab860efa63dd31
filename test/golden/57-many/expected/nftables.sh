#!/bin/sh
# Pomaloba ruleset lb: loads it with nft and switches forwarding on. Generated: change the spec, not this
# file. It can be run again and again; --delete prints the script that removes the rules. Firewalls of others that drop
# what is forwarded let through what was balanced then, unless POMALOBA_FIREWALLS is "no".
#
# For the time being no new connections to a destination (delete instead of add: as before); port 0 where it has none:
#   nft add element inet pomaloba-lb down-ip '{ ADDRESS . PORT }'
#   nft add element inet pomaloba-lb down-ip6 '{ ADDRESS . PORT }'
#
# What was counted of its endpoints and destinations, whatever was loaded since:
#   nft list set inet pomaloba-lb connections-ip      (and traffic-ip)
#   nft list set inet pomaloba-lb connections-ip6      (and traffic-ip6)
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
need flock util-linux

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
endpoint 192.0.2.1 80 80
endpoint 192.0.2.1 443 443
endpoint 192.0.2.2 80 80
endpoint 192.0.2.129 53 53
endpoint 192.0.2.193 1001 1001
endpoint 192.0.2.193 1002 1002
endpoint 192.0.2.193 1003 1003
endpoint 192.0.2.193 1004 1004
endpoint 192.0.2.193 1005 1005
endpoint 192.0.2.193 1006 1006
endpoint 2001:db8:1::1 443 443
endpoint 2001:db8:1::2 443 443
endpoint 2001:db8:1::3 443 443
endpoint 2001:db8:1::4 443 443
endpoint 2001:db8:1::5 443 443
endpoint 2001:db8:1::10 443 443
endpoint 2001:db8:1::11 443 443
endpoint 2001:db8:1::100 443 443
endpoint 2001:db8:1::1000 443 443
endpoint 192.0.2.250 8000 8099
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

# The endpoints that are loaded into nftables, as move_flows and open_connections read them. By the numbers of protocols: a
# host without /etc/protocols (netbase) has no names.
nftables_endpoints() {
	nft -p list table inet pomaloba-lb 2>/dev/null | awk '
		BEGIN { protocol[6] = "tcp"; protocol[17] = "udp"; protocol[132] = "sctp" }
		# What is counted has endpoints in it, which may be those of an earlier version.
		/ \. [0-9]+ counter / { next }
		match($0, /daddr [^ ]+ (tcp|udp|sctp) dport [0-9]+-[0-9]+ /) {
			split(substr($0, RSTART, RLENGTH), part, " ")
			split(part[5], ports, "-")
			print part[3], part[2], ports[1], ports[2]
		}
		{
			while (match($0, /[0-9a-f.:]+ \. (6|17|132) \. [0-9]+/)) {
				split(substr($0, RSTART, RLENGTH), part, " ")
				print protocol[part[3]], part[1], part[5], part[5]
				$0 = substr($0, RSTART + RLENGTH)
			}
		}' || :
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

# Removes the chains and sets of the table that the ruleset on standard input does not name, and elements of those that
# count: a load in place leaves them behind, of no use.
prune() {
	{
		cat
		echo '#loaded'
		nft -t list table inet pomaloba-lb
		for set in traffic-ip connections-ip traffic-ip6 connections-ip6; do
			nft -p list set inet pomaloba-lb "$set" 2>/dev/null || :
		done
	} | awk -v table='inet pomaloba-lb' '
		function numbered(element) {
			sub(/ tcp /, " 6 ", element)
			sub(/ udp /, " 17 ", element)
			sub(/ sctp /, " 132 ", element)
			return element
		}
		$0 == "#loaded" { loaded = 1 }
		{ of = /^add element / ? $5 : /^	set (traffic|connections)-/ ? $2 : /^}/ ? "" : of }
		# What is counted: ADDRESS . PROTOCOL . PORT . ADDRESS . PORT
		of ~ /^(traffic|connections)-/ && match($0, /[0-9a-f.:]+ \. [a-z0-9]+ \. [0-9]+ \. [0-9a-f.:]+ \. [0-9]+/) {
			element = substr($0, RSTART, RLENGTH)
			# Not every host has names of protocols.
			if (!loaded) wanted[of, numbered(element)] = 1
			else if (!((of, element) in wanted)) stale[of] = stale[of] element ",\n"
			next
		}
		!loaded && $1 == "add" { wanted[$2, $5] = 1 }
		!loaded && /^	chain / { wanted["chain", $2] = 1 }
		# What refers to chains goes before them.
		loaded && /^	(chain|map|set|limit) / && !(($1, $2) in wanted) { gone[$1] = gone[$1] "delete " $1 " " table " " $2 "\n" }
		END {
			# All at once: a command for each takes three times as long.
			for (of in stale) printf "delete element %s %s {\n%s}\n", table, of, stale[of]
			printf "%s", gone["map"] gone["set"] gone["chain"] gone["limit"]
		}' | nft -f - ||
		echo 'pomaloba: warning: something of an earlier version stays in table pomaloba-lb; it does nothing' >&2
}

# Firewalls of others that drop what is forwarded. No accept of ours overrules them: what was balanced is let through
# where they drop, by a jump that has this comment, to a chain of this name: one look-up in nft, a rule an endpoint in
# iptables. Both are found again by these, and all that is asked for comes from what is loaded.
tag='pomaloba:lb'
accept='PMLB/lb/_forward'

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

# One run at a time: what a run has found must still be so when it changes it.
exec 9>/run/pomaloba.lock
flock -w 60 9 || fail 'another run holds /run/pomaloba.lock'

rules() {
	cat <<'RULESET'
# Where the flows of UDP may go; what goes elsewhere is forgotten by whoever loads this (see move_flows).
# udp 192.0.2.129 53 53 10.0.1.1,31080 10.0.1.2,31080 10.0.1.3,31080 10.0.1.4,31080 10.0.1.5,31080 10.0.1.6,31080 10.0.1.7,31080 10.0.1.8,31080 10.0.1.9,31080 10.0.1.10,31080 10.0.1.10,31081

# In place: what people or packets put into sets stays, such as what is down. Sets are added by commands of their own:
# nft 0.9.8 crashes on one inside of a table that exists.
add table inet pomaloba-lb
# The rulesets that these apps may have had to themselves would shadow this one. Between: for each part of a transaction the
# kernel looks through the tables in their order, and at its end in the other one.
add table inet pomaloba-web
delete table inet pomaloba-web
add table inet pomaloba-files
delete table inet pomaloba-files
flush table inet pomaloba-lb

# IPv4: destinations that get no new connections for the time being; port 0 for one that keeps the client's.
add set inet pomaloba-lb down-ip { type ipv4_addr . inet_service; }
# The app of an endpoint; and the endpoints again, as conntrack remembers what a connection was opened to.
add map inet pomaloba-lb apps-ip { type ipv4_addr . inet_proto . inet_service : verdict; }
flush map inet pomaloba-lb apps-ip
add set inet pomaloba-lb balanced-ip { type ipv4_addr . inet_proto . inet_service; }
flush set inet pomaloba-lb balanced-ip
# What is counted of an endpoint and a destination: what passes, both ways; and how often it was chosen. Never emptied; the
# first port of a range stands for all of them, 0 for those that it comes to.
add set inet pomaloba-lb traffic-ip { type ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service; counter; }
add set inet pomaloba-lb connections-ip { type ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service; counter; }
# Where answers come from. The protocol first: endpoints are found in lists by the other order.
add set inet pomaloba-lb destinations-ip { type inet_proto . ipv4_addr . inet_service; }
flush set inet pomaloba-lb destinations-ip

# IPv6: destinations that get no new connections for the time being; port 0 for one that keeps the client's.
add set inet pomaloba-lb down-ip6 { type ipv6_addr . inet_service; }
# The app of an endpoint; and the endpoints again, as conntrack remembers what a connection was opened to.
add map inet pomaloba-lb apps-ip6 { type ipv6_addr . inet_proto . inet_service : verdict; }
flush map inet pomaloba-lb apps-ip6
add set inet pomaloba-lb balanced-ip6 { type ipv6_addr . inet_proto . inet_service; }
flush set inet pomaloba-lb balanced-ip6
# What is counted of an endpoint and a destination: what passes, both ways; and how often it was chosen. Never emptied; the
# first port of a range stands for all of them, 0 for those that it comes to.
add set inet pomaloba-lb traffic-ip6 { type ipv6_addr . inet_proto . inet_service . ipv6_addr . inet_service; counter; }
add set inet pomaloba-lb connections-ip6 { type ipv6_addr . inet_proto . inet_service . ipv6_addr . inet_service; counter; }
# Where answers come from. The protocol first: endpoints are found in lists by the other order.
add set inet pomaloba-lb destinations-ip6 { type inet_proto . ipv6_addr . inet_service; }
flush set inet pomaloba-lb destinations-ip6

table inet pomaloba-lb {
	# web: each new connection draws a slot at random.
	chain choose/web/ip {
		numgen random mod 12 vmap {
			0 : goto to/web/10.0.1.1/31080, # 8.33 %
			1 : goto to/web/10.0.1.2/31080, # 8.33 %
			2 : goto to/web/10.0.1.3/31080, # 8.33 %
			3 : goto to/web/10.0.1.4/31080, 4 : goto to/web/10.0.1.4/31080, 5 : goto to/web/10.0.1.4/31080, # 25.00 %
			6 : goto to/web/10.0.1.5/31080, # 8.33 %
			7 : goto to/web/10.0.1.6/31080, # 8.33 %
			8 : goto to/web/10.0.1.7/31080, # 8.33 %
			9 : goto to/web/10.0.1.8/31080, # 8.33 %
			10 : goto to/web/10.0.1.10/31080, # 8.33 %
			11 : goto to/web/10.0.1.10/31081, # 8.33 %
		}
	}

	chain to/web/10.0.1.1/31080 {
		meta l4proto tcp ip daddr & 10.0.1.1 | 10.0.1.1 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.1:31080
		meta l4proto udp ip daddr & 10.0.1.1 | 10.0.1.1 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.1:31080
	}

	chain to/web/10.0.1.2/31080 {
		meta l4proto tcp ip daddr & 10.0.1.2 | 10.0.1.2 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.2:31080
		meta l4proto udp ip daddr & 10.0.1.2 | 10.0.1.2 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.2:31080
	}

	chain to/web/10.0.1.3/31080 {
		meta l4proto tcp ip daddr & 10.0.1.3 | 10.0.1.3 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.3:31080
		meta l4proto udp ip daddr & 10.0.1.3 | 10.0.1.3 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.3:31080
	}

	chain to/web/10.0.1.4/31080 {
		meta l4proto tcp ip daddr & 10.0.1.4 | 10.0.1.4 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.4:31080
		meta l4proto udp ip daddr & 10.0.1.4 | 10.0.1.4 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.4:31080
	}

	chain to/web/10.0.1.5/31080 {
		meta l4proto tcp ip daddr & 10.0.1.5 | 10.0.1.5 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.5:31080
		meta l4proto udp ip daddr & 10.0.1.5 | 10.0.1.5 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.5:31080
	}

	chain to/web/10.0.1.6/31080 {
		meta l4proto tcp ip daddr & 10.0.1.6 | 10.0.1.6 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.6:31080
		meta l4proto udp ip daddr & 10.0.1.6 | 10.0.1.6 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.6:31080
	}

	chain to/web/10.0.1.7/31080 {
		meta l4proto tcp ip daddr & 10.0.1.7 | 10.0.1.7 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.7:31080
		meta l4proto udp ip daddr & 10.0.1.7 | 10.0.1.7 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.7:31080
	}

	chain to/web/10.0.1.8/31080 {
		meta l4proto tcp ip daddr & 10.0.1.8 | 10.0.1.8 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.8:31080
		meta l4proto udp ip daddr & 10.0.1.8 | 10.0.1.8 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.8:31080
	}

	chain to/web/10.0.1.10/31080 {
		meta l4proto tcp ip daddr & 10.0.1.10 | 10.0.1.10 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.10:31080
		meta l4proto udp ip daddr & 10.0.1.10 | 10.0.1.10 . th dport & 31080 | 31080 != @down-ip dnat ip to 10.0.1.10:31080
	}

	chain to/web/10.0.1.10/31081 {
		meta l4proto tcp ip daddr & 10.0.1.10 | 10.0.1.10 . th dport & 31081 | 31081 != @down-ip dnat ip to 10.0.1.10:31081
		meta l4proto udp ip daddr & 10.0.1.10 | 10.0.1.10 . th dport & 31081 | 31081 != @down-ip dnat ip to 10.0.1.10:31081
	}

	chain app/web/ip {
		# Again where it comes to one that is down; what is left then goes to the first that is not.
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump choose/web/ip
		jump to/web/10.0.1.1/31080
		jump to/web/10.0.1.2/31080
		jump to/web/10.0.1.3/31080
		jump to/web/10.0.1.4/31080
		jump to/web/10.0.1.5/31080
		jump to/web/10.0.1.6/31080
		jump to/web/10.0.1.7/31080
		jump to/web/10.0.1.8/31080
		jump to/web/10.0.1.10/31080
		jump to/web/10.0.1.10/31081
		meta l4proto tcp reject with tcp reset
		meta l4proto udp reject with icmpx type port-unreachable
	}

	chain to/web/fd00..1/31080 {
		meta l4proto tcp ip6 daddr & fd00::1 | fd00::1 . th dport & 31080 | 31080 != @down-ip6 dnat ip6 to [fd00::1]:31080
	}

	chain app/web/ip6 {
		jump to/web/fd00..1/31080
		meta l4proto tcp reject with tcp reset
	}

	# files: each rule has its share of what the rules before it left; the last one takes the rest.
	chain choose/files/ip {
		numgen random mod 2 < 1 goto to/files/10.0.2.1 # 50.00 %
		goto to/files/10.0.2.2 # 50.00 %
	}

	chain to/files/10.0.2.1 {
		meta l4proto tcp ip daddr & 10.0.2.1 | 10.0.2.1 . th dport & 0 | 0 != @down-ip dnat ip to 10.0.2.1
	}

	chain to/files/10.0.2.2 {
		meta l4proto tcp ip daddr & 10.0.2.2 | 10.0.2.2 . th dport & 0 | 0 != @down-ip dnat ip to 10.0.2.2
	}

	chain app/files/ip {
		# Again where it comes to one that is down; what is left then goes to the first that is not.
		jump choose/files/ip
		jump to/files/10.0.2.1
		jump to/files/10.0.2.2
		meta l4proto tcp reject with tcp reset
	}

	# The first packet of a connection only: what this host served before the ruleset was loaded is left to it.
	chain balance {
		tcp flags & (fin | syn | rst | ack) != syn return
		ip daddr . meta l4proto . th dport vmap @apps-ip
		ip6 daddr . meta l4proto . th dport vmap @apps-ip6
		ip daddr 192.0.2.250 tcp dport 8000-8099 goto app/files/ip
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
	# of our endpoints is masqueraded: other traffic to the same destinations keeps its source address. Before the host's
	# own rules (100): the kernel asks no chain any more once one has chosen the source.
	chain source {
		type nat hook postrouting priority 99; policy accept;
		# Counted: here comes the first packet of a connection only, on its way to its destination.
		ct status dnat meta l4proto { tcp, udp } ct original ip daddr . meta l4proto . ct original proto-dst . ip daddr . th dport @connections-ip
		ct status dnat meta l4proto tcp ct original ip6 daddr . meta l4proto . ct original proto-dst . ip6 daddr . th dport @connections-ip6
		ct status dnat ct original ip daddr 192.0.2.250 meta l4proto tcp ct original proto-dst 8000-8099 ct original ip daddr . meta l4proto . ct original proto-dst & 8000 | 8000 . ip daddr . th dport & 0 @connections-ip
		ct status dnat meta l4proto { tcp, udp } ct original ip daddr . meta l4proto . ct original proto-dst @balanced-ip masquerade fully-random
		ct status dnat meta l4proto tcp ct original ip6 daddr . meta l4proto . ct original proto-dst @balanced-ip6 masquerade fully-random
		ct status dnat ct original ip daddr 192.0.2.250 meta l4proto tcp ct original proto-dst 8000-8099 masquerade fully-random
	}

	# files: the ports that answers come from where the client's is kept.
	chain stray/files/ip {
		tcp sport 8000-8099 counter drop
	}

	# What conntrack cannot place, as a segment far outside of the TCP window, is not translated and comes to this host,
	# which would reset a connection that it does not know. Dropped, it is sent again. Of our connections only.
	chain stray {
		meta l4proto . ip saddr . th sport @destinations-ip counter drop
		ip daddr . meta l4proto . th dport @balanced-ip counter drop
		meta l4proto . ip6 saddr . th sport @destinations-ip6 counter drop
		ip6 daddr . meta l4proto . th dport @balanced-ip6 counter drop
		ip saddr { 10.0.2.1, 10.0.2.2 } jump stray/files/ip
		ip daddr 192.0.2.250 tcp dport 8000-8099 counter drop
	}

	chain stray-input {
		type filter hook input priority -101; policy accept;
		ct state invalid jump stray
	}

	# What passes between clients and destinations, both ways, is counted.
	chain traffic {
		type filter hook forward priority 300; policy accept;
		ct status dnat meta l4proto { tcp, udp } ct original ip daddr . meta l4proto . ct original proto-dst . ct reply ip saddr . ct reply proto-src @traffic-ip
		ct status dnat meta l4proto tcp ct original ip6 daddr . meta l4proto . ct original proto-dst . ct reply ip6 saddr . ct reply proto-src @traffic-ip6
		ct status dnat ct original ip daddr 192.0.2.250 meta l4proto tcp ct original proto-dst 8000-8099 ct original ip daddr . meta l4proto . ct original proto-dst & 8000 | 8000 . ct reply ip saddr . ct reply proto-src & 0 @traffic-ip
	}
}

# IPv4: one look-up finds the app of an address, protocol and port.
add element inet pomaloba-lb apps-ip {
	192.0.2.1 . tcp . 80 comment "web" : goto app/web/ip,
	192.0.2.1 . tcp . 443 comment "web" : goto app/web/ip,
	192.0.2.2 . tcp . 80 comment "web" : goto app/web/ip,
	192.0.2.129 . tcp . 53 comment "web" : goto app/web/ip,
	192.0.2.129 . udp . 53 comment "web" : goto app/web/ip,
	192.0.2.193 . tcp . 1001 comment "web" : goto app/web/ip,
	192.0.2.193 . tcp . 1002 comment "web" : goto app/web/ip,
	192.0.2.193 . tcp . 1003 comment "web" : goto app/web/ip,
	192.0.2.193 . tcp . 1004 comment "web" : goto app/web/ip,
	192.0.2.193 . tcp . 1005 comment "web" : goto app/web/ip,
	192.0.2.193 . tcp . 1006 comment "web" : goto app/web/ip,
}
add element inet pomaloba-lb balanced-ip {
	192.0.2.1 . tcp . 80,
	192.0.2.1 . tcp . 443,
	192.0.2.2 . tcp . 80,
	192.0.2.129 . tcp . 53,
	192.0.2.129 . udp . 53,
	192.0.2.193 . tcp . 1001,
	192.0.2.193 . tcp . 1002,
	192.0.2.193 . tcp . 1003,
	192.0.2.193 . tcp . 1004,
	192.0.2.193 . tcp . 1005,
	192.0.2.193 . tcp . 1006,
}
add element inet pomaloba-lb destinations-ip {
	tcp . 10.0.1.1 . 31080,
	udp . 10.0.1.1 . 31080,
	tcp . 10.0.1.2 . 31080,
	udp . 10.0.1.2 . 31080,
	tcp . 10.0.1.3 . 31080,
	udp . 10.0.1.3 . 31080,
	tcp . 10.0.1.4 . 31080,
	udp . 10.0.1.4 . 31080,
	tcp . 10.0.1.5 . 31080,
	udp . 10.0.1.5 . 31080,
	tcp . 10.0.1.6 . 31080,
	udp . 10.0.1.6 . 31080,
	tcp . 10.0.1.7 . 31080,
	udp . 10.0.1.7 . 31080,
	tcp . 10.0.1.8 . 31080,
	udp . 10.0.1.8 . 31080,
	tcp . 10.0.1.9 . 31080,
	udp . 10.0.1.9 . 31080,
	tcp . 10.0.1.10 . 31080,
	udp . 10.0.1.10 . 31080,
	tcp . 10.0.1.10 . 31081,
	udp . 10.0.1.10 . 31081,
}
add element inet pomaloba-lb traffic-ip {
	192.0.2.1 . tcp . 80 . 10.0.1.1 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.2 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.3 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.4 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.5 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.6 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.7 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.8 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.9 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.10 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.10 . 31081,
	192.0.2.1 . tcp . 443 . 10.0.1.1 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.2 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.3 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.4 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.5 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.6 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.7 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.8 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.9 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.10 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.10 . 31081,
	192.0.2.2 . tcp . 80 . 10.0.1.1 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.2 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.3 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.4 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.5 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.6 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.7 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.8 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.9 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.10 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.10 . 31081,
	192.0.2.129 . tcp . 53 . 10.0.1.1 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.2 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.3 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.4 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.5 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.6 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.7 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.8 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.9 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.10 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.10 . 31081,
	192.0.2.129 . udp . 53 . 10.0.1.1 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.2 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.3 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.4 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.5 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.6 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.7 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.8 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.9 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.10 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1001 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1002 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1003 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1004 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1005 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1006 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.10 . 31081,
	192.0.2.250 . tcp . 8000 . 10.0.2.1 . 0,
	192.0.2.250 . tcp . 8000 . 10.0.2.2 . 0,
}
add element inet pomaloba-lb connections-ip {
	192.0.2.1 . tcp . 80 . 10.0.1.1 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.2 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.3 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.4 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.5 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.6 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.7 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.8 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.9 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.10 . 31080,
	192.0.2.1 . tcp . 80 . 10.0.1.10 . 31081,
	192.0.2.1 . tcp . 443 . 10.0.1.1 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.2 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.3 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.4 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.5 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.6 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.7 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.8 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.9 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.10 . 31080,
	192.0.2.1 . tcp . 443 . 10.0.1.10 . 31081,
	192.0.2.2 . tcp . 80 . 10.0.1.1 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.2 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.3 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.4 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.5 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.6 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.7 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.8 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.9 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.10 . 31080,
	192.0.2.2 . tcp . 80 . 10.0.1.10 . 31081,
	192.0.2.129 . tcp . 53 . 10.0.1.1 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.2 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.3 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.4 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.5 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.6 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.7 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.8 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.9 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.10 . 31080,
	192.0.2.129 . tcp . 53 . 10.0.1.10 . 31081,
	192.0.2.129 . udp . 53 . 10.0.1.1 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.2 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.3 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.4 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.5 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.6 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.7 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.8 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.9 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.10 . 31080,
	192.0.2.129 . udp . 53 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1001 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1001 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1002 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1002 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1003 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1003 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1004 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1004 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1005 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1005 . 10.0.1.10 . 31081,
	192.0.2.193 . tcp . 1006 . 10.0.1.1 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.2 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.3 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.4 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.5 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.6 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.7 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.8 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.9 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.10 . 31080,
	192.0.2.193 . tcp . 1006 . 10.0.1.10 . 31081,
	192.0.2.250 . tcp . 8000 . 10.0.2.1 . 0,
	192.0.2.250 . tcp . 8000 . 10.0.2.2 . 0,
}

# IPv6: one look-up finds the app of an address, protocol and port.
add element inet pomaloba-lb apps-ip6 {
	2001:db8:1::1 . tcp . 443 comment "web" : goto app/web/ip6,
	2001:db8:1::2 . tcp . 443 comment "web" : goto app/web/ip6,
	2001:db8:1::3 . tcp . 443 comment "web" : goto app/web/ip6,
	2001:db8:1::4 . tcp . 443 comment "web" : goto app/web/ip6,
	2001:db8:1::5 . tcp . 443 comment "web" : goto app/web/ip6,
	2001:db8:1::10 . tcp . 443 comment "web" : goto app/web/ip6,
	2001:db8:1::11 . tcp . 443 comment "web" : goto app/web/ip6,
	2001:db8:1::100 . tcp . 443 comment "web" : goto app/web/ip6,
	2001:db8:1::1000 . tcp . 443 comment "web" : goto app/web/ip6,
}
add element inet pomaloba-lb balanced-ip6 {
	2001:db8:1::1 . tcp . 443,
	2001:db8:1::2 . tcp . 443,
	2001:db8:1::3 . tcp . 443,
	2001:db8:1::4 . tcp . 443,
	2001:db8:1::5 . tcp . 443,
	2001:db8:1::10 . tcp . 443,
	2001:db8:1::11 . tcp . 443,
	2001:db8:1::100 . tcp . 443,
	2001:db8:1::1000 . tcp . 443,
}
add element inet pomaloba-lb destinations-ip6 {
	tcp . fd00::1 . 31080,
}
add element inet pomaloba-lb traffic-ip6 {
	2001:db8:1::1 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::2 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::3 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::4 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::5 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::10 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::11 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::100 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::1000 . tcp . 443 . fd00::1 . 31080,
}
add element inet pomaloba-lb connections-ip6 {
	2001:db8:1::1 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::2 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::3 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::4 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::5 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::10 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::11 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::100 . tcp . 443 . fd00::1 . 31080,
	2001:db8:1::1000 . tcp . 443 . fd00::1 . 31080,
}
RULESET
}

forwardable net/ipv4/ip_forward
forwardable net/ipv6/conf/all/forwarding
keep_ssh
flows=$(nftables_endpoints)
rules | nft -f -
rules | prune
let_through "${POMALOBA_FIREWALLS:-yes}"
move_flows "$(echo "$flows" && rules | sed -n 's/^# udp /udp /p')"
forward net/ipv4/ip_forward
forward net/ipv6/conf/all/forwarding

# Each variant has rules: whoever looks with one of them does not see what the other drops.
for tool in iptables ip6tables; do
	if "$tool-save" 2>/dev/null | grep -q '^-A' && "$tool-$unused-save" 2>/dev/null | grep -q '^-A'; then
		echo "pomaloba: warning: $tool-$unused has rules, too, which $tool does not show: look with $tool-$unused-save" >&2
	fi
done
