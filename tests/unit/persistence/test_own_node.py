"""Our own node's numbers: each change is told once, whatever happens to the process and the database."""

import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.mesh_link.messages import OwnNode
from meshbot.persistence.own_node import EXPLAINED_FOR, KEPT, OwnNodeHistory, with_own_node
from meshbot.runtime.incidents import OwnNumberChanged
from meshbot.storage.database import Database
from meshbot.storage.own_nodes import OwnNodeRow, OwnNodeStore
from meshbot.storage.sqlite import FILE_NAME, SqliteBackend
from tests.support.fake_clock import FakeClock
from tests.support.nodes import key

OLD, NEW, NEWER = OwnNode(0x12, key(1)), OwnNode(0x34, key(1)), OwnNode(0x56, key(2))


class Bench:
    """A database, and the processes that use it one after the other; `reported` has what operators get."""

    def __init__(self, folder):
        self.clock = FakeClock()
        self.reported = []
        self.database = Database(SqliteBackend(folder / FILE_NAME), self.clock, lambda _incident: None)

    def process(self, *, reads=True):
        history = OwnNodeHistory(self.database, self.clock, self.reported.append)
        if reads:
            history.flush()
        return history

    def run(self, *nodes, **options):
        """A process that is given these and ends."""
        history = self.process(**options)
        for own in nodes:
            history.take(own)
        assert history.flush(last=True)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.database.close()


def changes(*nodes):
    return [OwnNumberChanged(before.num, now.num) for before, now in pairwise(nodes)]


def test_the_first_number_is_no_change(bench, caplog):
    bench.run(OLD, OLD)
    assert (bench.reported, caplog.messages) == ([], [])


def test_a_new_number_is_logged_and_reported_once(bench, caplog):
    bench.run(OLD, NEW, NEW)
    bench.run(NEW, NEW)
    assert bench.reported == changes(OLD, NEW)
    assert [each.message for each in caplog.records if each.levelno == logging.WARNING] == [
        "🆔 Notre nœud a changé de numéro: !00000012 → !00000034"
    ]


def test_a_new_number_is_noticed_after_a_restart_of_the_bot(bench):
    bench.run(OLD)
    bench.run(NEW)
    assert bench.reported == changes(OLD, NEW)


def test_a_number_that_comes_back_is_another_change(bench):
    bench.run(OLD, NEW)
    bench.run(OLD)
    assert bench.reported == changes(OLD, NEW, OLD)
    assert [row.num for row in OwnNodeStore(bench.database).load()] == [NEW.num, OLD.num]


def test_what_came_before_the_database_was_read_is_told_once(bench):
    bench.run(OLD)
    bench.run(NEW, NEWER, reads=False)
    assert sorted(bench.reported, key=lambda each: each.old) == changes(OLD, NEW, NEWER)
    assert [row.num for row in OwnNodeStore(bench.database).load()] == [OLD.num, NEW.num, NEWER.num]


def test_without_a_database_a_change_is_told_all_the_same():
    reported = []
    history = OwnNodeHistory(None, FakeClock(), reported.append)
    for own in (OLD, NEW):
        history.take(own)
    assert reported == changes(OLD, NEW)


def test_a_replaced_database_gets_what_is_known(bench, tmp_path):
    history = bench.process()
    history.take(OLD)
    history.flush()
    bench.database.close()
    for path in tmp_path.iterdir():
        path.unlink()
    bench.database.open()
    assert history.deadline < bench.clock.monotonic()
    assert history.flush()
    assert [row.num for row in OwnNodeStore(bench.database).load()] == [OLD.num]


def test_an_unknown_key_replaces_none(bench):
    bench.run(OLD, OwnNode(OLD.num))
    assert OwnNodeStore(bench.database).load() == [
        OwnNodeRow(OLD.num, OLD.public_key, int(bench.clock.now().timestamp()))
    ]


def test_the_number_before_is_explained_for_some_days(bench):
    history = bench.process()
    history.take(OLD)
    assert history.former() is None
    bench.clock.advance(86400)
    history.take(NEW)
    changed = int(bench.clock.now().timestamp())
    bench.clock.advance(EXPLAINED_FOR - 1)
    assert history.former() == OwnNodeRow(OLD.num, OLD.public_key, changed)
    bench.clock.advance(1)
    assert history.former() is None


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([b"", key(1)]), st.integers(0, 5)), max_size=40))
def test_the_last_number_is_the_present_one_and_none_is_there_twice(steps):
    rows = ()
    for num, public_key, now in steps:
        rows = with_own_node(rows, OwnNode(num, public_key), now)
        assert rows[-1].num == num
        assert len({row.num for row in rows}) == len(rows) <= KEPT
        assert [row.since for row in rows] == sorted(row.since for row in rows)
