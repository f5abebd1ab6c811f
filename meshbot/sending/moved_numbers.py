"""What waits for a node's old number goes to its present one; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from meshbot.sending.queued_text import Part, PartState, QueuedText


@dataclass(frozen=True, slots=True)
class MovedNumbers:
    """Nobody is at an old number any more: what was sent there without an answer goes again."""

    # all old numbers of nodes that have another one now, each with that
    numbers: Callable[[], Mapping[int, int]] = dict

    def redirect(
        self, texts: Iterable[QueuedText], new_id: Callable[[], int], now: float
    ) -> Iterator[tuple[QueuedText, Part, int]]:
        """Give texts their recipients' present numbers; yield each packet that has another id now, and that before."""
        moved = self.numbers()
        for text in texts:
            if (to := moved.get(text.message.to)) is None:
                continue
            text.message = replace(text.message, to=to)
            for part in text.parts:
                before = part.packet.packet_id
                part.renew(new_id(), part.not_before if part.state is PartState.WAITING else now, to)
                yield text, part, before
