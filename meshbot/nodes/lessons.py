"""Whether the radio may be taught a node's key, or be made to forget one, and why not; pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meshbot.nodes.custody_records import CustodyRecords
from meshbot.nodes.custody_steps import Cure
from meshbot.nodes.radio_state import Outcome, TrustedKey
from meshbot.storage import DAY, CustodyRow

# Each has the radio write its whole database to its flash. The last ones are for what an operator decides, those before
# for messages that wait
TAUGHT_A_DAY: Final = 20
TAUGHT_FOR_MESSAGES: Final = 15
TAUGHT_AHEAD: Final = 10


def none_revoked(_num: int, _key: bytes) -> bool:
    """Take no key as revoked."""
    return False


class Lessons:
    """Knows what is trusted, what is revoked, and how much was taught."""

    def __init__(
        self,
        records: CustodyRecords,
        trusted: Callable[[int], TrustedKey | None],
        is_revoked: Callable[[int, bytes], bool] = none_revoked,
        *,
        can_note: bool = True,
    ) -> None:
        """See Custody."""
        self._records = records
        self._trusted = trusted
        self._is_revoked = is_revoked
        self._can_note = can_note

    def is_revoked(self, num: int, held: bytes | None) -> bool:
        """Return whether the radio has a revoked key of a node."""
        return held is not None and self._is_revoked(num, held)

    def why_not(self, cure: Cure, held: bytes | None, obstacle: Outcome | None, wall: int) -> Outcome | None:
        """Return why a node's key, of which the radio has `held`, is not to be changed there; None: it is."""
        row = self._records.row(cure.num)
        reason = None if self.is_revoked(cure.num, held) else self._why_not_taught(cure, held, row)
        if reason is not None or obstacle is not None:
            return reason or obstacle
        if not self._can_note:
            return Outcome.NOT_KEPT
        if not (cure.awaited or cure.for_operator) and row.taught_at is not None and 0 <= wall - row.taught_at < DAY:
            return Outcome.DAY_FULL
        limit = TAUGHT_A_DAY if cure.for_operator else TAUGHT_FOR_MESSAGES if cure.awaited else TAUGHT_AHEAD
        return Outcome.DAY_FULL if self._records.taught_on(wall) >= limit else None

    def _why_not_taught(self, cure: Cure, held: bytes | None, row: CustodyRow) -> Outcome | None:
        trusted = self._trusted(cure.num)
        if trusted is None:
            return Outcome.NO_KEY
        # one that has lost its operator's mark with its old key is taught again for the mark
        if held == trusted.key and row.stays_favourite is not True:
            # an operator asks for the state, the others for a change
            return Outcome.HELD if cure.for_operator else Outcome.NO_ANSWER
        if trusted.doubtful:
            return Outcome.DOUBTFUL
        return Outcome.PINNED if held is not None and not trusted.verified else None
