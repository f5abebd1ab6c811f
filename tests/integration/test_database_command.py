"""`meshbot db`: on a database on disk, beside a bot that uses it, and on files that are none."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, select

from meshbot.runtime.folder_lock import lock_folder
from meshbot.storage.database import open_database
from meshbot.storage.migrations.upgrade import upgrade
from meshbot.storage.schema import NODES, REVISIONS
from meshbot.storage.sqlite_file import RESERVE, copy_file
from tests.support.command_runner import command_runner
from tests.support.fake_clock import FakeClock

ALICE, BOB = 0x20001EEF, 0x20001EF0
ROW = {"short_name": "", "hw_model": "", "role": ""}


def add_node(database, num, name):
    with database.transaction() as connection:
        connection.execute(insert(NODES).values(num=num, long_name=name, **ROW))


def names_in(folder):
    database = open_database(folder, FakeClock())
    try:
        with database.reading() as connection:
            return [name for (name,) in connection.execute(select(NODES.c.long_name).order_by(NODES.c.num))]
    finally:
        database.close()


@pytest.fixture
def folder(tmp_path):
    """A data folder with Alice in its database."""
    folder = tmp_path / "data"
    database = open_database(folder, FakeClock())
    add_node(database, ALICE, "Élise 🌲")
    database.close()
    return folder


@pytest.fixture
def run(monkeypatch, capsys, folder):
    with command_runner(monkeypatch, capsys, folder) as run:
        yield run


@pytest.fixture
def copy(run, tmp_path):
    """A copy of that database."""
    copy = tmp_path / "copy.db"
    assert run("db", "backup", copy)[0] == 0
    return copy


def files(folder):
    return sorted(each.name for each in folder.iterdir())


# -- while all is well


def test_a_copy_brings_another_machine_back_in_one_command(run, copy, tmp_path):
    other = tmp_path / "another_pi"
    code, told, error = run("db", "restore", copy, at=other)
    assert (code, error) == (0, "")
    assert "is restored" in told
    assert names_in(other) == ["Élise 🌲"]
    assert stat.S_IMODE((other / "meshbot.db").stat().st_mode) == 0o600


def test_a_copy_beside_a_writing_bot_has_all_that_was_committed(run, folder, tmp_path):
    bot = open_database(folder, FakeClock())
    lock = lock_folder(folder)
    try:
        add_node(bot, BOB, "Bruno")
        assert run("db", "backup", tmp_path / "live.db")[0] == 0
        add_node(bot, BOB + 1, "Carole")
        assert "2" in run("db", "check")[1]
    finally:
        bot.close()
        os.close(lock)
    run("db", "restore", tmp_path / "live.db")
    assert names_in(folder) == ["Élise 🌲", "Bruno"]


def test_a_copy_is_one_private_file(copy):
    assert files(copy.parent) == ["copy.db", "data"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as reader:
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_without_a_name_a_copy_stands_beside_the_daily_ones(run, folder):
    code, told, _ = run("db", "backup", clock=FakeClock())
    (name,) = files(folder / "database_backups")
    assert (code, name in told) == (0, True)
    assert f"the newest {name}" in run("db", "check")[1]
    assert stat.S_IMODE((folder / "database_backups").stat().st_mode) == 0o700


def test_the_former_database_is_kept_aside_with_all_it_had(run, copy, folder, tmp_path):
    database = open_database(folder, FakeClock())
    add_node(database, BOB, "Bruno")
    database.close()
    told = run("db", "restore", copy)[1]
    assert names_in(folder) == ["Élise 🌲"]
    (aside,) = [each for each in folder.iterdir() if ".before-" in each.name]
    assert aside.name in told
    run("db", "restore", aside)
    assert names_in(folder) == ["Élise 🌲", "Bruno"]


def test_what_a_killed_bot_left_in_its_log_is_kept_aside_too(run, copy, folder):
    script = f"""
import os, signal
from tests.integration.test_database_command import *
from pathlib import Path
add_node(open_database(Path({str(folder)!r}), FakeClock()), BOB, "Bruno")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert (folder / "meshbot.db-wal").stat().st_size
    run("db", "restore", copy)
    assert names_in(folder) == ["Élise 🌲"]
    (aside,) = [each for each in folder.iterdir() if ".before-" in each.name]
    run("db", "restore", aside)
    assert names_in(folder) == ["Élise 🌲", "Bruno"]


def test_a_copy_of_an_older_format_is_upgraded_at_the_start(run, folder, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.begin() as connection:
        upgrade(connection, REVISIONS[1])
        connection.exec_driver_sql(f"INSERT INTO nodes VALUES ({BOB}, 'Bruno', '', '', '', NULL, NULL, NULL, NULL)")
    engine.dispose()
    assert run("db", "restore", tmp_path / "old.db")[0] == 0
    assert names_in(folder) == ["Bruno"]


def test_a_vacuum_gives_the_disk_its_room_back(run, folder):
    database = open_database(folder, FakeClock())
    for num in range(1000):
        add_node(database, num, "x" * 1000)
    with database.transaction() as connection:
        connection.execute(NODES.delete().where(NODES.c.num < 1000))
    database.close()
    before = (folder / "meshbot.db").stat().st_size
    assert run("db", "vacuum")[0] == 0
    assert (folder / "meshbot.db").stat().st_size < before / 2
    assert names_in(folder) == ["Élise 🌲"]


def test_an_export_has_every_row_as_one_line_of_json(run, tmp_path):
    file = tmp_path / "rows.jsonl"
    code, told, _ = run("db", "export", file)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert (code, told) == (0, f"✅ {len(rows)} rows: {file}\n")
    assert rows[0] == {"table": "alembic_version", "version_num": REVISIONS[-1]}
    assert [row["long_name"] for row in rows if row["table"] == "nodes"] == ["Élise 🌲"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("db", "export")[1] == file.read_text()


def test_an_export_that_nobody_reads_to_its_end_has_no_traceback(folder):
    command = f"{sys.executable} main_bot.py db export | true"
    root = Path(__file__).parents[2]
    environ = {**os.environ, "MESHBOT_DATA_DIR": str(folder), "LANG": "C.UTF-8"}
    done = subprocess.run(["/bin/sh", "-c", command], cwd=root, env=environ, capture_output=True, check=False)
    assert done.stderr == b""


# -- refusals, each with what to do


def no_database(folder, _copy):
    folder.joinpath("meshbot.db").unlink()


def some_text(_folder, copy):
    copy.write_text("no database at all, " * 100)


def nothing(_folder, copy):
    copy.write_bytes(b"")


def of_another_program(_folder, copy):
    copy.unlink()
    with closing(sqlite3.connect(copy)) as writer, writer:
        writer.execute("CREATE TABLE songs (name TEXT)")


def of_a_newer_version(_folder, copy):
    with closing(sqlite3.connect(copy)) as writer, writer:
        writer.execute("UPDATE alembic_version SET version_num = '9999'")


def without_tables(_folder, copy):
    with closing(sqlite3.connect(copy)) as writer, writer:
        writer.execute("DROP TABLE nodes")


def a_pipe(_folder, copy):
    copy.unlink()
    os.mkfifo(copy)


def cut(_folder, copy):
    copy.write_bytes(copy.read_bytes()[:20000])


def overwritten(_folder, copy):
    content = bytearray(copy.read_bytes())
    content[4096 * 2 : 4096 * 12] = b"\x5a" * 4096 * 10
    copy.write_bytes(content)


def gone(_folder, copy):
    copy.unlink()


def a_folder(_folder, copy):
    copy.unlink()
    copy.mkdir()


ODD_COPIES = [
    (some_text, "no database"),
    (nothing, "no database"),
    (of_another_program, "no database"),
    (of_a_newer_version, "newer version"),
    (cut, "damaged"),
    (overwritten, "damaged"),
    (gone, "does not exist"),
    (a_folder, "cannot be used (Is a directory)"),
    (a_pipe, "cannot be used (no regular file)"),
    (without_tables, "no database"),
]


@pytest.mark.parametrize(("make", "reason"), ODD_COPIES, ids=lambda each: getattr(each, "__name__", ""))
@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_odd_copy_is_refused_and_changes_nothing(run, copy, folder, make, reason, language):
    make(folder, copy)
    before = (folder / "meshbot.db").read_bytes()
    code, told, error = run("db", "restore", copy, environ={"LANG": f"{language}.UTF-8"})
    assert (code, told) == (1, "")
    assert error.count("\n") == 1
    assert error.startswith(f"❌ {copy}")
    assert (reason in error) is (language == "en")
    assert (folder / "meshbot.db").read_bytes() == before
    assert not [name for name in files(folder) if "before" in name or "part" in name or "restored" in name]


@pytest.mark.parametrize("command", ["check", "backup", "vacuum", "export"])
def test_a_folder_without_a_database_is_named(run, folder, command):
    no_database(folder, None)
    code, told, error = run("db", command)
    assert (code, told) == (1, "")
    assert error == f"❌ {folder / 'meshbot.db'} does not exist: is data_dir the bot's? The service's: sudo meshbot …\n"
    assert files(folder) == []


@pytest.mark.parametrize("arguments", [("restore", "copy.db"), ("vacuum",)])
def test_what_replaces_the_file_needs_the_bot_stopped(run, copy, folder, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    lock = lock_folder(folder)
    try:
        code, _, error = run("db", *arguments)
    finally:
        os.close(lock)
    assert code == 1
    assert "sudo systemctl stop meshbot" in error


def test_a_damaged_database_is_found_and_no_copy_of_it_made(run, folder, tmp_path):
    overwritten(None, folder / "meshbot.db")
    code, _, error = run("db", "check")
    assert (code, "damaged" in error) == (1, True)
    code, _, error = run("db", "backup", tmp_path / "copy.db")
    assert (code, "damaged" in error) == (1, True)
    assert files(tmp_path) == ["data"]


def test_a_copy_overwrites_nothing(run, copy):
    before = copy.read_bytes()
    code, _, error = run("db", "backup", copy)
    assert (code, "is there already" in error) == (1, True)
    assert copy.read_bytes() == before


def test_a_disk_that_becomes_full_leaves_no_half_copy(run, folder, tmp_path):
    database = open_database(folder, FakeClock())
    for num in range(500):
        add_node(database, num, "x" * 1000)
    database.close()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        code, _, error = run("db", "backup", tmp_path / "copy.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (code, error.count("\n")) == (1, 1)
    assert files(tmp_path) == ["data"]


def test_a_copy_leaves_the_bot_room_on_the_disk(run, folder, tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=RESERVE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    code, _out, error = run("db", "backup", tmp_path / "copy.db")
    assert code == 1
    assert "too little room" in error


class Commits(threading.Event):
    """Commits a row where a copy pauses."""

    def __init__(self, database):
        super().__init__()
        self._database = database
        self.count = 0

    def wait(self, _timeout):
        self.count += 1
        assert self.count < 50, "it begins again with each commit"
        add_node(self._database, BOB + self.count, "x" * 100)
        return False


def test_a_copy_ends_beside_a_bot_that_never_stops_writing(folder, tmp_path):
    database = open_database(folder, FakeClock())
    with database.transaction() as connection:
        rows = [{"num": number, "long_name": "y" * 1000, **ROW} for number in range(1, 3000)]
        connection.execute(insert(NODES), rows)
    commits = Commits(database)
    copy_file(folder / "meshbot.db", tmp_path / "copy.db", commits)
    database.close()
    assert commits.count >= 2
    with closing(sqlite3.connect(tmp_path / "copy.db")) as reader:
        assert reader.execute("SELECT count(*) FROM nodes").fetchone() == (3000,), "of one moment"


def test_a_folder_that_a_copy_would_need_is_named(run, tmp_path):
    code, _out, error = run("db", "backup", tmp_path / "absent" / "copy.db")
    assert (code, error) == (1, f"❌ {tmp_path / 'absent'} is no folder: make it, or choose another one.\n")


@pytest.mark.parametrize("command", ["check", "backup", "restore", "vacuum", "export"])
def test_on_a_server_its_own_tools_are_named(run, command):
    arguments = ["x"] if command == "restore" else []
    url = "postgresql://bot:geheim@db/mesh"
    code, told, error = run("db", command, *arguments, database_url=url)
    assert (code, told) == (1, "")
    assert "own tools" in error
    assert "geheim" not in error
