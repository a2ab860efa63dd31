import os

from lab import IS_LIVE, answers, await_true, check, lb, lb_succeeds, restart, run_role, tell, went_well, workers

ENDPOINTS = ["203.0.113.10", "2001:db8:a::10"]
FOREIGN = """flush ruleset
table inet foreign {
	chain input {
		type filter hook input priority 0; policy accept;
		ip saddr 192.0.2.99 counter drop
	}
}
"""


def configure(text):
    lb(f"cat >/etc/nftables.conf <<'NFT'\n{text}NFT")


def balances(when):
    check(lb_succeeds(IS_LIVE), f"{when}: the rules are there")
    check(workers() == ["w1", "w2", "w3"], f"{when}: connections are balanced")


def reboots(when):
    restart("reboot")
    # ssh may be there while the drop-ins of other services still load the rules again.
    await_true(lambda: lb_succeeds(IS_LIVE), 30, f"{when}: the rules are there")
    balances(when)


def foreign():
    return lb("nft -s list table inet foreign")


def let_through(place, run):
    said = f"{place} may drop what is forwarded: what was balanced is let through there"
    check(said in " ".join(run.output.split()), f"the role says so of {place}", run.output)


def fails():
    return [set(answers(address, 80, 2)) <= {"TimeoutError", "ConnectionRefusedError", "OSError", "PermissionError"} for address in ENDPOINTS]


def pass_both(when):
    for address in ENDPOINTS:
        check(workers(address, 80) == ["w1", "w2", "w3"], f"{when}: connections to {address} are balanced")


tell("== nftables.service")
configure(FOREIGN)
for action in ["start", "restart", "reload", "stop", "start", "enable --now"]:
    lb(f"systemctl {action} nftables")
    balances(f"systemctl {action} nftables")
configure(FOREIGN + "nonsense\n")
lb("systemctl restart nftables", must_work=False)
balances("nftables.service with a broken configuration")
configure(FOREIGN)
lb("systemctl restart nftables")
balances("repaired again")
before = foreign()
check("192.0.2.99" in before, "the table of nftables.service is there")
lb("systemctl reload pomaloba-lb")
balances("systemctl reload pomaloba-lb")
check(foreign() == before, "a reload of ours leaves it as it was")
reboots("a reboot")
check(foreign() == before, "the table of nftables.service is there, too")

tell("== Drift")
loses = {
    "flush ruleset": "nft flush ruleset",
    "deleted": "nft delete table inet pomaloba-lb 2>/dev/null || { iptables -t nat -F PMLB/lb; }",
    "one rule less": "nft flush chain inet pomaloba-lb source 2>/dev/null || iptables -t nat -F PMLB/lb/_masq",
}
for name, shell in loses.items():
    lb(shell)
    check(not lb_succeeds(IS_LIVE), f"{name}: the rules are not what they were")
    check(run_role("--check").changed == 1, f"{name}: check mode says so")
    run = run_role()
    check(not run.failed and run.changed > 0, f"{name}: the next run repairs that", run.output)
    balances(name)
lb("systemctl restart nftables")
check(run_role().changed == 0, "then there is nothing to do")

tell("== Stopped on purpose")
lb("systemctl stop pomaloba-lb && systemctl restart nftables")
check(not lb_succeeds(IS_LIVE), "a restart of nftables.service does not start what was stopped")
check("PMLB" not in lb("iptables-save 2>/dev/null; true") and "pomaloba" not in lb("nft list tables"), "no rule is left")
went_well(run_role(), "the role starts it again")
balances("started again")

tell("== A forward chain that drops")
lb("nft -f - <<'NFT'\ntable inet other {\n\tchain forward {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\nNFT")
drops = lb("nft -s list table inet other")
check(all(fails()), "it stops balanced connections")
check(run_role("--check").changed == 1, "check mode says that there is something to do")
let_through("inet other forward", run_role())
pass_both("a forward chain that drops")
check(run_role().changed == 0, "a second run changes nothing")
lb("nft flush chain inet other forward")
check(run_role("--check").changed == 1, "check mode says that our rule is lost")
went_well(run_role())
pass_both("our rule was lost")
lb("systemctl stop pomaloba-lb")
check(lb("nft -s list table inet other") == drops, "where the unit is stopped, the chain is as it was")
lb("systemctl start pomaloba-lb")
pass_both("started again")
went_well(run_role(pomaloba_state="absent", pomaloba_drain_timeout=0), "the load balancer is removed")
check(lb("nft -s list table inet other") == drops, "the chain is as it was")
went_well(run_role())
run = run_role(pomaloba_manage_firewalls=False)
check("WARNING: inet other forward drops forwarded packets" in " ".join(run.output.split()), "left to the operator, the role warns", run.output)
check(lb("nft -s list table inet other") == drops, "and the chain is as it was")
lb("nft add rule inet other forward ct status dnat accept")
pass_both("what the role advises")
lb("nft delete table inet other")
went_well(run_role())

tell("== Other firewalls, as Debian packs them")
USES_IPTABLES = os.environ["POMALOBA_BACKEND"] == "iptables"
RULES = "'*nat' COMMIT '*filter' ':FORWARD DROP [0:0]' COMMIT"


def beside(packages, set_up, actions):
    lb(f"DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends {packages}")
    lb(set_up)
    went_well(run_role(), f"the role beside {packages}")
    pass_both(packages)
    for action in actions:
        lb(action)
        pass_both(action)
    check(run_role("--check").changed == 0, f"nothing of it is lost beside {packages}")
    lb(f"DEBIAN_FRONTEND=noninteractive apt-get -q -y purge {packages}")


beside(
    "netfilter-persistent iptables-persistent",
    f"printf '%s\\n' {RULES} | tee /etc/iptables/rules.v4 >/etc/iptables/rules.v6; systemctl restart netfilter-persistent",
    [f"netfilter-persistent {action}" for action in ["restart", "reload", "flush", "start"]] + ["systemctl restart netfilter-persistent"],
)
lb("for tool in iptables ip6tables; do $tool -P FORWARD ACCEPT; done")
beside("ufw", "ufw allow 22/tcp && ufw --force enable", ["ufw reload", "systemctl restart ufw"])
# firewall-cmd --reload is what the role warns of where it uses iptables.
beside("firewalld", "true", ["systemctl reload firewalld", "systemctl restart firewalld"] + ([] if USES_IPTABLES else ["firewall-cmd --reload"]))
went_well(run_role())

tell("== Others' settings")
lb("echo net.ipv4.ip_forward=0 >/etc/sysctl.d/90-hardening.conf; echo net.ipv4.ip_forward=0 >>/etc/sysctl.conf")
run = run_role()
words = " ".join(run.output.split())
check("WARNING: /etc/sysctl.conf, /etc/sysctl.d/90-hardening.conf sets forwarding to 0" in words, "they are reported", run.output)
reboots("rebooted with them")
lb("sysctl -q --system")
check(lb("cat /proc/sys/net/ipv4/ip_forward") == "0", "sysctl --system switches forwarding off")
check(run_role("--check").changed == 1, "check mode says so")
check(run_role().changed == 1, "the next run switches it on")
balances("switched on")
