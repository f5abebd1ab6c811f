"""What the node tells, judged."""

import pytest

from meshbot.commands.language import translator
from meshbot.doctor import node
from meshbot.doctor.findings import Finding, Verdict, examine
from tests.support.fake_clock import FakeClock

ENGLISH = translator("en")
NOW = 1_800_000_000.0
HEALTHY = {
    "id": "!20001eef",
    "name": "Relais",
    "firmware": "2.7.26.abc",
    "hw_model": "HELTEC_V3",
    "region": "EU_868",
    "duty_cycle": 10,
    "channel_utilization": 4.0,
    "air_tx": 0.5,
    "public_key": "AAAA",
    "fingerprint": "0114 5119",
    "is_managed": False,
    "is_locked": False,
    "answers_probes": True,
    "needs_keys": True,
    "signature_policy": "compatible",
    "clock": int(NOW) - 60,
    "channels": [{"index": 0, "name": "LongFast"}],
}
LINK = {"state": "ready", "ready_for": 60.0, "down_for": None, "reconnections_hour": 0, "round_trip": 0.03}


def findings(**changes):
    return list(examine(node.steps({**HEALTHY, **changes}, NOW), FakeClock().monotonic))


def worst(found):
    verdicts = [each.result.verdict for each in found]
    return next(one for one in (Verdict.BAD, Verdict.UNKNOWN, Verdict.GOOD) if one in verdicts)


@pytest.mark.parametrize("firmware", ["2.7.26.abc", "2.8.0"])
def test_all_is_well_with_a_healthy_node(firmware):
    assert worst(findings(firmware=firmware)) is Verdict.GOOD


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({"firmware": "2.4.3"}, Verdict.BAD, "no direct messages by public key"),
        ({"firmware": ""}, Verdict.UNKNOWN, "does not tell its version"),
        ({"answers_probes": False}, Verdict.UNKNOWN, "idle it closes after 15 minutes"),
        ({"needs_keys": False}, Verdict.UNKNOWN, "readable for all on the channel"),
        ({"region": "UNSET"}, Verdict.BAD, "sends nothing"),
        ({"air_tx": 9.0}, Verdict.BAD, "sent 9 %"),
        ({"channel_utilization": 40.0}, Verdict.UNKNOWN, "utilisation 40 %"),
        ({"public_key": ""}, Verdict.BAD, "has no key"),
        ({"is_managed": True}, Verdict.BAD, "is_managed"),
        ({"is_locked": True}, Verdict.BAD, "lockdown"),
        ({"clock": int(NOW) + 3600}, Verdict.BAD, "3600 s ahead"),
        ({"clock": None}, Verdict.UNKNOWN, "has no time"),
    ],
)
def test_each_fault_is_said_with_its_verdict(changes, verdict, said):
    found = findings(**changes)
    assert worst(found) is verdict
    assert any(said in each.text(ENGLISH) for each in found)
    assert all(each.cure(ENGLISH) for each in found if each.result.verdict is Verdict.BAD)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.GOOD),
        ({"state": "down", "down_for": 90.0}, Verdict.BAD),
        ({"state": "locked"}, Verdict.BAD),
        ({"reconnections_hour": 8}, Verdict.BAD),
        ({"round_trip": None}, Verdict.GOOD),
    ],
)
def test_the_running_bot_s_link_is_judged(changes, verdict):
    assert worst([Finding("link", each, 0.0) for each in node.link({**LINK, **changes})]) is verdict
