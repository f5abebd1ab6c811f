"""Which outages and restarts an operator hears of."""

from dataclasses import dataclass

import pytest

from meshbot.mesh_link.outages import OutageReporter
from meshbot.runtime.incidents import LinkBack, LinkLost, NodeRebooted


@dataclass
class Node:
    """What a connection tells of its node."""

    own_num: int = 7
    boots: int = 3
    firmware: str = "2.7.11"
    reboot_ordered: bool = False


@pytest.fixture
def heard():
    return []


@pytest.fixture
def link(heard):
    return OutageReporter("node:4403", heard.append)


def test_a_short_outage_is_not_told(link, heard):
    link.ready(0.0, Node(), restarted=False)
    link.dropped(Node())
    link.ready(12.0, Node(), restarted=False)
    assert heard == []


def test_a_long_outage_is_told_with_its_cause_and_its_end_once(link, heard):
    link.cause = "silence"
    link.lost(5, 60.0)
    link.ready(300.0, Node(), restarted=False)
    link.dropped(Node())
    link.ready(5.0, Node(), restarted=False)
    assert heard == [LinkLost("node:4403", 60.0, 5, "silence"), LinkBack(300.0)]


def test_another_count_of_boots_is_a_restart(link, heard):
    link.ready(0.0, Node(firmware="2.7.9"), restarted=False)
    link.ready(20.0, Node(boots=4), restarted=False)
    assert heard == [NodeRebooted(4, ordered=False, firmware="2.7.11", firmware_before="2.7.9")]


def test_a_restart_over_a_connection_that_ordered_it_is_said_as_such(link, heard):
    link.ready(0.0, Node(), restarted=False)
    link.dropped(Node(reboot_ordered=True))
    link.ready(20.0, Node(boots=4), restarted=False)
    link.dropped(Node())
    link.ready(20.0, Node(boots=5), restarted=False)
    assert [incident.ordered for incident in heard] == [True, False]


@pytest.mark.parametrize("boots", [(0, 0), (0, 3), (3, 0)])
def test_a_node_that_does_not_count_is_believed_when_it_says_so_on_the_connection(link, heard, boots):
    link.ready(0.0, Node(boots=boots[0]), restarted=False)
    link.ready(20.0, Node(boots=boots[1]), restarted=False)
    assert heard == []
    link.ready(0.0, Node(boots=0), restarted=True)
    assert [type(incident) for incident in heard] == [NodeRebooted]


def test_another_node_in_its_place_has_not_restarted(link, heard):
    link.ready(0.0, Node(), restarted=False)
    link.ready(20.0, Node(own_num=8, boots=9), restarted=False)
    assert heard == []
