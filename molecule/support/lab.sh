#!/bin/sh
# lab.sh up PREFIX SUITE [NAME...] | reboot PREFIX [NAME] | crash PREFIX [NAME] | down PREFIX
#
# A client, load balancers (one called lb, unless NAMEs are given: lb2, lb3...) and three workers: network namespaces
# PREFIX-cl, -lb, -w1 to -w3 and -sw, which has the switches between them; and in -lb a podman container PREFIX-lb that
# runs systemd and sshd. The client routes the virtual addresses 203.0.113.0/24 and 2001:db8:a::/64 to lb. Files, the
# throw-away key among them, are in .cache/molecule/PREFIX.
set -eu
action=$1 P=$2
. "$(dirname "$0")/podman.sh"
support=$(cd "$(dirname "$0")" && pwd)
files=$CACHE/$P

address() { # NAMESPACE INTERFACE ADDRESS...
	namespace=$1 interface=$2
	shift 2
	for address in "$@"; do
		case $address in *:*) ip -n "$P-$namespace" address add "$address" dev "$interface" nodad ;; *) ip -n "$P-$namespace" address add "$address" dev "$interface" ;; esac
	done
	ip -n "$P-$namespace" link set "$interface" up
}

# Plugs a namespace's INTERFACE into a switch: "front" has the client's side of the load balancers, "back" the workers'.
link() { # SWITCH NAMESPACE INTERFACE
	ip link add "$1-$2" netns "$P-sw" type veth peer name "$3" netns "$P-$2"
	ip -n "$P-sw" link set "$1-$2" master "$1" up
}

# The kernel's side of a load balancer: new each time, as after a reboot. It starts with forwarding off.
plug_in() { # NAME
	number=1 # lb is host 1 of its networks; the client is 2, so lb2 is 3
	[ "$1" = lb ] || number=$((${1#lb} + 1))
	ip netns add "$P-$1"
	ip -n "$P-$1" link set lo up
	link front "$1" eth0
	link back "$1" eth1
	# Kept over a reboot, as by a real host: the others remember it.
	ip -n "$P-$1" link set eth0 address "02:00:10:77:01:0$number"
	ip -n "$P-$1" link set eth1 address "02:00:10:77:02:0$number"
	for setting in net.ipv4.ip_forward net.ipv6.conf.all.forwarding; do
		ip netns exec "$P-$1" sysctl -qw "$setting=0"
	done
	address "$1" eth0 "10.77.1.$number/24" "2001:db8:1::$number/64"
	address "$1" eth1 "10.77.2.$number/24" "2001:db8:2::$number/64"
}

unplug() { # NAME
	ip netns del "$P-$1"
	# Peers of a namespace's interfaces vanish a little later.
	for _ in $(seq 100); do
		ip -n "$P-sw" link show "front-$1" >/dev/null 2>&1 || ip -n "$P-sw" link show "back-$1" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
}

client() {
	link front cl eth0
	address cl eth0 10.77.1.2/24 2001:db8:1::2/64
	ip -n "$P-cl" route add 203.0.113.0/24 via 10.77.1.1
	ip -n "$P-cl" route add 2001:db8:a::/64 via 2001:db8:1::1
}

worker() { # NUMBER
	ip netns add "$P-w$1"
	ip -n "$P-w$1" link set lo up
	link back "w$1" eth0
	address "w$1" eth0 "10.77.2.1$1/24" "2001:db8:2::1$1/64"
	# Its default route does not lead to the client: only a masqueraded connection is answered.
	setsid ip netns exec "$P-w$1" python3 "$support/worker.py" "w$1" 31234 >/dev/null 2>&1 </dev/null &
	echo $! >>"$files/pids"
}

await_ssh() { # NAME
	for _ in $(seq 300); do
		podman exec "$P-$1" systemctl is-active -q ssh 2>/dev/null && return
		sleep 0.1
	done
	echo "lab.sh: $P-$1 has no sshd after 30 seconds" >&2
	exit 1
}

load_balancer() { # NAME SUITE
	plug_in "$1"
	podman run --quiet -d --name "$P-$1" --hostname "$1" --add-host "$1:127.0.1.1" --systemd=always --privileged --network "ns:/run/netns/$P-$1" \
		"localhost/pomaloba-lb:$2" >/dev/null
	# A user with sudo: Ansible has to become root.
	podman exec -i "$P-$1" sh -eu <<-SETUP
		useradd -m -s /bin/sh ops
		echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
		mkdir -p /home/ops/.ssh
		echo '$(cat "$files/key.pub")' >/home/ops/.ssh/authorized_keys
		chown -R ops /home/ops/.ssh
	SETUP
	await_ssh "$1"
}

up() { # SUITE NAME...
	suite=$1
	shift
	down
	mkdir -p "$files"
	"$support/image.sh" "$suite"
	for name in cl sw; do ip netns add "$P-$name" && ip -n "$P-$name" link set lo up; done
	for name in front back; do ip -n "$P-sw" link add "$name" type bridge && ip -n "$P-sw" link set "$name" up; done
	client
	for number in 1 2 3; do worker "$number"; done
	ssh-keygen -q -t ed25519 -N '' -f "$files/key"
	for name in "$@"; do load_balancer "$name" "$suite"; done
	# ssh as from the client: a rule that captures it locks Ansible out for real.
	printf '#!/bin/sh\nexec ip netns exec %s-cl ssh "$@"\n' "$P" >"$files/ssh"
	chmod +x "$files/ssh"
}

down() {
	podman rm -f --ignore -t 2 "$P-lb" "$P-lb2" >/dev/null 2>&1 || true
	[ ! -e "$files/pids" ] || while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$files/pids"
	for name in cl lb lb2 sw w1 w2 w3; do ip netns del "$P-$name" 2>/dev/null || true; done
	rm -rf "$files" "/tmp/$P"
}

restart() { # NAME
	if [ "$action" = reboot ]; then podman stop -t 10 "$P-$1" >/dev/null; else podman kill "$P-$1" >/dev/null; fi
	podman wait "$P-$1" >/dev/null 2>&1 || true
	unplug "$1"
	plug_in "$1"
	podman start "$P-$1" >/dev/null
	await_ssh "$1"
}

case $action in
	up)
		shift 2
		[ $# -gt 1 ] || set -- "$1" lb
		up "$@"
		;;
	reboot | crash) restart "${3:-lb}" ;;
	down) down ;;
esac
