"""The thread Housekeeping: writes down what was heard and learnt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, ClassVar, Final, Protocol

from meshbot.runtime import Clock, Service

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error
# Packets waiting for a slow disk: 30 s of the busiest mesh
INBOX_LIMIT = 2000
# Seconds between two commits, whatever they are of: an SD card wears by each
COMMIT_EVERY = 1.0
UPKEEP_EVERY = 900.0  # seconds
# Seconds in which a database that fails at the end is tried again by the next writer: a locked one takes a second a
# try, and the process ends 2 s after the stop
LAST_TRIES = 1.5

# A message that only ends a wait
WAKE: Final = object()

# Who takes a message, by its type, in order. They may wait for the disk, and raise nothing.
Takers = Mapping[type, Sequence[Callable[[Any], object]]]


class Writer(Protocol):
    """Writes what is unsaved in batches; WriteBehind is one."""

    subject: ClassVar[str]
    """What is written, for a line of the log."""

    @property
    def urgent(self) -> bool:
        """Whether it is written when it is due, before the others and whatever was committed just before."""
        ...

    @property
    def deadline(self) -> float:
        """When `flush` has something to do (monotonic seconds); inf for never."""
        ...

    def flush(self, *, last: bool = False) -> bool:
        """Write it, at the end all of it; return False if the database cannot be used. Raises nothing."""
        ...

    def wake_by(self, wake: Callable[[], object]) -> None:
        """Have `wake` called when `deadline` has become sooner, by whichever thread."""


class Housekeeping(Service):
    """Gives each message to its takers and flushes the writers; the only thread that waits for the disk."""

    name = "Housekeeping"

    def __init__(
        self,
        clock: Clock,
        writers: Sequence[Writer],
        takers: Takers,
        upkeep: Sequence[Callable[[], object]],
        *,
        after_load: Sequence[Callable[[], object]] = (),
        before_stop: Sequence[Callable[[], object]] = (),
    ) -> None:
        """`writers` are flushed in this order at start and stop.

        `after_load` is called once, when what is stored has been read, `upkeep` each UPKEEP_EVERY, `before_stop` at
        the end. All may wait for the disk, and raise nothing.
        """
        super().__init__(clock, INBOX_LIMIT)
        self._writers = writers
        self._takers = takers
        self._after_load = after_load
        self._before_stop = before_stop
        self._upkeep = upkeep
        self._upkeep_at = inf
        # no commit before
        self._commit_at = -inf
        for writer in writers:
            writer.wake_by(self.wake)

    def on_start(self) -> None:
        """See Service."""
        now = self._clock.monotonic()
        self._upkeep_at = now + UPKEEP_EVERY
        for writer in self._writers:
            writer.flush()
        for task in self._after_load:
            task()

    def wake(self) -> None:
        """Have the writers' deadlines looked at again; any thread may call it."""
        self.tell(WAKE)

    def deadline(self) -> float:
        """See Service."""
        return min(self._upkeep_at, min(map(self._due, self._writers), default=inf))

    def on_deadline(self) -> None:
        """See Service."""
        now = self._clock.monotonic()
        if now >= self._upkeep_at:
            self._upkeep_at = now + UPKEEP_EVERY
            for task in self._upkeep:
                task()
        if due := [writer for writer in self._writers if self._due(writer) <= now]:
            min(due, key=lambda writer: (not writer.urgent, writer.deadline)).flush()
            self._commit_at = now + COMMIT_EVERY

    def handle(self, message: object) -> None:
        """See Service."""
        for take in self._takers.get(type(message), ()):
            take(message)

    def on_stop(self) -> None:
        """See Service."""
        for task in self._before_stop:
            task()
        give_up_at = self._clock.monotonic() + LAST_TRIES
        unwritten: list[str] = []
        for writer in self._writers:
            if unwritten and self._clock.monotonic() >= give_up_at:
                unwritten += [writer.subject] if writer.deadline < inf else []
            elif not writer.flush(last=True):
                unwritten.append(writer.subject)
        if unwritten:
            names = ", ".join(dict.fromkeys(unwritten))
            # our own words: as an argument they would be escaped as foreign ones
            error_print(f"❌ Base de données inaccessible à l'arrêt; le plus récent est perdu: {names}")

    def _due(self, writer: Writer) -> float:
        return writer.deadline if writer.urgent else max(writer.deadline, self._commit_at)
