from lab import BOOT, IS_LIVE, SCENARIO, SUPPORT, await_true, check, client, lb, lb_succeeds, make_role
from lab import finish, restart, run_role, ssh_works, start_role, tell, went_well, workers

SPEC = SUPPORT / "spec.yml"
ON_LINK = ["10.77.1.100", "2001:db8:1::100"]
SETTINGS = "/etc/sysctl.d/99-zz-pomaloba-lb.conf"
TIMEOUT = 20


def has(address):
    return lb_succeeds(f"ip -o address show to {address} | grep -q .")


def refused(run, reason):
    check(run.failed and run.changed == 0, f"the run was refused, and nothing changed: {reason}", run.output)
    check(reason in " ".join(run.output.split()), "and says why", run.output)


def advertised():
    client("python3", str(SUPPORT / "advertise.py"), "eth0")
    return lb_succeeds("ip -6 route show default proto ra | grep -q 'dev eth0'")


tell("== Router advertisements")
lb("sysctl -qw net.ipv6.conf.eth0.accept_ra=1")
await_true(advertised, 10, "the host has its default route from a router advertisement")
went_well(run_role())
check("net/ipv6/conf/eth0/accept_ra = 2" in lb(f"cat {SETTINGS}"), "the interface goes on accepting them after a reboot")
lb("ip -6 route flush proto ra")
await_true(advertised, 10, "and does now")
lb("ip -6 route flush proto ra")
check(run_role().changed == 0, "a second run changes nothing, even when no router is there")

tell("== Addresses on an interface")
make_role(SPEC, SCENARIO / "on-link.yml")
refused(run_role(pomaloba_manage_addresses="nope0"), "which is no interface of this host: it has lo, eth0, eth1")
lb("ip address add 203.0.113.10/32 dev lo")
mac = lb("cat /sys/class/net/eth0/address")
# "extern_learn": the kernel's one list of neighbours, of all namespaces, forgets what is stale once it is long.
for address in ON_LINK:
    other = ("lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "stale", "extern_learn")
    client("ip", "neigh", "replace", address, *other)
managed = {"pomaloba_manage_addresses": "eth0"}
check(run_role("--check", **managed).changed > 0 and not has(ON_LINK[0]), "check mode says that it would change something")
went_well(run_role(**managed))
for address in ON_LINK:
    known = client("ip", "neigh", "show", address)
    check(mac in known, f"a neighbour who knew another host by {address} knows us now", known)
    check(workers(address) == ["w1", "w2"], f"connections to {address} are balanced")
check("deprecated" in lb("ip -o address show to 2001:db8:1::100"), "it is no source for the host's own connections")
check(run_role(**managed).changed == 0, "a second run changes nothing")
check(run_role("--check", **managed).changed == 0, "nor has check mode anything to change")
restart("reboot")
await_true(lambda: lb_succeeds(IS_LIVE), 30, "after a reboot all is there again")
check([workers(address) for address in ON_LINK] == [["w1", "w2"]] * 2, "connections are balanced")

tell("== An address that is lost")
lb(f"ip address del {ON_LINK[0]}/32 dev eth0")
check(run_role("--check", **managed).changed == 1, "check mode says so")
went_well(run_role(**managed))
check(has(ON_LINK[0]), "the next run puts it back")
lb("systemctl restart pomaloba-lb")
await_true(lambda: has(ON_LINK[0]) and has(ON_LINK[1]), 10, "a restart of the unit puts them back")
lb("systemctl stop pomaloba-lb")
check(not has(ON_LINK[0]) and not has(ON_LINK[1]), "its stop removes them")
lb("systemctl start pomaloba-lb")
await_true(lambda: has(ON_LINK[0]) and has(ON_LINK[1]), 10, "its start puts them back")

tell("== An address that locks the controller out")
boot = lb(f"cat {BOOT} {BOOT}.addresses")
make_role(SPEC, SCENARIO / "on-link.yml", SCENARIO / "hijack.yml")
process = start_role(pomaloba_confirm_timeout=TIMEOUT, **managed)
await_true(lambda: has("10.77.1.2"), 60, "the address was added")
check(not ssh_works(), "ssh is locked out")
seconds = await_true(ssh_works, TIMEOUT + 10, "the host rolls back by itself")
check(seconds < TIMEOUT + 2, f"ssh works again, {seconds:.1f} s later")
run = finish(process)
check(run.failed and '"Check the candidate, arm the rollback and load it" failed' in run.output, "the play fails, and says which step", run.output)
check(lb(f"cat {BOOT} {BOOT}.addresses") == boot and lb_succeeds(IS_LIVE), "what is loaded, now and at boot, is what was before")
check(not has("10.77.1.2") and has(ON_LINK[0]), "the address is gone, the others are not")

tell("== Fewer addresses, and none of ours")
lb("ip address add 203.0.113.10/32 dev lo")
make_role(SPEC)
went_well(run_role(**managed))
check(not has(ON_LINK[0]), "an address that is no endpoint any more goes")
went_well(run_role(), "the role without pomaloba_manage_addresses went well")
check(not has("2001:db8:a::10"), "what it had added is gone")
check(has("203.0.113.10"), "what it had found is not")
check(not lb("ls /etc/systemd/system /etc/systemd/system/*.wants | grep pomaloba-lb-addresses; true"), "nor is a unit left")
check(run_role().changed == 0, "a second run changes nothing")

tell("== How many connections the kernel tracks")
setting = "/proc/sys/net/netfilter/nf_conntrack_max"
as_it_is = int(lb(f"cat {setting}"))
run = run_role(pomaloba_conntrack_max=as_it_is)
check(not run.failed and f"nf_conntrack_max = {as_it_is}" in lb(f"cat {SETTINGS}"), "the setting is kept", run.output)
# It is the machine's, not the container's: a file stands in for it.
if not lb_succeeds(f"test -w {setting}"):
    refused(run_role(pomaloba_conntrack_max=as_it_is + 1), "net/netfilter/nf_conntrack_max is not as needed and cannot be written")
lb(f"echo {as_it_is} >/run/max && mount --bind /run/max {setting}")
check(run_role("--check", pomaloba_conntrack_max=4096).changed == 2, "check mode says that it would be changed")
check(run_role(pomaloba_conntrack_max=4096).changed == 2 and lb("cat /run/max") == "4096", "it is set")
check(run_role(pomaloba_conntrack_max=4096).changed == 0, "a second run changes nothing")
refused(run_role(pomaloba_conntrack_max=-1), "pomaloba_conntrack_max is -1")
lb(f"umount {setting} && rm /run/max")

tell("== Absent")
lb("ip address add 203.0.113.10/32 dev lo 2>/dev/null; true")
make_role(SPEC, SCENARIO / "on-link.yml")
went_well(run_role(**managed))
check(has(ON_LINK[0]), "present went well")
check(run_role("--check", pomaloba_state="absent").changed > 0 and has(ON_LINK[0]), "check mode tells and leaves everything")
went_well(run_role(pomaloba_state="absent"), "absent went well")
check(not has(ON_LINK[0]) and not has(ON_LINK[1]) and has("203.0.113.10"), "our addresses are gone, and no other")
check(run_role(pomaloba_state="absent").changed == 0, "a second run changes nothing")

tell("== Absent, when somebody has deleted half of it")
went_well(run_role(**managed))
lb("rm -r /etc/pomaloba")
check(run_role("--check", pomaloba_state="absent").changed > 0 and has(ON_LINK[0]), "check mode tells and leaves everything")
went_well(run_role(pomaloba_state="absent"), "absent went well")
check(not has(ON_LINK[0]) and not has(ON_LINK[1]) and has("203.0.113.10"), "our addresses are gone, and no other")
