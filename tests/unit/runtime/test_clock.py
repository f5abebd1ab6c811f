"""The machine's own clock; deadlines here are either far away or already passed."""

import threading
import time
from datetime import UTC, datetime
from math import inf
from queue import SimpleQueue

import pytest

from meshbot.runtime import clock as clock_module
from meshbot.runtime.clock import SystemClock


@pytest.fixture
def clock():
    return SystemClock()


def test_an_item_is_returned_whatever_the_deadline(clock):
    inbox = SimpleQueue()
    for deadline in (clock.monotonic() + 3600, inf):
        inbox.put("item")
        assert clock.get(inbox, deadline) == "item"


def test_a_passed_deadline_goes_before_a_queued_item(clock):
    inbox = SimpleQueue()
    inbox.put("item")
    assert clock.get(inbox, clock.monotonic()) is None
    assert inbox.qsize() == 1


def test_a_wait_ends_at_its_deadline(clock):
    deadline = clock.monotonic() + 0.01
    assert clock.get(SimpleQueue(), deadline) is None
    assert clock.monotonic() >= deadline


def test_a_wait_goes_on_beyond_the_longest_that_a_queue_can_wait(clock, monkeypatch):
    monkeypatch.setattr(clock_module, "MAX_WAIT", 0.001)
    inbox = SimpleQueue()
    timer = threading.Timer(0.05, inbox.put, ["item"])
    timer.start()
    assert clock.get(inbox, inf) == "item"
    timer.join()


def test_it_returns_the_machines_time(clock):
    before = time.monotonic(), datetime.now(UTC)
    now = clock.monotonic(), clock.now()
    assert before[0] <= now[0] <= time.monotonic()
    assert before[1] <= now[1] <= datetime.now(UTC)
