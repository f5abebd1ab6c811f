"""The thread Housekeeping: what is learnt is kept, and systemd hears only of threads that answer."""

import socket
from math import inf
from queue import SimpleQueue

import pytest

from housekeeping import UPKEEP_EVERY, Housekeeping, NodeDatabase
from mesh_link.packets import NodeInfoHeard, NodeRecord
from node_manager import NodeManager
from runtime.service import Service
from tests.support.fake_clock import FakeClock

PATIENCE = 30.0  # real seconds: only a failure waits so long
WATCHDOG = 30.0
KEY = bytes(range(32))


class Answering(Service):
    """A service whose thread answers pings, once it is started."""

    name = "Answering"

    def handle(self, message):
        raise AssertionError(message)


class Bench:
    def __init__(self, systemd, watchdog_interval=WATCHDOG):
        self.clock = FakeClock()
        self.systemd = systemd
        self.manager = NodeManager(None, self.clock)
        self.interface = None
        self.first_wait = watchdog_interval or UPKEEP_EVERY
        self.crashed = SimpleQueue()
        self.housekeeping = Housekeeping(self.clock, self.manager, lambda: self.interface, watchdog_interval)
        self.watched = Answering(self.clock)
        self._started = []

    def start(self, *services):
        self.housekeeping.watch([self.watched])
        for service in (*services, self.housekeeping):
            service.start(self.crashed)
            self._started.append(service)
        self.clock.wait_parked(self.clock.monotonic() + self.first_wait)

    def stop(self):
        for service in self._started:
            service.stop()
            assert service.join(PATIENCE)

    def heard(self):
        """Return what systemd was told since the last call."""
        words = []
        while True:
            try:
                words.append(self.systemd.recv(4096).decode())
            except BlockingIOError:
                return words


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield ear


@pytest.fixture
def bench(systemd):
    bench = Bench(systemd)
    yield bench
    bench.stop()
    assert bench.crashed.empty()


@pytest.fixture
def unwatched(systemd):
    bench = Bench(systemd, watchdog_interval=None)
    yield bench
    bench.stop()
    assert bench.crashed.empty()


# -- vouching


def test_systemd_hears_at_each_interval_that_all_threads_answer(bench):
    bench.start(bench.watched)
    assert bench.heard() == ["WATCHDOG=1"]
    bench.clock.advance(3 * WATCHDOG)
    assert bench.heard() == ["WATCHDOG=1"] * 3


def test_a_deaf_thread_is_not_vouched_for(bench, caplog):
    bench.start()  # the watched service has no thread, so it answers nothing
    bench.heard()
    bench.clock.advance(3 * WATCHDOG)
    assert bench.heard() == []
    assert caplog.messages.count("❌ Ne répond plus: Answering; systemd va relancer le bot") == 3


def test_a_thread_that_answers_late_is_vouched_for_again(bench):
    bench.start()
    bench.clock.advance(2 * WATCHDOG)
    bench.heard()
    bench.watched.start(bench.crashed)
    bench._started.insert(0, bench.watched)
    bench.clock.wait_parked(inf)
    bench.clock.advance(WATCHDOG)
    assert bench.heard() == ["WATCHDOG=1"]


def test_without_a_watchdog_systemd_hears_nothing(unwatched):
    unwatched.start(unwatched.watched)
    unwatched.clock.advance(UPKEEP_EVERY * 2)
    assert unwatched.heard() == []


# -- what is learnt


def test_the_nodes_own_database_is_learnt(unwatched):
    unwatched.start()
    unwatched.housekeeping.tell(NodeDatabase([NodeRecord(7, "Sept", public_key=KEY)]))
    unwatched.clock.advance(0)
    assert unwatched.manager.public_key(7) == KEY


def test_a_node_info_from_the_air_is_learnt(unwatched):
    unwatched.start()
    unwatched.housekeeping.offer(NodeInfoHeard(NodeRecord(7, "Sept", public_key=KEY)))
    unwatched.clock.advance(0)
    assert unwatched.manager.public_key(7) == KEY


class Interface:
    def __init__(self):
        self.nodes, self.nodesByNum = {}, {}


def test_keys_missing_from_the_interface_come_back_at_each_upkeep(unwatched):
    unwatched.interface = Interface()
    unwatched.start()
    unwatched.housekeeping.tell(NodeDatabase([NodeRecord(7, "Sept", public_key=KEY)]))
    unwatched.clock.advance(UPKEEP_EVERY - 1)
    assert unwatched.interface.nodesByNum == {}
    unwatched.clock.advance(1)
    assert unwatched.interface.nodesByNum[7]["user"]["publicKey"]


def test_an_upkeep_without_a_link_harms_nothing(unwatched):
    unwatched.start()
    unwatched.clock.advance(2 * UPKEEP_EVERY)
    assert not unwatched.housekeeping.join(0)
