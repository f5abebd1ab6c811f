"""Services start in order, are watched, and stop in reverse; systemd is fed while the radio side answers."""

import logging
import os
import signal
import socket
import threading
from math import inf
from queue import SimpleQueue

import pytest

from meshbot.runtime import supervisor
from meshbot.runtime.clock import SystemClock
from meshbot.runtime.supervisor import LAST_MOMENT, Supervisor, catch_signals
from meshbot.runtime.watchdog import HungThreadError, Watchdog
from tests.support.fake_clock import FakeClock
from tests.support.recorder import Recorder

PATIENCE = 30.0
INTERVAL = 30.0


@pytest.fixture
def clock():
    return FakeClock()


# -- start and stop


@pytest.fixture
def requests():
    return SimpleQueue()


@pytest.fixture
def supervise(requests):
    def supervise(services, clock=None, grace=PATIENCE):
        return Supervisor(services, clock or SystemClock(), grace, requests, stop_clock=clock)

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


# -- watchdog


class Systemd:
    """The socket that systemd listens on."""

    def __init__(self, ear):
        self._ear = ear

    def received(self):
        """Return what came since the last call."""
        messages = []
        while True:
            try:
                messages.append(self._ear.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield Systemd(ear)


class Stuck(Recorder):
    """In a call that does not return, until the test releases it."""

    def __init__(self, clock, name):
        super().__init__(clock, name)
        self.called, self.released = threading.Event(), threading.Event()
        self.tell(self._call)

    def _call(self):
        self.called.set()
        assert self.released.wait(PATIENCE)


@pytest.fixture
def start():
    """Start services and see that each ends."""
    services = []

    def start(service):
        service.start(SimpleQueue())
        services.append(service)
        return service

    yield start
    for service in services:
        if isinstance(service, Stuck):
            service.released.set()
        service.stop()
        assert service.join(PATIENCE)


@pytest.fixture
def stuck(clock, start):
    """Start a service that does not return from its first call."""

    def stuck(name):
        service = start(Stuck(clock, name))
        assert service.called.wait(PATIENCE)
        return service

    return stuck


def answer(service):
    """Wait until a service has answered every ping."""
    done = threading.Event()
    service.tell(done.set)
    assert done.wait(PATIENCE)


def looks(watchdog, count, service=None):
    """Look so often, an interval apart."""
    for number in range(count):
        watchdog.look(number * INTERVAL)
        if service is not None:
            answer(service)


def test_systemd_is_fed_at_each_interval_while_all_answer(clock, start, systemd):
    radio = start(Recorder(clock, "Radio"))
    watchdog = Watchdog(INTERVAL, [radio])
    looks(watchdog, 3, radio)
    watchdog.look(2 * INTERVAL + 29.9)
    assert systemd.received() == ["WATCHDOG=1"] * 3


def test_a_stuck_radio_side_is_not_fed_for(stuck, systemd, caplog):
    watchdog = Watchdog(INTERVAL, [stuck("Radio")])
    looks(watchdog, 4)
    assert systemd.received() == ["WATCHDOG=1"]
    assert caplog.messages == ["❌ Ne répond plus: Radio; systemd va relancer le bot"] * 3


def test_a_service_that_answers_late_is_fed_for_again(stuck, systemd):
    radio = stuck("Radio")
    watchdog = Watchdog(INTERVAL, [radio])
    looks(watchdog, 2)
    radio.released.set()
    answer(radio)
    watchdog.look(2 * INTERVAL)
    assert systemd.received() == ["WATCHDOG=1"] * 2


def test_a_stalled_disk_is_reported_once_and_systemd_is_fed_on(clock, start, stuck, systemd, caplog):
    radio, disk = start(Recorder(clock, "Radio")), stuck("Disk")
    watchdog = Watchdog(INTERVAL, [radio], disk_bound=[disk])
    looks(watchdog, 10, radio)
    assert systemd.received() == ["WATCHDOG=1"] * 10
    assert caplog.messages == ["❌ Ne répond plus: Disk, qui attend le disque; la radio continue"]


def test_a_disk_that_stalls_again_is_reported_again(clock, stuck, systemd, caplog):
    disk = stuck("Disk")
    watchdog = Watchdog(INTERVAL, [], disk_bound=[disk])
    looks(watchdog, 3)
    disk.released.set()
    answer(disk)
    disk.called.clear()
    disk.released.clear()
    watchdog.look(3 * INTERVAL)
    disk.tell(disk._call)
    assert disk.called.wait(PATIENCE)
    for number in range(4, 8):
        watchdog.look(number * INTERVAL)
    assert len(caplog.messages) == 2


def test_where_systemd_does_not_watch_it_hears_nothing(clock, start, systemd):
    radio = start(Recorder(clock, "Radio"))
    looks(Watchdog(None, [radio]), 3, radio)
    assert systemd.received() == []


def test_a_hung_thread_ends_the_process_with_its_name(requests, stuck, monkeypatch):
    monkeypatch.setattr(supervisor, "CHECK_EVERY", 0.001)

    class Hasty(FakeClock):
        def monotonic(self):
            self.advance(1.0)
            return super().monotonic()

    hung = stuck("Radio")
    reason = Supervisor([], Hasty(), PATIENCE, requests, Watchdog(None, [hung])).run()
    assert isinstance(reason, HungThreadError)
    assert str(reason) == "Radio"


def test_the_supervisor_feeds_systemd_while_it_waits(requests, systemd, monkeypatch):
    monkeypatch.setattr(supervisor, "CHECK_EVERY", 0.01)
    clock = SystemClock()
    radio = Recorder(clock, "Radio")
    timer = threading.Timer(0.5, requests.put, ["enough"])
    timer.start()
    Supervisor([radio], clock, PATIENCE, requests, Watchdog(0.01, [radio])).run()
    timer.join()
    assert systemd.received().count("WATCHDOG=1") > 1


@pytest.fixture(autouse=True)
def _only_our_lines(caplog):
    caplog.set_level(logging.WARNING)
