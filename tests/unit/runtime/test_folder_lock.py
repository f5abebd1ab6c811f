"""One process a folder."""

import fcntl
import os
import threading
from errno import ENOLCK
from queue import SimpleQueue
from unittest import mock

import pytest

from meshbot.runtime import folder_lock
from meshbot.runtime.folder_lock import LOCK_NAME, FolderInUseError, lock_folder, lock_in_time


def test_a_folder_in_use_is_refused_until_its_holder_ends(tmp_path):
    folder = tmp_path / "data"
    lock = lock_folder(folder)
    with pytest.raises(
        FolderInUseError, match=rf"{folder} est déjà utilisé par un autre bot \(processus {os.getpid()}\)"
    ):
        lock_folder(folder)
    os.close(lock)
    again = lock_folder(folder)
    assert again is not None
    os.close(again)


def test_a_shorter_number_replaces_a_longer_one(tmp_path):
    (tmp_path / LOCK_NAME).write_text("123456789012\n")
    lock = lock_folder(tmp_path)
    assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"
    os.close(lock)


def test_a_file_system_without_locks_is_only_a_warning(tmp_path, caplog):
    with mock.patch.object(fcntl, "flock", side_effect=OSError(ENOLCK, os.strerror(ENOLCK))):
        assert lock_folder(tmp_path) is None
    assert "pas de verrou (No locks available)" in caplog.text


def test_a_folder_that_cannot_be_made_is_only_a_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    assert lock_folder(tmp_path / "file" / "data") is None
    assert "pas de verrou" in caplog.text


@pytest.fixture
def stalled(monkeypatch):
    """A disk that answers no `flock` before it is told to."""
    answer, flock = threading.Event(), fcntl.flock

    def wait(descriptor, operation):
        assert answer.wait(30)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", wait)
    monkeypatch.setattr(folder_lock, "PATIENCE", 0.05)
    return answer


def test_a_stalled_disk_does_not_delay_the_start(tmp_path, stalled, caplog):
    assert lock_in_time(tmp_path, print) is None
    assert "ne répond pas: le bot démarre sans attendre le disque" in caplog.text
    stalled.set()


def test_a_folder_that_turns_out_to_be_in_use_is_told_later(tmp_path, stalled):
    other, told = os.open(tmp_path / LOCK_NAME, os.O_RDWR | os.O_CREAT), SimpleQueue()
    stalled_flock, answer = fcntl.flock, stalled
    answer.set()
    stalled_flock(other, fcntl.LOCK_EX)
    answer.clear()
    assert lock_in_time(tmp_path, told.put) is None
    answer.set()
    assert isinstance(told.get(timeout=30), FolderInUseError)
    os.close(other)


def test_a_folder_in_use_is_told_at_once_where_the_disk_answers(tmp_path):
    descriptor = lock_in_time(tmp_path, print)
    with pytest.raises(FolderInUseError):
        lock_in_time(tmp_path, print)
    os.close(descriptor)
