"""Nodes found by mDNS: the real library, on loopback alone."""

import socket

import pytest
from zeroconf import ServiceInfo, Zeroconf

from meshbot.cli.discovery import SERVICE, FoundNode, find_nodes

LOOPBACK = ["127.0.0.1"]


@pytest.fixture
def announced():
    """A node that announces itself as its firmware does."""
    network = Zeroconf(interfaces=LOOPBACK)
    info = ServiceInfo(
        SERVICE,
        f"Meshtastic.{SERVICE}",
        port=4404,
        addresses=[socket.inet_aton("127.0.0.9")],
        properties={"shortname": "KIM", "id": "!a1b2c3d4"},
        server="meshtastic.local.",
    )
    network.register_service(info)
    yield
    network.close()


def test_a_node_that_announces_itself_is_found(announced):
    assert find_nodes(interfaces=LOOPBACK) == [FoundNode("127.0.0.9", 4404, "KIM", "!a1b2c3d4")]


def test_where_nobody_answers_nothing_is_found():
    assert find_nodes(0.1, LOOPBACK) == []
