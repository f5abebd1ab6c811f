"""The clock that other tests trust."""

import threading
from datetime import timedelta
from math import inf
from queue import SimpleQueue

import pytest

from tests.support import fake_clock
from tests.support.fake_clock import EPOCH, FakeClock

STOP = "stop"
# Real seconds: only a failure waits so long
PATIENCE = 30.0


class Waiter(threading.Thread):
    """Waits on the clock as a service does, and writes down when it got what."""

    def __init__(self, clock, every=inf, work=lambda _: None):
        super().__init__(daemon=True)
        self.clock, self.every, self.work = clock, every, work
        self.inbox = SimpleQueue()
        self.seen = []

    def run(self):
        deadline = self.clock.monotonic() + self.every
        while (item := self.clock.get(self.inbox, deadline)) != STOP:
            if item is None:
                deadline += self.every
            self.work(item)
            self.seen.append((self.clock.monotonic(), item))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def waiter(clock):
    waiters = []

    def start(**details):
        waiters.append(Waiter(clock, **details))
        waiters[-1].start()
        clock.wait_parked(clock.monotonic() + waiters[-1].every)
        return waiters[-1]

    yield start
    for thread in waiters:
        thread.inbox.put(STOP)
        thread.join(PATIENCE)


def test_it_starts_at_its_epoch(clock):
    assert (clock.monotonic(), clock.now()) == (1000.0, EPOCH)


def test_both_times_move_together(clock):
    clock.advance(90)
    assert (clock.monotonic(), clock.now()) == (1090.0, EPOCH + timedelta(seconds=90))


def test_a_passed_deadline_goes_before_a_queued_item(clock):
    inbox = SimpleQueue()
    inbox.put("item")
    assert clock.get(inbox, 1000.0) is None
    assert clock.get(inbox, 1000.1) == "item"


def test_advance_visits_every_deadline_of_a_thread(clock, waiter):
    thread = waiter(every=10.0)
    clock.advance(35)
    assert thread.seen == [(1010.0, None), (1020.0, None), (1030.0, None)]


def test_advance_visits_the_deadlines_of_all_threads_in_order(clock, waiter):
    order = []
    waiter(every=10.0, work=lambda _: order.append(("a", clock.monotonic())))
    waiter(every=15.0, work=lambda _: order.append(("b", clock.monotonic())))
    clock.advance(25)
    assert order == [("a", 1010.0), ("b", 1015.0), ("a", 1020.0)]


def test_earlier_messages_are_handled_before_time_moves(clock, waiter):
    thread = waiter()
    for number in range(100):
        thread.inbox.put(number)
    clock.advance(5)
    assert thread.seen == [(1000.0, number) for number in range(100)]


def test_messages_between_threads_are_handled_before_time_moves(clock, waiter):
    last = waiter()
    middle = waiter(work=last.inbox.put)
    first = waiter(work=middle.inbox.put)
    for number in range(20):
        first.inbox.put(number)
    clock.advance(5)
    assert last.seen == [(1000.0, number) for number in range(20)]


def test_what_a_deadline_sets_off_is_done_before_time_goes_on(clock, waiter):
    last = waiter()
    waiter(every=10.0, work=lambda _: last.inbox.put(clock.monotonic()))
    clock.advance(40)
    assert last.seen == [(time, time) for time in (1010.0, 1020.0, 1030.0, 1040.0)]


def test_advance_waits_for_a_thread_that_ends(clock, waiter):
    thread = waiter()
    thread.inbox.put(STOP)
    clock.advance(0)
    assert not thread.is_alive()


def test_a_thread_that_never_waits_again_is_named(clock, waiter, monkeypatch):
    monkeypatch.setattr(fake_clock, "SETTLE_TIMEOUT", 0.05)
    release = threading.Event()
    thread = waiter(work=lambda _: release.wait(PATIENCE))
    thread.inbox.put("work")
    with pytest.raises(AssertionError, match=rf"{thread.name}: busy"):
        clock.advance(1)
    release.set()


def test_waiting_for_a_deadline_without_a_waiter_fails(clock, waiter, monkeypatch):
    monkeypatch.setattr(fake_clock, "SETTLE_TIMEOUT", 0.05)
    waiter(every=10.0)
    with pytest.raises(AssertionError, match=r"no thread waits for 1011"):
        clock.wait_parked(1011.0)
