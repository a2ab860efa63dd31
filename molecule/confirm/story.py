import os
import signal

from lab import BOOT, IS_LIVE, ROLE, SCENARIO, SUPPORT, await_true, check, finish, lb, lb_succeeds, make_role
from lab import restart, run_role, ssh_works, start_role, tell, workers

TIMEOUT = 20
SPEC = SUPPORT / "spec.yml"
# What an operator would have to do to get such a change past the guards.
GUARDS_OFF = {"pomaloba_allow_hidden_listeners": True, "__pomaloba_management": [], "pomaloba_confirm_timeout": TIMEOUT}
ARMED = "systemctl is-active -q pomaloba-lb-rollback.timer"
LOCKED_OUT = f"{ARMED} && ! {IS_LIVE} && test -e /run/pomaloba-lb/loaded"


def nothing_has_changed(before):
    check(lb(f"cat {BOOT}") == before, "the ruleset that is loaded at boot is the old one")
    check(lb_succeeds(IS_LIVE), "and it is what runs")
    check(lb_succeeds("sh /etc/pomaloba/lb/control.sh is-current"), "nothing of the candidate is left")
    check(not lb_succeeds(ARMED), "no rollback is pending")
    check(workers() == ["w1", "w2", "w3"], "connections are balanced as before")


def refused(run, reason):
    check(run.failed and run.changed == 0, f"the run was refused, and nothing changed: {reason}", run.output)
    check(reason in " ".join(run.output.split()), "and says why", run.output)


tell("== Guards")
boot = lb(f"cat {BOOT}")
make_role(SPEC, SCENARIO / "hijack.yml")
refused(run_role(), "is where Ansible reaches this host")
refused(run_role(__pomaloba_management=[]), "A program on this host listens on tcp 0.0.0.0:22, tcp [::]:22")
nothing_has_changed(boot)

tell("== Data edited by hand, and settings that cannot be")
make_role(SPEC)
apps = ROLE / "files/apps.json"
good = apps.read_text()
apps.write_text(good.replace("10.77.2.11", "10.77.2.19"))
refused(run_role(), "pomaloba ansible --input-spec")
apps.write_text(good)
refused(run_role(pomaloba_apps="none"), "option 'pomaloba_apps' is of type")
refused(run_role(pomaloba_backend="pf"), "value of pomaloba_backend must be one of")
refused(run_role(pomaloba_confirm_timeout=5), "pomaloba_confirm_timeout is 5 seconds")
nothing_has_changed(boot)

tell("== A ruleset that the kernel does not take")
backend = os.environ.get("POMALOBA_BACKEND", "nftables")
for name in ["nftables-table.j2"] if backend == "nftables" else ["iptables-nat.j2"]:
    template = ROLE / "templates" / name
    good = template.read_text()
    template.write_text("nonsense\n" + good)
    for arguments, task in ((["--check"], "Let the kernel check the ruleset"), ([], "Check the candidate")):
        run = run_role(*arguments)
        check(run.failed and task in run.output, f"{arguments} fails", run.output)
    template.write_text(good)
nothing_has_changed(boot)

make_role(SPEC, SCENARIO / "hijack.yml")
tell("== Locked out: the controller cannot come back")
process = start_role(**GUARDS_OFF)
await_true(lambda: lb_succeeds(LOCKED_OUT), 300, "the candidate was loaded")
check(not ssh_works(), "ssh is locked out")
seconds = await_true(ssh_works, TIMEOUT + 10, "the host rolls back by itself")
check(seconds < TIMEOUT + 2, f"ssh works again, {seconds:.1f} s later")
run = finish(process)
check(run.failed and '"Connect once more" failed' in run.output, "the play fails, and says which step", run.output)
nothing_has_changed(boot)

tell("== Power loss while locked out")
process = start_role(**GUARDS_OFF)
await_true(lambda: lb_succeeds(LOCKED_OUT), 300, "the candidate was loaded")
restart("crash")
run = finish(process)
# The new connection works, as the old rules are back: that alone must not count.
check(run.failed, "the play fails", run.output)
check(ssh_works(), "ssh works")
nothing_has_changed(boot)

tell("== The controller dies while locked out")
process = start_role(**GUARDS_OFF)
await_true(lambda: lb_succeeds(LOCKED_OUT), 300, "the candidate was loaded")
os.killpg(process.pid, signal.SIGKILL)
await_true(ssh_works, TIMEOUT + 10, "the host rolls back by itself")
nothing_has_changed(boot)

if backend == "nftables":
    tell("== A load that takes longer than the timer")
    slow = 'case "$*" in "-f /etc/pomaloba/lb/candidate") sleep 30 ;; esac; exec /usr/sbin/nft "$@"'
    lb(f"cat >/usr/local/sbin/nft <<'EOF'\n#!/bin/sh\n{slow}\nEOF\nchmod +x /usr/local/sbin/nft")
    make_role(SCENARIO.parent / "lifecycle/v2.yml")
    run = run_role(pomaloba_confirm_timeout=TIMEOUT)
    check(run.failed and "Timed out after 20" in run.output, "the play fails, and says that it took too long", run.output)
    lb("rm /usr/local/sbin/nft")
    nothing_has_changed(boot)

tell("== The next good change goes through")
make_role(SPEC)
check(run_role().changed == 0, "going back to the old spec changes nothing")
