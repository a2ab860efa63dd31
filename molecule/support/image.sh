#!/bin/sh
# image.sh SUITE: makes the podman image localhost/pomaloba-lb:SUITE unless it is there: a Debian host with systemd
# and sshd, and without nftables and iptables. Their packages lie in a repository inside the image, so that the role
# can install them where no registry and no mirror can be reached. The tar is kept in .cache/molecule.
#
# POMALOBA_MOLECULE_IMAGE names a ready-made image to use instead (it needs systemd, sshd, python3 and sudo).
set -eu
suite=$1
. "$(dirname "$0")/podman.sh"

if [ -n "${POMALOBA_MOLECULE_IMAGE:-}" ]; then
	podman image exists "$POMALOBA_MOLECULE_IMAGE" || podman pull -q "$POMALOBA_MOLECULE_IMAGE"
	podman tag "$POMALOBA_MOLECULE_IMAGE" "localhost/pomaloba-lb:$suite"
	exit 0
fi

version=$(cat "$0" "$(dirname "$0")/repository.sh" | sha256sum | cut -c1-12)
mkdir -p "$CACHE"
# Scenarios that run side by side: the second waits, and finds the image.
exec 9>"$CACHE/$suite.lock"
flock 9
# Another clone of this repository may have had another version last.
podman image exists "localhost/pomaloba-lb:$suite-$version" &&
	exec podman tag "localhost/pomaloba-lb:$suite-$version" "localhost/pomaloba-lb:$suite"
tar=$CACHE/$suite-$version.tar
if [ ! -e "$tar" ]; then
	packages=systemd,systemd-sysv,dbus,libkmod2,python3,python3-apt,iproute2,procps,openssh-server,sudo
	# The suite's own mirror: what this machine uses for its own packages, else Debian's.
	mirror=${POMALOBA_MIRROR:-$(sed -n 's/^URIs: *\(.*debian\)\/*$/\1/p; s/^deb [^#]*\(http[^ ]*\/debian\)\/* .*/\1/p' \
		/etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)}
	new=$CACHE/new-$suite.tar
	trap 'rm -f "$new"' EXIT
	mmdebstrap --quiet --variant=minbase --include="$packages" --skip=cleanup/apt \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook="$(dirname "$0")/repository.sh"' "$1"' \
		"$suite" "$new" "${mirror:-http://deb.debian.org/debian}"
	mv "$new" "$tar"
fi
podman import --quiet --change 'CMD ["/sbin/init"]' --change 'STOPSIGNAL SIGRTMIN+3' "$tar" "localhost/pomaloba-lb:$suite-$version" >/dev/null
podman tag "localhost/pomaloba-lb:$suite-$version" "localhost/pomaloba-lb:$suite"
