#!/bin/sh
# Pomaloba ruleset sticky: loads it with nft and switches forwarding on. Generated: change the spec, not this
# file. It can be run again and again; --delete prints the script that removes the rules. Firewalls of others that drop
# what is forwarded let through what was balanced then, unless POMALOBA_FIREWALLS is "no".
#
# For the time being no new connections to a destination (delete instead of add: as before); port 0 where it has none:
#   nft add element inet pomaloba-sticky down-ip '{ ADDRESS . PORT }'
#   nft add element inet pomaloba-sticky down-ip6 '{ ADDRESS . PORT }'
#
# What was counted of its endpoints and destinations, whatever was loaded since:
#   nft list set inet pomaloba-sticky connections-ip      (and traffic-ip)
#   nft list set inet pomaloba-sticky connections-ip6      (and traffic-ip6)
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
endpoint 192.0.2.10 80 80
endpoint 2001:db8::10 80 80
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
	nft -p list table inet pomaloba-sticky 2>/dev/null | awk '
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
		nft -t list table inet pomaloba-sticky
		for set in traffic-ip connections-ip traffic-ip6 connections-ip6; do
			nft -p list set inet pomaloba-sticky "$set" 2>/dev/null || :
		done
	} | awk -v table='inet pomaloba-sticky' '
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
		echo 'pomaloba: warning: something of an earlier version stays in table pomaloba-sticky; it does nothing' >&2
}

# Firewalls of others that drop what is forwarded. No accept of ours overrules them: what was balanced is let through
# where they drop, by a jump that has this comment, to a chain of this name: one look-up in nft, a rule an endpoint in
# iptables. Both are found again by these, and all that is asked for comes from what is loaded.
tag='pomaloba:sticky'
accept='PMLB/sticky/_forward'

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
# In place: what people or packets put into sets stays, such as what is down. Sets are added by commands of their own:
# nft 0.9.8 crashes on one inside of a table that exists.
add table inet pomaloba-sticky
flush table inet pomaloba-sticky

# IPv4: destinations that get no new connections for the time being; port 0 for one that keeps the client's.
add set inet pomaloba-sticky down-ip { type ipv4_addr . inet_service; }
# The app of an endpoint; and the endpoints again, as conntrack remembers what a connection was opened to.
add map inet pomaloba-sticky apps-ip { type ipv4_addr . inet_proto . inet_service : verdict; }
flush map inet pomaloba-sticky apps-ip
add set inet pomaloba-sticky balanced-ip { type ipv4_addr . inet_proto . inet_service; }
flush set inet pomaloba-sticky balanced-ip
# What is counted of an endpoint and a destination: what passes, both ways; and how often it was chosen. Never emptied; the
# first port of a range stands for all of them, 0 for those that it comes to.
add set inet pomaloba-sticky traffic-ip { type ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service; counter; }
add set inet pomaloba-sticky connections-ip { type ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service; counter; }
# Where answers come from. The protocol first: endpoints are found in lists by the other order.
add set inet pomaloba-sticky destinations-ip { type inet_proto . ipv4_addr . inet_service; }
flush set inet pomaloba-sticky destinations-ip

# IPv6: destinations that get no new connections for the time being; port 0 for one that keeps the client's.
add set inet pomaloba-sticky down-ip6 { type ipv6_addr . inet_service; }
# The app of an endpoint; and the endpoints again, as conntrack remembers what a connection was opened to.
add map inet pomaloba-sticky apps-ip6 { type ipv6_addr . inet_proto . inet_service : verdict; }
flush map inet pomaloba-sticky apps-ip6
add set inet pomaloba-sticky balanced-ip6 { type ipv6_addr . inet_proto . inet_service; }
flush set inet pomaloba-sticky balanced-ip6
# What is counted of an endpoint and a destination: what passes, both ways; and how often it was chosen. Never emptied; the
# first port of a range stands for all of them, 0 for those that it comes to.
add set inet pomaloba-sticky traffic-ip6 { type ipv6_addr . inet_proto . inet_service . ipv6_addr . inet_service; counter; }
add set inet pomaloba-sticky connections-ip6 { type ipv6_addr . inet_proto . inet_service . ipv6_addr . inet_service; counter; }
# Where answers come from. The protocol first: endpoints are found in lists by the other order.
add set inet pomaloba-sticky destinations-ip6 { type inet_proto . ipv6_addr . inet_service; }
flush set inet pomaloba-sticky destinations-ip6

table inet pomaloba-sticky {
	# sticky: each new connection has the slot of its client.
	chain choose/sticky/ip {
		jhash ip saddr mod 1021 seed 0x706d6c62 vmap {
			4 : goto to/sticky/198.51.100.1/30080, 5 : goto to/sticky/198.51.100.1/30080, 7 : goto to/sticky/198.51.100.1/30080, 9 : goto to/sticky/198.51.100.1/30080, 11 : goto to/sticky/198.51.100.1/30080, 20 : goto to/sticky/198.51.100.1/30080, 22 : goto to/sticky/198.51.100.1/30080, 24 : goto to/sticky/198.51.100.1/30080, 26 : goto to/sticky/198.51.100.1/30080, 28 : goto to/sticky/198.51.100.1/30080, 30 : goto to/sticky/198.51.100.1/30080, 32 : goto to/sticky/198.51.100.1/30080, 33 : goto to/sticky/198.51.100.1/30080, 35 : goto to/sticky/198.51.100.1/30080, 37 : goto to/sticky/198.51.100.1/30080, 47 : goto to/sticky/198.51.100.1/30080, 48 : goto to/sticky/198.51.100.1/30080, 49 : goto to/sticky/198.51.100.1/30080, 51 : goto to/sticky/198.51.100.1/30080, 62 : goto to/sticky/198.51.100.1/30080, 64 : goto to/sticky/198.51.100.1/30080, 66 : goto to/sticky/198.51.100.1/30080, 68 : goto to/sticky/198.51.100.1/30080, 70 : goto to/sticky/198.51.100.1/30080, 72 : goto to/sticky/198.51.100.1/30080, 77 : goto to/sticky/198.51.100.1/30080, 79 : goto to/sticky/198.51.100.1/30080, 81 : goto to/sticky/198.51.100.1/30080, 83 : goto to/sticky/198.51.100.1/30080, 85 : goto to/sticky/198.51.100.1/30080, 91 : goto to/sticky/198.51.100.1/30080, 92 : goto to/sticky/198.51.100.1/30080, 94 : goto to/sticky/198.51.100.1/30080, 105 : goto to/sticky/198.51.100.1/30080, 106 : goto to/sticky/198.51.100.1/30080, 108 : goto to/sticky/198.51.100.1/30080, 110 : goto to/sticky/198.51.100.1/30080, 112 : goto to/sticky/198.51.100.1/30080, 119 : goto to/sticky/198.51.100.1/30080, 121 : goto to/sticky/198.51.100.1/30080, 123 : goto to/sticky/198.51.100.1/30080, 125 : goto to/sticky/198.51.100.1/30080, 127 : goto to/sticky/198.51.100.1/30080, 129 : goto to/sticky/198.51.100.1/30080, 131 : goto to/sticky/198.51.100.1/30080, 134 : goto to/sticky/198.51.100.1/30080, 136 : goto to/sticky/198.51.100.1/30080, 138 : goto to/sticky/198.51.100.1/30080, 148 : goto to/sticky/198.51.100.1/30080, 149 : goto to/sticky/198.51.100.1/30080, 150 : goto to/sticky/198.51.100.1/30080, 152 : goto to/sticky/198.51.100.1/30080, 163 : goto to/sticky/198.51.100.1/30080, 165 : goto to/sticky/198.51.100.1/30080, 167 : goto to/sticky/198.51.100.1/30080, 169 : goto to/sticky/198.51.100.1/30080, 171 : goto to/sticky/198.51.100.1/30080, 178 : goto to/sticky/198.51.100.1/30080, 180 : goto to/sticky/198.51.100.1/30080, 182 : goto to/sticky/198.51.100.1/30080, 184 : goto to/sticky/198.51.100.1/30080, 186 : goto to/sticky/198.51.100.1/30080, 191 : goto to/sticky/198.51.100.1/30080, 192 : goto to/sticky/198.51.100.1/30080, 193 : goto to/sticky/198.51.100.1/30080, 195 : goto to/sticky/198.51.100.1/30080, 206 : goto to/sticky/198.51.100.1/30080, 207 : goto to/sticky/198.51.100.1/30080, 209 : goto to/sticky/198.51.100.1/30080, 211 : goto to/sticky/198.51.100.1/30080, 220 : goto to/sticky/198.51.100.1/30080, 222 : goto to/sticky/198.51.100.1/30080, 224 : goto to/sticky/198.51.100.1/30080, 226 : goto to/sticky/198.51.100.1/30080, 228 : goto to/sticky/198.51.100.1/30080, 230 : goto to/sticky/198.51.100.1/30080, 232 : goto to/sticky/198.51.100.1/30080, 234 : goto to/sticky/198.51.100.1/30080, 235 : goto to/sticky/198.51.100.1/30080, 237 : goto to/sticky/198.51.100.1/30080, 239 : goto to/sticky/198.51.100.1/30080, 241 : goto to/sticky/198.51.100.1/30080, 249 : goto to/sticky/198.51.100.1/30080, 250 : goto to/sticky/198.51.100.1/30080, 251 : goto to/sticky/198.51.100.1/30080, 263 : goto to/sticky/198.51.100.1/30080, 264 : goto to/sticky/198.51.100.1/30080, 266 : goto to/sticky/198.51.100.1/30080, 268 : goto to/sticky/198.51.100.1/30080, 270 : goto to/sticky/198.51.100.1/30080, 272 : goto to/sticky/198.51.100.1/30080, 279 : goto to/sticky/198.51.100.1/30080, 281 : goto to/sticky/198.51.100.1/30080, 283 : goto to/sticky/198.51.100.1/30080, 285 : goto to/sticky/198.51.100.1/30080, 287 : goto to/sticky/198.51.100.1/30080, 292 : goto to/sticky/198.51.100.1/30080, 294 : goto to/sticky/198.51.100.1/30080, 296 : goto to/sticky/198.51.100.1/30080, 306 : goto to/sticky/198.51.100.1/30080, 307 : goto to/sticky/198.51.100.1/30080, 308 : goto to/sticky/198.51.100.1/30080, 310 : goto to/sticky/198.51.100.1/30080, 312 : goto to/sticky/198.51.100.1/30080, 321 : goto to/sticky/198.51.100.1/30080, 323 : goto to/sticky/198.51.100.1/30080, 325 : goto to/sticky/198.51.100.1/30080, 327 : goto to/sticky/198.51.100.1/30080, 329 : goto to/sticky/198.51.100.1/30080, 331 : goto to/sticky/198.51.100.1/30080, 336 : goto to/sticky/198.51.100.1/30080, 338 : goto to/sticky/198.51.100.1/30080, 340 : goto to/sticky/198.51.100.1/30080, 342 : goto to/sticky/198.51.100.1/30080, 349 : goto to/sticky/198.51.100.1/30080, 350 : goto to/sticky/198.51.100.1/30080, 351 : goto to/sticky/198.51.100.1/30080, 352 : goto to/sticky/198.51.100.1/30080, 364 : goto to/sticky/198.51.100.1/30080, 365 : goto to/sticky/198.51.100.1/30080, 367 : goto to/sticky/198.51.100.1/30080, 369 : goto to/sticky/198.51.100.1/30080, 371 : goto to/sticky/198.51.100.1/30080, 378 : goto to/sticky/198.51.100.1/30080, 380 : goto to/sticky/198.51.100.1/30080, 382 : goto to/sticky/198.51.100.1/30080, 384 : goto to/sticky/198.51.100.1/30080, 386 : goto to/sticky/198.51.100.1/30080, 388 : goto to/sticky/198.51.100.1/30080, 390 : goto to/sticky/198.51.100.1/30080, 393 : goto to/sticky/198.51.100.1/30080, 395 : goto to/sticky/198.51.100.1/30080, 397 : goto to/sticky/198.51.100.1/30080, 407 : goto to/sticky/198.51.100.1/30080, 408 : goto to/sticky/198.51.100.1/30080, 409 : goto to/sticky/198.51.100.1/30080, 411 : goto to/sticky/198.51.100.1/30080, 421 : goto to/sticky/198.51.100.1/30080, 422 : goto to/sticky/198.51.100.1/30080, 424 : goto to/sticky/198.51.100.1/30080, 426 : goto to/sticky/198.51.100.1/30080, 428 : goto to/sticky/198.51.100.1/30080, 430 : goto to/sticky/198.51.100.1/30080, 432 : goto to/sticky/198.51.100.1/30080, 437 : goto to/sticky/198.51.100.1/30080, 439 : goto to/sticky/198.51.100.1/30080, 441 : goto to/sticky/198.51.100.1/30080, 443 : goto to/sticky/198.51.100.1/30080, 450 : goto to/sticky/198.51.100.1/30080, 451 : goto to/sticky/198.51.100.1/30080, 452 : goto to/sticky/198.51.100.1/30080, 464 : goto to/sticky/198.51.100.1/30080, 465 : goto to/sticky/198.51.100.1/30080, 466 : goto to/sticky/198.51.100.1/30080, 468 : goto to/sticky/198.51.100.1/30080, 470 : goto to/sticky/198.51.100.1/30080, 472 : goto to/sticky/198.51.100.1/30080, 479 : goto to/sticky/198.51.100.1/30080, 481 : goto to/sticky/198.51.100.1/30080, 483 : goto to/sticky/198.51.100.1/30080, 485 : goto to/sticky/198.51.100.1/30080, 487 : goto to/sticky/198.51.100.1/30080, 489 : goto to/sticky/198.51.100.1/30080, 491 : goto to/sticky/198.51.100.1/30080, 494 : goto to/sticky/198.51.100.1/30080, 496 : goto to/sticky/198.51.100.1/30080, 498 : goto to/sticky/198.51.100.1/30080, 508 : goto to/sticky/198.51.100.1/30080, 509 : goto to/sticky/198.51.100.1/30080, 510 : goto to/sticky/198.51.100.1/30080, 512 : goto to/sticky/198.51.100.1/30080, 522 : goto to/sticky/198.51.100.1/30080, 523 : goto to/sticky/198.51.100.1/30080, 525 : goto to/sticky/198.51.100.1/30080, 527 : goto to/sticky/198.51.100.1/30080, 529 : goto to/sticky/198.51.100.1/30080, 531 : goto to/sticky/198.51.100.1/30080, 533 : goto to/sticky/198.51.100.1/30080, 536 : goto to/sticky/198.51.100.1/30080, 538 : goto to/sticky/198.51.100.1/30080, 540 : goto to/sticky/198.51.100.1/30080, 542 : goto to/sticky/198.51.100.1/30080, 544 : goto to/sticky/198.51.100.1/30080, 551 : goto to/sticky/198.51.100.1/30080, 552 : goto to/sticky/198.51.100.1/30080, 553 : goto to/sticky/198.51.100.1/30080, 565 : goto to/sticky/198.51.100.1/30080, 566 : goto to/sticky/198.51.100.1/30080, 567 : goto to/sticky/198.51.100.1/30080, 569 : goto to/sticky/198.51.100.1/30080, 571 : goto to/sticky/198.51.100.1/30080, 573 : goto to/sticky/198.51.100.1/30080, 580 : goto to/sticky/198.51.100.1/30080, 582 : goto to/sticky/198.51.100.1/30080, 584 : goto to/sticky/198.51.100.1/30080, 586 : goto to/sticky/198.51.100.1/30080, 588 : goto to/sticky/198.51.100.1/30080, 590 : goto to/sticky/198.51.100.1/30080, 592 : goto to/sticky/198.51.100.1/30080, 595 : goto to/sticky/198.51.100.1/30080, 597 : goto to/sticky/198.51.100.1/30080, 599 : goto to/sticky/198.51.100.1/30080, 608 : goto to/sticky/198.51.100.1/30080, 609 : goto to/sticky/198.51.100.1/30080, 610 : goto to/sticky/198.51.100.1/30080, 611 : goto to/sticky/198.51.100.1/30080, 613 : goto to/sticky/198.51.100.1/30080, 623 : goto to/sticky/198.51.100.1/30080, 624 : goto to/sticky/198.51.100.1/30080, 626 : goto to/sticky/198.51.100.1/30080, 628 : goto to/sticky/198.51.100.1/30080, 630 : goto to/sticky/198.51.100.1/30080, 632 : goto to/sticky/198.51.100.1/30080, 637 : goto to/sticky/198.51.100.1/30080, 639 : goto to/sticky/198.51.100.1/30080, 641 : goto to/sticky/198.51.100.1/30080, 643 : goto to/sticky/198.51.100.1/30080, 645 : goto to/sticky/198.51.100.1/30080, 651 : goto to/sticky/198.51.100.1/30080, 652 : goto to/sticky/198.51.100.1/30080, 653 : goto to/sticky/198.51.100.1/30080, 654 : goto to/sticky/198.51.100.1/30080, 666 : goto to/sticky/198.51.100.1/30080, 667 : goto to/sticky/198.51.100.1/30080, 668 : goto to/sticky/198.51.100.1/30080, 670 : goto to/sticky/198.51.100.1/30080, 672 : goto to/sticky/198.51.100.1/30080, 680 : goto to/sticky/198.51.100.1/30080, 681 : goto to/sticky/198.51.100.1/30080, 683 : goto to/sticky/198.51.100.1/30080, 685 : goto to/sticky/198.51.100.1/30080, 687 : goto to/sticky/198.51.100.1/30080, 689 : goto to/sticky/198.51.100.1/30080, 691 : goto to/sticky/198.51.100.1/30080, 693 : goto to/sticky/198.51.100.1/30080, 696 : goto to/sticky/198.51.100.1/30080, 698 : goto to/sticky/198.51.100.1/30080, 700 : goto to/sticky/198.51.100.1/30080, 709 : goto to/sticky/198.51.100.1/30080, 710 : goto to/sticky/198.51.100.1/30080, 711 : goto to/sticky/198.51.100.1/30080, 712 : goto to/sticky/198.51.100.1/30080, 723 : goto to/sticky/198.51.100.1/30080, 725 : goto to/sticky/198.51.100.1/30080, 727 : goto to/sticky/198.51.100.1/30080, 729 : goto to/sticky/198.51.100.1/30080, 731 : goto to/sticky/198.51.100.1/30080, 733 : goto to/sticky/198.51.100.1/30080, 738 : goto to/sticky/198.51.100.1/30080, 740 : goto to/sticky/198.51.100.1/30080, 742 : goto to/sticky/198.51.100.1/30080, 744 : goto to/sticky/198.51.100.1/30080, 746 : goto to/sticky/198.51.100.1/30080, 748 : goto to/sticky/198.51.100.1/30080, 752 : goto to/sticky/198.51.100.1/30080, 753 : goto to/sticky/198.51.100.1/30080, 755 : goto to/sticky/198.51.100.1/30080, 766 : goto to/sticky/198.51.100.1/30080, 767 : goto to/sticky/198.51.100.1/30080, 769 : goto to/sticky/198.51.100.1/30080, 771 : goto to/sticky/198.51.100.1/30080, 773 : goto to/sticky/198.51.100.1/30080, 782 : goto to/sticky/198.51.100.1/30080, 784 : goto to/sticky/198.51.100.1/30080, 786 : goto to/sticky/198.51.100.1/30080, 788 : goto to/sticky/198.51.100.1/30080, 790 : goto to/sticky/198.51.100.1/30080, 792 : goto to/sticky/198.51.100.1/30080, 795 : goto to/sticky/198.51.100.1/30080, 797 : goto to/sticky/198.51.100.1/30080, 799 : goto to/sticky/198.51.100.1/30080, 801 : goto to/sticky/198.51.100.1/30080, 810 : goto to/sticky/198.51.100.1/30080, 811 : goto to/sticky/198.51.100.1/30080, 812 : goto to/sticky/198.51.100.1/30080, 813 : goto to/sticky/198.51.100.1/30080, 824 : goto to/sticky/198.51.100.1/30080, 826 : goto to/sticky/198.51.100.1/30080, 828 : goto to/sticky/198.51.100.1/30080, 830 : goto to/sticky/198.51.100.1/30080, 832 : goto to/sticky/198.51.100.1/30080, 838 : goto to/sticky/198.51.100.1/30080, 839 : goto to/sticky/198.51.100.1/30080, 841 : goto to/sticky/198.51.100.1/30080, 843 : goto to/sticky/198.51.100.1/30080, 845 : goto to/sticky/198.51.100.1/30080, 847 : goto to/sticky/198.51.100.1/30080, 849 : goto to/sticky/198.51.100.1/30080, 853 : goto to/sticky/198.51.100.1/30080, 854 : goto to/sticky/198.51.100.1/30080, 856 : goto to/sticky/198.51.100.1/30080, 867 : goto to/sticky/198.51.100.1/30080, 868 : goto to/sticky/198.51.100.1/30080, 870 : goto to/sticky/198.51.100.1/30080, 872 : goto to/sticky/198.51.100.1/30080, 883 : goto to/sticky/198.51.100.1/30080, 885 : goto to/sticky/198.51.100.1/30080, 887 : goto to/sticky/198.51.100.1/30080, 889 : goto to/sticky/198.51.100.1/30080, 891 : goto to/sticky/198.51.100.1/30080, 893 : goto to/sticky/198.51.100.1/30080, 896 : goto to/sticky/198.51.100.1/30080, 898 : goto to/sticky/198.51.100.1/30080, 900 : goto to/sticky/198.51.100.1/30080, 902 : goto to/sticky/198.51.100.1/30080, 910 : goto to/sticky/198.51.100.1/30080, 911 : goto to/sticky/198.51.100.1/30080, 912 : goto to/sticky/198.51.100.1/30080, 913 : goto to/sticky/198.51.100.1/30080, 925 : goto to/sticky/198.51.100.1/30080, 927 : goto to/sticky/198.51.100.1/30080, 929 : goto to/sticky/198.51.100.1/30080, 931 : goto to/sticky/198.51.100.1/30080, 933 : goto to/sticky/198.51.100.1/30080, 940 : goto to/sticky/198.51.100.1/30080, 942 : goto to/sticky/198.51.100.1/30080, 944 : goto to/sticky/198.51.100.1/30080, 946 : goto to/sticky/198.51.100.1/30080, 948 : goto to/sticky/198.51.100.1/30080, 950 : goto to/sticky/198.51.100.1/30080, 953 : goto to/sticky/198.51.100.1/30080, 955 : goto to/sticky/198.51.100.1/30080, 957 : goto to/sticky/198.51.100.1/30080, 968 : goto to/sticky/198.51.100.1/30080, 969 : goto to/sticky/198.51.100.1/30080, 971 : goto to/sticky/198.51.100.1/30080, 973 : goto to/sticky/198.51.100.1/30080, 982 : goto to/sticky/198.51.100.1/30080, 984 : goto to/sticky/198.51.100.1/30080, 986 : goto to/sticky/198.51.100.1/30080, 988 : goto to/sticky/198.51.100.1/30080, 990 : goto to/sticky/198.51.100.1/30080, 992 : goto to/sticky/198.51.100.1/30080, 997 : goto to/sticky/198.51.100.1/30080, 999 : goto to/sticky/198.51.100.1/30080, 1001 : goto to/sticky/198.51.100.1/30080, 1003 : goto to/sticky/198.51.100.1/30080, 1011 : goto to/sticky/198.51.100.1/30080, 1012 : goto to/sticky/198.51.100.1/30080, 1013 : goto to/sticky/198.51.100.1/30080, 1014 : goto to/sticky/198.51.100.1/30080, # 33.33 %
			0 : goto to/sticky/198.51.100.2/30080, 1 : goto to/sticky/198.51.100.2/30080, 2 : goto to/sticky/198.51.100.2/30080, 3 : goto to/sticky/198.51.100.2/30080, 6 : goto to/sticky/198.51.100.2/30080, 8 : goto to/sticky/198.51.100.2/30080, 10 : goto to/sticky/198.51.100.2/30080, 12 : goto to/sticky/198.51.100.2/30080, 13 : goto to/sticky/198.51.100.2/30080, 14 : goto to/sticky/198.51.100.2/30080, 15 : goto to/sticky/198.51.100.2/30080, 16 : goto to/sticky/198.51.100.2/30080, 17 : goto to/sticky/198.51.100.2/30080, 18 : goto to/sticky/198.51.100.2/30080, 19 : goto to/sticky/198.51.100.2/30080, 21 : goto to/sticky/198.51.100.2/30080, 23 : goto to/sticky/198.51.100.2/30080, 25 : goto to/sticky/198.51.100.2/30080, 27 : goto to/sticky/198.51.100.2/30080, 29 : goto to/sticky/198.51.100.2/30080, 31 : goto to/sticky/198.51.100.2/30080, 34 : goto to/sticky/198.51.100.2/30080, 36 : goto to/sticky/198.51.100.2/30080, 38 : goto to/sticky/198.51.100.2/30080, 39 : goto to/sticky/198.51.100.2/30080, 40 : goto to/sticky/198.51.100.2/30080, 41 : goto to/sticky/198.51.100.2/30080, 42 : goto to/sticky/198.51.100.2/30080, 43 : goto to/sticky/198.51.100.2/30080, 44 : goto to/sticky/198.51.100.2/30080, 45 : goto to/sticky/198.51.100.2/30080, 46 : goto to/sticky/198.51.100.2/30080, 50 : goto to/sticky/198.51.100.2/30080, 52 : goto to/sticky/198.51.100.2/30080, 53 : goto to/sticky/198.51.100.2/30080, 54 : goto to/sticky/198.51.100.2/30080, 55 : goto to/sticky/198.51.100.2/30080, 56 : goto to/sticky/198.51.100.2/30080, 57 : goto to/sticky/198.51.100.2/30080, 58 : goto to/sticky/198.51.100.2/30080, 59 : goto to/sticky/198.51.100.2/30080, 60 : goto to/sticky/198.51.100.2/30080, 61 : goto to/sticky/198.51.100.2/30080, 63 : goto to/sticky/198.51.100.2/30080, 65 : goto to/sticky/198.51.100.2/30080, 67 : goto to/sticky/198.51.100.2/30080, 69 : goto to/sticky/198.51.100.2/30080, 71 : goto to/sticky/198.51.100.2/30080, 73 : goto to/sticky/198.51.100.2/30080, 74 : goto to/sticky/198.51.100.2/30080, 75 : goto to/sticky/198.51.100.2/30080, 76 : goto to/sticky/198.51.100.2/30080, 78 : goto to/sticky/198.51.100.2/30080, 80 : goto to/sticky/198.51.100.2/30080, 82 : goto to/sticky/198.51.100.2/30080, 84 : goto to/sticky/198.51.100.2/30080, 86 : goto to/sticky/198.51.100.2/30080, 87 : goto to/sticky/198.51.100.2/30080, 88 : goto to/sticky/198.51.100.2/30080, 89 : goto to/sticky/198.51.100.2/30080, 90 : goto to/sticky/198.51.100.2/30080, 93 : goto to/sticky/198.51.100.2/30080, 95 : goto to/sticky/198.51.100.2/30080, 96 : goto to/sticky/198.51.100.2/30080, 97 : goto to/sticky/198.51.100.2/30080, 98 : goto to/sticky/198.51.100.2/30080, 99 : goto to/sticky/198.51.100.2/30080, 100 : goto to/sticky/198.51.100.2/30080, 101 : goto to/sticky/198.51.100.2/30080, 102 : goto to/sticky/198.51.100.2/30080, 103 : goto to/sticky/198.51.100.2/30080, 104 : goto to/sticky/198.51.100.2/30080, 107 : goto to/sticky/198.51.100.2/30080, 109 : goto to/sticky/198.51.100.2/30080, 111 : goto to/sticky/198.51.100.2/30080, 113 : goto to/sticky/198.51.100.2/30080, 114 : goto to/sticky/198.51.100.2/30080, 115 : goto to/sticky/198.51.100.2/30080, 116 : goto to/sticky/198.51.100.2/30080, 117 : goto to/sticky/198.51.100.2/30080, 118 : goto to/sticky/198.51.100.2/30080, 120 : goto to/sticky/198.51.100.2/30080, 122 : goto to/sticky/198.51.100.2/30080, 124 : goto to/sticky/198.51.100.2/30080, 126 : goto to/sticky/198.51.100.2/30080, 128 : goto to/sticky/198.51.100.2/30080, 130 : goto to/sticky/198.51.100.2/30080, 132 : goto to/sticky/198.51.100.2/30080, 133 : goto to/sticky/198.51.100.2/30080, 135 : goto to/sticky/198.51.100.2/30080, 137 : goto to/sticky/198.51.100.2/30080, 139 : goto to/sticky/198.51.100.2/30080, 140 : goto to/sticky/198.51.100.2/30080, 141 : goto to/sticky/198.51.100.2/30080, 142 : goto to/sticky/198.51.100.2/30080, 143 : goto to/sticky/198.51.100.2/30080, 144 : goto to/sticky/198.51.100.2/30080, 145 : goto to/sticky/198.51.100.2/30080, 146 : goto to/sticky/198.51.100.2/30080, 147 : goto to/sticky/198.51.100.2/30080, 151 : goto to/sticky/198.51.100.2/30080, 153 : goto to/sticky/198.51.100.2/30080, 154 : goto to/sticky/198.51.100.2/30080, 155 : goto to/sticky/198.51.100.2/30080, 156 : goto to/sticky/198.51.100.2/30080, 157 : goto to/sticky/198.51.100.2/30080, 158 : goto to/sticky/198.51.100.2/30080, 159 : goto to/sticky/198.51.100.2/30080, 160 : goto to/sticky/198.51.100.2/30080, 161 : goto to/sticky/198.51.100.2/30080, 162 : goto to/sticky/198.51.100.2/30080, 164 : goto to/sticky/198.51.100.2/30080, 166 : goto to/sticky/198.51.100.2/30080, 168 : goto to/sticky/198.51.100.2/30080, 170 : goto to/sticky/198.51.100.2/30080, 172 : goto to/sticky/198.51.100.2/30080, 173 : goto to/sticky/198.51.100.2/30080, 174 : goto to/sticky/198.51.100.2/30080, 175 : goto to/sticky/198.51.100.2/30080, 176 : goto to/sticky/198.51.100.2/30080, 177 : goto to/sticky/198.51.100.2/30080, 179 : goto to/sticky/198.51.100.2/30080, 181 : goto to/sticky/198.51.100.2/30080, 183 : goto to/sticky/198.51.100.2/30080, 185 : goto to/sticky/198.51.100.2/30080, 187 : goto to/sticky/198.51.100.2/30080, 188 : goto to/sticky/198.51.100.2/30080, 189 : goto to/sticky/198.51.100.2/30080, 190 : goto to/sticky/198.51.100.2/30080, 194 : goto to/sticky/198.51.100.2/30080, 196 : goto to/sticky/198.51.100.2/30080, 197 : goto to/sticky/198.51.100.2/30080, 198 : goto to/sticky/198.51.100.2/30080, 199 : goto to/sticky/198.51.100.2/30080, 200 : goto to/sticky/198.51.100.2/30080, 201 : goto to/sticky/198.51.100.2/30080, 202 : goto to/sticky/198.51.100.2/30080, 203 : goto to/sticky/198.51.100.2/30080, 204 : goto to/sticky/198.51.100.2/30080, 205 : goto to/sticky/198.51.100.2/30080, 208 : goto to/sticky/198.51.100.2/30080, 210 : goto to/sticky/198.51.100.2/30080, 212 : goto to/sticky/198.51.100.2/30080, 213 : goto to/sticky/198.51.100.2/30080, 214 : goto to/sticky/198.51.100.2/30080, 215 : goto to/sticky/198.51.100.2/30080, 216 : goto to/sticky/198.51.100.2/30080, 217 : goto to/sticky/198.51.100.2/30080, 218 : goto to/sticky/198.51.100.2/30080, 219 : goto to/sticky/198.51.100.2/30080, 221 : goto to/sticky/198.51.100.2/30080, 223 : goto to/sticky/198.51.100.2/30080, 225 : goto to/sticky/198.51.100.2/30080, 227 : goto to/sticky/198.51.100.2/30080, 229 : goto to/sticky/198.51.100.2/30080, 231 : goto to/sticky/198.51.100.2/30080, 233 : goto to/sticky/198.51.100.2/30080, 236 : goto to/sticky/198.51.100.2/30080, 238 : goto to/sticky/198.51.100.2/30080, 240 : goto to/sticky/198.51.100.2/30080, 242 : goto to/sticky/198.51.100.2/30080, 243 : goto to/sticky/198.51.100.2/30080, 244 : goto to/sticky/198.51.100.2/30080, 245 : goto to/sticky/198.51.100.2/30080, 246 : goto to/sticky/198.51.100.2/30080, 247 : goto to/sticky/198.51.100.2/30080, 248 : goto to/sticky/198.51.100.2/30080, 252 : goto to/sticky/198.51.100.2/30080, 253 : goto to/sticky/198.51.100.2/30080, 254 : goto to/sticky/198.51.100.2/30080, 255 : goto to/sticky/198.51.100.2/30080, 256 : goto to/sticky/198.51.100.2/30080, 257 : goto to/sticky/198.51.100.2/30080, 258 : goto to/sticky/198.51.100.2/30080, 259 : goto to/sticky/198.51.100.2/30080, 260 : goto to/sticky/198.51.100.2/30080, 261 : goto to/sticky/198.51.100.2/30080, 262 : goto to/sticky/198.51.100.2/30080, 265 : goto to/sticky/198.51.100.2/30080, 267 : goto to/sticky/198.51.100.2/30080, 269 : goto to/sticky/198.51.100.2/30080, 271 : goto to/sticky/198.51.100.2/30080, 273 : goto to/sticky/198.51.100.2/30080, 274 : goto to/sticky/198.51.100.2/30080, 275 : goto to/sticky/198.51.100.2/30080, 276 : goto to/sticky/198.51.100.2/30080, 277 : goto to/sticky/198.51.100.2/30080, 278 : goto to/sticky/198.51.100.2/30080, 280 : goto to/sticky/198.51.100.2/30080, 282 : goto to/sticky/198.51.100.2/30080, 284 : goto to/sticky/198.51.100.2/30080, 286 : goto to/sticky/198.51.100.2/30080, 288 : goto to/sticky/198.51.100.2/30080, 289 : goto to/sticky/198.51.100.2/30080, 290 : goto to/sticky/198.51.100.2/30080, 291 : goto to/sticky/198.51.100.2/30080, 293 : goto to/sticky/198.51.100.2/30080, 295 : goto to/sticky/198.51.100.2/30080, 297 : goto to/sticky/198.51.100.2/30080, 298 : goto to/sticky/198.51.100.2/30080, 299 : goto to/sticky/198.51.100.2/30080, 300 : goto to/sticky/198.51.100.2/30080, 301 : goto to/sticky/198.51.100.2/30080, 302 : goto to/sticky/198.51.100.2/30080, 303 : goto to/sticky/198.51.100.2/30080, 304 : goto to/sticky/198.51.100.2/30080, 305 : goto to/sticky/198.51.100.2/30080, 309 : goto to/sticky/198.51.100.2/30080, 311 : goto to/sticky/198.51.100.2/30080, 313 : goto to/sticky/198.51.100.2/30080, 314 : goto to/sticky/198.51.100.2/30080, 315 : goto to/sticky/198.51.100.2/30080, 316 : goto to/sticky/198.51.100.2/30080, 317 : goto to/sticky/198.51.100.2/30080, 318 : goto to/sticky/198.51.100.2/30080, 319 : goto to/sticky/198.51.100.2/30080, 320 : goto to/sticky/198.51.100.2/30080, 322 : goto to/sticky/198.51.100.2/30080, 324 : goto to/sticky/198.51.100.2/30080, 326 : goto to/sticky/198.51.100.2/30080, 328 : goto to/sticky/198.51.100.2/30080, 330 : goto to/sticky/198.51.100.2/30080, 332 : goto to/sticky/198.51.100.2/30080, 333 : goto to/sticky/198.51.100.2/30080, 334 : goto to/sticky/198.51.100.2/30080, 335 : goto to/sticky/198.51.100.2/30080, 337 : goto to/sticky/198.51.100.2/30080, 339 : goto to/sticky/198.51.100.2/30080, 341 : goto to/sticky/198.51.100.2/30080, 343 : goto to/sticky/198.51.100.2/30080, 344 : goto to/sticky/198.51.100.2/30080, 345 : goto to/sticky/198.51.100.2/30080, 346 : goto to/sticky/198.51.100.2/30080, 347 : goto to/sticky/198.51.100.2/30080, 348 : goto to/sticky/198.51.100.2/30080, 353 : goto to/sticky/198.51.100.2/30080, 354 : goto to/sticky/198.51.100.2/30080, 355 : goto to/sticky/198.51.100.2/30080, 356 : goto to/sticky/198.51.100.2/30080, 357 : goto to/sticky/198.51.100.2/30080, 358 : goto to/sticky/198.51.100.2/30080, 359 : goto to/sticky/198.51.100.2/30080, 360 : goto to/sticky/198.51.100.2/30080, 361 : goto to/sticky/198.51.100.2/30080, 362 : goto to/sticky/198.51.100.2/30080, 363 : goto to/sticky/198.51.100.2/30080, 366 : goto to/sticky/198.51.100.2/30080, 368 : goto to/sticky/198.51.100.2/30080, 370 : goto to/sticky/198.51.100.2/30080, 372 : goto to/sticky/198.51.100.2/30080, 373 : goto to/sticky/198.51.100.2/30080, 374 : goto to/sticky/198.51.100.2/30080, 375 : goto to/sticky/198.51.100.2/30080, 376 : goto to/sticky/198.51.100.2/30080, 377 : goto to/sticky/198.51.100.2/30080, 379 : goto to/sticky/198.51.100.2/30080, 381 : goto to/sticky/198.51.100.2/30080, 383 : goto to/sticky/198.51.100.2/30080, 385 : goto to/sticky/198.51.100.2/30080, 387 : goto to/sticky/198.51.100.2/30080, 389 : goto to/sticky/198.51.100.2/30080, 391 : goto to/sticky/198.51.100.2/30080, 392 : goto to/sticky/198.51.100.2/30080, 394 : goto to/sticky/198.51.100.2/30080, 396 : goto to/sticky/198.51.100.2/30080, 398 : goto to/sticky/198.51.100.2/30080, 399 : goto to/sticky/198.51.100.2/30080, 400 : goto to/sticky/198.51.100.2/30080, 401 : goto to/sticky/198.51.100.2/30080, 402 : goto to/sticky/198.51.100.2/30080, 403 : goto to/sticky/198.51.100.2/30080, 404 : goto to/sticky/198.51.100.2/30080, 405 : goto to/sticky/198.51.100.2/30080, 406 : goto to/sticky/198.51.100.2/30080, 410 : goto to/sticky/198.51.100.2/30080, 412 : goto to/sticky/198.51.100.2/30080, 413 : goto to/sticky/198.51.100.2/30080, 414 : goto to/sticky/198.51.100.2/30080, 415 : goto to/sticky/198.51.100.2/30080, 416 : goto to/sticky/198.51.100.2/30080, 417 : goto to/sticky/198.51.100.2/30080, 418 : goto to/sticky/198.51.100.2/30080, 419 : goto to/sticky/198.51.100.2/30080, 420 : goto to/sticky/198.51.100.2/30080, 423 : goto to/sticky/198.51.100.2/30080, 425 : goto to/sticky/198.51.100.2/30080, 427 : goto to/sticky/198.51.100.2/30080, 429 : goto to/sticky/198.51.100.2/30080, 431 : goto to/sticky/198.51.100.2/30080, 433 : goto to/sticky/198.51.100.2/30080, 434 : goto to/sticky/198.51.100.2/30080, 435 : goto to/sticky/198.51.100.2/30080, 436 : goto to/sticky/198.51.100.2/30080, 438 : goto to/sticky/198.51.100.2/30080, 440 : goto to/sticky/198.51.100.2/30080, 442 : goto to/sticky/198.51.100.2/30080, 444 : goto to/sticky/198.51.100.2/30080, 445 : goto to/sticky/198.51.100.2/30080, 446 : goto to/sticky/198.51.100.2/30080, 447 : goto to/sticky/198.51.100.2/30080, 448 : goto to/sticky/198.51.100.2/30080, 449 : goto to/sticky/198.51.100.2/30080, 453 : goto to/sticky/198.51.100.2/30080, 454 : goto to/sticky/198.51.100.2/30080, 455 : goto to/sticky/198.51.100.2/30080, 456 : goto to/sticky/198.51.100.2/30080, 457 : goto to/sticky/198.51.100.2/30080, 458 : goto to/sticky/198.51.100.2/30080, 459 : goto to/sticky/198.51.100.2/30080, 460 : goto to/sticky/198.51.100.2/30080, 461 : goto to/sticky/198.51.100.2/30080, 462 : goto to/sticky/198.51.100.2/30080, 463 : goto to/sticky/198.51.100.2/30080, 467 : goto to/sticky/198.51.100.2/30080, 469 : goto to/sticky/198.51.100.2/30080, 471 : goto to/sticky/198.51.100.2/30080, 473 : goto to/sticky/198.51.100.2/30080, 474 : goto to/sticky/198.51.100.2/30080, 475 : goto to/sticky/198.51.100.2/30080, 476 : goto to/sticky/198.51.100.2/30080, 477 : goto to/sticky/198.51.100.2/30080, 478 : goto to/sticky/198.51.100.2/30080, 480 : goto to/sticky/198.51.100.2/30080, 482 : goto to/sticky/198.51.100.2/30080, 484 : goto to/sticky/198.51.100.2/30080, 486 : goto to/sticky/198.51.100.2/30080, 488 : goto to/sticky/198.51.100.2/30080, 490 : goto to/sticky/198.51.100.2/30080, 492 : goto to/sticky/198.51.100.2/30080, 493 : goto to/sticky/198.51.100.2/30080, 495 : goto to/sticky/198.51.100.2/30080, 497 : goto to/sticky/198.51.100.2/30080, 499 : goto to/sticky/198.51.100.2/30080, 500 : goto to/sticky/198.51.100.2/30080, 501 : goto to/sticky/198.51.100.2/30080, 502 : goto to/sticky/198.51.100.2/30080, 503 : goto to/sticky/198.51.100.2/30080, 504 : goto to/sticky/198.51.100.2/30080, 505 : goto to/sticky/198.51.100.2/30080, 506 : goto to/sticky/198.51.100.2/30080, 507 : goto to/sticky/198.51.100.2/30080, 511 : goto to/sticky/198.51.100.2/30080, 513 : goto to/sticky/198.51.100.2/30080, 514 : goto to/sticky/198.51.100.2/30080, 515 : goto to/sticky/198.51.100.2/30080, 516 : goto to/sticky/198.51.100.2/30080, 517 : goto to/sticky/198.51.100.2/30080, 518 : goto to/sticky/198.51.100.2/30080, 519 : goto to/sticky/198.51.100.2/30080, 520 : goto to/sticky/198.51.100.2/30080, 521 : goto to/sticky/198.51.100.2/30080, 524 : goto to/sticky/198.51.100.2/30080, 526 : goto to/sticky/198.51.100.2/30080, 528 : goto to/sticky/198.51.100.2/30080, 530 : goto to/sticky/198.51.100.2/30080, 532 : goto to/sticky/198.51.100.2/30080, 534 : goto to/sticky/198.51.100.2/30080, 535 : goto to/sticky/198.51.100.2/30080, 537 : goto to/sticky/198.51.100.2/30080, 539 : goto to/sticky/198.51.100.2/30080, 541 : goto to/sticky/198.51.100.2/30080, 543 : goto to/sticky/198.51.100.2/30080, 545 : goto to/sticky/198.51.100.2/30080, 546 : goto to/sticky/198.51.100.2/30080, 547 : goto to/sticky/198.51.100.2/30080, 548 : goto to/sticky/198.51.100.2/30080, 549 : goto to/sticky/198.51.100.2/30080, 550 : goto to/sticky/198.51.100.2/30080, 554 : goto to/sticky/198.51.100.2/30080, 555 : goto to/sticky/198.51.100.2/30080, 556 : goto to/sticky/198.51.100.2/30080, 557 : goto to/sticky/198.51.100.2/30080, 558 : goto to/sticky/198.51.100.2/30080, 559 : goto to/sticky/198.51.100.2/30080, 560 : goto to/sticky/198.51.100.2/30080, 561 : goto to/sticky/198.51.100.2/30080, 562 : goto to/sticky/198.51.100.2/30080, 563 : goto to/sticky/198.51.100.2/30080, 564 : goto to/sticky/198.51.100.2/30080, 568 : goto to/sticky/198.51.100.2/30080, 570 : goto to/sticky/198.51.100.2/30080, 572 : goto to/sticky/198.51.100.2/30080, 574 : goto to/sticky/198.51.100.2/30080, 575 : goto to/sticky/198.51.100.2/30080, 576 : goto to/sticky/198.51.100.2/30080, 577 : goto to/sticky/198.51.100.2/30080, 578 : goto to/sticky/198.51.100.2/30080, 579 : goto to/sticky/198.51.100.2/30080, 581 : goto to/sticky/198.51.100.2/30080, 583 : goto to/sticky/198.51.100.2/30080, 585 : goto to/sticky/198.51.100.2/30080, 587 : goto to/sticky/198.51.100.2/30080, 589 : goto to/sticky/198.51.100.2/30080, 591 : goto to/sticky/198.51.100.2/30080, 593 : goto to/sticky/198.51.100.2/30080, 594 : goto to/sticky/198.51.100.2/30080, 596 : goto to/sticky/198.51.100.2/30080, 598 : goto to/sticky/198.51.100.2/30080, 600 : goto to/sticky/198.51.100.2/30080, 601 : goto to/sticky/198.51.100.2/30080, 602 : goto to/sticky/198.51.100.2/30080, 603 : goto to/sticky/198.51.100.2/30080, 604 : goto to/sticky/198.51.100.2/30080, 605 : goto to/sticky/198.51.100.2/30080, 606 : goto to/sticky/198.51.100.2/30080, 607 : goto to/sticky/198.51.100.2/30080, 612 : goto to/sticky/198.51.100.2/30080, 614 : goto to/sticky/198.51.100.2/30080, 615 : goto to/sticky/198.51.100.2/30080, 616 : goto to/sticky/198.51.100.2/30080, 617 : goto to/sticky/198.51.100.2/30080, 618 : goto to/sticky/198.51.100.2/30080, 619 : goto to/sticky/198.51.100.2/30080, 620 : goto to/sticky/198.51.100.2/30080, 621 : goto to/sticky/198.51.100.2/30080, 622 : goto to/sticky/198.51.100.2/30080, 625 : goto to/sticky/198.51.100.2/30080, 627 : goto to/sticky/198.51.100.2/30080, 629 : goto to/sticky/198.51.100.2/30080, 631 : goto to/sticky/198.51.100.2/30080, 633 : goto to/sticky/198.51.100.2/30080, 634 : goto to/sticky/198.51.100.2/30080, 635 : goto to/sticky/198.51.100.2/30080, 636 : goto to/sticky/198.51.100.2/30080, 638 : goto to/sticky/198.51.100.2/30080, 640 : goto to/sticky/198.51.100.2/30080, 642 : goto to/sticky/198.51.100.2/30080, 644 : goto to/sticky/198.51.100.2/30080, 646 : goto to/sticky/198.51.100.2/30080, 647 : goto to/sticky/198.51.100.2/30080, 648 : goto to/sticky/198.51.100.2/30080, 649 : goto to/sticky/198.51.100.2/30080, 650 : goto to/sticky/198.51.100.2/30080, 655 : goto to/sticky/198.51.100.2/30080, 656 : goto to/sticky/198.51.100.2/30080, 657 : goto to/sticky/198.51.100.2/30080, 658 : goto to/sticky/198.51.100.2/30080, 659 : goto to/sticky/198.51.100.2/30080, 660 : goto to/sticky/198.51.100.2/30080, 661 : goto to/sticky/198.51.100.2/30080, 662 : goto to/sticky/198.51.100.2/30080, 663 : goto to/sticky/198.51.100.2/30080, 664 : goto to/sticky/198.51.100.2/30080, 665 : goto to/sticky/198.51.100.2/30080, 669 : goto to/sticky/198.51.100.2/30080, 671 : goto to/sticky/198.51.100.2/30080, 673 : goto to/sticky/198.51.100.2/30080, 674 : goto to/sticky/198.51.100.2/30080, 675 : goto to/sticky/198.51.100.2/30080, 676 : goto to/sticky/198.51.100.2/30080, 677 : goto to/sticky/198.51.100.2/30080, 678 : goto to/sticky/198.51.100.2/30080, 679 : goto to/sticky/198.51.100.2/30080, 682 : goto to/sticky/198.51.100.2/30080, 684 : goto to/sticky/198.51.100.2/30080, 686 : goto to/sticky/198.51.100.2/30080, 688 : goto to/sticky/198.51.100.2/30080, 690 : goto to/sticky/198.51.100.2/30080, 692 : goto to/sticky/198.51.100.2/30080, 694 : goto to/sticky/198.51.100.2/30080, 695 : goto to/sticky/198.51.100.2/30080, 697 : goto to/sticky/198.51.100.2/30080, 699 : goto to/sticky/198.51.100.2/30080, 701 : goto to/sticky/198.51.100.2/30080, 702 : goto to/sticky/198.51.100.2/30080, 703 : goto to/sticky/198.51.100.2/30080, 704 : goto to/sticky/198.51.100.2/30080, 705 : goto to/sticky/198.51.100.2/30080, 706 : goto to/sticky/198.51.100.2/30080, 707 : goto to/sticky/198.51.100.2/30080, 708 : goto to/sticky/198.51.100.2/30080, 713 : goto to/sticky/198.51.100.2/30080, 714 : goto to/sticky/198.51.100.2/30080, 715 : goto to/sticky/198.51.100.2/30080, 716 : goto to/sticky/198.51.100.2/30080, 717 : goto to/sticky/198.51.100.2/30080, 718 : goto to/sticky/198.51.100.2/30080, 719 : goto to/sticky/198.51.100.2/30080, 720 : goto to/sticky/198.51.100.2/30080, 721 : goto to/sticky/198.51.100.2/30080, 722 : goto to/sticky/198.51.100.2/30080, 724 : goto to/sticky/198.51.100.2/30080, 726 : goto to/sticky/198.51.100.2/30080, 728 : goto to/sticky/198.51.100.2/30080, 730 : goto to/sticky/198.51.100.2/30080, 732 : goto to/sticky/198.51.100.2/30080, 734 : goto to/sticky/198.51.100.2/30080, 735 : goto to/sticky/198.51.100.2/30080, 736 : goto to/sticky/198.51.100.2/30080, 737 : goto to/sticky/198.51.100.2/30080, 739 : goto to/sticky/198.51.100.2/30080, 741 : goto to/sticky/198.51.100.2/30080, 743 : goto to/sticky/198.51.100.2/30080, 745 : goto to/sticky/198.51.100.2/30080, 747 : goto to/sticky/198.51.100.2/30080, 749 : goto to/sticky/198.51.100.2/30080, 750 : goto to/sticky/198.51.100.2/30080, 751 : goto to/sticky/198.51.100.2/30080, 754 : goto to/sticky/198.51.100.2/30080, 756 : goto to/sticky/198.51.100.2/30080, 757 : goto to/sticky/198.51.100.2/30080, 758 : goto to/sticky/198.51.100.2/30080, 759 : goto to/sticky/198.51.100.2/30080, 760 : goto to/sticky/198.51.100.2/30080, 761 : goto to/sticky/198.51.100.2/30080, 762 : goto to/sticky/198.51.100.2/30080, 763 : goto to/sticky/198.51.100.2/30080, 764 : goto to/sticky/198.51.100.2/30080, 765 : goto to/sticky/198.51.100.2/30080, 768 : goto to/sticky/198.51.100.2/30080, 770 : goto to/sticky/198.51.100.2/30080, 772 : goto to/sticky/198.51.100.2/30080, 774 : goto to/sticky/198.51.100.2/30080, 775 : goto to/sticky/198.51.100.2/30080, 776 : goto to/sticky/198.51.100.2/30080, 777 : goto to/sticky/198.51.100.2/30080, 778 : goto to/sticky/198.51.100.2/30080, 779 : goto to/sticky/198.51.100.2/30080, 780 : goto to/sticky/198.51.100.2/30080, 781 : goto to/sticky/198.51.100.2/30080, 783 : goto to/sticky/198.51.100.2/30080, 785 : goto to/sticky/198.51.100.2/30080, 787 : goto to/sticky/198.51.100.2/30080, 789 : goto to/sticky/198.51.100.2/30080, 791 : goto to/sticky/198.51.100.2/30080, 793 : goto to/sticky/198.51.100.2/30080, 794 : goto to/sticky/198.51.100.2/30080, 796 : goto to/sticky/198.51.100.2/30080, 798 : goto to/sticky/198.51.100.2/30080, 800 : goto to/sticky/198.51.100.2/30080, 802 : goto to/sticky/198.51.100.2/30080, 803 : goto to/sticky/198.51.100.2/30080, 804 : goto to/sticky/198.51.100.2/30080, 805 : goto to/sticky/198.51.100.2/30080, 806 : goto to/sticky/198.51.100.2/30080, 807 : goto to/sticky/198.51.100.2/30080, 808 : goto to/sticky/198.51.100.2/30080, 809 : goto to/sticky/198.51.100.2/30080, 814 : goto to/sticky/198.51.100.2/30080, 815 : goto to/sticky/198.51.100.2/30080, 816 : goto to/sticky/198.51.100.2/30080, 817 : goto to/sticky/198.51.100.2/30080, 818 : goto to/sticky/198.51.100.2/30080, 819 : goto to/sticky/198.51.100.2/30080, 820 : goto to/sticky/198.51.100.2/30080, 821 : goto to/sticky/198.51.100.2/30080, 822 : goto to/sticky/198.51.100.2/30080, 823 : goto to/sticky/198.51.100.2/30080, 825 : goto to/sticky/198.51.100.2/30080, 827 : goto to/sticky/198.51.100.2/30080, 829 : goto to/sticky/198.51.100.2/30080, 831 : goto to/sticky/198.51.100.2/30080, 833 : goto to/sticky/198.51.100.2/30080, 834 : goto to/sticky/198.51.100.2/30080, 835 : goto to/sticky/198.51.100.2/30080, 836 : goto to/sticky/198.51.100.2/30080, 837 : goto to/sticky/198.51.100.2/30080, 840 : goto to/sticky/198.51.100.2/30080, 842 : goto to/sticky/198.51.100.2/30080, 844 : goto to/sticky/198.51.100.2/30080, 846 : goto to/sticky/198.51.100.2/30080, 848 : goto to/sticky/198.51.100.2/30080, 850 : goto to/sticky/198.51.100.2/30080, 851 : goto to/sticky/198.51.100.2/30080, 852 : goto to/sticky/198.51.100.2/30080, 855 : goto to/sticky/198.51.100.2/30080, 857 : goto to/sticky/198.51.100.2/30080, 858 : goto to/sticky/198.51.100.2/30080, 859 : goto to/sticky/198.51.100.2/30080, 860 : goto to/sticky/198.51.100.2/30080, 861 : goto to/sticky/198.51.100.2/30080, 862 : goto to/sticky/198.51.100.2/30080, 863 : goto to/sticky/198.51.100.2/30080, 864 : goto to/sticky/198.51.100.2/30080, 865 : goto to/sticky/198.51.100.2/30080, 866 : goto to/sticky/198.51.100.2/30080, 869 : goto to/sticky/198.51.100.2/30080, 871 : goto to/sticky/198.51.100.2/30080, 873 : goto to/sticky/198.51.100.2/30080, 874 : goto to/sticky/198.51.100.2/30080, 875 : goto to/sticky/198.51.100.2/30080, 876 : goto to/sticky/198.51.100.2/30080, 877 : goto to/sticky/198.51.100.2/30080, 878 : goto to/sticky/198.51.100.2/30080, 879 : goto to/sticky/198.51.100.2/30080, 880 : goto to/sticky/198.51.100.2/30080, 881 : goto to/sticky/198.51.100.2/30080, 882 : goto to/sticky/198.51.100.2/30080, 884 : goto to/sticky/198.51.100.2/30080, 886 : goto to/sticky/198.51.100.2/30080, 888 : goto to/sticky/198.51.100.2/30080, 890 : goto to/sticky/198.51.100.2/30080, 892 : goto to/sticky/198.51.100.2/30080, 894 : goto to/sticky/198.51.100.2/30080, 895 : goto to/sticky/198.51.100.2/30080, 897 : goto to/sticky/198.51.100.2/30080, 899 : goto to/sticky/198.51.100.2/30080, 901 : goto to/sticky/198.51.100.2/30080, 903 : goto to/sticky/198.51.100.2/30080, 904 : goto to/sticky/198.51.100.2/30080, 905 : goto to/sticky/198.51.100.2/30080, 906 : goto to/sticky/198.51.100.2/30080, 907 : goto to/sticky/198.51.100.2/30080, 908 : goto to/sticky/198.51.100.2/30080, 909 : goto to/sticky/198.51.100.2/30080, 914 : goto to/sticky/198.51.100.2/30080, 915 : goto to/sticky/198.51.100.2/30080, 916 : goto to/sticky/198.51.100.2/30080, 917 : goto to/sticky/198.51.100.2/30080, 918 : goto to/sticky/198.51.100.2/30080, 919 : goto to/sticky/198.51.100.2/30080, 920 : goto to/sticky/198.51.100.2/30080, 921 : goto to/sticky/198.51.100.2/30080, 922 : goto to/sticky/198.51.100.2/30080, 923 : goto to/sticky/198.51.100.2/30080, 924 : goto to/sticky/198.51.100.2/30080, 926 : goto to/sticky/198.51.100.2/30080, 928 : goto to/sticky/198.51.100.2/30080, 930 : goto to/sticky/198.51.100.2/30080, 932 : goto to/sticky/198.51.100.2/30080, 934 : goto to/sticky/198.51.100.2/30080, 935 : goto to/sticky/198.51.100.2/30080, 936 : goto to/sticky/198.51.100.2/30080, 937 : goto to/sticky/198.51.100.2/30080, 938 : goto to/sticky/198.51.100.2/30080, 939 : goto to/sticky/198.51.100.2/30080, 941 : goto to/sticky/198.51.100.2/30080, 943 : goto to/sticky/198.51.100.2/30080, 945 : goto to/sticky/198.51.100.2/30080, 947 : goto to/sticky/198.51.100.2/30080, 949 : goto to/sticky/198.51.100.2/30080, 951 : goto to/sticky/198.51.100.2/30080, 952 : goto to/sticky/198.51.100.2/30080, 954 : goto to/sticky/198.51.100.2/30080, 956 : goto to/sticky/198.51.100.2/30080, 958 : goto to/sticky/198.51.100.2/30080, 959 : goto to/sticky/198.51.100.2/30080, 960 : goto to/sticky/198.51.100.2/30080, 961 : goto to/sticky/198.51.100.2/30080, 962 : goto to/sticky/198.51.100.2/30080, 963 : goto to/sticky/198.51.100.2/30080, 964 : goto to/sticky/198.51.100.2/30080, 965 : goto to/sticky/198.51.100.2/30080, 966 : goto to/sticky/198.51.100.2/30080, 967 : goto to/sticky/198.51.100.2/30080, 970 : goto to/sticky/198.51.100.2/30080, 972 : goto to/sticky/198.51.100.2/30080, 974 : goto to/sticky/198.51.100.2/30080, 975 : goto to/sticky/198.51.100.2/30080, 976 : goto to/sticky/198.51.100.2/30080, 977 : goto to/sticky/198.51.100.2/30080, 978 : goto to/sticky/198.51.100.2/30080, 979 : goto to/sticky/198.51.100.2/30080, 980 : goto to/sticky/198.51.100.2/30080, 981 : goto to/sticky/198.51.100.2/30080, 983 : goto to/sticky/198.51.100.2/30080, 985 : goto to/sticky/198.51.100.2/30080, 987 : goto to/sticky/198.51.100.2/30080, 989 : goto to/sticky/198.51.100.2/30080, 991 : goto to/sticky/198.51.100.2/30080, 993 : goto to/sticky/198.51.100.2/30080, 994 : goto to/sticky/198.51.100.2/30080, 995 : goto to/sticky/198.51.100.2/30080, 996 : goto to/sticky/198.51.100.2/30080, 998 : goto to/sticky/198.51.100.2/30080, 1000 : goto to/sticky/198.51.100.2/30080, 1002 : goto to/sticky/198.51.100.2/30080, 1004 : goto to/sticky/198.51.100.2/30080, 1005 : goto to/sticky/198.51.100.2/30080, 1006 : goto to/sticky/198.51.100.2/30080, 1007 : goto to/sticky/198.51.100.2/30080, 1008 : goto to/sticky/198.51.100.2/30080, 1009 : goto to/sticky/198.51.100.2/30080, 1010 : goto to/sticky/198.51.100.2/30080, 1015 : goto to/sticky/198.51.100.2/30080, 1016 : goto to/sticky/198.51.100.2/30080, 1017 : goto to/sticky/198.51.100.2/30080, 1018 : goto to/sticky/198.51.100.2/30080, 1019 : goto to/sticky/198.51.100.2/30080, 1020 : goto to/sticky/198.51.100.2/30080, # 66.67 %
		}
	}

	chain to/sticky/198.51.100.1/30080 {
		meta l4proto tcp ip daddr & 198.51.100.1 | 198.51.100.1 . th dport & 30080 | 30080 != @down-ip dnat ip to 198.51.100.1:30080
	}

	chain to/sticky/198.51.100.2/30080 {
		meta l4proto tcp ip daddr & 198.51.100.2 | 198.51.100.2 . th dport & 30080 | 30080 != @down-ip dnat ip to 198.51.100.2:30080
	}

	chain app/sticky/ip {
		# Again where it comes to one that is down; what is left then goes to the first that is not.
		jump choose/sticky/ip
		jump to/sticky/198.51.100.1/30080
		jump to/sticky/198.51.100.2/30080
		meta l4proto tcp reject with tcp reset
	}

	chain to/sticky/2001.db8.2..1/30080 {
		meta l4proto tcp ip6 daddr & 2001:db8:2::1 | 2001:db8:2::1 . th dport & 30080 | 30080 != @down-ip6 dnat ip6 to [2001:db8:2::1]:30080
	}

	chain app/sticky/ip6 {
		jump to/sticky/2001.db8.2..1/30080
		meta l4proto tcp reject with tcp reset
	}

	# The first packet of a connection only: what this host served before the ruleset was loaded is left to it.
	chain balance {
		tcp flags & (fin | syn | rst | ack) != syn return
		ip daddr . meta l4proto . th dport vmap @apps-ip
		ip6 daddr . meta l4proto . th dport vmap @apps-ip6
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
		ct status dnat meta l4proto tcp ct original ip daddr . meta l4proto . ct original proto-dst . ip daddr . th dport @connections-ip
		ct status dnat meta l4proto tcp ct original ip6 daddr . meta l4proto . ct original proto-dst . ip6 daddr . th dport @connections-ip6
		ct status dnat meta l4proto tcp ct original ip daddr . meta l4proto . ct original proto-dst @balanced-ip masquerade fully-random
		ct status dnat meta l4proto tcp ct original ip6 daddr . meta l4proto . ct original proto-dst @balanced-ip6 masquerade fully-random
	}

	# What conntrack cannot place, as a segment far outside of the TCP window, is not translated and comes to this host,
	# which would reset a connection that it does not know. Dropped, it is sent again. Of our connections only.
	chain stray {
		meta l4proto . ip saddr . th sport @destinations-ip counter drop
		ip daddr . meta l4proto . th dport @balanced-ip counter drop
		meta l4proto . ip6 saddr . th sport @destinations-ip6 counter drop
		ip6 daddr . meta l4proto . th dport @balanced-ip6 counter drop
	}

	chain stray-input {
		type filter hook input priority -101; policy accept;
		ct state invalid jump stray
	}

	# What passes between clients and destinations, both ways, is counted.
	chain traffic {
		type filter hook forward priority 300; policy accept;
		ct status dnat meta l4proto tcp ct original ip daddr . meta l4proto . ct original proto-dst . ct reply ip saddr . ct reply proto-src @traffic-ip
		ct status dnat meta l4proto tcp ct original ip6 daddr . meta l4proto . ct original proto-dst . ct reply ip6 saddr . ct reply proto-src @traffic-ip6
	}
}

# IPv4: one look-up finds the app of an address, protocol and port.
add element inet pomaloba-sticky apps-ip {
	192.0.2.10 . tcp . 80 comment "sticky" : goto app/sticky/ip,
}
add element inet pomaloba-sticky balanced-ip {
	192.0.2.10 . tcp . 80,
}
add element inet pomaloba-sticky destinations-ip {
	tcp . 198.51.100.1 . 30080,
	tcp . 198.51.100.2 . 30080,
	tcp . 198.51.100.3 . 30080,
}
add element inet pomaloba-sticky traffic-ip {
	192.0.2.10 . tcp . 80 . 198.51.100.1 . 30080,
	192.0.2.10 . tcp . 80 . 198.51.100.2 . 30080,
	192.0.2.10 . tcp . 80 . 198.51.100.3 . 30080,
}
add element inet pomaloba-sticky connections-ip {
	192.0.2.10 . tcp . 80 . 198.51.100.1 . 30080,
	192.0.2.10 . tcp . 80 . 198.51.100.2 . 30080,
	192.0.2.10 . tcp . 80 . 198.51.100.3 . 30080,
}

# IPv6: one look-up finds the app of an address, protocol and port.
add element inet pomaloba-sticky apps-ip6 {
	2001:db8::10 . tcp . 80 comment "sticky" : goto app/sticky/ip6,
}
add element inet pomaloba-sticky balanced-ip6 {
	2001:db8::10 . tcp . 80,
}
add element inet pomaloba-sticky destinations-ip6 {
	tcp . 2001:db8:2::1 . 30080,
}
add element inet pomaloba-sticky traffic-ip6 {
	2001:db8::10 . tcp . 80 . 2001:db8:2::1 . 30080,
}
add element inet pomaloba-sticky connections-ip6 {
	2001:db8::10 . tcp . 80 . 2001:db8:2::1 . 30080,
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
