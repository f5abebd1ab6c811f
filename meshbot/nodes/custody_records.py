"""What a restart must not lose of the custody of the radio's keys; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from meshbot.nodes.radio_state import Loss, TrustedKey
from meshbot.storage import DAY, HOUR, CustodyRow, OwnRadioRow

# Seconds since the last direct message
RECENT: Final = 30 * DAY
# Seconds between two notes of direct messages with one node
DM_NOTED_EVERY: Final = HOUR
# Nodes
KEPT: Final = 2000


@dataclass(frozen=True, slots=True)
class CustodyChanges:
    """What is to be written."""

    # by node; None: to delete
    rows: Mapping[int, CustodyRow | None]
    # None: unchanged
    own: OwnRadioRow | None
    # node whose note is waited for
    note: int | None = None


class CustodyRecords:
    """One row a node, one of our own radio, and which of them are yet to be written. Times are seconds since 1970."""

    def __init__(self) -> None:
        self.rows: dict[int, CustodyRow] = {}
        # None: there was no READY yet
        self.own: OwnRadioRow | None = None
        self._changed: set[int] = set()
        self._own_changed = False

    def restore(self, rows: Mapping[int, CustodyRow], own: OwnRadioRow | None) -> None:
        """Take in what an earlier process has kept; what this one has learnt since is newer."""
        for num, row in rows.items():
            known = self.rows.get(num)
            self.rows[num] = row if known is None else replace(row, dm_at=known.dm_at or row.dm_at)
        if self.own is None:
            self.own = own

    def take_changes(self, note: int | None = None) -> CustodyChanges | None:
        """Return what is to be written since the last call, if anything; with `note` in any case."""
        if not self._changed and not self._own_changed and note is None:
            return None
        rows = {num: self.rows.get(num) for num in self._changed}
        own = self.own if self._own_changed else None
        self._changed, self._own_changed = set(), False
        return CustodyChanges(rows, own, note)

    # -- nodes

    def row(self, num: int) -> CustodyRow:
        """Return a node's row, an empty one if there is none."""
        return self.rows.get(num) or CustodyRow(num)

    def keep(self, row: CustodyRow) -> None:
        """Replace a node's row."""
        if self.rows.get(row.num) != row:
            self.rows[row.num] = row
            self._changed.add(row.num)

    def direct_message(self, num: int, wall: int) -> None:
        """Note that a node and ours have exchanged one under its key."""
        row = self.row(num)
        # each is a write
        if row.dm_at is None or not 0 <= wall - row.dm_at < DM_NOTED_EVERY:
            self.keep(replace(row, dm_at=wall))
            self._forget_oldest()

    def talked(self, wall: int) -> dict[int, int]:
        """Return when direct messages were last exchanged with nodes, of those with whom that is RECENT."""
        return {num: row.dm_at for num, row in self.rows.items() if row.dm_at and wall - row.dm_at <= RECENT}

    def half_done(self) -> list[CustodyRow]:
        """Return the rows of nodes whose teaching was not finished."""
        return [row for row in self.rows.values() if row.stays_favourite is not None]

    def note(self, num: int, *, stays_favourite: bool | None) -> None:
        """Keep what is to become of the mark that teaching sets; None: it is done."""
        self.keep(replace(self.row(num), stays_favourite=stays_favourite))

    def _forget_oldest(self) -> None:
        if len(self.rows) > KEPT:
            idle = [row for row in self.rows.values() if row.stays_favourite is None]
            oldest = min(idle, key=lambda row: row.dm_at or 0)
            del self.rows[oldest.num]
            self._changed.add(oldest.num)

    # -- our own radio

    def compare(self, radio: OwnRadioRow) -> Loss | None:
        """Keep our radio as it is now; return what is different since the last READY, true if something was lost."""
        before = self.own
        self.own = radio if before is None else replace(radio, day=before.day, taught=before.taught)
        self._own_changed |= self.own != before
        return None if before is None else Loss(before, self.own)

    def taught_on(self, wall: int) -> int:
        """Return how many keys the radio was taught on that day; a clock that was set back begins no new one."""
        return 0 if self.own is None or wall // DAY > self.own.day else self.own.taught

    def count_taught(self, num: int, wall: int) -> None:
        """Note that the radio is being taught a node's key."""
        if self.own is not None:
            day = max(wall // DAY, self.own.day)
            self.own, self._own_changed = replace(self.own, day=day, taught=self.taught_on(wall) + 1), True
        self.keep(replace(self.row(num), taught_at=wall))


def needing(
    talked: Mapping[int, int],
    people: Collection[int],
    keys: Mapping[int, bytes],
    trusted: Callable[[int], TrustedKey | None],
) -> Iterator[int]:
    """Yield whose key the radio, which has `keys`, needs and has not: those first who wrote last, by `talked`."""
    for num in sorted({*people, *talked}, key=lambda num: (-talked.get(num, 0), num)):
        known, held = trusted(num), keys.get(num)
        if known is None or known.doubtful:
            continue
        if held is None or (held != known.key and known.verified):
            yield num
