#!/bin/sh
# look.sh UNIT DIRECTORY SYSCTL-FILE SERVICES PROGRAMS METRICS-DIRECTORY SETTING...: prints what the role has to know of the
# host, a fact a line: its kind and its value. Changes nothing. SERVICES and PROGRAMS are lists with spaces; a SETTING is a
# file below /proc/sys.
PATH=$PATH:/usr/sbin:/sbin
unit=$1 directory=$2 sysctl=$3 services=$4 programs=$5 metrics=$6
shift 6

[ ! -d /run/systemd/system ] || echo 'init systemd'
for tool in nft iptables-restore ip6tables-restore conntrack ip ss sysctl; do
	! command -v "$tool" >/dev/null || echo "tool $tool"
done
# Where the units and pomaloba-ctl look for it, whatever runs Ansible's modules.
if [ -x /usr/bin/python3 ]; then
	echo 'tool python3'
	echo "python $(/usr/bin/python3 -EsS -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
fi
for setting; do
	[ ! -r "/proc/sys/$setting" ] || echo "sysctl $setting=$(cat "/proc/sys/$setting")"
	[ -w "/proc/sys/$setting" ] || echo "fixed $setting"
done

# Addresses that programs listen on: a rule would hide them. Of UDP not the ports that programs are given which ask others.
read -r first last </proc/sys/net/ipv4/ip_local_port_range 2>/dev/null || { first=65536 last=65536; }
for protocol in tcp udp; do
	ss -Hln --"$protocol" 2>/dev/null | awk -v protocol="$protocol" -v first="$first" -v last="$last" '
		{ port = $4; sub(".*:", "", port) }
		protocol == "tcp" || port + 0 < first || port + 0 > last { print "listener " protocol " " $4 }'
done
ip -o link show 2>/dev/null | awk '{ sub("@.*", "", $2); sub(":$", "", $2); print "interface " $2 }'
ip -o address show 2>/dev/null | awk '{ sub("/.*", "", $4); print "address " $4 }'

# Interfaces that have a route from router advertisements, taken in by the kernel itself.
for interface in $(ip -6 route show proto ra 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u); do
	[ "$(cat "/proc/sys/net/ipv6/conf/$interface/accept_ra")" = 0 ] || echo "advertised $interface"
done
# An earlier run's; that there is no such route now may be because of a router that is down.
[ ! -e "$sysctl" ] || sed -n 's,^net/ipv6/conf/\(.*\)/accept_ra = 2$,advertised \1,p' "$sysctl"

# Services that may flush our rules, or did: what an earlier run wrote for them stays in place.
for service in $services; do
	for units in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
		if [ -e "$units/$service.service" ] || [ -e "$units/$service.service.d/$unit.conf" ]; then
			echo "service $service"
			break
		fi
	done
done
plugins=/usr/share/netfilter-persistent/plugins.d
[ ! -d "$plugins" ] || echo 'plugins netfilter-persistent'
# ansible-core 2.14 writes an empty line where there are no addresses.
if [ -e "/etc/systemd/system/$unit-addresses.service" ] || [ -e "$directory/announce.py" ] ||
	grep -qs . "$directory/ruleset.addresses" "$directory/candidate.addresses"; then
	echo 'manages addresses'
fi

# The checker: what of it was left, where it writes metrics to, and whether it runs as it was written last. The unit's digest
# of the program is in the environment of what was started by it.
# Root without its privileges writes only to what is root's.
[ -z "$metrics" ] || [ ! -d "$metrics" ] || [ "$(stat -L -c %u "$metrics")" != 0 ] || echo "directory $metrics"
health=$unit-health
for file in /etc/systemd/system/"$health".service /run/"$health"; do
	[ ! -e "$file" ] || echo "health $file"
done
if [ -e "/etc/systemd/system/$health.service" ]; then
	sed -n 's,.* --textfile-directory \([^ ]*\).*,textfile \1,p' "/etc/systemd/system/$health.service"
	pid=$(systemctl show -p MainPID --value "$health.service" 2>/dev/null)
	if [ "${pid:-0}" != 0 ] && ! tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" |
		grep -qxF "$(sed -n 's/^Environment=//p' "/etc/systemd/system/$health.service")"; then
		echo 'stale health'
	fi
fi

# What an earlier run wrote, but for the ruleset: path, mode, owner, digest.
for file in "$directory" "$directory/control.sh" "$directory/iptables-delete.sh" "$directory/announce.py" "$sysctl" \
	$(for program in $programs; do echo "$directory/$program"; done) "$directory/candidate.json" /usr/local/sbin/pomaloba-ctl \
	/etc/systemd/system/"$unit".service /etc/systemd/system/"$unit"-addresses.service /etc/systemd/system/"$health".service \
	/etc/systemd/system/*.service.d/"$unit".conf \
	$(grep -lsF "$directory/control.sh" "$plugins"/*); do
	[ ! -e "$file" ] || echo "file $(stat -c '%n %a %U:%G' "$file") $(sha256sum 2>/dev/null <"$file" | cut -d ' ' -f 1)"
done
for service in "$unit" "$unit-addresses" "$health"; do
	! systemctl is-active -q "$service.service" || ! systemctl is-enabled -q "$service.service" || echo "on $service"
done

# Units that were written by a run which did not get as far as telling systemd.
for service in "$unit" "$unit-addresses" "$health" $services; do echo "$service.service"; done |
	xargs systemctl show -p NeedDaemonReload 2>/dev/null | grep -qx NeedDaemonReload=yes && echo 'systemd stale'

# Others' settings that say no to forwarding: which one wins depends on the order of the files' names.
for file in /etc/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do
	[ -f "$file" ] && [ ! -L "$file" ] || continue
	! grep -Eqs '^[[:space:]]*net[./]ipv(4[./]ip_forward|6[./]conf[./]all[./]forwarding)[[:space:]]*=[[:space:]]*0' "$file" || echo "refuses $file"
done

# Chains of others that drop what is forwarded unless they accept it; an accept of ours cannot overrule them.
! command -v nft >/dev/null || nft list chains 2>/dev/null | awk '
	$1 == "table" { table = $2 " " $3 }
	$1 == "chain" { chain = $2 }
	/hook forward/ && /policy drop/ { print "drops " table " " chain }'
! command -v iptables >/dev/null || [ "$(iptables -S FORWARD 2>/dev/null | head -n 1)" != '-P FORWARD DROP' ] || echo 'drops iptables FORWARD'

# Where it reloads by its own tool, it flushes iptables and systemd knows nothing of it.
! systemctl is-active -q firewalld.service || echo 'active firewalld'

# Each variant of iptables shows its own rules only.
has_rules() {
	"$1" 2>/dev/null | grep -q '^-A'
}
for tool in iptables ip6tables; do
	! has_rules "$tool-legacy-save" || ! has_rules "$tool-nft-save" || echo "mixed $tool"
done
true
