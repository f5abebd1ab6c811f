"""The memory goes on whatever happens to the disk, logs it once, and writes all when the disk has recovered."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import suppress

import pytest
from sqlalchemy import event, text

from meshbot.mesh_memory.aggregates import MAX_PACKETS
from meshbot.storage.database import open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.nodes import NodeStore
from meshbot.storage.sqlite import FILE_NAME
from meshbot.storage.traffic import By
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import key, name_of, record
from tests.support.packet_records import packet

OWN = 0x9999


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.clock = FakeClock()
        self.database = open_database(folder, self.clock, busy_timeout=0.05)
        self.manager = make_node_manager(NodeStore(self.database), self.clock)
        self.memory = make_memory(self.database, self.manager, self.clock, lambda: OWN)

    def record(self, count):
        for number in range(count):
            self.memory.record(packet(number % 50 + 1))

    def stored(self):
        with self.database.reading() as connection:
            return connection.execute(
                text(
                    "SELECT (SELECT count(*) FROM packets), (SELECT sum(packets) FROM traffic_hours WHERE kind = 'all')"
                )
            ).one()

    def refuse(self, pragma):
        """Let every connection that writes refuse, until the returned function is called."""

        def set_pragma(connection, _record):
            connection.execute(f"PRAGMA {pragma}").close()

        event.listen(self.database.backend.writer, "connect", set_pragma)
        self.database.backend.writer.dispose()

        def heal():
            event.remove(self.database.backend.writer, "connect", set_pragma)
            self.database.backend.writer.dispose()

        return heal

    def set_aside(self):
        return [
            path
            for path in self.folder.iterdir()
            if "corrupt" in path.name and path.suffix[-4:] not in {"-wal", "-shm"}
        ]


@pytest.fixture
def bench(tmp_path, caplog):
    caplog.set_level("INFO")
    bench = Bench(tmp_path)
    yield bench
    bench.database.close()


@pytest.mark.parametrize(("pragma", "words"), [("max_page_count = 1", "disque plein"), ("query_only = ON", "refusée")])
def test_a_disk_that_refuses_loses_nothing_of_what_was_heard_and_learnt(bench, caplog, pragma, words):
    bench.record(1000)
    assert bench.memory.flush()
    heal = bench.refuse(pragma)
    bench.record(1000)
    for _ in range(3):
        assert not bench.memory.flush()
    bench.manager.learn_from_nodeinfos([record(num, key(num), long_name=f"Node {num}") for num in range(1, 500)])
    with pytest.raises(StorageError, match=words):
        bench.memory.mailbox.send(1, 2, "salut " * 2000)
    assert bench.memory.totals(1).packets == 2000
    assert bench.memory.node(7).long_name == "Node 7"
    heal()
    assert bench.memory.flush()
    assert bench.manager.flush()
    assert bench.stored() == (2000, 2000)
    assert make_node_manager(NodeStore(bench.database), bench.clock).public_key(7) == key(7)
    assert [line.levelname for line in caplog.records] == ["ERROR", "INFO"]
    assert words in caplog.messages[0]


def test_a_disk_full_for_long_costs_a_logged_number_of_packets(bench, caplog):
    heal = bench.refuse("max_page_count = 1")
    bench.record(MAX_PACKETS)
    assert not bench.memory.flush()
    bench.record(100)
    assert not bench.memory.flush()
    heal()
    assert bench.memory.flush()
    assert bench.stored() == (MAX_PACKETS, MAX_PACKETS + 100)
    assert "⚠️ 100 paquets entendus perdus pendant la panne de la base de données" in caplog.messages


@pytest.mark.parametrize("seed", range(12))
def test_damage_at_any_moment_is_set_aside(bench, seed, caplog):
    rng = random.Random(seed)
    bench.manager.learn_from_nodeinfo(record(7, key(7), long_name="Sept"))
    for _ in range(8):
        bench.record(1500)
        bench.memory.flush()
    size = bench.database.backend.path.stat().st_size
    # What a connection has read it does not read again
    reopened = rng.random() < 0.5
    if reopened:
        bench.database.close()
    with bench.database.backend.path.open("r+b") as file:
        for _ in range(rng.randrange(1, 30)):
            file.seek(rng.randrange(size // 4096) * 4096)
            file.write(rng.randbytes(4096))
    for _ in range(12):
        bench.record(200)
        bench.memory.flush(last=True)
        bench.manager.learn_from_nodeinfo(record(rng.randrange(1, 1000), long_name=str(rng.random())))
        for ask in (lambda: bench.memory.totals(24), lambda: bench.memory.neighbours_of(None), bench.stored):
            # Anything else would be a traceback
            with suppress(StorageError):
                ask()
        bench.clock.advance(60)
    bench.record(1)
    assert bench.memory.flush(last=True)
    assert bench.manager.flush()
    assert len(bench.set_aside()) <= 2
    assert "Traceback" not in caplog.text
    bench.database.close()
    again = Bench(bench.folder)
    assert (name_of(again.manager, 7), again.manager.public_key(7)) == (
        "Sept",
        key(7),
    ) or "Sept" not in name_of(again.manager, 7)
    assert again.memory.totals(24).packets == again.memory.traffic(24, By.PORT).packets >= 1
    again.database.close()


def test_a_file_that_was_truncated_while_running_is_set_aside(bench):
    bench.record(3000)
    bench.memory.flush(last=True)
    bench.database.close()
    with bench.database.backend.path.open("r+b") as file:
        file.truncate(20_000)
    bench.record(1)
    assert bench.memory.flush(last=True) or bench.memory.flush(last=True)
    assert len(bench.set_aside()) == 1
    # States were in memory, and are written again
    assert bench.memory.node(7).last_heard


def test_packets_and_their_sums_agree_after_a_kill_at_any_moment(tmp_path):
    reported = 0
    for count in (1, 20, 40):
        writer_command = [sys.executable, "-m", "tests.support.packet_writer", str(tmp_path), str(reported + 1)]
        with subprocess.Popen(writer_command, stdout=subprocess.PIPE, text=True) as writer:
            lines = [int(writer.stdout.readline()) for _ in range(count)]
            writer.kill()
            reported = max([*lines, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    assert (tmp_path / f"{FILE_NAME}-wal").exists()  # it was killed, not closed
    bench = Bench(tmp_path)
    packets, summed = bench.stored()
    assert packets == summed
    assert packets >= reported - 3 * 7  # what was not committed at each kill
    assert bench.set_aside() == []
    bench.database.close()
