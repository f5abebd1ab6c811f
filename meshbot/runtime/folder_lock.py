"""One process a folder: a second bot on the same data would undo what the first one writes."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import Final

from meshbot.runtime.errors import MeshBotError

LOGGER = logging.getLogger(__name__)
LOCK_NAME: Final = "meshbot.lock"


class FolderInUseError(MeshBotError):
    """Another process holds the folder; the text names it and what to do."""


def lock_folder(folder: Path) -> int | None:
    """Hold the folder until the process ends, however it ends; return the lock file's descriptor.

    Raises FolderInUseError. Never waits. None where the folder cannot be locked at all: then nothing is kept apart,
    and the log has a warning; the database reports what is wrong with the folder.
    """
    path = folder / LOCK_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        LOGGER.warning("⚠️ %s: pas de verrou (%s), un second bot ne serait pas remarqué", path, exc.strerror)
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "inconnu"
        os.close(descriptor)
        text = f"{folder} est déjà utilisé par un autre bot (processus {holder})"
        raise FolderInUseError(f"{text}: arrêtez-le, ou donnez un autre data_dir à celui-ci") from exc
    # some file systems know no locks
    except OSError as exc:
        os.close(descriptor)
        LOGGER.warning("⚠️ %s: pas de verrou (%s), un second bot ne serait pas remarqué", path, exc.strerror)
        return None
    _sign(descriptor)
    return descriptor


def _sign(descriptor: int) -> None:
    """Write the process number, for whoever finds the folder in use; the lock holds without it."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    # a full disk
    except OSError as exc:
        LOGGER.debug("Verrou sans numéro de processus: %s", exc)
