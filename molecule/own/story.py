import os
import re
import subprocess

from lab import CACHE, PODMAN, ROLE, SUPPORT, check, make_role, tell

ROOT = SUPPORT.parent.parent
SUITE = os.environ["POMALOBA_SUITE"]
# Nothing of this Molecule: only where the collections are and, as there is no registry and no bridge here, the image.
OWN = {
    **{key: value for key, value in PODMAN.items() if not key.startswith(("ANSIBLE_", "MOLECULE_"))},
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache/collections"),
    "POMALOBA_MOLECULE_IMAGE": f"localhost/pomaloba-lb:{SUITE}",
    "POMALOBA_MOLECULE_OPTIONS": "--network none",
}
SEQUENCE = "dependency destroy create prepare check converge idempotence check verify side_effect destroy"

subprocess.run([str(SUPPORT / "image.sh"), SUITE], check=True)
make_role(ROOT / "examples/sample.json")
# A repository of its own: Molecule takes settings from the .config/molecule of the one that it is in.
subprocess.run(["git", "init", "--quiet", str(ROLE.parent)], check=True)

tell("== molecule test")
done = subprocess.run(["molecule", "test"], cwd=ROLE, env=OWN, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
check(done.returncode == 0, "it passes", output)
actions = re.findall(r"^default ➜ (\w+): Executed: Successful$", output.partition("DETAILS")[2], re.M)
check(" ".join(actions) == SEQUENCE, "each of its actions was run", output)

tell("== Afterwards")
left = subprocess.run(["podman", "ps", "--all", "--quiet", "--filter", "name=pomaloba-molecule"], env=OWN, capture_output=True, text=True).stdout
check(left == "", "its container is gone", left)
command = ["node", str(ROOT / "dist/cli.js"), "ansible", "--input-spec", str(ROOT / "examples/sample.json"), "--out", str(ROLE), "--check"]
check(subprocess.run(command, capture_output=True).returncode == 0, "the role is as it was generated")
