"""What was handled is written at once, read once, and a database that fails loses nothing."""

from math import inf

import pytest

from storage.database import open_database
from storage.errors import StorageError
from storage.telegram import UpdateStore
from tests.support.fake_clock import FakeClock
from update_keeper import KEPT, TRY_AGAIN, UNSAVED_LIMIT, UpdateKeeper

BOT, OTHER = 8123456789, 7


class Store:
    """Ids in memory; `broken` makes it refuse."""

    def __init__(self):
        self.ids = {}
        self.broken = False

    def load(self):
        self._check()
        return list(self.ids)

    def save(self, ids, now, keep_from):
        self._check()
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
def keeper(store, restored):
    return UpdateKeeper(store, FakeClock(), restored.append)


def test_ids_are_due_at_once_and_then_written(keeper, store):
    assert keeper.deadline == inf
    keeper.note([1, 2], 5.0)
    assert keeper.deadline == 5.0
    keeper.write(5.0)
    assert list(store.ids) == [1, 2]
    assert keeper.deadline == inf


def test_what_earlier_processes_handled_is_told_once(keeper, store, restored):
    store.ids = {7: 10**12}
    keeper.write(0.0)
    keeper.note([8], 1.0)
    keeper.write(1.0)
    assert restored == [[7]]


def test_a_database_that_refuses_is_tried_again(keeper, store, restored):
    store.broken = True
    keeper.note([1], 0.0)
    keeper.write(0.0)
    assert (keeper.deadline, restored) == (TRY_AGAIN, [])
    store.broken = False
    keeper.write(TRY_AGAIN)
    assert (list(store.ids), restored) == ([1], [[]])


def test_what_waits_for_a_database_has_a_bound(keeper, store):
    store.broken = True
    for ident in range(5 * UNSAVED_LIMIT):
        keeper.note([ident], 0.0)
    store.broken = False
    keeper.write(0.0)
    assert len(store.ids) == UNSAVED_LIMIT
    assert max(store.ids) == 5 * UNSAVED_LIMIT - 1


def test_the_database_keeps_each_bot_s_ids_apart_and_forgets_the_old(tmp_path):
    database = open_database(tmp_path, FakeClock())
    ours, others = UpdateStore(database, BOT), UpdateStore(database, OTHER)
    ours.save([5, 3], 100, 0)
    ours.save([4, 5], 200, 0)
    others.save([9], 100, 0)
    assert (ours.load(), others.load()) == ([3, 4, 5], [9])
    ours.save([6], 100 + KEPT + 1, 101)
    assert (ours.load(), others.load()) == ([4, 5, 6], [])
    database.close()
