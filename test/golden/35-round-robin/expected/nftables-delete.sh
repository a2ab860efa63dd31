#!/bin/sh
# Pomaloba ruleset turns: removes its nft table and nothing else. Forwarding stays as it is: others may need it.
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

# Adding first makes the deletion work where the table does not exist.
nft -f - <<'RULESET'
add table inet pomaloba-turns
delete table inet pomaloba-turns
RULESET
