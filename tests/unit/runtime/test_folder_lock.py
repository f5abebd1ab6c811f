"""One process a folder."""

import fcntl
import os
from errno import ENOLCK
from unittest import mock

import pytest

from meshbot.runtime.folder_lock import LOCK_NAME, FolderInUseError, lock_folder


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
