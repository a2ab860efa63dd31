import os
import subprocess

from lab import SUPPORT, check, lb, run_role, tell

# What requirements-oldest.txt says is in a virtual environment of its own.
os.environ["PATH"] = f"{SUPPORT.parent.parent}/.venv-oldest/bin:{os.environ['PATH']}"
COMPLAINTS = ["[WARNING]", "[DEPRECATION WARNING]", "[ERROR]", "ERROR!"]


def silent(run, text):
    said = [line for line in run.output.splitlines() if any(word in line for word in COMPLAINTS)]
    check(not run.failed and said == [], f"{text}: it went well, and Ansible has no warning", run.output)
    return run


def holds(name):
    """What the other scenarios' playbooks verify: looked at by the same Ansible."""
    silent(run_role(playbook=SUPPORT / f"{name}.yml"), name)


version = subprocess.run(["ansible-playbook", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
check("[core 2.14." in version, f"this is {version}")

tell("== The bare host")
check(silent(run_role("--check", "--diff"), "check mode").changed > 0, "it would change something")
holds("untouched")

tell("== Present")
check(silent(run_role(), "the first run").changed > 0, "it changed something")
holds("verify")
check(silent(run_role(), "the second run").changed == 0, "it changed nothing")
run = silent(run_role("--check", "--diff"), "check mode")
check(run.changed == 0 and "+++ " not in run.output, "there is no difference", run.output)

tell("== Addresses, and none of them any more")
check(silent(run_role(pomaloba_manage_addresses="eth0"), "with addresses").changed > 0, "it changed something")
check(silent(run_role(), "without").changed > 0, "it changed something")
check(silent(run_role(), "once more").changed == 0, "it changed nothing")
lb("systemctl stop pomaloba-lb")
check(silent(run_role(), "after the unit was stopped").changed > 0, "it started the unit")
holds("verify")

tell("== Absent")
check(silent(run_role("--check", pomaloba_state="absent"), "check mode").changed > 0, "it would change something")
holds("verify")
check(silent(run_role(pomaloba_state="absent"), "absent").changed > 0, "it changed something")
check(silent(run_role(pomaloba_state="absent"), "absent again").changed == 0, "it changed nothing")
holds("nothing-left")
