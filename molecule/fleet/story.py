import os
import subprocess

from lab import BOOT, LAB, ROLE, SCENARIO, SUPPORT, Load, answers, check, lb, make_role, run_role, tell

SITE = ROLE.parent / "site.yml"
SPEC = SUPPORT / "spec.yml"
SECOND = SCENARIO.parent / "lifecycle/v2.yml"
BROKEN = ROLE / "templates" / ("nftables-table.j2" if os.environ["POMALOBA_BACKEND"] == "nftables" else "iptables-nat.j2")
# Each load balancer's container, and the address that the client routes to, which is also the end of what workers see.
HOSTS = {"lb1": ("lb", "10.77.1.1", "10.77.2.1"), "lb2": ("lb2", "10.77.1.3", "10.77.2.3")}
ALL = {"w1", "w2", "w3"}
# What of the second version is seen from outside: it drains a worker.
NEW = {"w2", "w3"}


def on(host, shell):
    return lb(shell, name=HOSTS[host][0])


def route(host):
    """Lets the client reach the virtual addresses by this load balancer."""
    subprocess.run(["ip", "-n", f"{LAB}-cl", "route", "replace", "203.0.113.0/24", "via", HOSTS[host][1]], check=True)


def balances(host, names, when):
    route(host)
    seen = answers()
    check(set(seen) == {f"{name} {HOSTS[host][2]}" for name in names}, f"{when}: {host} balances over {sorted(names)}", seen)


def went_well_on(run, hosts, text):
    there = " and ".join(hosts)
    check(not run.failed and set(run.changes) == set(hosts), f"{text}: the run went well on {there}, and only there", run.output)
    return run


def stopped_at_the_first(text, reason):
    """The rolling update of a change that lb1 does not take."""
    on("lb2", "touch /run/mark; sleep 0.1")
    before = on("lb1", f"cat {BOOT}")
    run = run_role(playbook=SITE)
    check(run.failed and set(run.changes) == {"lb1"}, f"{text}: the run stops at lb1", run.output)
    check(reason in run.output, f"{text}: and says why", run.output)
    check(on("lb1", f"cat {BOOT}") == before, f"{text}: lb1 keeps its ruleset")
    newer = on("lb2", "find /etc /usr /var/lib/dpkg /run/systemd/system /run/pomaloba-lb -newer /run/mark")
    check(newer == "", f"{text}: lb2 is untouched", newer)
    for host in HOSTS:
        balances(host, ALL, text)


def strategy(name, text, **variables):
    os.environ["ANSIBLE_STRATEGY"] = name
    run = went_well_on(run_role(**variables), HOSTS, f"{name}: {text}")
    del os.environ["ANSIBLE_STRATEGY"]
    return run


tell("== Both at once")
for name in ["linear", "free"]:
    run = strategy(name, "from nothing")
    check(min(run.changes.values()) > 0, "both were changed")
    for host in HOSTS:
        balances(host, ALL, name)
    if name == "linear":
        strategy("free", "absent", pomaloba_state="absent")
        left = [on(host, "ls -d /etc/pomaloba; nft list tables; true") for host in HOSTS]
        check(left == ["", ""], "nothing is left on either", left)
check(set(strategy("free", "once more").changes.values()) == {0}, "nothing was changed")

tell("== One of them: --limit")
make_role(SECOND)
went_well_on(run_role("--limit", "lb2"), ["lb2"], "second version")
balances("lb2", NEW, "limited to lb2")
balances("lb1", ALL, "limited to lb2")
make_role(SPEC, options=["--playbook", str(SITE)])
went_well_on(run_role("--limit", "lb2"), ["lb2"], "back")

tell("== A rolling update that must not roll on")
check("serial: 1" in SITE.read_text(), "the playbook that comes with the role takes one at a time")
good = BROKEN.read_text()
BROKEN.write_text("nonsense\n" + good)
stopped_at_the_first("a broken template", "Check the candidate, arm the rollback")
BROKEN.write_text(good)

make_role(SECOND)
on("lb1", "systemd-run --quiet --unit=squatter python3 -m http.server 8080")
on("lb1", "until ss -Hltn | grep -q :8080; do sleep 0.1; done")
stopped_at_the_first("a port that a program of lb1 has", "A program on this host listens on")
on("lb1", "systemctl stop squatter")

tell("== A rolling update that goes well, under load")
route("lb1")
load = Load()
run = went_well_on(run_role(playbook=SITE), HOSTS, "second version")
seen = load.end()
check(seen["failed"] == 0 and seen["opened"] > 100 and seen["alive"] == 20, f"no connection was refused or lost ({seen})")
check(run.output.index("ok: [lb1]") < run.output.index("ok: [lb2]") and min(run.changes.values()) > 0, "one after the other")
for host in HOSTS:
    balances(host, NEW, "second version")
check(set(went_well_on(run_role(playbook=SITE), HOSTS, "again").changes.values()) == {0}, "a second run changes nothing")
