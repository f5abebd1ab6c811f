"""A bounded memory."""

from meshbot.runtime.recent import RecentKeys, RecentPackets


def test_beyond_the_limit_the_oldest_key_goes():
    recent = RecentKeys(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.put("a", 3)
    recent.put("c", 4)
    assert list(recent) == ["a", "c"]
    assert len(recent) == 2
    assert "b" not in recent
    assert (recent.get("a"), recent.get("b")) == (3, None)


def test_what_is_taken_out_is_forgotten():
    recent = RecentKeys(2)
    recent.put("a", 1)
    assert (recent.pop("a"), recent.pop("a"), len(recent)) == (1, None, 0)


# Packets heard again


def test_a_packet_is_new_once():
    recent = RecentPackets(100)
    assert [recent.is_new(1, 5), recent.is_new(1, 5), recent.is_new(2, 5), recent.is_new(1, 6)] == [
        True,
        False,
        True,
        True,
    ]


def test_a_packet_without_an_id_is_always_new():
    recent = RecentPackets(100)
    assert recent.is_new(1, 0)
    assert recent.is_new(1, 0)


def test_only_so_many_packets_are_remembered():
    recent = RecentPackets(limit=3)
    assert all(recent.is_new(1, number) for number in (1, 2, 3, 4))
    assert recent.is_new(1, 1)
    assert not recent.is_new(1, 4)
