"""Whether Telegram can be reached, and what to say of it: once when it cannot, once when it can again; pure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from meshbot.telegram_bot.failures import Failure, Kind, pause

TEXTS: Final = {
    Kind.UNREACHABLE: "📵 Telegram injoignable ({detail}): nouvel essai toutes les 30 s au plus",
    Kind.SERVER: "📵 Telegram en panne ({detail}): nouvel essai toutes les 30 s au plus",
    Kind.FLOOD: "🚦 Telegram demande une pause de {wait:.0f} s",
    Kind.CONFLICT: "⚠️ Telegram: un autre programme relève les messages de ce bot; arrêtez-le, ou donnez à chacun "
    "son jeton. Nouvel essai chaque minute",
    Kind.WEBHOOK: "⚠️ Telegram: une adresse web (webhook) recevait les messages de ce bot; elle est retirée",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What to log."""

    level: int
    text: str


class Reachability:
    """Hears from every way in which we speak to Telegram how that went. Times are monotonic seconds."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        """`jitter` returns a number from -1 to 1."""
        self._jitter = jitter
        self._tries: dict[str, int] = {}  # in a row, of those ways that fail
        self._since = 0.0
        self._said: set[Kind] = set()

    def is_well(self, *, but_for: str = "") -> bool:
        """Whether the last try of every way went well, one left out."""
        return not self._tries.keys() - {but_for}

    def failed(self, way: str, failure: Failure, now: float) -> tuple[float, Line]:
        """Note a failure; return how many seconds to wait, and what to say of it."""
        if not self._tries:
            self._since = now
        self._tries[way] = self._tries.get(way, 0) + 1
        is_new = failure.kind not in self._said
        self._said.add(failure.kind)
        text = TEXTS.get(failure.kind, TEXTS[Kind.SERVER]).format(detail=failure.detail, wait=failure.wait)
        level = logging.WARNING if is_new else logging.DEBUG
        return pause(failure, self._tries[way], self._jitter()), Line(level, text)

    def went_well(self, way: str, now: float) -> Line | None:
        """Note a success; return what to say if all is well again."""
        if self._tries.pop(way, None) is None or self._tries:
            return None
        self._said.clear()
        return Line(logging.INFO, f"📲 Telegram de nouveau joignable après {now - self._since:.0f} s")
