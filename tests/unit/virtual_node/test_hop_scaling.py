"""Firmware 2.8 lets routine broadcasts go no further than to some 40 nodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import config_pb2

from meshbot.virtual_node.hop_scaling import FIRST_RUN, HOUR, MOST_HOPS, ROOM, HopScaling
from meshbot.virtual_node.packets import BROADCAST_NUM
from tests.support.phone import Phone, PortNum

Role = config_pb2.Config.DeviceConfig.Role


def hours_later(scaling, nodes, hours=3, role=0):
    """Hear these nodes (number: hops) every hour; return the limit after that."""
    for hour in range(hours):
        for num, hops in nodes.items():
            scaling.sample(num, hops, FIRST_RUN + hour * HOUR + 1)
    return scaling.limit(role, FIRST_RUN + hours * HOUR + 1)


def test_nothing_is_limited_before_the_first_hour():
    scaling = HopScaling(0.0)
    for num in range(100):
        scaling.sample(num, 0, 10.0)
    assert scaling.limit(0, FIRST_RUN + HOUR - 1) == MOST_HOPS
    assert scaling.limit(0, FIRST_RUN + HOUR + 1) < MOST_HOPS


@pytest.mark.parametrize(
    ("direct", "first", "second", "limit"),
    # 40 nodes are enough, one hop more is granted while it adds few
    [(39, 0, 0, 7), (40, 10, 0, 1), (40, 21, 30, 0), (10, 35, 40, 1), (10, 35, 10, 2)],
)
def test_the_limit_is_the_distance_of_some_40_nodes(direct, first, second, limit):
    hops = [0] * direct + [1] * first + [2] * second
    assert hours_later(HopScaling(0.0), dict(enumerate(hops, 1))) == limit


def test_trackers_and_sensors_are_heard_further():
    nodes = dict.fromkeys(range(1, 90), 0)
    for role, limit in ((Role.CLIENT, 0), (Role.SENSOR, 1), (Role.TRACKER, 2)):
        assert hours_later(HopScaling(0.0), nodes, role=role) == limit


def test_nodes_unheard_for_13_hours_do_not_count():
    scaling = HopScaling(0.0)
    hours_later(scaling, dict.fromkeys(range(1, 70), 0), 1)
    assert scaling.limit(0, FIRST_RUN + 13 * HOUR + 1) == 0
    assert scaling.limit(0, FIRST_RUN + 15 * HOUR + 1) == MOST_HOPS


@given(st.integers(130, 3000), st.integers(0, 5))
def test_a_large_mesh_is_sampled_and_still_limited(size, seed):
    scaling = HopScaling(0.0)
    limit = hours_later(scaling, {seed * 100_000 + num: 0 for num in range(1, size)}, 1)
    assert limit == 0
    assert len(scaling._seen) <= ROOM


def test_a_reboot_keeps_the_table_but_not_the_conclusion():
    scaling = HopScaling(0.0)
    assert hours_later(scaling, dict.fromkeys(range(1, 90), 0)) == 0
    scaling.reboot(10 * HOUR)
    assert scaling.limit(0, 10 * HOUR + 60) == MOST_HOPS
    assert scaling.limit(0, 11 * HOUR + 60) == 0


def test_only_routine_broadcasts_of_2_8_are_limited():
    for version, limit in (("2.8.0", 0), ("2.7.26", 3)):
        phone = Phone(version=version, nodes=90)
        for user in phone.firmware.users:
            phone.hear_from(user, to=BROADCAST_NUM, hop_start=3, hop_limit=3)
        phone.later(FIRST_RUN + HOUR + 1)
        phone.connect()
        phone.configure()
        phone.to_radio(heartbeat={"nonce": 1})
        phone.send(BROADCAST_NUM, "à tous", hop_limit=3)
        nodeinfo, text = (sent.packet for sent in phone.firmware.transmitted)
        assert (nodeinfo.decoded.portnum, nodeinfo.hop_limit, nodeinfo.hop_start) == (
            PortNum.NODEINFO_APP,
            limit,
            limit,
        )
        assert (text.hop_limit, text.hop_start) == (3, 3)
