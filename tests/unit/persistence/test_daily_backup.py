"""One copy of the database a night, beside the bot that writes into it; the newest are kept."""

import logging
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from meshbot.persistence import daily_backup
from meshbot.persistence.daily_backup import (
    BACKUP_FOLDER,
    DailyBackup,
    backup_name,
    backups_in,
    made_at,
    to_remove,
)
from meshbot.runtime.clock import night_of
from meshbot.storage import sqlite_file
from meshbot.storage.database import open_database
from meshbot.storage.schema import NODES
from meshbot.storage.sqlite_file import copy_file, inspect_file
from tests.support.fake_clock import FakeClock

DAY = timedelta(days=1).total_seconds()
PATIENCE = 30.0  # real seconds


class Nights:
    def __init__(self, folder, keep=7):
        self.folder = folder / BACKUP_FOLDER
        self.clock = FakeClock()
        self.database = open_database(folder, self.clock)
        self.backup = DailyBackup(folder, keep, self.clock)

    def look(self, later=0.0):
        self.clock.advance(later)
        self.backup.look()
        if self.backup._thread is not None:
            self.backup._thread.join(PATIENCE)

    @property
    def names(self):
        return backups_in(self.folder)


@pytest.fixture
def nights(tmp_path):
    nights = Nights(tmp_path)
    with closing(nights.database):
        yield nights


def test_each_night_makes_one_sound_private_copy(nights, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(3):
        nights.look(60.0)
    (name,) = nights.names
    assert inspect_file(nights.folder / name).is_sound
    assert stat.S_IMODE((nights.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(nights.folder.stat().st_mode) == 0o700
    assert caplog.messages.count(f"💾 Base de données sauvegardée: {name}") == 1


def test_the_last_seven_nights_are_kept(nights):
    made = []
    for _ in range(10):
        nights.look(DAY)
        made += nights.names[-1:]
    assert nights.names == made[-7:]


def test_copies_of_a_wrong_clock_push_no_good_one_out(nights):
    nights.look()
    now = nights.clock.now()
    wrong = [backup_name(now + timedelta(days=1000 + number)) for number in range(7)]
    for name in wrong:
        (nights.folder / name).touch()
    nights.look(DAY)
    assert len(nights.names) == 7
    nights.look(60.0)
    assert [name for name in nights.names if name not in wrong] == [
        backup_name(now),
        backup_name(now + timedelta(days=1)),
    ]


def test_a_restart_makes_no_second_copy_of_a_night(nights, tmp_path):
    nights.look()
    with closing(nights.database):
        again = DailyBackup(tmp_path, 7, nights.clock)
        again.look()
        again.stop()
    assert len(nights.names) == 1


def test_without_a_wish_for_copies_none_is_made(tmp_path):
    nights = Nights(tmp_path, keep=0)
    with closing(nights.database):
        nights.look(DAY)
    assert not nights.folder.exists()


def test_a_night_without_a_database_is_silent(tmp_path, caplog):
    backup = DailyBackup(tmp_path, 7, FakeClock())
    backup.look()
    backup.stop()
    assert caplog.messages == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_named_once_a_night(nights, caplog):
    nights.folder.write_text("in the way")
    nights.look()
    nights.look(900.0)
    assert caplog.text.count("❌ Base de données non sauvegardée cette nuit") == 1
    nights.folder.unlink()
    nights.look(900.0)
    assert len(nights.names) == 1


def test_other_files_in_the_folder_are_left_alone(nights):
    nights.look()
    (nights.folder / "meshbot-mine.db").write_text("mine")
    for _ in range(8):
        nights.look(DAY)
    assert (nights.folder / "meshbot-mine.db").exists()
    assert len(nights.names) == 7


@pytest.mark.parametrize("pages", [1, 7])
def test_commits_beside_a_copy_neither_wait_nor_disturb_it(nights, tmp_path, monkeypatch, pages):
    """Each slice of the copy sees one commit of the bot's: the copy ends, and has none of them."""
    monkeypatch.setattr(sqlite_file, "SLICE", pages)
    commits = []

    class Commits(threading.Event):
        def wait(self, timeout=None):
            with nights.database.transaction() as connection:
                row = {"num": len(commits), "long_name": "x" * 3000, "short_name": "", "hw_model": "", "role": ""}
                connection.execute(insert(NODES).values(**row))
            commits.append(timeout)
            return False

    copy_file(tmp_path / "meshbot.db", tmp_path / "copy.db", Commits())
    report = inspect_file(tmp_path / "copy.db")
    assert (report.is_sound, report.rows["nodes"]) == (True, 0)
    assert inspect_file(tmp_path / "meshbot.db").rows["nodes"] == len(commits) > 3


def test_a_stop_ends_a_copy_and_leaves_no_half_of_it(nights, monkeypatch):
    begun, real = threading.Event(), daily_backup.copy_file

    def slow(source, target, stop):
        begun.set()
        stop.wait(PATIENCE)
        real(source, target, stop)

    monkeypatch.setattr(daily_backup, "copy_file", slow)
    nights.backup.look()
    assert begun.wait(PATIENCE)
    nights.backup.stop()
    assert not nights.backup._thread.is_alive()
    assert list(nights.folder.iterdir()) == []


@given(st.lists(st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1)), min_size=1), st.data())  # noqa: DTZ001 - made UTC below
def test_the_newest_stays_and_older_or_wrongly_dated_ones_go(times, data):
    names = {backup_name(each.replace(tzinfo=UTC)) for each in times}
    newest, keep = data.draw(st.sampled_from(sorted(names))), data.draw(st.integers(1, 9))
    gone = to_remove(newest, names, keep)
    kept = names - set(gone)
    assert newest in kept
    assert len(kept) == min(keep, len(names))
    assert all(made_at(old) > made_at(newest) or made_at(old) < min(map(made_at, kept)) for old in gone)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1)))  # noqa: DTZ001 - a local time
def test_a_night_lasts_from_three_to_three(local):
    assert night_of(local) == (local.date() if local.hour >= 3 else local.date() - timedelta(days=1))
