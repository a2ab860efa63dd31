#!/bin/sh
# lab.sh up PREFIX SUITE | reboot PREFIX | crash PREFIX | down PREFIX
#
# A client, a load balancer and three workers: network namespaces PREFIX-cl, -lb, -sw (a switch), -w1 to -w3, and in
# -lb a podman container PREFIX-lb that runs systemd and sshd. The client routes the virtual addresses 203.0.113.0/24
# and 2001:db8:a::/64 to the load balancer. Files, the throw-away key among them, are in .cache/molecule/PREFIX.
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

# The kernel's side of the load balancer: new each time, as after a reboot. It starts with forwarding off.
plug_in() {
	ip netns add "$P-lb"
	ip -n "$P-lb" link set lo up
	ip link add "$P-c" netns "$P-cl" type veth peer name eth0 netns "$P-lb"
	ip -n "$P-cl" link set "$P-c" name eth0
	ip link add s-lb netns "$P-sw" type veth peer name eth1 netns "$P-lb"
	ip -n "$P-sw" link set s-lb master br0 up
	for setting in net.ipv4.ip_forward net.ipv6.conf.all.forwarding; do
		ip netns exec "$P-lb" sysctl -qw "$setting=0"
	done
	address lb eth0 10.77.1.1/24 2001:db8:1::1/64
	address lb eth1 10.77.2.1/24 2001:db8:2::1/64
	address cl eth0 10.77.1.2/24 2001:db8:1::2/64
	ip -n "$P-cl" route add 203.0.113.0/24 via 10.77.1.1
	ip -n "$P-cl" route add 2001:db8:a::/64 via 2001:db8:1::1
}

unplug() {
	ip netns del "$P-lb"
	# Peers of a namespace's interfaces vanish a little later.
	for _ in $(seq 100); do
		ip -n "$P-cl" link show eth0 >/dev/null 2>&1 || ip -n "$P-sw" link show s-lb >/dev/null 2>&1 || return 0
		sleep 0.05
	done
}

worker() { # NUMBER
	ip netns add "$P-w$1"
	ip -n "$P-w$1" link set lo up
	ip link add "s-w$1" netns "$P-sw" type veth peer name eth0 netns "$P-w$1"
	ip -n "$P-sw" link set "s-w$1" master br0 up
	address "w$1" eth0 "10.77.2.1$1/24" "2001:db8:2::1$1/64"
	# Its default route does not lead to the client: only a masqueraded connection is answered.
	setsid ip netns exec "$P-w$1" python3 "$support/worker.py" "w$1" 31234 >/dev/null 2>&1 </dev/null &
	echo $! >>"$files/pids"
}

await_ssh() {
	for _ in $(seq 300); do
		podman exec "$P-lb" systemctl is-active -q ssh 2>/dev/null && return
		sleep 0.1
	done
	echo "lab.sh: $P-lb has no sshd after 30 seconds" >&2
	exit 1
}

up() {
	down
	mkdir -p "$files"
	"$support/image.sh" "$1"
	for name in cl sw; do ip netns add "$P-$name" && ip -n "$P-$name" link set lo up; done
	ip -n "$P-sw" link add br0 type bridge
	ip -n "$P-sw" link set br0 up
	for number in 1 2 3; do worker "$number"; done
	plug_in
	podman run --quiet -d --name "$P-lb" --hostname lb --add-host lb:127.0.1.1 --systemd=always --privileged --network "ns:/run/netns/$P-lb" \
		"localhost/pomaloba-lb:$1" >/dev/null
	ssh-keygen -q -t ed25519 -N '' -f "$files/key"
	# A user with sudo: Ansible has to become root.
	podman exec -i "$P-lb" sh -eu <<-SETUP
		useradd -m -s /bin/sh ops
		echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
		mkdir -p /home/ops/.ssh
		echo '$(cat "$files/key.pub")' >/home/ops/.ssh/authorized_keys
		chown -R ops /home/ops/.ssh
	SETUP
	await_ssh
	# ssh as from the client: a rule that captures it locks Ansible out for real.
	printf '#!/bin/sh\nexec ip netns exec %s-cl ssh "$@"\n' "$P" >"$files/ssh"
	chmod +x "$files/ssh"
}

down() {
	podman rm -f -t 2 "$P-lb" >/dev/null 2>&1 || true
	[ ! -e "$files/pids" ] || while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$files/pids"
	for name in cl lb sw w1 w2 w3; do ip netns del "$P-$name" 2>/dev/null || true; done
	rm -rf "$files" "/tmp/$P"
}

case $action in
	up) up "$3" ;;
	reboot | crash)
		if [ "$action" = reboot ]; then podman stop -t 10 "$P-lb" >/dev/null; else podman kill "$P-lb" >/dev/null; fi
		podman wait "$P-lb" >/dev/null 2>&1 || true
		unplug
		plug_in
		podman start "$P-lb" >/dev/null
		await_ssh
		;;
	down) down ;;
esac
