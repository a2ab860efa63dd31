# To be sourced: podman set up so that it runs without CAP_SYS_RESOURCE (no limits above the hard ones) and on
# cgroup v1, where crun may find no controllers.
CACHE=$(cd "$(dirname "$0")/../.." && pwd)/.cache/molecule
mkdir -p "$CACHE"
export CONTAINERS_CONF="$CACHE/containers.conf"
[ -e "$CONTAINERS_CONF" ] ||
	printf '[containers]\ndefault_ulimits = []\n[engine]\nruntime = "runc"\n' >"$CONTAINERS_CONF"
