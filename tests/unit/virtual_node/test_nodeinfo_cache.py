"""Firmware 2.8 with PSRAM caches the NODEINFOs that it hears: keys for sending, proven ones for reading."""

from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.nodeinfo_cache import NodeInfoCache
from meshbot.virtual_node.packets import BROADCAST_NUM
from tests.support.phone import Phone

KEY, OTHER_KEY = bytes([1]) * 32, bytes([2]) * 32


def user(key=KEY, name="Zoé"):
    return mesh_pb2.User(id="!00000000", long_name=name, public_key=key)


def test_a_key_that_was_heard_is_not_replaced_by_another():
    cache = NodeInfoCache(3)
    cache.observe(7, user(), (), is_proven=False)
    cache.observe(7, user(OTHER_KEY), (), is_proven=True)
    assert (cache.key(7), cache.key(7, is_proven=True)) == (KEY, b"")
    cache.observe(7, user(), (), is_proven=True)
    cache.observe(7, user(), (), is_proven=False)
    assert cache.key(7, is_proven=True) == KEY
    assert cache.user(7).id == "!00000007"


def test_a_node_without_key_goes_first_a_member_last():
    cache = NodeInfoCache(4)
    cache.observe(1, user(b""), (1,), is_proven=False)
    cache.observe(2, user(), (1,), is_proven=True)
    cache.observe(3, user(), (1,), is_proven=False)
    cache.observe(4, user(b""), (1,), is_proven=False)
    for num, gone in ((5, 4), (6, 3), (7, 5), (8, 6)):
        cache.observe(num, user(), (1,), is_proven=False)
        assert cache.user(gone) is None
        assert cache.key(2) == KEY
        assert cache.user(1) is not None


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from([b"", KEY, OTHER_KEY]), st.booleans()), max_size=40))
def test_the_cache_never_outgrows_its_size_nor_changes_a_key(events):
    cache, known = NodeInfoCache(4), {}
    for num, key, is_commit in events:
        if is_commit:
            cache.commit(num, user(key), (1, 2), is_proven=False)
        else:
            cache.observe(num, user(key), (1, 2), is_proven=False)
        assert len(cache) <= 4
        if not is_commit and cache.key(num) and known.get(num):
            assert cache.key(num) == known[num]
        known = {each: cache.key(each) for each in range(1, 10)}


def stalest(phone):
    """The user who was not heard for longest."""
    return min(phone.firmware.users, key=lambda each: phone.firmware.node_info(each.num).last_heard)


def evict(phone, victim):
    """Let a stranger take the victim's place in a full database."""
    packet = mesh_pb2.MeshPacket(**{"from": 99}, to=BROADCAST_NUM, id=5, decoded={"portnum": 1})
    phone.firmware.hear(packet, phone.now)
    assert phone.firmware.node_info(victim.num) is None


def sends(phone, num):
    """Send a direct message; return the queue status' result."""
    phone.later(3.0)
    phone.send(num, "ça va ?")
    return phone.statuses()[-1].res


def test_with_psram_an_evicted_node_has_a_key_beyond_the_warm_tier():
    for psram, res in ((False, 39), (True, 0)):
        phone = Phone(version="2.8.0", nodes=8, capacity=8, keys=7, warm_size=0, psram=psram)
        victim = stalest(phone)
        evict(phone, victim)
        assert sends(phone, victim.num) == res


def test_a_removed_node_is_gone_from_the_cache_too():
    phone = Phone(version="2.8.0", nodes=8, keys=7, psram=True)
    num = phone.keyed.num
    phone.firmware.hear_nodeinfo(num, phone.now)
    phone.admin(remove_by_nodenum=num)
    phone.drain()
    assert sends(phone, num) == 39


def test_a_cached_name_comes_back_with_its_key():
    phone = Phone(version="2.8.0", nodes=8, capacity=8, keys=7, psram=True)
    victim = stalest(phone)
    evict(phone, victim)
    phone.later(3.0)
    phone.hear_from(victim)
    assert phone.firmware.node_info(victim.num).user.long_name == victim.long_name


def test_an_unproven_cached_key_is_no_key_for_reading():
    phone = Phone(version="2.8.0", nodes=8, capacity=8, keys=7, warm_size=0, psram=True)
    victim = stalest(phone)
    evict(phone, victim)
    phone.drain()
    phone.hear_from(victim, "lisible ?")
    assert phone.packets() == []
    # A signed NODEINFO proves the key
    phone.firmware.hear_nodeinfo(victim.num, phone.now)
    phone.packets()
    phone.hear_from(victim, "et maintenant ?")
    assert [packet.decoded.payload.decode() for packet in phone.packets()] == ["et maintenant ?"]


def test_the_cache_does_not_survive_a_reset_of_the_database():
    phone = Phone(version="2.8.0", nodes=8, keys=7, psram=True)
    phone.firmware.hear_nodeinfo(phone.keyed.num, phone.now)
    num = phone.keyed.num
    phone.admin(nodedb_reset=True)
    phone.drain()
    assert sends(phone, num) == 39
