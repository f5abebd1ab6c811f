"""What the keys, the database and the disk report, each once."""

import shutil
import sqlite3
import sys
from contextlib import closing
from types import SimpleNamespace
from unittest import mock

import pytest

from assembly import disk_check, open_storage
from config import Settings
from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.runtime.incidents import (
    DatabaseFailed,
    DatabaseRecovered,
    DiskLow,
    DiskRecovered,
    KeyChanged,
    KeyChangeSource,
    KeyShared,
)
from meshbot.storage.database import REPORT_EVERY, Database
from meshbot.storage.errors import StorageError
from meshbot.storage.nodes import NodeStore
from meshbot.storage.sqlite import FILE_NAME, SqliteBackend
from node_manager import NodeManager
from tests.support.configured import make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, CAROL, key, record


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.clock = FakeClock()
        self.heard = []
        self.database = Database(SqliteBackend(folder / FILE_NAME, 0.05), self.clock, self.heard.append)

    def manager(self):
        """A manager as after a start of the program."""
        return make_node_manager(NodeStore(self.database), self.clock, self.heard.append)

    def locked(self):
        """Another program's lock, until it is closed."""
        other = sqlite3.connect(self.folder / FILE_NAME)
        other.execute("BEGIN EXCLUSIVE")
        return closing(other)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.database.close()


def changed(word, new, old=1, num=BOB, name="Bob"):
    # all keys here came by air, and none is a day old
    is_newcomer = word is KeyChangeSource.NODE
    return KeyChanged(num, name, fingerprint_of(key(old)), fingerprint_of(key(new)), word, is_newcomer)


# -- keys


def test_another_key_is_reported_once_over_restarts_too(bench):
    for _start in range(3):
        manager = bench.manager()
        for seed in (1, 2, 2, 3):
            manager.learn_from_nodeinfo(record(BOB, key(seed), long_name="Bob"))
    assert bench.heard == [changed(KeyChangeSource.NODE, 2), changed(KeyChangeSource.NODE, 3)]


def test_the_word_that_settles_it_is_reported_with_whose_it_was(bench):
    manager = bench.manager()
    manager.learn_from_nodeinfo(record(BOB, key(1), long_name="Bob"))
    manager.learn_from_node_database([record(BOB, key(2))])
    assert manager.confirm_key(BOB, key(3))
    manager.confirm_key(BOB, key(3))
    assert bench.heard == [changed(KeyChangeSource.NODE, 2), changed(KeyChangeSource.OPERATOR, 3)]


def test_what_strangers_may_make_the_bot_report_of_one_node_is_bounded(bench):
    manager = bench.manager()
    for seed in range(100):
        manager.learn_from_nodeinfo(record(BOB, key(seed + 1)))
    assert len(bench.heard) == 4


def test_a_shared_key_is_reported_once_and_again_for_each_further_node(bench):
    for start in range(2):
        manager = bench.manager()
        manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Alice"))
        manager.learn_from_nodeinfo(record(BOB, key(1)))
        manager.learn_from_nodeinfo(
            record(0xF + start, key(7 + start))
        )  # another key, for the lines to be looked at again
    pair = KeyShared(fingerprint_of(key(1)), ((ALICE, "Alice"), (BOB, "")), 2)
    assert bench.heard == [pair]
    manager.learn_from_nodeinfo(record(CAROL, key(1)))
    assert bench.heard[1:] == [KeyShared(fingerprint_of(key(1)), (*pair.nodes, (CAROL, "")), 3)]


def test_of_many_that_share_a_key_a_few_are_named(bench):
    bench.manager().learn_from_nodeinfos([record(num, key(1)) for num in range(1, 100)])
    (shared,) = bench.heard
    assert (len(shared.nodes), shared.count) == (4, 99)


def test_a_report_before_the_database_was_read_is_not_repeated(bench):
    first = bench.manager()
    first.learn_from_nodeinfo(record(CAROL, key(5), long_name="Carole"))
    bench.database.close()
    with bench.locked():
        manager = bench.manager()
        for seed in (1, 2):
            manager.learn_from_nodeinfo(record(BOB, key(seed), long_name="Bob"))
        manager.learn_from_nodeinfo(record(ALICE, key(1)))
        manager.learn_from_nodeinfo(record(CAROL, key(6)))
        shared = KeyShared(fingerprint_of(key(1)), ((BOB, "Bob"), (ALICE, "")), 2)
        reported = [one for one in bench.heard if not isinstance(one, DatabaseFailed)]
        assert reported == [changed(KeyChangeSource.NODE, 2), shared], "Carole's first key is in the database"
    bench.heard.clear()
    bench.clock.advance(NodeManager.retry_after)
    assert manager.flush()
    assert manager.public_key(CAROL) == key(5)
    assert bench.heard[-1] == changed(KeyChangeSource.NODE, 6, old=5, num=CAROL, name="Carole")
    assert [type(one) for one in bench.heard] == [DatabaseRecovered, KeyChanged]


# -- the database


def test_a_locked_database_is_in_trouble_once_and_well_again_once(bench):
    bench.manager().learn_from_nodeinfo(record(ALICE, key(1)))
    with bench.locked():
        for _ in range(3):
            with pytest.raises(StorageError), bench.database.transaction():
                pass
    for _ in range(3):
        with bench.database.transaction():
            pass
    trouble, well = bench.heard
    assert isinstance(trouble, DatabaseFailed)
    assert "verrouillé par un autre programme" in trouble.reason
    assert well == DatabaseRecovered()


def test_a_trouble_that_lasts_is_reported_again(bench):
    bench.manager().learn_from_nodeinfo(record(ALICE, key(1)))
    with bench.locked():
        for wait in (0.0, REPORT_EVERY - 1, 1.0, 1.0):
            bench.clock.advance(wait)
            with pytest.raises(StorageError), bench.database.transaction():
                pass
    assert [type(one) for one in bench.heard] == [DatabaseFailed] * 2


def test_a_database_that_cannot_be_is_reported_without_its_password(tmp_path, monkeypatch):
    # as where the driver is not installed
    monkeypatch.setitem(sys.modules, "psycopg", None)
    heard = []
    settings = Settings(
        data_dir=tmp_path,
        database_url="postgresql://bot:hunter2@127.0.0.1:1/mesh",
        node_names_file=tmp_path / "none.json",
    )
    database, _manager = open_storage(settings, FakeClock(), heard.append)
    # without the driver it cannot even be made
    if database is not None:
        with pytest.raises(StorageError), database.transaction():
            pass
        database.close()
    (trouble,) = heard
    assert isinstance(trouble, DatabaseFailed)
    assert trouble.reason
    assert "hunter2" not in trouble.reason


# -- the disk


@pytest.fixture
def usage():
    """The file system's figures; the standard library is asked for them."""
    figures = SimpleNamespace(total=1000, used=100, free=800)
    with mock.patch.object(shutil, "disk_usage", return_value=figures):
        yield figures


def test_the_disk_is_looked_at_as_df_does_it(tmp_path, usage):
    heard = []
    look = disk_check(Settings(data_dir=tmp_path), heard.append)
    look()
    # the first look ends what an earlier process may have reported
    assert heard == [DiskRecovered(800, 800 / 900)]
    heard.clear()
    usage.used, usage.free = 860, 40  # and 100 kept for root
    look()
    usage.used, usage.free = 800, 100
    look()
    assert heard == [DiskLow(40, 40 / 900), DiskRecovered(100, 100 / 900)]


def test_a_disk_that_cannot_be_looked_at_is_no_incident(tmp_path):
    heard = []
    disk_check(Settings(data_dir=tmp_path / "gone"), heard.append)()
    assert heard == []


def test_an_alert_about_the_disk_can_be_switched_off(tmp_path, usage):
    heard = []
    usage.used, usage.free = 900, 0
    disk_check(Settings(data_dir=tmp_path, disk_alert_percent=0), heard.append)()
    assert not any(isinstance(incident, DiskLow) for incident in heard)
