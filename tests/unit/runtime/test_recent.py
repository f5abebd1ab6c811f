"""A bounded memory."""

from meshbot.runtime.recent import RecentKeys


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
