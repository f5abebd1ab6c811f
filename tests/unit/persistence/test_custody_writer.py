"""Notes of custody are committed before anything follows, and nothing that is kept is lost."""

import pytest

from meshbot.nodes.custody_records import CustodyChanges
from meshbot.persistence.custody_writer import WRITE_EVERY, CustodyWriter
from meshbot.storage.custody import CustodyRow, CustodyStore, OwnRadioRow
from meshbot.storage.database import open_database
from meshbot.storage.errors import StorageError
from tests.support.fake_clock import FakeClock

ALICE, BRUNO = 1, 2
OWN = OwnRadioRow(7, b"\7" * 32, 3, 40, 20_000, 4)
NOTE = CustodyRow(ALICE, 100, 200, 300, stays_favourite=False)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def database(tmp_path, clock):
    database = open_database(tmp_path, clock)
    yield database
    database.close()


class Bench:
    def __init__(self, store, clock):
        self.restored, self.noted = [], []
        self.writer = CustodyWriter(store, clock, lambda *left: self.restored.append(left), self.noted.append)
        self.writer.flush()


@pytest.fixture
def bench(database, clock):
    return Bench(CustodyStore(database), clock)


def rows(*given):
    return {row.num: row for row in given}


def test_a_note_is_due_at_once_and_told_once_it_is_committed(bench, database, clock):
    bench.writer.take(CustodyChanges(rows(NOTE), OWN, note=ALICE))
    assert bench.writer.deadline <= clock.monotonic()
    assert bench.noted == []
    bench.writer.flush()
    assert bench.noted == [ALICE]
    assert CustodyStore(database).load() == (rows(NOTE), OWN)


def test_what_nobody_waits_for_may_wait(bench, clock):
    bench.writer.take(CustodyChanges(rows(NOTE), None))
    assert bench.writer.deadline == clock.monotonic() + WRITE_EVERY
    assert bench.noted == []


def test_the_next_process_gets_it_back(bench, database, clock):
    bench.writer.take(CustodyChanges(rows(NOTE, CustodyRow(BRUNO, 5)), OWN))
    bench.writer.take(CustodyChanges({BRUNO: None}, None))
    bench.writer.flush()
    assert Bench(CustodyStore(database), clock).restored == [(rows(NOTE), OWN)]


class Failing(CustodyStore):
    fails = False

    def save(self, *what):
        if self.fails:
            raise StorageError("disk full")
        super().save(*what)


def test_a_note_is_not_told_before_it_could_be_written(database, clock):
    store = Failing(database)
    bench = Bench(store, clock)
    store.fails = True
    bench.writer.take(CustodyChanges(rows(NOTE), OWN, note=ALICE))
    assert not bench.writer.flush()
    assert bench.noted == []
    store.fails = False
    assert bench.writer.flush()
    assert bench.noted == [ALICE]
    assert store.load() == (rows(NOTE), OWN)


def test_a_replaced_database_gets_everything(bench, database, tmp_path):
    bench.writer.take(CustodyChanges(rows(NOTE), OWN))
    bench.writer.flush()
    for file in tmp_path.glob("meshbot.db*"):
        file.unlink()
    bench.writer.take(CustodyChanges(rows(CustodyRow(BRUNO, 5)), None))
    for _ in range(3):
        bench.writer.flush()
    assert CustodyStore(database).load() == (rows(NOTE, CustodyRow(BRUNO, 5)), OWN)
