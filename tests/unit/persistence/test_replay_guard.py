"""An order of an admin counts once, whatever restarts and whatever fails meanwhile."""

import sqlite3

import pytest

from meshbot.mesh_memory.memory import FLUSH_EVERY
from meshbot.persistence.replay_guard import ReplayGuard
from meshbot.storage.database import open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.replay_keys import KEPT, ReplayStore
from meshbot.storage.sqlite import FILE_NAME
from node_manager import NodeManager
from tests.support.configured import make_memory
from tests.support.fake_clock import FakeClock
from tests.support.packet_records import packet

ADMIN = 0xFFFFFFF0


@pytest.fixture
def database(tmp_path):
    database = open_database(tmp_path, FakeClock(), busy_timeout=0.05)
    yield database
    database.close()


def book_on(database):
    book = ReplayGuard(ReplayStore(database))
    book.flush()
    return book


def test_a_recorded_order_is_refused_by_the_next_process_too(database):
    book = book_on(database)
    assert book.is_new(ADMIN, 7)
    book.flush()
    again = book_on(database)
    assert not again.is_new(ADMIN, 7)
    assert again.is_new(ADMIN, 8)
    assert again.is_new(ADMIN - 1, 7)


def test_an_order_without_an_id_is_never_new(database):
    assert not book_on(database).is_new(ADMIN, 0)


def test_what_cannot_be_written_is_written_later(database, tmp_path):
    book = book_on(database)
    book.is_new(ADMIN, 7)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError):
        book.flush()
    holder.close()
    book.is_new(ADMIN, 8)
    book.flush()
    assert ReplayStore(database).load() == [(ADMIN, 7), (ADMIN, 8)]


def test_orders_given_before_the_database_could_be_read_join_those_of_before(database):
    ReplayStore(database).add([(ADMIN, 1)])
    book = ReplayGuard(ReplayStore(database))
    assert book.is_new(ADMIN, 2)
    book.flush()
    assert not book.is_new(ADMIN, 1)
    assert ReplayStore(database).load() == [(ADMIN, 1), (ADMIN, 2)]


def test_a_database_that_was_begun_anew_gets_all_again(database, tmp_path):
    book = book_on(database)
    book.is_new(ADMIN, 7)
    book.flush()
    database.close()
    for path in tmp_path.iterdir():
        path.unlink()
    database.open()
    book.flush()
    assert ReplayStore(database).load() == [(ADMIN, 7)]


def test_the_latest_are_kept_and_no_more(database):
    book = book_on(database)
    for number in range(1, KEPT + 11):
        assert book.is_new(ADMIN, number)
        if number % 100 == 0:
            book.flush()
    book.flush()
    kept = ReplayStore(database).load()
    assert (len(kept), kept[-1]) == (KEPT, (ADMIN, KEPT + 10))
    assert not book_on(database).is_new(ADMIN, KEPT + 10)


def test_the_memory_writes_orders_with_what_it_heard(database):
    clock = FakeClock()

    def memory():
        return make_memory(database, NodeManager(None, clock), clock, lambda: 1)

    earlier = memory()
    earlier.hear(packet(ADMIN))
    assert earlier.orders.is_new(ADMIN, 7)
    clock.advance(FLUSH_EVERY)
    assert earlier.deadline() <= clock.monotonic()
    assert earlier.flush()
    assert not memory().orders.is_new(ADMIN, 7)


def test_without_a_store_it_lasts_as_long_as_the_process():
    book = ReplayGuard(None)
    assert book.is_new(ADMIN, 7)
    book.flush()
    assert not book.is_new(ADMIN, 7)
