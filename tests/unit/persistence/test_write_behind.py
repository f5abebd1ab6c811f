"""What every writer does alike: deadlines, retries, databases that fail, are replaced, or are not there."""

import threading
from math import inf

import pytest

from meshbot.persistence.write_behind import WriteBehind
from tests.support.fake_clock import FakeClock
from tests.support.key_value_store import KeyValues, KeyValueStore

RETRY = KeyValues.retry_after


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store():
    return KeyValueStore()


@pytest.fixture
def values(store, clock):
    values = KeyValues(store, clock)
    assert values.flush()
    return values


def test_nothing_is_due_until_something_changes(values, clock):
    assert values.deadline == inf
    values.schedule(clock.monotonic() + 5)
    values.schedule(clock.monotonic() + 9)
    assert values.deadline == clock.monotonic() + 5
    assert values.flush()
    assert values.deadline == inf


def test_a_failing_database_is_left_alone_then_gets_all(values, store, clock):
    store.broken = True
    values.put("a", 1)
    assert not values.flush()
    values.put("b", 2)
    assert values.is_backing_off
    assert values.deadline == clock.monotonic() + RETRY
    clock.advance(RETRY)
    assert not values.is_backing_off
    store.broken = False
    assert values.flush()
    assert store.rows == {"a": 1, "b": 2}
    assert (values.deadline, values.is_backing_off) == (inf, False)


def test_what_changed_since_a_failure_is_newer(values, store):
    store.broken = True
    values.put("a", 1)
    values.flush()
    values.put("a", 2)
    store.broken = False
    values.flush()
    assert store.rows == {"a": 2}
    assert not values.is_backing_off


def test_nothing_is_saved_before_the_store_was_read(store, clock):
    store.rows = {"a": 1, "b": 1}
    store.broken = True
    values = KeyValues(store, clock)
    values.put("b", 2)
    assert not values.flush()
    assert values.deadline == clock.monotonic() + RETRY
    store.broken = False
    assert values.flush()
    assert values.known == store.rows == {"a": 1, "b": 2}


def test_a_replaced_database_is_due_at_once_and_gets_all(values, store):
    values.put("a", 1)
    values.flush()
    store.replace()
    assert values.deadline == -inf
    assert values.flush()
    assert store.rows == {"a": 1}
    assert values.deadline == inf


def test_a_database_replaced_by_the_very_commit_gets_all(values, store):
    values.put("a", 1)
    values.flush()
    store.replaced_by_next_save = True
    values.put("b", 2)
    assert values.flush()
    assert store.rows == {"a": 1, "b": 2}


def test_a_replaced_database_that_fails_is_left_alone_as_well(values, store, clock):
    values.put("a", 1)
    values.flush()
    store.replace()
    store.broken = True
    assert not values.flush()
    assert values.deadline == clock.monotonic() + RETRY


def test_a_change_during_a_commit_is_due_after_it(values, store, clock):
    store.during_save = lambda: values.put("b", 2)
    values.put("a", 1)
    values.flush()
    assert store.rows == {"a": 1}
    assert values.deadline == clock.monotonic()
    values.flush()
    assert store.rows == {"a": 1, "b": 2}


def test_what_an_unexpected_error_stopped_is_saved_by_the_last_flush(values, store):
    def fail():
        store.during_save = None
        raise RuntimeError

    store.during_save = fail
    values.put("a", 1)
    with pytest.raises(RuntimeError):
        values.flush()
    assert values.flush(last=True)
    assert store.rows == {"a": 1}


def test_a_flush_waits_for_the_one_that_took_its_changes(values, store):
    saving, resume = threading.Event(), threading.Event()

    def hold():
        saving.set()
        assert resume.wait(30)

    store.during_save = hold
    values.put("a", 1)
    first = threading.Thread(target=values.flush)
    second = threading.Thread(target=values.flush)
    first.start()
    assert saving.wait(30)
    second.start()
    second.join(0.05)
    assert second.is_alive(), "it returned before the commit"
    resume.set()
    first.join(30)
    second.join(30)
    assert not second.is_alive()
    assert store.rows == {"a": 1}


def test_without_a_store_nothing_is_due(clock):
    values = KeyValues(None, clock)
    values.put("a", 1)
    assert values.deadline == inf
    assert values.flush(last=True)


def test_a_writer_has_to_say_how_it_saves():
    with pytest.raises(TypeError, match="abstract"):
        WriteBehind(None, FakeClock())
