"""What was handled is due at once, read once, and a database that fails loses nothing."""

from math import inf

import pytest

from meshbot.persistence.update_writer import (
    KEPT,
    MESSAGES_LIMIT,
    UNSAVED_LIMIT,
    HandledBefore,
    SavedValue,
    UpdatesHandled,
    UpdateWriter,
)
from meshbot.storage.database import open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.telegram import UpdateStore
from tests.support.fake_clock import FakeClock

BOT, OTHER = 8123456789, 7
GROUP_POST, PRIVATE_POST = (-1001234567890, 5, "telegram:-1001234567890:5:77"), (42, 0, "alert:1:1")


class Store:
    """Ids in memory; `broken` makes it refuse."""

    generation = 1

    def __init__(self):
        self.ids = {}
        self.messages = {}
        self.state = {}
        self.broken = False

    def load(self):
        self._check()
        return list(self.ids)

    def load_messages(self):
        return self.messages

    def load_state(self):
        return self.state

    def save(self, ids, messages, state, now, keep_from):
        self._check()
        self.state = {name: each.value for name, each in state.items()}
        self.messages = self.messages | messages
        self.ids = {ident: when for ident, when in (self.ids | dict.fromkeys(ids, now)).items() if when >= keep_from}

    def _check(self):
        if self.broken:
            raise StorageError("disk full")


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def restored():
    return []


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def writer(store, clock, restored):
    return UpdateWriter(store, clock, restored.append)


def test_ids_are_due_at_once_and_then_written(writer, store, clock):
    assert writer.deadline == inf
    writer.take(UpdatesHandled([1, 2], {GROUP_POST: 9}))
    assert writer.deadline == clock.monotonic()
    writer.flush()
    assert (list(store.ids), store.messages) == ([1, 2], {GROUP_POST: 9})
    assert writer.deadline == inf


def test_what_earlier_processes_handled_is_restored_once(writer, store, restored):
    store.ids, store.messages = {7: 10**12}, {GROUP_POST: 9}
    writer.flush()
    writer.take(UpdatesHandled([8], {}))
    writer.flush()
    assert restored == [HandledBefore([7], {GROUP_POST: 9})]


def test_a_database_that_refuses_is_retried(writer, store, clock, restored):
    store.broken = True
    writer.take(UpdatesHandled([1], {}))
    assert not writer.flush()
    assert (writer.deadline, restored) == (clock.monotonic() + UpdateWriter.retry_after, [])
    store.broken = False
    assert writer.flush()
    assert (list(store.ids), restored) == ([1], [HandledBefore([], {})])


def test_what_came_during_a_commit_that_failed_is_written_too(writer, store):
    writer.flush()

    def fail_later(*_args):
        del store.save
        writer.take(UpdatesHandled([2], {GROUP_POST: 2}))
        raise StorageError("disk full")

    store.save = fail_later
    writer.take(UpdatesHandled([1], {GROUP_POST: 1}))
    assert not writer.flush()
    assert writer.flush()
    assert (list(store.ids), store.messages) == ([1, 2], {GROUP_POST: 2})


def test_what_is_older_than_two_days_is_forgotten(writer, store, clock):
    writer.take(UpdatesHandled([1], {}))
    writer.flush()
    clock.advance(KEPT)
    writer.take(UpdatesHandled([2], {}))
    writer.flush()
    assert list(store.ids) == [1, 2]
    clock.advance(1)
    writer.take(UpdatesHandled([3], {}))
    writer.flush()
    assert list(store.ids) == [2, 3]


@pytest.mark.parametrize("flushes", [False, True])
def test_what_waits_for_a_database_has_a_bound(writer, store, flushes):
    store.broken = True
    for ident in range(5 * UNSAVED_LIMIT):
        writer.take(UpdatesHandled([ident], {(1, 0, f"telegram:{ident}"): ident}))
        if flushes and ident % 700 == 0:
            writer.flush()
    store.broken = False
    writer.flush()
    assert (len(store.ids), len(store.messages)) == (UNSAVED_LIMIT, MESSAGES_LIMIT)
    assert max(store.messages.values()) == 5 * UNSAVED_LIMIT - 1
    assert max(store.ids) == 5 * UNSAVED_LIMIT - 1


def test_the_database_keeps_bots_apart_and_forgets_the_old(tmp_path):
    database = open_database(tmp_path, FakeClock())
    ours, others = UpdateStore(database, BOT), UpdateStore(database, OTHER)
    ours.save([5, 3], {GROUP_POST: 8, PRIVATE_POST: 1}, {}, 100, 0)
    ours.save([4, 5], {GROUP_POST: 9}, {}, 200, 0)
    others.save([9], {}, {}, 100, 0)
    assert (ours.load(), others.load()) == ([3, 4, 5], [9])
    assert (ours.load_messages(), others.load_messages()) == ({GROUP_POST: 9, PRIVATE_POST: 1}, {})
    ours.save([6], {}, {}, 100 + KEPT + 1, 101)
    assert (ours.load(), others.load()) == ([4, 5, 6], [])
    assert ours.load_messages() == {GROUP_POST: 9}
    database.close()


def test_saved_values_last_until_their_time_or_until_they_are_emptied(tmp_path):
    database = open_database(tmp_path, FakeClock())
    ours, others = UpdateStore(database, BOT), UpdateStore(database, OTHER)
    ours.save([], {}, {"a": SavedValue("1"), "b": SavedValue("2", 150), "c": SavedValue("3")}, 100, 0)
    ours.save([], {}, {"a": SavedValue("9"), "c": SavedValue("")}, 150, 0)
    assert (ours.load_state(), others.load_state()) == ({"a": "9", "b": "2"}, {})
    ours.save([1], {}, {}, 100 + 10 * KEPT, 0)
    assert ours.load_state() == {"a": "9"}
    database.close()
