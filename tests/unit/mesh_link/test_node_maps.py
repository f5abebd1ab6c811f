"""The library's maps of nodes as packets come, with the library's own functions."""

import pytest
from meshtastic import _onNodeInfoReceive, _onTextReceive

from meshbot.mesh_link.node_maps import NEWCOMERS_KEPT, NodeMaps, ident

LISTED, VICTIM, MALLORY = 0x11, 0x22, 0x66


class Maps:
    """What the library's functions need of an interface, and its order."""

    def __init__(self, kept):
        self.nodes, self.nodesByNum = {}, {}
        self.order = NodeMaps(kept)

    def _getOrCreateByNum(self, num):
        # as the library's
        user = {"id": ident(num), "longName": f"Meshtastic {num:04x}", "shortName": f"{num:04x}", "hwModel": "UNSET"}
        return self.nodesByNum.setdefault(num, {"num": num, "user": user})

    def hear(self, num, user=None):
        is_new = num not in self.nodesByNum
        packet = {"from": num, "decoded": {"text": "x"} if user is None else {"user": user}}
        (_onTextReceive if user is None else _onNodeInfoReceive)(self, packet)
        self.order.heard(num, self.nodes, self.nodesByNum, is_new=is_new)


@pytest.fixture
def maps():
    made = Maps(kept=10)
    made.hear(LISTED, {"id": ident(LISTED), "longName": "Listed"})
    made.order.listed(LISTED)
    return made


def test_invented_senders_fill_no_map(maps):
    for num in range(1000, 3000):
        maps.hear(num)
        maps.hear(num, {"id": ident(num), "longName": "x"})
    assert len(maps.nodesByNum) == len(maps.nodes) == 11
    assert {LISTED, 2999} <= maps.nodesByNum.keys()


def test_a_newcomer_that_is_heard_again_stays(maps):
    maps.hear(VICTIM)
    for num in range(1000, 1100):
        maps.hear(num)
        maps.hear(VICTIM)
    assert VICTIM in maps.nodesByNum


def test_invented_ids_of_one_sender_fill_no_map(maps):
    for number in range(100):
        maps.hear(MALLORY, {"id": f"id {number}", "longName": "x"})
    assert set(maps.nodes) == {ident(LISTED), ident(MALLORY)}
    assert maps.nodesByNum[MALLORY]["user"]["id"] == ident(MALLORY)


def test_nobody_stands_under_another_s_id(maps):
    maps.hear(VICTIM, {"id": ident(VICTIM), "longName": "Victim"})
    maps.hear(MALLORY, {"id": ident(VICTIM), "longName": "Mallory"})
    assert maps.nodes[ident(VICTIM)] is maps.nodesByNum[VICTIM]
    assert maps.nodes[ident(MALLORY)] is maps.nodesByNum[MALLORY]


def test_no_whole_packet_is_kept(maps):
    maps.hear(VICTIM)
    assert "lastReceived" not in maps.nodesByNum[VICTIM]


def test_a_busy_mesh_of_newcomers_is_kept():
    assert NEWCOMERS_KEPT == 2000
