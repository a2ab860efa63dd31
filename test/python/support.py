"""What the tests of the role's programs have in common: checks, and rulesets as balancer.json has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netfilter import Check


def check(kind: str = "tcp", port: int = 80, **more: Any) -> Check:
    """A check with the defaults of a spec."""
    return Check(**{"kind": kind, "port": port, "interval": 2, "timeout": 1, "rise": 2, "fall": 3, **more})


def as_json(one: Check) -> dict[str, Any]:
    """A check as balancer.json has it."""
    keys = ["kind", "port", "interval", "timeout", "rise", "fall"]
    more = {
        "http": ["method", "path", "host", "status", "body"],
        "https": ["method", "path", "host", "status", "body", "verify"],
        "udp": ["send", "expect"],
        "exec": ["command"],
    }
    return {key: getattr(one, key) for key in [*keys, *more.get(one.kind, [])]}


def destination(ip: str, port: int = 80, one: Check | None = None, weight: int = 1) -> dict[str, Any]:
    """A destination as balancer.json has it."""
    data = {"ip": ip, "port": port, "down_port": port, "weight": weight, "backup": False, "share": "1/1"}
    return {**data, "iptables_chain": "PMLB/lb/a/1", **({"check": as_json(one)} if one else {})}


def app(name: str, destinations: list[dict[str, Any]], on_all_down: str = "reject", min_up: int = 0) -> dict[str, Any]:
    """An app of one IPv4 pool as balancer.json has it."""
    endpoint = {"protocol": "tcp", "ip": "192.0.2.1", "ports": [80, 80]}
    pool = {"family": "ipv4", "keeps": False, "endpoints": [endpoint], "destinations": destinations}
    health = {"on_all_down": on_all_down, "min_up": min_up}
    return {"app": name, "iptables_chain": f"PMLB/lb/{name}", "health": health, "pools": [pool]}


def balancer(*apps: dict[str, Any], allow_exec: bool = False) -> dict[str, Any]:
    """A balancer.json."""
    ruleset = {"name": "lb", "nft_table": "pomaloba-lb", "iptables_chain": "PMLB/lb"}
    return {
        "version": 1,
        "backend": "nftables",
        "allow_exec": allow_exec,
        "ruleset": ruleset,
        "apps": list(apps),
    }


def write_balancer(run: Path, data: object) -> None:
    """Puts a balancer.json where the checker looks for it, as the role does: whole or not at all."""
    new = run / "new"
    text = data if isinstance(data, str) else json.dumps(data)
    new.write_bytes(text.encode("utf-8", "surrogateescape"))
    new.replace(run / "balancer.json")
