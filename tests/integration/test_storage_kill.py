"""A process killed while it writes loses nothing that it reported as kept."""

from __future__ import annotations

import contextlib
import subprocess
import sys

from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from meshbot.storage.sqlite import FILE_NAME
from tests.support.configured import make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import key, name_of

WRITER = [sys.executable, "-m", "tests.support.key_writer"]


def write_until_killed(folder, first, count):
    """Kill the writer right after its `count`th key; return all that it reported."""
    with subprocess.Popen([*WRITER, str(folder), str(first)], stdout=subprocess.PIPE, text=True) as writer:
        reported = [int(writer.stdout.readline()) for _ in range(count)]
        writer.kill()
        return reported + [int(line) for line in writer.stdout if line.endswith("\n")]


def test_every_key_reported_as_kept_survives_kills(tmp_path):
    reported = []
    for count in (1, 30, 60):
        reported += write_until_killed(tmp_path, len(reported) + 1, count)
        assert (tmp_path / f"{FILE_NAME}-wal").exists()  # it was killed, not closed
    database = open_database(tmp_path, FakeClock())
    manager = make_node_manager(NodeStore(database), FakeClock())
    assert {num: manager.public_key(num) for num in reported} == {num: key(num) for num in reported}
    assert {name_of(manager, num) for num in reported} == {f"Node {num}" for num in reported}
    # at most the one that each killed writer was about to report
    assert len(reported) <= manager.counts().keys <= len(reported) + 3
    assert [path.name for path in tmp_path.iterdir() if "corrupt" in path.name] == []
    database.close()


def test_a_change_left_half_done_by_a_kill_is_rolled_back(tmp_path):
    half_done = (
        f"import os, sqlite3; c = sqlite3.connect({str(tmp_path / FILE_NAME)!r}, isolation_level=None)\n"
        "for each in ('CREATE TABLE a (b)', 'PRAGMA cache_size = 1', 'BEGIN'): c.execute(each)\n"
        "c.executemany('INSERT INTO a VALUES (?)', [('x' * 999,)] * 999); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", half_done], check=False)
    assert (tmp_path / f"{FILE_NAME}-journal").stat().st_size
    database = open_database(tmp_path, FakeClock())
    assert make_node_manager(NodeStore(database), FakeClock()).confirm_key(1, key(9))
    database.close()


def test_a_kill_while_the_database_is_made_leaves_one_that_opens(tmp_path):
    with subprocess.Popen([*WRITER, str(tmp_path), "1"], stdout=subprocess.DEVNULL) as writer:
        while not (tmp_path / FILE_NAME).exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                # The file appears without a notice
                writer.wait(0.001)
            assert writer.poll() is None
        writer.kill()
    database = open_database(tmp_path, FakeClock())
    assert make_node_manager(NodeStore(database), FakeClock()).confirm_key(1, key(9))
    assert [path.name for path in tmp_path.iterdir() if "corrupt" in path.name] == []
    database.close()
