"""The thread Housekeeping and what waits to go on air: written within a second, at the end at once, and given back."""

from queue import SimpleQueue

import pytest

from housekeeping import UPKEEP_EVERY, Housekeeping, OutboxChanges
from mesh_link.outgoing import PartState, Priority, SavedPart
from mesh_memory.memory import MeshMemory
from node_manager import NodeManager
from outbox_keeper import WRITE_EVERY, OutboxKeeper
from tests.support.fake_clock import FakeClock
from tests.support.outbox_store import FileStore


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "outbox.json")


class Process:
    """One life of the thread; `left` is what the life before is said to have left."""

    def __init__(self, store):
        self.clock = FakeClock()
        self.left = []
        self.crashed = SimpleQueue()
        manager = NodeManager(None, self.clock)
        memory = MeshMemory(None, manager, self.clock, lambda: 0)
        keeper = OutboxKeeper(store, self.left.extend) if store else None
        self.housekeeping = Housekeeping(self.clock, manager, memory, lambda: None, None, outbox=keeper)

    def __enter__(self):
        self.housekeeping.start(self.crashed)
        self.clock.wait_parked(self.clock.monotonic() + UPKEEP_EVERY)
        return self

    def tell(self, *messages):
        for message in messages:
            self.housekeeping.tell(message)
        self.clock.advance(0)

    def __exit__(self, *_):
        self.housekeeping.stop()
        assert self.housekeeping.join(30)
        assert self.crashed.empty()


def part(number):
    details = {"priority": Priority.MAIL, "state": PartState.WAITING, "attempts": 0, "sent_at": None, "origin": ""}
    message = {"to": 7, "channel": 0, "text": "x", "reply_id": 0, "want_ack": True}
    return SavedPart(id=number, text_id=number, created=1, packet_id=5, expires_at=9, **message, **details)


def test_it_is_written_within_a_second_and_given_to_the_next_process(store):
    with Process(store) as process:
        process.tell(OutboxChanges({1: part(1)}))
        process.clock.advance(WRITE_EVERY - 0.1)
        assert store.rows() == {}
        process.clock.advance(0.1)
        assert list(store.rows()) == [1]
    with Process(store) as process:
        assert process.left == [part(1)]


def test_the_end_writes_it_at_once(store):
    with Process(store) as process:
        process.housekeeping.tell(OutboxChanges({1: part(1)}))
    assert list(store.rows()) == [1]


def test_without_a_database_none_is_kept_and_nothing_fails():
    with Process(None) as process:
        process.tell(OutboxChanges({1: part(1)}))
        process.clock.advance(WRITE_EVERY)
