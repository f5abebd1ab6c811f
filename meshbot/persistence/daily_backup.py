"""The daily copy of the database beside the running bot, by a thread of its own that ends with it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from meshbot.runtime import Clock, night_of
from meshbot.storage import FILE_NAME, FileError, FileProblem, copy_file, make_private_folder

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error
BACKUP_FOLDER: Final = "database_backups"
SUFFIX: Final = ".db"
STAMP: Final = "%Y%m%dT%H%M%SZ"
# Seconds that a stop waits: between two slices, or within SQLite's check of the copy, the thread notices it
STOP_TIMEOUT: Final = 1.0


class DailyBackup:
    """Looked at now and then by Housekeeping, which it does not hold up; one copy a night, the newest are kept."""

    def __init__(self, data_dir: Path, keep: int, clock: Clock) -> None:
        """Keep so many; 0: make none."""
        self._source = data_dir / FILE_NAME
        self._folder = data_dir / BACKUP_FOLDER
        self._keep = keep
        self._clock = clock
        self._done: date | None = None
        self._failed: date | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begin the night's copy if it is due; raises nothing."""
        now = self._clock.now()
        night = night_of(now.astimezone())
        is_busy = self._thread is not None and self._thread.is_alive()
        if not self._keep or is_busy or night == self._done or self._stop.is_set():
            return
        if night in nights_in(self._folder):
            self._done = night
            return
        self._thread = threading.Thread(target=self._make, args=(now, night), name="Database-Backup", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End what is going on; the copy that is not whole is removed, and made at the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)

    def _make(self, now: datetime, night: date) -> None:
        name = backup_name(now)
        # not made yet: the database reports what keeps it
        if not self._source.is_file():
            return
        try:
            make_private_folder(self._folder)
            copy_file(self._source, self._folder / name, self._stop)
            for old in to_remove(name, backups_in(self._folder), self._keep):
                (self._folder / old).unlink(missing_ok=True)
        except (FileError, OSError) as exc:
            self._report(exc, night)
            return
        self._done = night
        LOGGER.info("💾 Base de données sauvegardée: %s", name)

    def _report(self, error: FileError | OSError, night: date) -> None:
        """Say once a night why there is no copy; it is tried again at each look."""
        if isinstance(error, FileError) and error.problem is FileProblem.STOPPED:
            LOGGER.debug("Pas de sauvegarde de la base de données: %s", error)
        elif night != self._failed:
            self._failed = night
            error_print("❌ Base de données non sauvegardée cette nuit (%s): vérifiez %s", error, self._folder)


def backup_name(now: datetime) -> str:
    """Return a copy's name, as in `meshbot-20261128T030000Z.db`."""
    return f"meshbot-{now.astimezone(UTC):{STAMP}}{SUFFIX}"


def made_at(name: str) -> datetime:
    """Return when a copy was made, by its name."""
    return datetime.strptime(name, f"meshbot-{STAMP}{SUFFIX}").replace(tzinfo=UTC)


def to_remove(newest: str, names: Iterable[str], keep: int) -> list[str]:
    """Return which copies are no longer kept, those first that must go first.

    A copy dated after the newest was made while the clock was wrong: it must push no good one out.
    """
    return sorted({*names, newest}, key=lambda name: (name <= newest, name))[:-keep]


def backups_in(folder: Path) -> list[str]:
    """Return the names of all copies, the oldest first; none if there is no folder. Raises OSError."""
    try:
        return sorted(each.name for each in folder.iterdir() if _is_copy(each.name))
    except FileNotFoundError:
        return []


def nights_in(folder: Path) -> set[date]:
    """Return the nights that have a copy; none if the folder cannot be read."""
    try:
        return {night_of(made_at(name).astimezone()) for name in backups_in(folder)}
    except OSError:
        return set()


def _is_copy(name: str) -> bool:
    try:
        made_at(name)
    except ValueError:
        return False
    return True
