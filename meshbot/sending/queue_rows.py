"""The rows of what waits to go on air: their numbers, which are to be written, and what they tell of a kill; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from meshbot.sending.queued_text import Changes, Part, QueuedPart, QueuedText, saved

# Seconds between two notes that what waits has not been sent yet: well within the time that receivers know an id
NOTE_EVERY: Final = 120.0


@dataclass(slots=True)
class QueueRows:
    """One row a packet. Times are monotonic seconds.

    A packet is sent before that is written, and a kill can come in between. So the row of one that waits tells from
    when on it may have been sent: not while there is no link, and not before the row was written. Rows are written
    again when the link comes or goes, and each NOTE_EVERY.
    """

    first_row: int  # rows are numbered upwards from here
    _count: int = 0  # rows numbered so far
    _changed: dict[int, QueuedPart | None] = field(default_factory=dict)  # None: to delete
    _link_up_at: float = inf  # inf without a link
    _noted_at: float = -inf

    def new(self) -> int:
        """Return the next number."""
        self._count += 1
        return self.first_row + self._count - 1

    def save(self, text: QueuedText, part: Part) -> None:
        """Have a packet's row written."""
        self._changed[part.id] = text, part

    def delete(self, part: Part) -> None:
        """Have a packet's row deleted."""
        self._changed[part.id] = None

    def renumber(self, text: QueuedText) -> None:
        """Change a restored text's rows if this process gives such numbers too: the clock was set back."""
        if text.parts[-1].id < self.first_row:
            return
        for part in text.parts:
            if not 0 <= part.id - self.first_row < self._count:
                self._changed[part.id] = None
            part.id = self.new()
            self._changed[part.id] = text, part
        text.id = text.parts[0].id

    def take(self, offset: float) -> Changes:
        """Hand over what changed since the last call; `offset` is wall minus monotonic time."""
        changed, self._changed = self._changed, {}
        return {
            row: None if found is None else saved(*found, offset, self._unsent_until(*found))
            for row, found in changed.items()
        }

    # -- of packets that wait

    def link_changed(self, parts: Iterable[QueuedPart], up_at: float) -> None:
        """Have it noted whether they can be sent: since `up_at`, inf for not at all."""
        if up_at == self._link_up_at == inf:
            return
        self._link_up_at = up_at
        self._note(parts)

    def note_due(self, parts: Iterable[QueuedPart]) -> float:
        """Return when `note_unsent` has something to do; inf for never."""
        return min((self._unsent_until(*each) for each in parts if each[1].is_unsent), default=inf) + NOTE_EVERY

    def note_unsent(self, parts: Iterable[QueuedPart], now: float) -> None:
        """Have it noted that those that still wait have not been sent until now, if that is due."""
        parts = list(parts)
        if now >= self.note_due(parts):
            self._noted_at = now
            self._note(parts)

    def _note(self, parts: Iterable[QueuedPart]) -> None:
        for text, part in parts:
            if part.is_unsent:
                self.save(text, part)

    def _unsent_until(self, text: QueuedText, part: Part) -> float:
        if self._link_up_at == inf:
            return inf
        return max(text.created, self._link_up_at, part.not_before, self._noted_at)
