"""Which outages and restarts an operator hears of."""

from dataclasses import dataclass

import pytest

from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.outages import OutageReporter
from meshbot.runtime.incidents import LinkCause, LinkLost, LinkRecovered, NodeLocked, NodeRebooted, NodeUnlocked


@dataclass
class Node:
    """What a connection tells of its node."""

    own_num: int = 7
    boots: int = 3
    firmware: str = "2.7.11"
    reboot_ordered: bool = False


@pytest.fixture
def reported():
    return []


@pytest.fixture
def link(reported):
    return OutageReporter("node:4403", reported.append)


def test_a_short_outage_is_not_reported(link, reported):
    link.ready(0.0, Node(), restarted=False)
    link.dropped(Node())
    link.ready(12.0, Node(), restarted=False)
    assert reported == []


def test_a_long_outage_is_reported_once_with_cause_and_end(link, reported):
    link.failure = LinkFailure(LinkCause.REFUSED, "[Errno 111] Connection refused")
    link.lost(5, 60.0)
    link.ready(300.0, Node(), restarted=False)
    link.dropped(Node())
    link.ready(5.0, Node(), restarted=False)
    assert reported == [
        LinkLost("node:4403", 60.0, 5, LinkCause.REFUSED, "[Errno 111] Connection refused"),
        LinkRecovered(300.0),
    ]


def test_another_count_of_boots_is_a_restart(link, reported):
    link.ready(0.0, Node(firmware="2.7.9"), restarted=False)
    link.ready(20.0, Node(boots=4), restarted=False)
    assert reported == [NodeRebooted(4, ordered=False, firmware="2.7.11", firmware_before="2.7.9")]


def test_a_restart_that_an_operator_requested_is_reported_as_such(link, reported):
    link.ready(0.0, Node(), restarted=False)
    link.dropped(Node(reboot_ordered=True))
    link.ready(20.0, Node(boots=4), restarted=False)
    link.dropped(Node())
    link.ready(20.0, Node(boots=5), restarted=False)
    assert [incident.ordered for incident in reported] == [True, False]


@pytest.mark.parametrize("boots", [(0, 0), (0, 3), (3, 0)])
def test_a_node_without_a_count_reports_its_restart_itself(link, reported, boots):
    link.ready(0.0, Node(boots=boots[0]), restarted=False)
    link.ready(20.0, Node(boots=boots[1]), restarted=False)
    assert reported == []
    link.ready(0.0, Node(boots=0), restarted=True)
    assert [type(incident) for incident in reported] == [NodeRebooted]


def test_another_node_in_its_place_has_not_restarted(link, reported):
    link.ready(0.0, Node(), restarted=False)
    link.ready(20.0, Node(own_num=8, boots=9), restarted=False)
    assert reported == []


def test_a_lockdown_is_reported_once_and_ends_the_outage(link, reported):
    link.lost(5, 60.0)
    for outage in (90.0, 5.0):
        link.locked(outage)
    link.ready(5.0, Node(), restarted=False)
    link.ready(5.0, Node(), restarted=False)
    assert [type(each) for each in reported] == [LinkLost, LinkRecovered, NodeLocked, NodeUnlocked]
