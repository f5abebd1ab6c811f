"""The thread Housekeeping: what is learnt is kept, and systemd hears only of threads that answer."""

import socket
from itertools import pairwise
from math import inf
from queue import SimpleQueue

import pytest
from sqlalchemy import event, text

from meshbot.mesh_link.packets import NodeInfoPacket, NodeRecord
from meshbot.mesh_memory.memory import FLUSH_EVERY
from meshbot.persistence.housekeeping import UPKEEP_EVERY, Housekeeping, NodeDatabase, QueueChanges
from meshbot.persistence.queue_writer import WRITE_EVERY, QueueWriter
from meshbot.runtime.service import Service
from meshbot.sending.outgoing import PartState, Priority, SavedPart
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from meshbot.storage.outbox import OutboxStore
from node_manager import NodeManager
from tests.support.configured import make_memory
from tests.support.fake_clock import FakeClock
from tests.support.packet_records import packet

PATIENCE = 30.0  # real seconds: only a failure waits so long
WATCHDOG = 30.0
KEY = bytes(range(32))
OWN = 0x9999


class Answering(Service):
    """A service whose thread answers pings, once it is started."""

    name = "Answering"

    def handle(self, message):
        raise AssertionError(message)


class Bench:
    def __init__(self, systemd, watchdog_interval=WATCHDOG):
        self.clock = FakeClock()
        self.systemd = systemd
        self.interface = None
        self.first_wait = watchdog_interval or UPKEEP_EVERY
        self.crashed = SimpleQueue()
        self.watchdog_interval = watchdog_interval
        self.build(None)

    def keep_in(self, folder):
        """Have it all written into a database there."""
        database = open_database(folder, self.clock)
        self.build(database)
        return database

    def build(self, database):
        self.manager = NodeManager(NodeStore(database) if database else None, self.clock)
        self.memory = make_memory(database, self.manager, self.clock, lambda: OWN)
        self.heard_nodes = []
        self.disk_looks = []
        self.left = []  # what the outbox of an earlier process is said to have left
        self.housekeeping = Housekeeping(
            self.clock,
            self.manager,
            self.memory,
            lambda: self.interface,
            self.watchdog_interval,
            outbox=QueueWriter(OutboxStore(database), self.left.extend) if database else None,
            on_heard=self.heard_nodes.append,
            disk=lambda: self.disk_looks.append(self.clock.monotonic()),
        )
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
        self._started = []

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
    unwatched.housekeeping.offer(NodeInfoPacket(NodeRecord(7, "Sept", public_key=KEY)))
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


def test_the_disk_is_looked_at_from_the_start_on_at_each_upkeep(unwatched):
    unwatched.start()
    unwatched.clock.advance(2 * UPKEEP_EVERY)
    assert [at - unwatched.disk_looks[0] for at in unwatched.disk_looks] == [0, UPKEEP_EVERY, 2 * UPKEEP_EVERY]


def test_packets_are_remembered_and_committed_when_they_are_due(unwatched, tmp_path):
    database = unwatched.keep_in(tmp_path)
    unwatched.start()
    unwatched.housekeeping.offer(packet(7))
    unwatched.clock.advance(FLUSH_EVERY - 1)
    assert stored_packets(database) == 0
    unwatched.clock.advance(1)
    assert stored_packets(database) == 1
    unwatched.housekeeping.offer(packet(7))
    unwatched.clock.advance(1)
    unwatched.stop()
    assert stored_packets(database) == 2
    database.close()


def test_node_infos_that_come_fast_share_a_commit(unwatched, tmp_path):
    database = unwatched.keep_in(tmp_path)
    commits = []
    event.listen(database.backend.writer, "commit", commits.append)
    unwatched.start()
    for num in range(1, 101):
        unwatched.housekeeping.offer(NodeInfoPacket(NodeRecord(num, f"Node {num}")))
    unwatched.clock.advance(0)
    assert len(commits) == 1  # the first one waits for nobody
    unwatched.clock.advance(0.9)
    assert len(commits) == 1
    unwatched.clock.advance(0.1)
    assert len(commits) == 2
    assert unwatched.manager.counts().nodes == 100
    unwatched.stop()
    database.close()


def test_all_that_is_written_shares_one_commit_a_second(unwatched, tmp_path):
    """50 packets a second, one in ten with a name, and a queue for the radio that changes all the time."""
    database = unwatched.keep_in(tmp_path)
    commits = []
    event.listen(database.backend.writer, "commit", lambda _: commits.append(unwatched.clock.monotonic()))
    unwatched.start()
    for step in range(300):  # a minute
        for num in range(10 * step, 10 * step + 10):
            unwatched.housekeeping.offer(packet(num + 1))
        unwatched.housekeeping.offer(NodeInfoPacket(NodeRecord(step + 1, f"Node {step}")))
        unwatched.housekeeping.tell(QueueChanges({step: part(step)}))
        unwatched.clock.advance(0.2)
    assert 50 < len(commits) <= 61
    assert min(later - earlier for earlier, later in pairwise(commits)) >= 1.0 - 1e-6
    assert unwatched.manager.counts().nodes > 280
    assert len(OutboxStore(database).load()) > 280
    assert stored_packets(database) >= 2000
    unwatched.stop()
    assert stored_packets(database) == 3000
    database.close()


def test_what_waits_for_its_commit_at_the_end_is_written(unwatched, tmp_path):
    database = unwatched.keep_in(tmp_path)
    unwatched.start()
    for num in (1, 2):
        unwatched.housekeeping.offer(NodeInfoPacket(NodeRecord(num, f"Node {num}")))
        unwatched.housekeeping.offer(packet(num))
    unwatched.clock.advance(0)
    unwatched.stop()
    assert NodeManager(NodeStore(database), unwatched.clock).counts().nodes == 2
    assert make_memory(database, unwatched.manager, unwatched.clock, lambda: OWN).node(2).last_heard
    database.close()


def stored_packets(database):
    with database.reading() as connection:
        return connection.scalar(text("SELECT count(*) FROM packets"))


# -- what waits to go on air


def part(number):
    details = {"priority": Priority.MAIL, "state": PartState.WAITING, "attempts": 0, "sent_at": None, "origin": ""}
    message = {"to": 7, "channel": 0, "text": "x", "reply_id": 0, "want_ack": True}
    return SavedPart(id=number, text_id=number, created=1, packet_id=5, expires_at=9, **message, **details)


def test_what_waits_to_go_on_air_is_written_within_a_second_and_given_to_the_next_process(unwatched, tmp_path):
    database = unwatched.keep_in(tmp_path)
    unwatched.start()
    unwatched.housekeeping.tell(QueueChanges({1: part(1)}))
    unwatched.clock.advance(WRITE_EVERY - 0.1)
    assert OutboxStore(database).load() == []
    unwatched.clock.advance(0.1)
    assert len(OutboxStore(database).load()) == 1
    unwatched.stop()
    unwatched.build(database)
    unwatched.start()
    unwatched.clock.advance(0)
    assert unwatched.left == [part(1)]
    unwatched.stop()
    database.close()


def test_the_end_writes_what_waits_to_go_on_air_at_once(unwatched, tmp_path):
    database = unwatched.keep_in(tmp_path)
    unwatched.start()
    unwatched.housekeeping.tell(QueueChanges({1: part(1)}))
    unwatched.stop()
    assert len(OutboxStore(database).load()) == 1
    database.close()


def test_without_a_database_nothing_that_waits_is_kept(unwatched):
    unwatched.start()
    unwatched.housekeeping.tell(QueueChanges({1: part(1)}))
    unwatched.clock.advance(WRITE_EVERY)
    assert not unwatched.housekeeping.join(0)
