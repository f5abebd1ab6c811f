"""The thread Housekeeping: what is learnt is written."""

import sqlite3
from itertools import pairwise
from math import inf
from queue import SimpleQueue

import pytest
from sqlalchemy import event, text

import assembly
from meshbot.commands.language import translator
from meshbot.commands.mail_notices import MailNotices
from meshbot.mesh_link.messages import NodeDatabase, NodeInfoPacket, NodeRecord
from meshbot.mesh_memory.memory import FLUSH_EVERY
from meshbot.persistence.housekeeping import LAST_TRIES, UPKEEP_EVERY, Housekeeping
from meshbot.persistence.queue_writer import WRITE_EVERY, QueueChanges, QueueWriter
from meshbot.persistence.update_writer import UpdatesHandled, UpdateWriter
from meshbot.sending.outgoing import Priority
from meshbot.sending.queued_text import PartState, SavedPart
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from meshbot.storage.outbox import OutboxStore
from meshbot.storage.telegram import UpdateStore
from node_manager import NodeManager
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.packet_records import packet

PATIENCE = 30.0  # real seconds: only a failure waits so long
KEY = bytes(range(32))
OWN = 0x9999


class Bench:
    def __init__(self):
        self.clock = FakeClock()
        self.interface = None
        self.crashed = SimpleQueue()
        self.build(None)

    def keep_in(self, folder):
        """Have it all written into a database there."""
        database = open_database(folder, self.clock)
        self.build(database)
        return database

    def build(self, database):
        self.manager = make_node_manager(NodeStore(database) if database else None, self.clock)
        self.memory = make_memory(database, self.manager, self.clock, lambda: OWN)
        self.disk_looks = []
        # what an earlier process has left
        self.left, self.handled = [], []
        outbox = QueueWriter(OutboxStore(database), self.clock, self.left.extend) if database else None
        updates = UpdateWriter(UpdateStore(database, 1), self.clock, self.handled.append) if database else None
        notices = MailNotices(self.memory.mailbox, self.memory, self.clock, print, translator("en"))
        self.housekeeping = Housekeeping(
            self.clock,
            tuple(filter(None, (updates, outbox, self.manager, self.memory))),
            assembly.takers(self.manager, self.memory, notices, outbox, updates),
            (
                lambda: self.disk_looks.append(self.clock.monotonic()),
                lambda: self.manager.restore_keys(self.interface),
            ),
            after_load=(lambda: self.disk_looks.append(self.clock.monotonic()),),
        )
        self._is_started = False

    def start(self):
        self.housekeeping.start(self.crashed)
        self._is_started = True
        self.clock.wait_parked(self.clock.monotonic() + UPKEEP_EVERY)

    def stop(self):
        if self._is_started:
            self.housekeeping.stop()
            assert self.housekeeping.join(PATIENCE)
        self._is_started = False


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.stop()
    assert bench.crashed.empty()


# -- what is learnt


def test_the_nodes_own_database_is_learnt(bench):
    bench.start()
    bench.housekeeping.tell(NodeDatabase([NodeRecord(7, "Sept", public_key=KEY)]))
    bench.clock.advance(0)
    assert bench.manager.public_key(7) == KEY


def test_a_node_info_from_the_air_is_learnt(bench):
    bench.start()
    bench.housekeeping.offer(NodeInfoPacket(NodeRecord(7, "Sept", public_key=KEY)))
    bench.clock.advance(0)
    assert bench.manager.public_key(7) == KEY


class Interface:
    def __init__(self):
        self.nodes, self.nodesByNum = {}, {}


def test_keys_missing_from_the_interface_come_back_at_each_upkeep(bench):
    bench.interface = Interface()
    bench.start()
    bench.housekeeping.tell(NodeDatabase([NodeRecord(7, "Sept", public_key=KEY)]))
    bench.clock.advance(UPKEEP_EVERY - 1)
    assert bench.interface.nodesByNum == {}
    bench.clock.advance(1)
    assert bench.interface.nodesByNum[7]["user"]["publicKey"]


def test_an_upkeep_without_a_link_harms_nothing(bench):
    bench.start()
    bench.clock.advance(2 * UPKEEP_EVERY)
    assert not bench.housekeeping.join(0)


def test_the_disk_is_looked_at_from_the_start_on_at_each_upkeep(bench):
    bench.start()
    bench.clock.advance(2 * UPKEEP_EVERY)
    assert [at - bench.disk_looks[0] for at in bench.disk_looks] == [0, UPKEEP_EVERY, 2 * UPKEEP_EVERY]


def test_packets_are_remembered_and_committed_when_they_are_due(bench, tmp_path):
    database = bench.keep_in(tmp_path)
    bench.start()
    bench.housekeeping.offer(packet(7))
    bench.clock.advance(FLUSH_EVERY - 1)
    assert stored_packets(database) == 0
    bench.clock.advance(1)
    assert stored_packets(database) == 1
    bench.housekeeping.offer(packet(7))
    bench.clock.advance(1)
    bench.stop()
    assert stored_packets(database) == 2
    database.close()


def test_node_infos_that_come_fast_share_a_commit(bench, tmp_path):
    database = bench.keep_in(tmp_path)
    commits = []
    event.listen(database.backend.writer, "commit", commits.append)
    bench.start()
    for num in range(1, 101):
        bench.housekeeping.offer(NodeInfoPacket(NodeRecord(num, f"Node {num}", public_key=num.to_bytes(32, "big"))))
    bench.clock.advance(0)
    assert len(commits) == 1  # the first one waits for nobody
    bench.clock.advance(0.9)
    assert len(commits) == 1
    bench.clock.advance(0.1)
    assert len(commits) == 2
    assert bench.manager.counts().nodes == 100
    bench.stop()
    database.close()


def test_all_that_is_written_shares_one_commit_a_second(bench, tmp_path):
    """50 packets a second, one in ten with a name, and a queue for the radio that changes all the time."""
    database = bench.keep_in(tmp_path)
    commits = []
    event.listen(database.backend.writer, "commit", lambda _: commits.append(bench.clock.monotonic()))
    bench.start()
    for step in range(300):  # a minute
        for num in range(10 * step, 10 * step + 10):
            bench.housekeeping.offer(packet(num + 1))
        bench.housekeeping.offer(NodeInfoPacket(NodeRecord(step + 1, f"Node {step}")))
        bench.housekeeping.tell(QueueChanges({step: part(step)}))
        bench.clock.advance(0.2)
    assert 50 < len(commits) <= 61
    assert min(later - earlier for earlier, later in pairwise(commits)) >= 1.0 - 1e-6
    assert bench.manager.counts().nodes > 280
    assert len(OutboxStore(database).load()) > 280
    assert stored_packets(database) >= 2000
    bench.stop()
    assert stored_packets(database) == 3000
    database.close()


def test_what_waits_for_its_commit_at_the_end_is_written(bench, tmp_path):
    database = bench.keep_in(tmp_path)
    bench.start()
    for num in (1, 2):
        bench.housekeeping.offer(NodeInfoPacket(NodeRecord(num, f"Node {num}")))
        bench.housekeeping.offer(packet(num))
    bench.clock.advance(0)
    bench.stop()
    assert make_node_manager(NodeStore(database), bench.clock).counts().nodes == 2
    assert make_memory(database, bench.manager, bench.clock, lambda: OWN).node(2).last_heard
    database.close()


def stored_packets(database):
    with database.reading() as connection:
        return connection.scalar(text("SELECT count(*) FROM packets"))


# -- what waits to go on air


def part(number):
    details = {"priority": Priority.MAIL, "state": PartState.WAITING, "attempts": 0, "sent_at": None, "origin": None}
    message = {"to": 7, "channel": 0, "text": "x", "reply_id": 0, "want_ack": True}
    return SavedPart(id=number, text_id=number, created=1, packet_id=5, expires_at=9, **message, **details)


def test_the_queue_is_written_within_a_second_and_restored(bench, tmp_path):
    database = bench.keep_in(tmp_path)
    bench.start()
    bench.housekeeping.tell(QueueChanges({1: part(1)}))
    bench.clock.advance(WRITE_EVERY - 0.1)
    assert OutboxStore(database).load() == []
    bench.clock.advance(0.1)
    assert len(OutboxStore(database).load()) == 1
    bench.stop()
    bench.build(database)
    bench.start()
    bench.clock.advance(0)
    assert bench.left == [part(1)]
    bench.stop()
    database.close()


def test_the_end_writes_what_waits_to_go_on_air_at_once(bench, tmp_path):
    database = bench.keep_in(tmp_path)
    bench.start()
    bench.housekeeping.tell(QueueChanges({1: part(1)}))
    bench.stop()
    assert len(OutboxStore(database).load()) == 1
    database.close()


def test_without_a_database_nothing_that_waits_is_kept(bench):
    bench.start()
    bench.housekeeping.tell(QueueChanges({1: part(1)}))
    bench.clock.advance(WRITE_EVERY)
    assert not bench.housekeeping.join(0)


# -- whose turn it is


class Turns:
    """A writer that is due when it is told to, and notes when it was flushed."""

    def __init__(self, name, log, clock, *, urgent=False):
        self.name = self.subject = name
        self.urgent = urgent
        self.deadline = inf
        self._log, self._clock = log, clock

    def wake_by(self, wake):
        self.wake = wake

    def flush(self, *, last=False):
        self.deadline = inf
        self._log.append((self.name, self._clock.monotonic()))
        return True


@pytest.fixture
def turns():
    """Return a function that makes a Housekeeping thread, its writers and the list of their flushes."""
    clock, log, crashed, made = FakeClock(), [], SimpleQueue(), []

    def make(*names, urgent=()):
        writers = {name: Turns(name, log, clock, urgent=name in urgent) for name in names}
        takers = {dict: (lambda due: [setattr(writers[name], "deadline", at) for name, at in due.items()],)}
        housekeeping = Housekeeping(clock, tuple(writers.values()), takers, ())
        made.append(housekeeping)
        housekeeping.start(crashed)
        clock.wait_parked(clock.monotonic() + UPKEEP_EVERY)
        log.clear()
        return housekeeping, clock, log

    yield make
    for housekeeping in made:
        housekeeping.stop()
        assert housekeeping.join(PATIENCE)
    assert crashed.empty()


def test_the_earliest_due_writer_goes_first_a_second_apart(turns):
    housekeeping, clock, log = turns("a", "b", "c")
    now = clock.monotonic()
    housekeeping.tell({"a": now + 5.3, "b": now + 5.2, "c": now + 5.1})
    clock.advance(20)
    assert log == [("c", now + 5.1), ("b", now + 6.1), ("a", now + 7.1)]


def test_an_urgent_writer_waits_for_no_other(turns):
    housekeeping, clock, log = turns("a", "urgent", urgent={"urgent"})
    now = clock.monotonic()
    housekeeping.tell({"a": now, "urgent": now})
    clock.advance(0.5)
    housekeeping.tell({"urgent": now + 0.5})
    clock.advance(5)
    assert log == [("urgent", now), ("urgent", now + 0.5), ("a", now + 1.5)]


@pytest.mark.parametrize(("tries", "took"), [(2, 1.0), (5, 0.0)])
def test_the_end_tries_a_failing_database_for_a_moment_only(tries, took):
    clock, log = FakeClock(), []

    class Failing(Turns):
        def flush(self, *, last=False):
            assert last
            log.append(self.name)
            clock._now += took
            return False

    writers = [Failing(name, log, clock) for name in "abcde"]
    Housekeeping(clock, writers, {}, ()).on_stop()
    assert len(log) == tries
    assert took * (tries - 1) < LAST_TRIES


def test_what_telegram_handled_is_written_at_once(bench, tmp_path):
    database = bench.keep_in(tmp_path)
    bench.start()
    bench.housekeeping.offer(NodeInfoPacket(NodeRecord(7, "Sept")))
    bench.clock.advance(0)
    bench.housekeeping.tell(UpdatesHandled([5], {}))
    bench.clock.advance(0)
    assert UpdateStore(database, 1).load() == [5]
    bench.stop()
    database.close()


def test_a_database_that_failed_gets_nodes_at_the_retry(bench, tmp_path):
    database = bench.keep_in(tmp_path)
    bench.start()
    holder = sqlite3.connect(database.backend.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    bench.housekeeping.offer(NodeInfoPacket(NodeRecord(7, "Sept", public_key=KEY)))
    bench.clock.advance(1)
    holder.close()
    bench.clock.advance(NodeManager.retry_after)
    assert make_node_manager(NodeStore(database), bench.clock).public_key(7) == KEY
    bench.stop()
    database.close()


def test_what_another_thread_failed_to_write_is_written_on_a_silent_mesh(bench, tmp_path):
    """Like a key that an operator confirms while the disk is full: no packet comes to remind of it."""
    database = bench.keep_in(tmp_path)
    bench.start()
    holder = sqlite3.connect(database.backend.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    bench.manager.confirm_key(7, KEY)
    holder.close()
    bench.clock.advance(NodeManager.retry_after)
    assert make_node_manager(NodeStore(database), bench.clock).public_key(7) == KEY
    bench.stop()
    database.close()


def test_a_replaced_database_gets_all_on_a_silent_mesh(bench, tmp_path):
    database = bench.keep_in(tmp_path)
    database.on_change = bench.housekeeping.wake
    bench.start()
    bench.manager.confirm_key(7, KEY)
    for path in tmp_path.glob("meshbot.db*"):
        path.unlink()
    bench.memory.mailbox.send(1, 2, "salut")
    bench.clock.advance(10)
    assert make_node_manager(NodeStore(database), bench.clock).public_key(7) == KEY
    bench.stop()
    database.close()


def test_a_stop_without_the_database_says_what_is_lost(bench, tmp_path, caplog):
    database = bench.keep_in(tmp_path)
    bench.start()
    holder = sqlite3.connect(database.backend.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    bench.housekeeping.tell(QueueChanges({1: part(1)}))
    bench.housekeeping.offer(packet(7))
    bench.housekeeping.offer(NodeInfoPacket(NodeRecord(7, "Sept", public_key=KEY)))
    bench.stop()
    holder.close()
    database.close()
    line = "❌ Base de données inaccessible à l'arrêt; le plus récent est perdu: "
    assert line + "File d'envoi, Nœuds et clés, Paquets entendus" in caplog.messages
