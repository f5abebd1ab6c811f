"""A bounded node database, as firmware 2.7.26 and 2.8.0 have it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.node_db import FullOfFavouritesError, NodeDb
from meshbot.virtual_node.packets import BROADCAST_NUM
from meshbot.virtual_node.warm_tier import WarmNode, WarmTier
from tests.support.phone import Phone, PortNum
from tests.unit.virtual_node.test_hearing import nodeinfo

KEY = bytes(range(32))
STRANGER = 0x77770000


def infos(count, *, keyed=True):
    for num in range(1, count + 1):
        user = mesh_pb2.User(long_name=f"n{num}", public_key=bytes([num]) * 32 if keyed else b"")
        yield mesh_pb2.NodeInfo(num=num, user=user, last_heard=1000 + num)


def database(count=5, capacity=6, *, is_guarded=False, warm_size=0, keyed=True):
    nodes = NodeDb(mesh_pb2.NodeInfo(num=99, user=mesh_pb2.User()), infos(count, keyed=keyed), capacity, 0.0)
    nodes.follow(is_guarded=is_guarded, warm_size=warm_size)
    return nodes


def heard(num, rx_time=5000):
    decoded = mesh_pb2.Data(portnum=PortNum.PRIVATE_APP)
    return mesh_pb2.MeshPacket(**{"from": num}, to=BROADCAST_NUM, id=num, decoded=decoded, rx_time=rx_time)


def numbers(nodes):
    return {info.num for info in nodes.others()}


def test_the_longest_unheard_makes_room_but_those_without_a_key_first():
    nodes = database()
    nodes.update_user(3, mesh_pb2.User(public_key=bytes([3]) * 32), 0, 0.0)
    nodes.update_from(heard(STRANGER), 0.0)
    assert numbers(nodes) == {2, 3, 4, 5, STRANGER}
    # The stranger has no key yet
    nodes.update_from(heard(STRANGER + 1), 0.0)
    assert numbers(nodes) == {2, 3, 4, 5, STRANGER + 1}


@pytest.mark.parametrize("field", ["is_favorite", "is_ignored"])
def test_favourites_and_ignored_nodes_are_spared(field):
    nodes = database()
    for num in (1, 2):
        nodes.protect(num, field)
    nodes.update_from(heard(STRANGER), 0.0)
    assert numbers(nodes) == {1, 2, 4, 5, STRANGER}


def test_before_2_8_a_database_of_favourites_has_no_room_at_all():
    nodes = database()
    for num in numbers(nodes):
        assert nodes.protect(num, "is_favorite")
    with pytest.raises(FullOfFavouritesError):
        nodes.update_from(heard(STRANGER), 0.0)


def test_from_2_8_on_two_entries_are_never_protected():
    nodes = database(is_guarded=True)
    assert [nodes.protect(num, "is_favorite") for num in range(1, 6)] == [True] * 4 + [False]
    assert nodes.protect(1, "is_ignored")
    nodes.update_from(heard(STRANGER), 0.0)
    assert STRANGER in numbers(nodes)


def test_a_full_2_8_database_admits_one_stranger_in_2_s():
    nodes = database(is_guarded=True)
    for place, now in enumerate((10.0, 11.9, 12.0)):
        nodes.update_from(heard(STRANGER + place), now)
    assert STRANGER + 1 not in numbers(nodes)
    assert STRANGER + 2 in numbers(nodes)


def test_2_8_keeps_an_evicted_node_s_key_for_its_return():
    nodes = database(is_guarded=True, warm_size=3)
    nodes.update_from(heard(STRANGER), 10.0)
    assert nodes.get(1) is None
    assert nodes.public_key(1) == bytes([1]) * 32
    nodes.update_from(heard(1), 20.0)
    assert nodes.warm_nodes == 1
    assert not nodes.has_user(1)
    assert nodes.public_key(1) == bytes([1]) * 32
    assert not nodes.update_user(1, mesh_pb2.User(public_key=KEY), 0, 20.0)


def test_a_removed_node_is_forgotten_by_the_warm_tier_too():
    nodes = database(is_guarded=True, warm_size=3)
    nodes.update_from(heard(STRANGER), 10.0)
    nodes.remove(1)
    assert nodes.public_key(1) == b""


def test_what_was_evicted_since_the_save_is_back_after_a_reboot():
    nodes = database(is_guarded=True, warm_size=3)
    nodes.update_from(heard(STRANGER), 10.0)
    nodes.reboot(11.0, forget_recent=True)
    assert numbers(nodes) == {1, 2, 3, 4, 5}
    assert nodes.warm_nodes == 0


def test_a_reboot_gives_up_entries_without_a_nodeinfo():
    nodes = database(capacity=9, is_guarded=True)
    nodes.update_from(heard(STRANGER), 10.0)
    nodes.reboot(11.0, forget_recent=False)
    assert STRANGER not in numbers(nodes)


@pytest.mark.parametrize(("version", "crashes"), [("2.7.26", True), ("2.8.0", False)])
def test_a_stranger_crashes_2_7_full_of_favourites_and_not_2_8(version, crashes):
    phone = Phone(nodes=5, capacity=6, version=version)
    for num in [user.num for user in phone.firmware.users] + [STRANGER]:
        phone.admin(add_contact={"node_num": num, "user": {"public_key": KEY}})
    phone.firmware.hear(nodeinfo(phone.keyed), phone.now)
    phone.later(0)
    assert phone.firmware.is_up(phone.now)
    phone.firmware.hear(heard(STRANGER + 1), phone.now)
    phone.later(0)
    assert phone.firmware.is_up(phone.now) is not crashes


def test_a_refused_favourite_of_2_8_is_explained_and_acknowledged():
    phone = Phone(nodes=4, capacity=4, version="2.8.0")
    first, second, third = (user.num for user in phone.firmware.users)
    for num in (first, second):
        phone.admin(set_favorite_node=num)
    phone.drain()
    phone.admin(set_favorite_node=third)
    kinds = [message.WhichOneof("payload_variant") for message in phone.drain()]
    assert kinds == ["queueStatus", "clientNotification", "packet"]
    assert not phone.firmware.node_info(third).is_favorite


def test_a_refused_contact_of_2_8_is_stamped_as_heard_instead():
    phone = Phone(nodes=4, capacity=4, version="2.8.0")
    phone.admin(want_ack=False, set_time_only=1_767_000_000)
    first, second, third = (user.num for user in phone.firmware.users)
    for num in (first, second):
        phone.admin(set_favorite_node=num)
    phone.admin(add_contact={"node_num": third, "user": {"public_key": KEY}})
    info = phone.firmware.node_info(third)
    assert (info.is_favorite, info.user.public_key, info.last_heard) == (False, KEY, 1_767_000_000)


WORTHS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 10**6), st.booleans()), max_size=60)


@given(WORTHS, st.integers(1, 5))
def test_the_warm_tier_never_gives_a_key_up_for_a_node_without(worths, size):
    tier = WarmTier(size)
    for num, last_heard, keyed in worths:
        before = sum(bool(node.public_key) for node in tier.copy().values())
        tier.absorb(num, WarmNode(last_heard, KEY if keyed else b"", 0, signs=False))
        after = sum(bool(node.public_key) for node in tier.copy().values())
        assert before <= after
        assert len(tier) <= size


@pytest.mark.parametrize(("version", "remembered"), [("2.7.26", 0), ("2.8.0", 150)])
def test_of_a_great_mesh_the_node_knows_the_last_heard(version, remembered):
    phone = Phone(nodes=300, capacity=100, keys=299, version=version)
    messages = phone.configure()
    infos = [message.node_info for message in messages if message.HasField("node_info")]
    known = {info.num for info in infos}
    assert len(infos) == 100
    reachable = 0
    for user in phone.firmware.users:
        phone.send(user.num, port=PortNum.PRIVATE_APP)
        reachable += phone.statuses()[-1].res == 0
        phone.later(1)
    assert reachable == len(known) - 1 + remembered
