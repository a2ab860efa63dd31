#!/bin/sh
# repository.sh ROOT (a hook of mmdebstrap): leaves the packages that the role installs in ROOT/opt/debs, and firewalls
# for the scenario "coexist", as the only repository that the image's apt knows.
set -eu
chroot "$1" sh -eu <<'CHROOT'
# ufw and netfilter-persistent do not go together.
for packages in 'nftables iptables conntrack' iptables-persistent ufw firewalld; do
	# shellcheck disable=SC2086 # a list
	apt-get -q -y install --no-install-recommends --download-only $packages >/dev/null
done
mkdir -p /opt/debs
mv /var/cache/apt/archives/*.deb /opt/debs
cd /opt/debs
for deb in *.deb; do
	dpkg-deb -f "$deb"
	printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(wc -c <"$deb")" "$(sha256sum <"$deb" | cut -d' ' -f1)"
done >Packages
rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*
echo 'deb [trusted=yes] file:/opt/debs ./' >/etc/apt/sources.list
apt-get -q update >/dev/null
CHROOT
