"""A service is one thread with one inbox; the supervisor starts and stops them."""

import logging
import os
import signal
import threading
from math import inf
from queue import SimpleQueue

import pytest

from meshbot.runtime.clock import SystemClock
from meshbot.runtime.service import DROP_REPORT_EVERY, LAST_MOMENT, PING, Service, Supervisor, catch_signals
from tests.support.fake_clock import FakeClock

PATIENCE = 30.0  # real seconds: only a failure waits so long


class Recorder(Service):
    """Writes down what happens to it; a callable message is called."""

    def __init__(self, clock, name="Recorder", log=None, **details):
        super().__init__(clock, **details)
        self.name = name
        self.log = [] if log is None else log
        self.due = inf

    def on_start(self):
        self.log.append(f"{self.name} starts")

    def on_stop(self):
        self.log.append(f"{self.name} stops")

    def deadline(self):
        return self.due

    def on_deadline(self):
        self.log.append(f"deadline at {self._clock.monotonic():.0f}")
        self.due = inf

    def handle(self, message):
        self.log.append(message() if callable(message) else message)


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


def test_join_tells_that_a_thread_still_runs(clock, start):
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
def test_a_crash_is_told_with_one_line_and_the_service_is_stopped_properly(clock, start, caplog, fault):
    def crash():
        raise fault

    service = start(Recorder(clock))
    service.tell(crash)
    assert service.crashed.get(timeout=PATIENCE) is fault
    assert service.join(PATIENCE)
    assert service.log == ["Recorder starts", "Recorder stops"]
    assert caplog.messages == [f"💥 Recorder: {type(fault).__name__}: {fault}"]


def test_a_crash_at_the_start_is_told_too(clock, start):
    class Unlucky(Recorder):
        def on_start(self):
            raise OSError("no start")

    service = start(Unlucky(clock))
    assert isinstance(service.crashed.get(timeout=PATIENCE), OSError)
    assert service.join(PATIENCE)
    assert service.log == ["Recorder stops"]


def test_a_crash_at_the_end_is_told_too(clock, start, caplog):
    class Unlucky(Recorder):
        def on_stop(self):
            raise OSError("no end")

    service = start(Unlucky(clock))
    service.stop()
    assert isinstance(service.crashed.get(timeout=PATIENCE), OSError)
    assert caplog.messages == ["💥 Recorder: OSError: no end"]


# -- bounded inbox


def test_beyond_its_limit_an_inbox_refuses_offers_but_nothing_that_is_told(clock):
    service = Recorder(clock, inbox_limit=2)
    assert [service.offer(number) for number in range(4)] == [True, True, False, False]
    service.tell("told")
    assert service._inbox.qsize() == 3


def drops_said(caplog):
    return [line for line in caplog.messages if "file pleine" in line]


def test_refused_offers_are_said_once_a_minute(clock, start, caplog):
    service = Recorder(clock, inbox_limit=1)
    for number in range(4):
        service.offer(number)
    start(service)
    clock.wait_parked(inf)
    clock.advance(0)
    assert drops_said(caplog) == ["⚠️ Recorder: file pleine, 3 messages refusés"]


def test_what_is_refused_within_the_minute_is_said_after_it(clock, start, caplog):
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


# -- supervisor


@pytest.fixture
def requests():
    return SimpleQueue()


@pytest.fixture
def supervise(requests):
    def supervise(services, clock=None, grace=PATIENCE):
        return Supervisor(services, clock or SystemClock(), grace, requests)

    return supervise


class Asked(Recorder):
    """Writes down what it is asked, and has no thread."""

    def start(self, crashed):
        self.log.append((f"start {self.name}", crashed.empty()))

    def stop(self):
        self.log.append(f"stop {self.name}")

    def join(self, timeout):
        self.log.append(f"join {self.name}")
        return timeout > 0


def test_services_start_in_order_and_stop_in_reverse_one_after_the_other(clock, supervise, requests):
    log = []
    parent = supervise([Asked(clock, name, log) for name in "ab"])
    requests.put("enough")
    assert parent.run() == "enough"
    assert log == [("start a", False), ("start b", False), "stop b", "join b", "stop a", "join a"]
    assert parent.stuck == []


def test_a_crash_stops_everything_and_is_returned(supervise):
    clock, log = SystemClock(), []
    crashing = Recorder(clock, "b", log)
    crashing.tell(lambda: log.append(1 / 0))
    parent = supervise([Recorder(clock, "a", log), crashing, Recorder(clock, "c", log)])
    assert isinstance(parent.run(), ZeroDivisionError)
    assert {"a stops", "b stops", "c stops"} <= set(log)


def test_a_service_that_does_not_start_stops_those_before_it(supervise):
    class Unable(Recorder):
        def start(self, crashed):
            raise RuntimeError(f"can't start new thread, {crashed.qsize()} before")

    clock, log = SystemClock(), []
    with pytest.raises(RuntimeError, match="new thread"):
        supervise([Recorder(clock, "a", log), Unable(clock), Recorder(clock, "c", log)]).run()
    assert log == ["a starts", "a stops"]


class Slow(Recorder):
    """Takes all the time that it is given, and notes how much that was."""

    needs = inf

    def start(self, crashed):
        pass

    def stop(self):
        pass

    def join(self, timeout):
        self.log.append((self.name, round(timeout, 6)))
        self._clock.advance(min(self.needs, timeout))
        return self.needs <= timeout


def test_the_grace_is_for_all_together(clock, supervise, requests):
    log = []
    services = [Slow(clock, name, log) for name in "abc"]
    services[1].needs = services[2].needs = 1.0
    services[0].needs = 0.0
    parent = supervise(services, clock, grace=2.5)
    requests.put("enough")
    parent.run()
    assert log == [("c", 2.5 - 2 * LAST_MOMENT), ("b", 1.5 - LAST_MOMENT), ("a", 0.5)]
    assert parent.stuck == []


def test_behind_a_stuck_service_each_still_gets_its_moment(clock, supervise, requests, caplog):
    log = []
    services = [Slow(clock, name, log) for name in "abc"]
    services[0].needs = services[1].needs = LAST_MOMENT / 2
    parent = supervise(services, clock, grace=2.5)
    requests.put("enough")
    parent.run()
    assert parent.stuck == ["c"]
    assert clock.monotonic() <= 1000.0 + 2.5
    assert caplog.messages == ["❌ c ne s'arrête pas: abandonné"]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_request_to_stop(signum, supervise, requests):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    service = Recorder(SystemClock())
    service.tell(lambda: os.kill(os.getpid(), signum))
    catch_signals(requests)
    try:
        assert supervise([service]).run() is signum
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _only_our_lines(caplog):
    caplog.set_level(logging.WARNING)
