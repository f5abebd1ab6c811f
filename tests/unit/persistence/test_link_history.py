"""The link's last days: each second is up, down with a cause, or unseen; a restart and a failing disk lose nothing."""

import sqlite3
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.mesh_link.actions import Generation, LinkDown, LinkReady
from meshbot.mesh_link.failures import LinkFailure
from meshbot.persistence.link_history import KEPT_FOR, MOST, RESTARTED, SAVE_EVERY, STEADY, LinkHistory, LinkPeriods
from meshbot.runtime.incidents import LinkCause
from meshbot.storage.database import Database
from meshbot.storage.sqlite import FILE_NAME, SqliteBackend
from tests.support.fake_clock import FakeClock

READY = LinkReady(Generation(1), reconnection=True, outage=1.0, attempts=1)


def down(cause=LinkCause.SILENCE, *, was_ready=True):
    return LinkDown(LinkFailure(cause), first=True, was_ready=was_ready, retry_in=1.0)


class Bench:
    """A database and the processes that use it, one after the other."""

    def __init__(self, folder):
        self.clock = FakeClock()
        self.database = Database(SqliteBackend(folder / FILE_NAME, busy_timeout=0.05), self.clock)
        self.start()

    def start(self):
        self.clock.advance(1)
        self.history = LinkHistory(self.database, self.clock)
        self.history.flush()

    def up(self, seconds):
        self.history.take([READY], None, self.clock.monotonic())
        self.clock.advance(seconds)

    def down(self, seconds, cause=LinkCause.SILENCE):
        now = self.clock.monotonic()
        self.history.take([down(cause)], now, now)
        self.clock.advance(seconds)

    def told(self):
        return [(row.is_up, row.ended - row.began, row.cause, row.losses) for row in self.history.periods()]


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.database.close()


def test_an_outage_has_its_time_and_its_cause(bench):
    bench.up(3600)
    bench.down(90, LinkCause.CLOSED)
    bench.up(600)
    assert bench.told() == [(True, 3600, "", 0), (False, 90, "CLOSED", 0), (True, 600, "", 0)]


def test_the_cause_is_why_it_is_down_at_last(bench):
    bench.up(3600)
    bench.down(5, LinkCause.CLOSED)
    now = bench.clock.monotonic()
    bench.history.take([down(LinkCause.NO_ANSWER, was_ready=False)], now - 5, now)
    assert bench.told()[-1] == (False, 5, "NO_ANSWER", 0)


def test_a_link_that_does_not_last_ends_no_outage(bench):
    bench.up(3600)
    for _ in range(20):
        bench.down(5)
        bench.up(STEADY - 1)
    bench.down(5)
    bench.up(STEADY)
    assert [(is_up, losses) for is_up, _, _, losses in bench.told()] == [(True, 0), (False, 20), (True, 0)]


def test_a_restart_of_the_node_on_one_connection_is_an_outage(bench):
    bench.up(3600)
    bench.up(600)
    assert bench.told() == [(True, 3599, "", 0), (False, 1, RESTARTED, 0), (True, 600, "", 0)]


def test_the_end_of_the_bot_is_no_outage(bench):
    bench.up(3600)
    now = bench.clock.monotonic()
    bench.history.take([], now, now)
    bench.clock.advance(2)
    bench.history.flush(last=True)
    bench.start()
    assert bench.told() == [(True, 3602, "", 0)]


def test_all_is_there_after_a_restart_and_the_time_between_is_unseen(bench):
    bench.up(3600)
    bench.down(90)
    bench.up(600)
    assert bench.history.flush(last=True)
    before = bench.history.periods()
    bench.clock.advance(7200)
    bench.start()
    bench.up(60)
    periods = bench.history.periods()
    assert periods[:3] == before
    assert periods[3].began - periods[2].ended == 7201


def test_after_a_kill_at_most_a_quarter_of_an_hour_is_unseen(bench):
    bench.up(10)
    for _ in range(5):
        bench.history.flush()
        assert bench.history.deadline == bench.clock.monotonic() + SAVE_EVERY
        bench.clock.advance(SAVE_EVERY)
    ended = bench.clock.now().timestamp()
    bench.start()
    assert ended - bench.history.periods()[-1].ended <= SAVE_EVERY


def test_merged_periods_leave_the_database_too(bench):
    bench.up(3600)
    bench.down(5)
    bench.up(20)
    bench.history.flush()
    bench.down(30)
    bench.up(600)
    bench.history.flush(last=True)
    told = bench.told()
    bench.start()
    assert bench.told() == told == [(True, 3600, "", 0), (False, 55, "SILENCE", 1), (True, 600, "", 0)]


def test_a_new_database_gets_everything_again(bench, tmp_path):
    bench.up(3600)
    bench.down(90)
    bench.history.flush(last=True)
    bench.start()
    bench.up(600)
    bench.history.flush()
    told = bench.told()
    for file in tmp_path.iterdir():
        file.unlink()
    bench.history.schedule(bench.clock.monotonic())
    bench.history.flush()
    assert bench.history.flush()
    bench.start()
    assert bench.told() == told


def test_what_could_not_be_written_is_written_later(bench, tmp_path):
    bench.up(3600)
    bench.history.flush()
    bench.down(90)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert not bench.history.flush()
    bench.up(60)
    bench.history.flush(last=True)
    told = bench.told()
    bench.start()
    assert bench.told() == told


def test_more_than_seven_days_are_not_kept(bench):
    bench.up(3600)
    bench.down(3600)
    bench.up(KEPT_FOR - 1800)
    bench.history.flush()
    assert [row.is_up for row in bench.history.periods()] == [False, True]
    bench.start()
    assert [row.is_up for row in bench.history.periods()] == [False, True]


def test_a_jump_of_the_wall_clock_moves_all_of_this_process(bench):
    bench.up(100)
    bench.down(50)
    began = bench.history.periods()[0].began
    bench.clock.jump(86400)
    assert bench.history.periods()[0].began == began + 86400
    assert [lasted for _, lasted, _, _ in bench.told()] == [100, 50]


EVENTS = st.lists(
    st.tuples(st.sampled_from(["up", "down", "failed", "idle"]), st.floats(0.1, 5000), st.sampled_from(LinkCause)),
    max_size=60,
)


@given(events=EVENTS)
def test_periods_follow_each_other_without_gap_whatever_happens(events):
    periods, now, since = LinkPeriods(), 0.0, 0.0
    for what, seconds, cause in events:
        if what == "up":
            periods.take([READY], None, now)
            since = None
        elif what == "down":
            since = now if since is None else since
            periods.take([down(cause)], since, now)
        elif what == "failed":
            periods.take([down(cause, was_ready=False)] if since is not None else [], since, now)
        now += seconds
    seen = periods.periods
    assert all(one.ended == other.began and one.is_up != other.is_up for one, other in pairwise(seen))
    assert all(period.ended is not None for period in list(seen)[:-1])
    assert not seen or seen[-1].ended is None
    assert all(not period.cause for period in seen if period.is_up)
    # only the last link may yet turn out not to have lasted
    assert all(period.ended - period.began >= STEADY for period in list(seen)[1:-1] if period.is_up)


def test_a_link_that_flaps_for_weeks_fills_no_memory():
    periods, now = LinkPeriods(), 0.0
    for _ in range(MOST):
        periods.take([READY], None, now)
        now += STEADY + 1
        periods.take([down()], now, now)
        now += 1
    assert len(periods.periods) == MOST
