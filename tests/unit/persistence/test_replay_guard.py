"""A command of an admin counts once, whatever restarts and whatever fails meanwhile."""

import sqlite3
from math import inf

import pytest

from meshbot.persistence.replay_guard import KEPT, KEPT_OF_ALL, WRITE_AFTER, ReplayGuard
from meshbot.storage.database import open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.replay_keys import ReplayStore
from meshbot.storage.sqlite import FILE_NAME
from tests.support.fake_clock import FakeClock

ADMIN = 0xFFFFFFF0


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def database(tmp_path, clock):
    database = open_database(tmp_path, clock, busy_timeout=0.05)
    yield database
    database.close()


def guard_on(database):
    guard = ReplayGuard(ReplayStore(database), FakeClock())
    assert guard.flush()
    return guard


def test_a_recorded_command_is_refused_by_the_next_process_too(database):
    guard = guard_on(database)
    assert guard.is_new(ADMIN, 7)
    guard.flush()
    again = guard_on(database)
    assert not again.is_new(ADMIN, 7)
    assert again.is_new(ADMIN, 8)
    assert again.is_new(ADMIN - 1, 7)


def test_a_command_without_a_packet_id_is_never_new(database):
    assert not guard_on(database).is_new(ADMIN, 0)


def test_a_command_is_due_with_the_packet_that_brought_it(database, clock):
    guard = ReplayGuard(ReplayStore(database), clock)
    guard.flush()
    assert guard.deadline == inf
    guard.is_new(ADMIN, 7)
    assert guard.deadline == clock.monotonic() + WRITE_AFTER


def test_what_cannot_be_written_is_written_later(database, tmp_path):
    guard = guard_on(database)
    guard.is_new(ADMIN, 7)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert not guard.flush()
    holder.close()
    guard.is_new(ADMIN, 8)
    assert guard.flush()
    assert ReplayStore(database).load() == [(ADMIN, 7), (ADMIN, 8)]


def test_commands_given_before_the_database_was_read_join_the_stored(database):
    ReplayStore(database).add([(ADMIN, 1)], KEPT)
    guard = ReplayGuard(ReplayStore(database), FakeClock())
    assert guard.is_new(ADMIN, 2)
    guard.flush()
    assert not guard.is_new(ADMIN, 1)
    assert ReplayStore(database).load() == [(ADMIN, 1), (ADMIN, 2)]


def test_a_command_that_was_stored_already_is_stored_once(database):
    ReplayStore(database).add([(ADMIN, 1)], KEPT)
    guard = ReplayGuard(ReplayStore(database), FakeClock())
    assert guard.is_new(ADMIN, 1), "the database was not read yet"
    guard.flush()
    assert ReplayStore(database).load() == [(ADMIN, 1)]


def test_a_command_given_during_a_commit_that_failed_is_written(database):
    class Failing(ReplayStore):
        def add(self, keys, kept):
            if guard.is_new(ADMIN, 8):
                raise StorageError("disk full")
            super().add(keys, kept)

    guard = ReplayGuard(Failing(database), FakeClock())
    guard.is_new(ADMIN, 7)
    assert not guard.flush()
    assert guard.flush()
    assert ReplayStore(database).load() == [(ADMIN, 7), (ADMIN, 8)]


def test_a_replaced_database_gets_all_again(database, tmp_path):
    guard = guard_on(database)
    guard.is_new(ADMIN, 7)
    guard.flush()
    database.close()
    for path in tmp_path.iterdir():
        path.unlink()
    database.open()
    assert guard.deadline == -inf
    guard.flush()
    assert ReplayStore(database).load() == [(ADMIN, 7)]


def test_the_latest_are_kept_and_no_more(database):
    guard = guard_on(database)
    for number in range(1, KEPT + 11):
        assert guard.is_new(ADMIN, number)
        if number % 100 == 0:
            guard.flush()
    guard.flush()
    kept = ReplayStore(database).load()
    assert (len(kept), kept[-1]) == (KEPT, (ADMIN, KEPT + 10))
    assert not guard_on(database).is_new(ADMIN, KEPT + 10)


def test_without_a_store_it_lasts_as_long_as_the_process():
    guard = ReplayGuard(None, FakeClock())
    assert guard.is_new(ADMIN, 7)
    assert guard.flush()
    assert guard.deadline == inf
    assert not guard.is_new(ADMIN, 7)
    for number in range(1, 3 * KEPT):
        guard.is_new(ADMIN + 1, number)
    assert len(guard._unsaved) == KEPT, "it stays bounded"


def test_everybody_s_commands_outlive_a_restart_apart_from_those_of_admins(database):
    questions = ReplayGuard(ReplayStore(database, of_admins=False), FakeClock(), KEPT_OF_ALL)
    orders = guard_on(database)
    assert questions.flush()
    assert orders.is_new(ADMIN, 7)
    for sender in range(1, KEPT_OF_ALL + 1):
        assert questions.is_new(sender, 7)
    assert questions.flush()
    assert orders.flush()
    again = ReplayGuard(ReplayStore(database, of_admins=False), FakeClock(), KEPT_OF_ALL)
    assert again.flush()
    assert again.is_known(1, 7)
    assert not again.is_known(ADMIN, 7)
    assert again.is_new(9999, 1)
    assert not again.is_known(1, 7)
    assert guard_on(database).is_known(ADMIN, 7)
