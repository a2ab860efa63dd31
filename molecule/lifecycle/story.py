import os
import time

from lab import BOOT, IS_LIVE, SCENARIO, SUPPORT, Load, await_true, check, finish, lb, lb_succeeds, make_role
from lab import run_role, start_role, tell, went_well, workers

SPEC = SUPPORT / "spec.yml"
BACKEND = os.environ.get("POMALOBA_BACKEND", "nftables")
OTHER = "iptables" if BACKEND == "nftables" else "nftables"


def under_load(text, **variables):
    """Runs the role while connections are open and new ones come: none may notice."""
    load = Load()
    run = run_role(**variables)
    seen = load.end()
    check(not run.failed, f"{text}: the run went well", run.output)
    check(lb_succeeds(IS_LIVE), f"{text}: what was rendered runs")
    check(seen["failed"] == 0 and seen["opened"] > 100, f"{text}: no connection was refused or lost ({seen})")
    check(seen["alive"] == 20, f"{text}: the open ones live on")
    return run


check("pomaloba_web" not in lb(f"cat {BOOT}"), "the first version runs")
first = lb(f"cat {BOOT}")

tell("== Version 2")
make_role(SCENARIO / "v2.yml")
preview = run_role("--check", "--diff")
check(preview.changed > 0 and "second" in preview.output, "check mode shows the new app")
check(lb(f"cat {BOOT}") == first and lb_succeeds(IS_LIVE), "and changes nothing")
under_load("version 2")
check(workers() == ["w2", "w3"], "the drained worker gets no new connections")
check(workers("2001:db8:a::10") == ["w2"], "nor do those that are gone")
check(workers("203.0.113.11", 8080) == ["w1"], "the second app answers")

tell("== Back to one app")
make_role(SPEC)
under_load("back")
check(lb(f"cat {BOOT}") == first, "the ruleset is the first one again, byte for byte")
check("w1" not in workers("203.0.113.11", 8080, count=2), "the second app is gone")

tell("== The other backend, and back")
for backend, rules in ((OTHER, BACKEND), (BACKEND, OTHER)):
    # Open connections live on; the rules of the new backend are there before those of the old one go.
    under_load(backend, pomaloba_backend=backend)
    left = lb("nft list tables | grep pomaloba; { iptables-save; ip6tables-save; } 2>/dev/null | grep PMLB; true")
    check(("table inet pomaloba-lb" in left) == (backend == "nftables"), f"{backend}: nftables' table is as it should be", left)
    check(("PMLB" in left) == (backend == "iptables"), f"{backend}: iptables' chains are as they should be", left)
    check(run_role(pomaloba_backend=backend).changed == 0, f"{backend}: a second run changes nothing")
    # By address, and by address and port.
    drain = ["10.77.2.12", "[2001:db8:2::13]:31234"]
    under_load(f"{backend}, drained", **{"pomaloba_backend": backend, "pomaloba_drain": drain})
    check(workers() == ["w1", "w3"], f"{backend}: the drained worker gets no new connections")
    check(workers("2001:db8:a::10") == ["w1", "w2"], f"{backend}: nor does that of the other family")
    lb_succeeds("systemctl restart pomaloba-lb")
    check(workers() == ["w1", "w3"], f"{backend}: nor after a restart of the unit")
    check(run_role(**{"pomaloba_backend": backend, "pomaloba_drain": drain}).changed == 0, f"{backend}: and that is no change")
    went_well(run_role(pomaloba_backend=backend), f"{backend}: drained no more")
    check(workers() == ["w1", "w2", "w3"], f"{backend}: the worker is back")

tell("== Absent waits for open connections")
load = Load(held=5, only_held=True)
process = start_role(pomaloba_state="absent", pomaloba_drain_timeout=100)
await_true(lambda: "w1" not in workers(count=3), 60, "new connections are not balanced")
time.sleep(3)
check(process.poll() is None, "the role waits")
check(load.end()["alive"] == 5, "the open connections live on")
run = finish(process)
check(not run.failed and "were still open" not in run.output, "when they have ended it goes on", run.output)
went_well(run_role(), "present went well")
load = Load(held=5, only_held=True)
run = run_role(pomaloba_state="absent", pomaloba_drain_timeout=2)
check("WARNING: 5 connections were still open after 2 seconds" in " ".join(run.output.split()), "but not for ever", run.output)
tell(f"of 5 connections that were open then, {load.end()['alive']} live on")
went_well(run_role(), "present went well")

tell("== Absent, present, absent")
went_well(run_role(pomaloba_state="absent"), "absent went well")
check(not lb("nft list tables | grep pomaloba; ls /etc | grep pomaloba; true"), "nothing is left")
went_well(run_role(), "present went well")
check(lb(f"cat {BOOT}") == first, "the ruleset is the first one, byte for byte")
lb("rm -r /etc/pomaloba /etc/systemd/system/pomaloba-lb.service")
went_well(run_role(pomaloba_state="absent"), "absent works where half of the files are gone already")
