"""The dashboard, the alert rules and docs/metrics.md speak of what metrics.py prints; promtool understands them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import metrics
import pytest
from prometheus import ROOT, promtool

FILES = ROOT / "roles-templates/role/files"
ALERTS = FILES / "alerts.yml"
TESTS = sorted((ROOT / "test/alerts").glob("*.yml"))
DASHBOARD: dict[str, Any] = json.loads((FILES / "grafana-dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
# What metrics.py gives to samples, and what Prometheus adds.
LABELS = {"ruleset", "app", "family", "destination", "endpoint", "protocol", "backend", "instance", "job"}


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\bpomaloba_[a-z0-9_]+", text))


# -- the dashboard -----------------------------------------------------------------------------------------------------


def below(value: object) -> Iterator[dict[str, Any]]:
    """All objects of the dashboard."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from below(one)


def expressions() -> list[str]:
    return [one["expr"] for one in below(DASHBOARD) if "expr" in one]


def test_the_dashboard_can_be_imported() -> None:
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("pomaloba", "Pomaloba")
    # A number of its own would replace another dashboard.
    assert DASHBOARD["id"] is None
    # Grafana 9 and later read it: they bring what is older up to date.
    assert DASHBOARD["schemaVersion"] in range(36, 42)
    assert "__inputs" not in DASHBOARD
    for key in ("time", "templating", "annotations", "panels"):
        assert DASHBOARD[key], key


def test_the_data_source_is_a_variable() -> None:
    first, *others = DASHBOARD["templating"]["list"]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert [one["name"] for one in others] == ["instance", "ruleset", "app", "destination"]
    uids = {one["datasource"]["uid"] for one in below(DASHBOARD) if "datasource" in one}
    assert uids == {"${datasource}", "-- Grafana --"}


def test_panels_have_what_grafana_needs() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"], panel["id"]
        assert panel["type"], panel["id"]
        if panel["type"] == "row":
            continue
        assert panel["description"], panel["title"]
        targets = panel["targets"]
        assert targets, panel["title"]
        assert all(target["expr"] and target["refId"] for target in targets), panel["title"]
        assert len({target["refId"] for target in targets}) == len(targets), panel["title"]


def test_panels_lie_beside_each_other() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        columns = range(place["x"], place["x"] + place["w"])
        mine = set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))
        assert not cells & mine, panel["title"]
        cells |= mine


def test_the_dashboard_shows_what_is_printed() -> None:
    assert names_in(json.dumps(DASHBOARD)) == set(metrics.METRICS)


def test_labels_of_the_dashboard() -> None:
    selectors = [part for text in expressions() for part in re.findall(r"\{([^}]*)\}", text)]
    assert {name for part in selectors for name in re.findall(r"(\w+)[=!]", part)} <= LABELS
    legends = [one.get("legendFormat", "") + one.get("titleFormat", "") for one in below(DASHBOARD)]
    assert {name for text in legends for name in re.findall(r"\{\{(\w+)\}\}", text)} <= LABELS


def test_promtool_understands_the_queries(tmp_path: Path) -> None:
    variables = {"$__rate_interval": "5m", "$instance": ".*", "$ruleset": ".*", "$app": ".*", "$destination": ".*"}
    rules = []
    for number, expression in enumerate(expressions()):
        text = re.sub(r"\$\w+", lambda found: variables[found[0]], expression)
        rules.append({"record": f"query_{number}", "expr": text})
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    assert promtool(["check", "rules", str(file)]) == ""


# -- the alert rules ---------------------------------------------------------------------------------------------------


def alerts() -> dict[str, str]:
    """The text of each rule, by its name."""
    parts = re.split(r"^ +- alert: (\w+)$", ALERTS.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def test_alerts_name_what_is_printed() -> None:
    assert names_in(ALERTS.read_text()) <= {*metrics.METRICS, "pomaloba_textfile_directory", "pomaloba_metrics_port"}


def test_alerts_say_how_bad_it_is_and_what_to_do() -> None:
    rules = alerts()
    assert len(rules) > 0
    for name, rule in rules.items():
        assert re.search(r"severity: (critical|warning)$", rule, re.MULTILINE), name
        assert "summary:" in rule, name
        assert "description:" in rule, name


def test_promtool_understands_the_alert_rules() -> None:
    assert promtool(["check", "rules", str(ALERTS)]) == ""


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_alerts_fire_when_they_should(file: Path) -> None:
    assert promtool(["test", "rules", str(file)]) == ""


def test_each_alert_is_tested_firing_and_quiet() -> None:
    texts = {file.name: file.read_text() for file in TESTS}
    fires = set(re.findall(r"alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:\n", texts["firing.yml"]))
    quiet = set(re.findall(r"alertname: (\w+), eval_time: \w+, exp_alerts: \[\]", texts["quiet.yml"]))
    assert fires == quiet == set(alerts())


# -- the documentation -------------------------------------------------------------------------------------------------


def test_the_documentation_has_all_metrics() -> None:
    rows = re.findall(r"^\| `(pomaloba_\w+)` +\| (\w+) ", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert rows == [(name, metric.type) for name, metric in metrics.METRICS.items()]


def test_the_documentation_has_all_alerts() -> None:
    rows = re.findall(r"^\| `(Pomaloba\w+)` ", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert rows == list(alerts())
