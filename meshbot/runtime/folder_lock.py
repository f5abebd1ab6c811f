"""One process a folder: a second bot on the same data would undo what the first one writes."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from meshbot.runtime.errors import MeshBotError

LOGGER = logging.getLogger(__name__)
LOCK_NAME: Final = "meshbot.lock"
PATIENCE: Final = 3.0  # seconds for a disk that stalls


class FolderInUseError(MeshBotError):
    """Another process holds the folder; the text names it and what to do."""


def lock_in_time(folder: Path, late: Callable[[FolderInUseError], object]) -> int | None:
    """Do the same as `lock_folder`, but return None after PATIENCE: a disk that stalls must not delay the start.

    `late` gets the error if it turns out later that another process holds the folder; it only fills an inbox.
    """
    found: SimpleQueue[int | FolderInUseError | None] = SimpleQueue()
    is_late = threading.Event()

    def lock() -> None:
        outcome: int | FolderInUseError | None
        try:
            outcome = lock_folder(folder)
        except FolderInUseError as error:
            outcome = error
        found.put(outcome)
        if is_late.is_set() and isinstance(outcome, FolderInUseError):
            LOGGER.error("❌ %s", outcome)
            late(outcome)

    threading.Thread(target=lock, name="Folder-Lock", daemon=True).start()
    outcome: int | FolderInUseError | None = None
    try:
        outcome = found.get(timeout=PATIENCE)
    except Empty:
        is_late.set()
        LOGGER.warning("⚠️ %s ne répond pas: le bot démarre sans attendre le disque, vérifiez-le (dmesg)", folder)
    if isinstance(outcome, FolderInUseError):
        raise outcome
    return outcome


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
