"""A process killed while it writes loses nothing that it called kept."""

from __future__ import annotations

import contextlib
import subprocess
import sys

from node_manager import NodeManager
from storage.database import open_database
from storage.nodes import NodeStore
from storage.sqlite import FILE_NAME
from tests.support.fake_clock import FakeClock
from tests.support.nodes import key, name_of

WRITER = [sys.executable, "-m", "tests.support.key_writer"]


def write_until_killed(folder, first, count):
    """Kill the writer right after its `count`th key; return all that it said."""
    with subprocess.Popen([*WRITER, str(folder), str(first)], stdout=subprocess.PIPE, text=True) as writer:
        said = [int(writer.stdout.readline()) for _ in range(count)]
        writer.kill()
        return said + [int(line) for line in writer.stdout if line.endswith("\n")]


def test_every_key_that_was_called_kept_survives_kills_one_after_the_other(tmp_path):
    said = []
    for count in (1, 30, 60):
        said += write_until_killed(tmp_path, len(said) + 1, count)
        assert (tmp_path / f"{FILE_NAME}-wal").exists()  # it was killed, not closed
    database = open_database(tmp_path, FakeClock())
    manager = NodeManager(NodeStore(database), FakeClock())
    assert {num: manager.public_key(num) for num in said} == {num: key(num) for num in said}
    assert {name_of(manager, num) for num in said} == {f"Node {num}" for num in said}
    # at most the one that each killed writer was about to call kept
    assert len(said) <= manager.counts().keys <= len(said) + 3
    assert [path.name for path in tmp_path.iterdir() if "corrupt" in path.name] == []
    database.close()


def test_a_first_change_that_a_kill_left_half_done_is_taken_back(tmp_path):
    half_done = (
        f"import os, sqlite3; c = sqlite3.connect({str(tmp_path / FILE_NAME)!r}, isolation_level=None)\n"
        "for each in ('CREATE TABLE a (b)', 'PRAGMA cache_size = 1', 'BEGIN'): c.execute(each)\n"
        "c.executemany('INSERT INTO a VALUES (?)', [('x' * 999,)] * 999); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", half_done], check=False)
    assert (tmp_path / f"{FILE_NAME}-journal").stat().st_size
    database = open_database(tmp_path, FakeClock())
    assert NodeManager(NodeStore(database), FakeClock()).confirm_key(1, key(9))
    database.close()


def test_a_process_killed_while_it_makes_the_database_leaves_one_that_opens(tmp_path):
    with subprocess.Popen([*WRITER, str(tmp_path), "1"], stdout=subprocess.DEVNULL) as writer:
        while not (tmp_path / FILE_NAME).exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                writer.wait(0.001)  # the file appears without telling anybody
            assert writer.poll() is None
        writer.kill()
    database = open_database(tmp_path, FakeClock())
    assert NodeManager(NodeStore(database), FakeClock()).confirm_key(1, key(9))
    assert [path.name for path in tmp_path.iterdir() if "corrupt" in path.name] == []
    database.close()
