import json
import os
import time

from lab import BOOT, IS_LIVE, SCENARIO, SUPPORT, Load, answers, await_true, check, client, cut_off, kill_worker, lb, lb_succeeds
from lab import make_role, reconnect, run_role, start_worker, tell, went_well, workers

PLAIN, CHECKED, EXECUTES = SUPPORT / "spec.yml", SCENARIO / "checked.yml", SCENARIO / "executes.yml"
BACKEND = os.environ.get("POMALOBA_BACKEND", "nftables")
OTHER = "iptables" if BACKEND == "nftables" else "nftables"
IPV6 = "2001:db8:a::10"
UNIT = "pomaloba-lb-health.service"
# The machine may be busy: a second and a half for what is to be at once, three for what takes checks.
OUT_AFTER = 3 * 2 + 1 + 1.5
BACK_AFTER = 2 * 2 + 1 + 3
METRICS = {"pomaloba_textfile_directory": "/srv/metrics", "pomaloba_metrics_port": 9909}
READ_PORT = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:9909/metrics\").read().decode())'"


def all_well(gone=(), count=2000):
    """None of the connections fails, and none of the workers that are gone has any."""
    wanted = [name for name in ("w1", "w2", "w3") if name not in gone]
    for address in ("203.0.113.10", IPV6):
        seen = answers(address, 80, count)
        names = sorted({answer.split()[0] for answer in seen})
        check(names == wanted, f"{address}: {count} connections: {', '.join(wanted)}", json.dumps(seen))


def fails(text, fail, gone):
    fail()
    time.sleep(OUT_AFTER)
    all_well(gone)
    tell(text)


def comes_back(text, repair, number, gone=()):
    """The share of the worker is back in time, in both families."""
    repair(number)
    for address in ("203.0.113.10", IPV6):
        took = await_true(lambda: f"w{number}" in workers(address, 80, count=30), BACK_AFTER, f"{text}: w{number} is back at {address}")
        tell(f"{text}: w{number} is back at {address}, seen after {took:.1f} s")
    if not gone:
        for address, seen in (("203.0.113.10", "10.77.2.1"), (IPV6, "2001:db8:2::1")):
            shares = [f"w{one} {seen}={weight}" for one, weight in ((1, 1), (2, 1), (3, 2))]
            client("python3", str(SUPPORT / "probe.py"), address, "80", "1000", *shares)


def no_change(text, **variables):
    run = run_role(pomaloba_backend=BACKEND, **variables)
    check(not run.failed and run.changed == 0, f"{text}: a second run changes nothing", run.output)


def started():
    return lb(f"systemctl show -p MainPID --value {UNIT}")


def ctl(*words):
    return lb("pomaloba-ctl " + " ".join(words))


def of(destination):
    """What pomaloba-ctl says of a destination."""
    return [line for line in ctl("status").splitlines() if destination in line]


tell("== No checks, no checker")
check(not lb_succeeds(f"systemctl cat {UNIT}"), "there is no unit")
check("10.77.2.11" in ctl("status"), "pomaloba-ctl works without", ctl("status"))

tell("== Checks")
make_role(CHECKED)
preview = run_role("--check", "--diff", pomaloba_backend=BACKEND)
check(not preview.failed and "candidate.json" in preview.output and "ExecStart=/usr/bin/python3" in preview.output, "check mode shows them", preview.output)
check(not lb_succeeds(f"systemctl cat {UNIT}"), "and changes nothing")
load = Load()
went_well(run_role(pomaloba_backend=BACKEND), "checks were added")
seen = load.end()
check(seen["failed"] == 0 and seen["alive"] == 20, f"no connection noticed ({seen})")
check(lb(f"systemctl is-active {UNIT}; systemctl is-enabled {UNIT}") == "active\nenabled", "the checker is on")
no_change("checks")
said = lb(f"systemd-analyze --no-pager verify /etc/systemd/system/{UNIT} 2>&1; systemd-analyze --no-pager security {UNIT} | tail -n 1")
tell(said)
check("exposure level" in said and said.count("\n") == 0, "systemd finds nothing wrong with the unit", said)
check(float(said.split("level for ")[1].split(": ")[1].split()[0]) < 2.5, "and calls it confined")
all_well(count=400)

tell("== A worker's process is killed")
fails("w1 is out", lambda: kill_worker(1), ["w1"])
check(any("down" in line for line in of("10.77.2.11")), "pomaloba-ctl says so", ctl("status"))
json.loads(ctl("status", "--json"))
check(lb("journalctl -u " + UNIT + " | grep -c 10.77.2.11") != "0", "and the journal")
no_change("down")
all_well(["w1"], 400)
for how in ("systemctl reload pomaloba-lb", "systemctl restart pomaloba-lb"):
    lb(how)
    # A restart takes the rules away, and the checker finds them without what it took out.
    time.sleep(0 if "reload" in how else 4)
    all_well(["w1"], 400)
    tell(f"w1 stays out: {how}")
load = Load(held=0)
went_well(run_role(pomaloba_backend=BACKEND, pomaloba_drain=["10.77.2.12", "2001:db8:2::12"]), "another was drained by the role")
check(load.end()["failed"] == 0, "no connection failed")
all_well(["w1", "w2"], 400)
load = Load(held=0)
went_well(run_role(pomaloba_backend=BACKEND), "and is not any more")
check(load.end()["failed"] == 0, "no connection failed")
all_well(["w1"], 400)

tell("== The checker is killed")
before = started()
lb(f"kill -9 {before}")
await_true(lambda: started() not in ("0", before) and lb_succeeds(f"systemctl is-active -q {UNIT}"), 20, "systemd starts it again")
all_well(["w1"], 400)
no_change("after its death")
comes_back("after the checker's death", start_worker, 1)

tell("== A worker is unreachable")
fails("w2 is out", lambda: cut_off(2), ["w2"])
comes_back("unreachable", reconnect, 2)

tell("== By hand")
for destination in ("10.77.2.12", "'[2001:db8:2::12]:31234'"):
    ctl("drain", destination)
all_well(["w2"], 400)
check(any("drained" in line for line in of("10.77.2.12")), "pomaloba-ctl says so", ctl("status"))
time.sleep(BACK_AFTER)
all_well(["w2"], 400)
tell("no check brings it back")
lb("systemctl reload pomaloba-lb")
no_change("drained")
went_well(run_role(pomaloba_backend=BACKEND, pomaloba_drain=["10.77.2.12"]), "the role drains it, too")
went_well(run_role(pomaloba_backend=BACKEND), "and not any more")
all_well(["w2"], 400)
tell("that of the operator stays")
if BACKEND == "nftables":
    lb("nft delete table inet pomaloba-lb; sh /etc/pomaloba/lb/control.sh reload")
    all_well(["w2"], 400)
    tell("also where somebody flushed all rules")
for destination in ("10.77.2.12", "'[2001:db8:2::12]:31234'"):
    ctl("undrain", destination)
all_well(count=400)

tell("== The other backend, and back")
kill_worker(1)
time.sleep(OUT_AFTER)
ctl("drain", "10.77.2.12")
for backend in (OTHER, BACKEND):
    went_well(run_role(pomaloba_backend=backend), backend)
    check("w2" not in workers(count=100), f"{backend}: what is drained stays so")
    await_true(lambda: workers(count=100) == ["w3"] and workers(IPV6, 80, count=100) == ["w2", "w3"], 5, f"{backend}: what is down is so again")
    check(run_role(pomaloba_backend=backend).changed == 0, f"{backend}: a second run changes nothing")
ctl("undrain", "10.77.2.12")

tell("== Metrics")
run = run_role(pomaloba_backend=BACKEND, **METRICS)
check(run.failed and "/srv/metrics, which is no directory of this host" in " ".join(run.output.split()), "a directory that is not there is refused", run.output)
lb("mkdir /srv/metrics")
went_well(run_role(pomaloba_backend=BACKEND, **METRICS), "metrics")
await_true(lambda: lb_succeeds("grep -q 10.77.2.13 /srv/metrics/pomaloba-lb.prom"), 20, "there is a file")
check("10.77.2.13" in lb(READ_PORT), "and a page")
no_change("metrics", **METRICS)
went_well(run_role(pomaloba_backend=BACKEND, pomaloba_metrics_port=9909), "no file of metrics any more")
check(not lb_succeeds("ls /srv/metrics | grep ."), "it is gone")

tell("== No checks any more")
all_well(["w1"], 400)
make_role(PLAIN)
went_well(run_role(pomaloba_backend=BACKEND), "no checks")
check("ConnectionRefusedError" in workers(count=100), "what they took out is back", str(answers()))
check(not lb_succeeds(f"systemctl cat {UNIT}") and not lb_succeeds("ls /run/pomaloba-lb-health"), "the checker is gone")
no_change("no checks")
start_worker(1)
# Nobody waits for it to listen any more.
for address in ("203.0.113.10", IPV6):
    await_true(lambda: workers(address, 80, count=100) == ["w1", "w2", "w3"], 10, f"{address}: w1 is started")
all_well(count=400)

tell("== Commands")
make_role(EXECUTES)
run = run_role(pomaloba_backend=BACKEND)
check(run.failed and "pomaloba_allow_exec_checks" in run.output and "/srv/well-" in run.output, "are refused by name", run.output)
lb("touch /srv/well-10.77.2.11-31234")
went_well(run_role(pomaloba_backend=BACKEND, pomaloba_allow_exec_checks=True), "unless they are allowed")
await_true(lambda: workers(count=100) == ["w1"], 8, "they say who is well")
lb("touch /srv/well-10.77.2.12-31234")
await_true(lambda: workers(count=100) == ["w1", "w2"], 8, "and when that changes")
lb("rm -r /srv/well-* /srv/metrics")

tell("== Absent")
check(lb_succeeds(IS_LIVE) and lb(f"ls {BOOT}.json") != "", "all of it is there")
went_well(run_role(pomaloba_state="absent"), "absent went well")
check(run_role(pomaloba_state="absent").changed == 0, "and has nothing to do the next time")
make_role(CHECKED)
went_well(run_role(pomaloba_backend=BACKEND), "present went well")
lb(f"rm -r /etc/pomaloba /etc/systemd/system/{UNIT} && systemctl daemon-reload")
went_well(run_role(pomaloba_state="absent"), "absent works where half of the files are gone already")
