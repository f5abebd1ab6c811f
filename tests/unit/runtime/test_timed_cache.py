import pytest

from meshbot.runtime.timed_cache import TimedCache


@pytest.fixture
def cache():
    return TimedCache(lifetime=10.0, limit=2)


def test_a_value_is_there_with_its_age_until_its_lifetime_is_over(cache):
    cache.put("a", 1, now=100.0)
    assert cache.get("a", now=100.0) == (1, 0.0)
    assert cache.get("a", now=109.5) == (1, 9.5)
    assert cache.get("a", now=110.0) is None
    assert cache.get("b", now=100.0) is None


def test_none_is_a_value_too(cache):
    cache.put("a", None, now=0.0)
    assert cache.get("a", now=1.0) == (None, 1.0)


def test_putting_again_begins_a_new_life(cache):
    cache.put("a", 1, now=0.0)
    cache.put("a", 2, now=9.0)
    assert cache.get("a", now=18.0) == (2, 9.0)


def test_beyond_the_limit_the_oldest_goes(cache):
    cache.put("a", 1, now=0.0)
    cache.put("b", 2, now=1.0)
    cache.put("a", 3, now=2.0)
    cache.put("c", 4, now=3.0)
    assert (cache.get("a", 3.0), cache.get("b", 3.0), cache.get("c", 3.0)) == ((3, 1.0), None, (4, 0.0))


def test_what_is_over_takes_no_room(cache):
    cache.put("a", 1, now=0.0)
    cache.put("b", 2, now=10.0)
    assert len(cache) == 1
