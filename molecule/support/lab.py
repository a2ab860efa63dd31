"""What the scenarios' story.py files are told with: the lab, the role and the load balancer, in a few functions."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

LAB = os.environ["LAB"]
SUPPORT = pathlib.Path(__file__).parent
ROLE = pathlib.Path(os.environ["ANSIBLE_ROLES_PATH"]) / "pomaloba"
SCENARIO = pathlib.Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
INVENTORIES = [file for file in (SUPPORT / "inventory.yml", SCENARIO / "inventory.yml") if file.exists()]
CACHE = SUPPORT.parent.parent / ".cache/molecule"
PODMAN = {**os.environ, "CONTAINERS_CONF": str(CACHE / "containers.conf")}
CONVERGE = SUPPORT / "converge.yml"
BOOT = "/etc/pomaloba/lb/ruleset"
IS_LIVE = f"sh /etc/pomaloba/lb/control.sh is-live {BOOT}"


def tell(text):
    print(text, flush=True)


def check(truth, text, detail=""):
    """A sentence of the story that has to be true."""
    if not truth:
        raise SystemExit(f"NOT TRUE: {text}\n{detail}")
    tell(f"true: {text}")


def lb(shell, must_work=True, name="lb"):
    """Runs shell on a load balancer, past ssh and the rules; its output, without the last newline."""
    done = subprocess.run(["podman", "exec", f"{LAB}-{name}", "sh", "-c", shell], env=PODMAN, capture_output=True, text=True)
    if must_work and done.returncode != 0:
        raise SystemExit(f"on {name}: {shell}\n{done.stdout}{done.stderr}")
    return done.stdout.rstrip("\n")


def lb_succeeds(shell):
    return subprocess.run(["podman", "exec", f"{LAB}-lb", "sh", "-c", shell], env=PODMAN, capture_output=True).returncode == 0


def client(*command):
    """Runs a command on the client; its output."""
    done = subprocess.run(["ip", "netns", "exec", f"{LAB}-cl", *command], capture_output=True, text=True, check=True)
    return done.stdout


def _pids():
    return [int(line) for line in (CACHE / LAB / "pids").read_text().split()]


def kill_worker(number):
    """Ends the process of the worker w1, w2...; its host still answers, and refuses."""
    os.kill(_pids()[number - 1], signal.SIGKILL)


def start_worker(number):
    """Starts it again."""
    command = ["ip", "netns", "exec", f"{LAB}-w{number}", "python3", str(SUPPORT / "worker.py"), f"w{number}", "31234"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, **quiet)
    pids = _pids()
    pids[number - 1] = process.pid
    (CACHE / LAB / "pids").write_text("".join(f"{pid}\n" for pid in pids))


def _nft_of_worker(number, text):
    subprocess.run(["ip", "netns", "exec", f"{LAB}-w{number}", "nft", "-f", "-"], input=text, text=True, check=True)


def cut_off(number):
    """From now on the worker's host drops all packets."""
    _nft_of_worker(number, "table inet cut { chain input { type filter hook input priority 0; policy drop; }; }\n")


def reconnect(number):
    _nft_of_worker(number, "delete table inet cut\n")


def make_role(*specs, options=()):
    inputs = [word for spec in specs for word in ("--input-spec", str(spec))]
    command = ["node", str(SUPPORT.parent.parent / "dist/cli.js"), "ansible", *inputs, "--out", str(ROLE), "--force", *options]
    subprocess.run(command, check=True, capture_output=True)


class Run:
    """What a run of the role did."""

    def __init__(self, returncode, output):
        self.output = output
        self.failed = returncode != 0
        recap = re.findall(r"^(lb\d) +: ok=\d+ +changed=(\d+)", output, re.M)
        # How much was changed: on each load balancer that was tried at all, and on the first.
        self.changes = {name: int(changed) for name, changed in recap}
        self.changed = self.changes.get("lb1", -1)


def playing(playbook, arguments, variables):
    settings = [value for key in sorted(variables) for value in ("-e", json.dumps({key: variables[key]}))]
    inventories = [word for file in INVENTORIES for word in ("-i", str(file))]
    return ["ansible-playbook", *inventories, str(playbook), *arguments, *settings]


def start_role(**variables):
    command = playing(CONVERGE, [], variables)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def run_role(*arguments, playbook=CONVERGE, **variables):
    """Runs the role with these variables; further arguments (--check) go to ansible-playbook."""
    command = playing(playbook, arguments, variables)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return Run(done.returncode, done.stdout)


def went_well(run, text="the role went well"):
    check(not run.failed, text, run.output)


def finish(process):
    output, _ = process.communicate(timeout=300)
    return Run(process.returncode, output)


def ssh_works():
    """Whether a new connection of the client reaches the load balancer's sshd."""
    command = [str(CACHE / LAB / "ssh"), "-i", str(CACHE / LAB / "key"), "-o", "ControlPath=none", "-o", "ConnectTimeout=2"]
    options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    return subprocess.run([*command, *options, "ops@10.77.1.1", "true"], capture_output=True).returncode == 0


def answers(address="203.0.113.10", port=80, count=60):
    """How often which worker answered."""
    command = ["ip", "netns", "exec", f"{LAB}-cl", "python3", str(SUPPORT / "probe.py"), address, str(port), str(count)]
    return json.loads(subprocess.run(command, capture_output=True, text=True).stdout)


def workers(*arguments, **settings):
    """The names of the workers that answered, or of the errors."""
    return sorted({answer.split()[0] for answer in answers(*arguments, **settings)})


def await_true(condition, seconds, text):
    """Waits for the condition; how long it took."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return time.monotonic() - start
        time.sleep(0.2)
    raise SystemExit(f"NOT TRUE after {seconds} s: {text}")


def restart(how):
    """Reboots the load balancer, or crashes it."""
    subprocess.run([str(SUPPORT / "lab.sh"), how, LAB], check=True)


class Load:
    """Connections that are held and, unless only_held, new ones, while something is done to the load balancer."""

    def __init__(self, address="203.0.113.10", port=80, held=20, only_held=False):
        command = ["ip", "netns", "exec", f"{LAB}-cl", "python3", str(SUPPORT / "load.py"), address, str(port), str(held)]
        command += ["hold"] if only_held else []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def end(self):
        output, _ = self.process.communicate("", timeout=120)
        return json.loads(output)
