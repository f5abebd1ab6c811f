"""What docs/ offers for Grafana and Prometheus names metrics and labels that the bot has."""

import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from meshbot.commands.registry import Command, Request
from meshbot.mesh_link.messages import DeviceMetrics, RadioMetadata
from meshbot.runtime.incidents import LinkRecovered
from meshbot.sending.outgoing import OutgoingText
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from meshbot.status_page import Telegram
from tests.support.nodes import OWN
from tests.support.packet_records import packet
from tests.support.process import ROOT

DASHBOARD, RULES = ROOT / "docs" / "grafana-dashboard.json", ROOT / "docs" / "prometheus-rules.yml"
PAGE = ROOT / "docs" / "monitoring.md"
# What Prometheus itself adds
OWN_LABELS = {"job", "instance", "le"}
# a selector, or a name alone
SELECTOR = re.compile(r"\b((?:meshbot|process)_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\b(?:by|without|on) ?\(([^)]*)\)")


@pytest.fixture
def offered(bench):
    """The labels of each series, and their values as far as they are known, of a bot with everything."""
    bench.state["telegram"] = Telegram(is_reachable=True, waiting=0)
    bench.link.statistics.probe_answered(0.03)
    bench.memory.record(packet(OWN, DeviceMetrics(80, 4.0, 25.0, 1.0), portnum=67))
    bench.metrics.incident(LinkRecovered(1.0))
    bench.metrics.report(DeliveryReport(OutgoingText("a", 7), DeliveryStatus.EXPIRED))
    (command,) = bench.metrics.timed([Command("odd", "", lambda _request: 1 / 0)])
    with pytest.raises(ZeroDivisionError):
        command.run(Request("odd", "", 7, RadioMetadata(), None, ()))
    found = {}
    for family in text_string_to_metric_families(bench.metrics.exposition().decode()):
        for sample in family.samples:
            for name, value in sample.labels.items():
                found.setdefault(sample.name, {}).setdefault(name, set()).add(value)
            found.setdefault(sample.name, {})
    # only a node that delivers its keys has them
    return found | {"meshbot_radio_keys": {"state": {"held", "lacking", "different"}}}


def expressions():
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
    for name, expression in re.findall(r"- alert: (\w+)\n +expr: (.+)", RULES.read_text(encoding="utf-8")):
        yield name, expression, []


def test_every_metric_and_label_asked_for_exists(offered):
    seen = 0
    for title, expression, legend in expressions():
        names = SELECTOR.findall(expression)
        assert names or 'up{job="meshbot"}' in expression, title
        labels = set()
        for name, selector in names:
            assert name in offered, f"{title}: {name}"
            labels |= offered[name].keys()
            for label, operator, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', selector):
                assert label in offered[name].keys() | OWN_LABELS, f"{title}: {label}"
                assert label in OWN_LABELS or operator == "=~" or value in offered[name][label], f"{title}: {value}"
            seen += 1
        asked = {each.strip() for group in GROUPED.findall(expression) for each in group.split(",")} | {*legend}
        assert asked <= labels | OWN_LABELS, f"{title}: {asked - labels}"
    assert seen > 40


def test_every_metric_of_ours_is_in_the_documentation(offered):
    told = PAGE.read_text(encoding="utf-8")
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in offered if name.startswith("meshbot_")}
    assert len(names) >= 30
    assert [name for name in sorted(names) if f"`{name}`" not in told] == []
    documented = set(re.findall(r"`(meshbot_\w+)`", told))
    assert documented - names == set()


def test_every_rule_has_what_an_alert_needs():
    text = RULES.read_text(encoding="utf-8")
    rules = text.split("- alert: ")[1:]
    assert len(rules) > 8
    for rule in rules:
        assert re.search(r"severity: (critical|warning)\}", rule), rule
        assert "summary: " in rule
        assert rule.count("(") == rule.count(")")
        assert rule.count("{") == rule.count("}")


def test_panels_do_not_lie_on_each_other():
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    taken = {}
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["id"]) == panel["id"]
    assert len({panel["id"] for panel in panels}) == len(panels)
