"""CustodyWriter: what a restart must not forget of the keys that are given back to the radio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol

from meshbot.nodes import CustodyChanges
from meshbot.persistence.write_behind import Store, WriteBehind
from meshbot.runtime import Clock
from meshbot.storage import CustodyRow, OwnRadioRow

# Seconds that what nobody waits for may wait
WRITE_EVERY: Final = 30.0


class CustodyStore(Store, Protocol):
    """Where it is kept; each method is one transaction and may raise StorageError."""

    def load(self) -> tuple[dict[int, CustodyRow], OwnRadioRow | None]:
        """Read everything; None: no READY yet."""
        ...

    def save(self, rows: list[CustodyRow], gone: list[int], own: OwnRadioRow | None) -> None:
        """Insert or update rows, delete those of the nodes in `gone`, replace our own radio's if it is given."""


@dataclass(slots=True)
class Unsaved:
    """What is to be written, and the nodes whose notes are waited for."""

    rows: dict[int, CustodyRow | None] = field(default_factory=dict)
    own: OwnRadioRow | None = None
    notes: list[int] = field(default_factory=list)


class CustodyWriter(WriteBehind[CustodyStore, Unsaved]):
    """For one thread."""

    subject: ClassVar = "Clés de la radio"
    retry_after: ClassVar = 10.0

    def __init__(
        self,
        store: CustodyStore,
        clock: Clock,
        restore: Callable[[Mapping[int, CustodyRow], OwnRadioRow | None], object],
        noted: Callable[[int], object],
    ) -> None:
        """`restore` gets what an earlier process left, `noted` the node of each note that is written, in an inbox."""
        super().__init__(store, clock)
        self._restore = restore
        self._noted = noted
        self._rows: dict[int, CustodyRow] = {}
        self._own: OwnRadioRow | None = None
        self._unsaved = Unsaved()

    def take(self, changes: CustodyChanges) -> None:
        """Take in what changed; a note is written at once, and so is our radio: its loss is reported once."""
        for num, row in changes.rows.items():
            if row is None:
                self._rows.pop(num, None)
            else:
                self._rows[num] = row
            self._unsaved.rows[num] = row
        if changes.own is not None:
            self._own = self._unsaved.own = changes.own
        if changes.note is not None:
            self._unsaved.notes.append(changes.note)
        is_urgent = changes.note is not None or changes.own is not None
        self.schedule(self._clock.monotonic() + (0.0 if is_urgent else WRITE_EVERY))

    def _load(self, store: CustodyStore) -> None:
        rows, own = store.load()
        self._rows = {**rows, **self._rows}
        self._own = self._own or own
        self._restore(rows, own)

    def _on_new_database(self, store: CustodyStore) -> None:  # noqa: ARG002 - see WriteBehind
        self._unsaved.rows = {**self._rows, **self._unsaved.rows}
        self._unsaved.own = self._unsaved.own or self._own

    def _take_unsaved(self, *, last: bool) -> Unsaved:  # noqa: ARG002 - see WriteBehind
        batch, self._unsaved = self._unsaved, Unsaved()
        return batch

    def _save(self, store: CustodyStore, batch: Unsaved) -> None:
        if batch.rows or batch.own is not None:
            kept = [row for row in batch.rows.values() if row is not None]
            store.save(kept, [num for num, row in batch.rows.items() if row is None], batch.own)
        for num in batch.notes:
            self._noted(num)

    def _put_back(self, batch: Unsaved) -> None:
        newer = self._unsaved
        self._unsaved = Unsaved({**batch.rows, **newer.rows}, newer.own or batch.own, [*batch.notes, *newer.notes])
