"""WriteBehind: what changes is kept in memory, and committed by a thread that may wait for the disk."""

from __future__ import annotations

import abc
import logging
import threading
from collections.abc import Callable
from math import inf
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from meshbot.runtime import Clock
from meshbot.storage import StorageError

LOGGER = logging.getLogger(__name__)
# The second one is for a database that replaced another one during the first
ROUNDS: Final = 2


class Store(Protocol):
    """A part of the database."""

    @property
    def generation(self) -> int:
        """Return a number that grows whenever what was saved may have been lost; 0 before it was opened."""
        ...


S = TypeVar("S", bound=Store)
B = TypeVar("B")


class WriteBehind(abc.ABC, Generic[S, B]):
    """Data in memory, and a store that gets its changes: nothing is lost when the database fails or is replaced.

    Subclasses hold the data under a lock of their own and call `schedule` with each change. Nothing is written before
    the store has been read. Without a store nothing outlives the process.
    """

    urgent: ClassVar[bool] = False
    """Whether it is written when it is due, whatever was committed just before: see Housekeeping."""
    subject: ClassVar[str]
    """What is kept, for a line of the log."""
    retry_after: ClassVar[float]
    """Seconds that a failing database is left alone: each try may take a second."""

    def __init__(self, store: S | None, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        # who reads and writes the store, which takes as long as the disk does
        self._store_lock = threading.Lock()
        # protects `_due`; held for no I/O
        self._due_lock = threading.Lock()
        self._due = inf
        self._not_before = -inf
        self._wake: Callable[[], object] = bool
        # of the database that has what is not unsaved; 0 until it was read
        self._generation = 0

    @property
    def deadline(self) -> float:
        """When `flush` has something to do (monotonic seconds); inf for never."""
        if self._store is None:
            return inf
        is_current = self._generation in {0, self._store.generation}
        return max(self._due if is_current else -inf, self._not_before)

    @property
    def is_loaded(self) -> bool:
        """Whether the store has been read, or there is none."""
        return self._store is None or self._generation > 0

    @property
    def is_backing_off(self) -> bool:
        """Whether the database failed too recently to be tried again."""
        return self._clock.monotonic() < self._not_before

    def schedule(self, due: float) -> None:
        """Ask for a flush at `due` (monotonic seconds), or sooner; after a failure at its retry."""
        with self._due_lock:
            is_sooner = due < self._due
            self._due = min(self._due, due)
        if is_sooner:
            self._wake()

    def wake_by(self, wake: Callable[[], object]) -> None:
        """Have `wake` called when `deadline` has become sooner, by whichever thread; it only fills an inbox."""
        self._wake = wake

    def flush(self, *, last: bool = False) -> bool:
        """Read the store if that is not done yet, and commit what is unsaved; `last`: no other flush follows.

        Return False if the database cannot be used, and retry later. Raises nothing.
        """
        store = self._store
        if store is None:
            return True
        with self._store_lock:
            # What is scheduled from here on may miss this commit
            with self._due_lock:
                self._due = inf
            try:
                self._synchronise(store, last=last)
            except StorageError as exc:
                # The database itself logs its failure once, and its recovery
                LOGGER.debug("%s hors de la base de données: %s", self.subject, exc)
                now = self._clock.monotonic()
                self._not_before = now + self.retry_after
                self.schedule(now)
                return False
            self._not_before = -inf
        return True

    def _synchronise(self, store: S, *, last: bool) -> None:
        for _ in range(ROUNDS):
            if self._generation == 0:
                self._load(store)
            elif self._generation != store.generation:
                self._on_new_database(store)
            self._generation = store.generation
            self._commit(store, last=last)
            if self._generation == store.generation:
                return

    def _commit(self, store: S, *, last: bool) -> None:
        batch = self._take_unsaved(last=last)
        try:
            self._save(store, batch)
        except Exception:
            self._put_back(batch)
            raise

    @abc.abstractmethod
    def _load(self, store: S) -> None:
        """Merge what earlier processes left into what has changed meanwhile. Raises StorageError."""

    @abc.abstractmethod
    def _on_new_database(self, store: S) -> None:
        """Count as unsaved what the database may lack that replaced another one. Raises StorageError."""

    @abc.abstractmethod
    def _take_unsaved(self, *, last: bool) -> B:
        """Hand over what is to be committed; it counts as saved from now on."""

    @abc.abstractmethod
    def _save(self, store: S, batch: B) -> None:
        """Commit it, all or nothing; no transaction if it is empty. Raises StorageError."""

    @abc.abstractmethod
    def _put_back(self, batch: B) -> None:
        """Count it as unsaved again; what changed since is newer."""
