"""A service is one thread with one inbox; the supervisor starts and stops them."""

import logging
import threading
from math import inf
from queue import SimpleQueue

import pytest

from meshbot.runtime.service import DROP_REPORT_EVERY, PING
from tests.support.fake_clock import FakeClock
from tests.support.recorder import Recorder

# Real seconds: only a failure waits so long
PATIENCE = 30.0


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def start():
    """Start services and see that each ends."""
    services = []

    def start(service):
        service.crashed = SimpleQueue()
        service.start(service.crashed)
        services.append(service)
        return service

    yield start
    for service in services:
        service.stop()
        assert service.join(PATIENCE)


# -- service


def test_messages_are_handled_in_order_between_start_and_stop(clock, start):
    service = start(Recorder(clock))
    service.tell("a")
    service.tell("b")
    service.stop()
    assert service.join(PATIENCE)
    assert service.log == ["Recorder starts", "a", "b", "Recorder stops"]
    assert service.crashed.empty()


def test_the_thread_carries_the_services_name_and_cannot_hold_the_process(clock, start):
    names = SimpleQueue()
    service = start(Recorder(clock, "Name"))
    service.tell(lambda: names.put((threading.current_thread().name, threading.current_thread().daemon)))
    assert names.get(timeout=PATIENCE) == ("Name", True)


def test_a_service_that_was_never_started_has_ended(clock):
    assert Recorder(clock).join(0)


def test_join_returns_false_while_the_thread_runs(clock, start):
    service = start(Recorder(clock))
    assert not service.join(0)


def test_a_deadline_is_kept_when_it_is_due(clock, start):
    service = Recorder(clock)
    service.due = clock.monotonic() + 10
    start(service)
    clock.wait_parked(service.due)
    clock.advance(9.9)
    assert "deadline at 1010" not in service.log
    clock.advance(0.1)
    assert service.log[-1] == "deadline at 1010"


def test_a_passed_deadline_goes_before_a_queued_message(clock, start):
    service = Recorder(clock)
    service.due = clock.monotonic()
    service.tell("queued")
    start(service)
    clock.wait_parked(inf)
    clock.advance(0)
    assert service.log == ["Recorder starts", "deadline at 1000", "queued"]


def test_a_ping_is_answered_in_its_turn(clock, start):
    service = start(Recorder(clock))
    clock.wait_parked(inf)
    service.tell(PING)
    clock.advance(0)
    assert service.pings_answered == 1
    assert service.log == ["Recorder starts"]


@pytest.mark.parametrize("fault", [ValueError("broken"), SystemExit("the library's way")])
def test_a_crash_is_one_line_and_the_service_stops_properly(clock, start, caplog, fault):
    def crash():
        raise fault

    service = start(Recorder(clock))
    service.tell(crash)
    assert service.crashed.get(timeout=PATIENCE) is fault
    assert service.join(PATIENCE)
    assert service.log == ["Recorder starts", "Recorder stops"]
    assert caplog.messages == [f"💥 Recorder: {type(fault).__name__}: {fault}"]


def test_a_crash_at_the_start_is_reported_too(clock, start):
    class Unlucky(Recorder):
        def on_start(self):
            raise OSError("no start")

    service = start(Unlucky(clock))
    assert isinstance(service.crashed.get(timeout=PATIENCE), OSError)
    assert service.join(PATIENCE)
    assert service.log == ["Recorder stops"]


def test_a_crash_at_the_end_is_reported_too(clock, start, caplog):
    class Unlucky(Recorder):
        def on_stop(self):
            raise OSError("no end")

    service = start(Unlucky(clock))
    service.stop()
    assert isinstance(service.crashed.get(timeout=PATIENCE), OSError)
    assert caplog.messages == ["💥 Recorder: OSError: no end"]


# -- bounded inbox


def test_beyond_its_limit_an_inbox_refuses_offers_alone(clock):
    service = Recorder(clock, inbox_limit=2)
    assert [service.offer(number) for number in range(4)] == [True, True, False, False]
    service.tell("message")
    assert service._inbox.qsize() == 3


def drops_said(caplog):
    return [line for line in caplog.messages if "file pleine" in line]


def test_refused_offers_are_reported_once_a_minute(clock, start, caplog):
    service = Recorder(clock, inbox_limit=1)
    for number in range(4):
        service.offer(number)
    start(service)
    clock.wait_parked(inf)
    clock.advance(0)
    assert drops_said(caplog) == ["⚠️ Recorder: file pleine, 3 messages refusés"]


def test_offers_refused_within_the_minute_are_reported_after_it(clock, start, caplog):
    service = start(Recorder(clock, inbox_limit=0))
    clock.wait_parked(inf)
    for _ in range(3):
        service.offer("dropped")
        service.tell("work")
        clock.advance(1)
    assert drops_said(caplog) == ["⚠️ Recorder: file pleine, 1 messages refusés"]
    clock.advance(DROP_REPORT_EVERY)
    service.tell("work")
    clock.advance(0)
    assert drops_said(caplog)[1:] == ["⚠️ Recorder: file pleine, 2 messages refusés"]


@pytest.fixture(autouse=True)
def _only_our_lines(caplog):
    caplog.set_level(logging.WARNING)
