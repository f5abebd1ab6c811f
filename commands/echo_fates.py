"""Telling who asked for an /echo that it did not go out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from commands.language import Translate
from commands.language import mark as _
from mesh_link.outgoing import Fate, Outcome, OutgoingText
from runtime.clock import Clock

ECHO: Final = "echo"
ORIGIN: Final = re.compile(rf"{ECHO}:([0-9a-f]{{1,8}})")  # the asker
NOT_SENT: Final = _("❌ Your /echo did not go out on channel {channel}. Try again later.")
TEXTS: Final[Mapping[Fate, str]] = {
    Fate.EXPIRED: NOT_SENT,
    Fate.REFUSED: NOT_SENT,
    Fate.FAILED: NOT_SENT,
    Fate.TURNED_AWAY: NOT_SENT,
    Fate.UNCONFIRMED: _("❔ Your /echo perhaps did not go out on channel {channel}: the radio did not confirm it."),
}


def origin_of(asker: int) -> str:
    """Return the origin of a text that a node asked for."""
    return f"{ECHO}:{asker:x}"


class EchoFates:
    """For the thread Mesh-Sender: it waits for nothing."""

    def __init__(
        self, clock: Clock, send: Callable[[OutgoingText], object], translate: Translate, answer_ttl: float
    ) -> None:
        """`send` only puts into an inbox."""
        self._clock = clock
        self._send = send
        self._translate = translate
        self._answer_ttl = answer_ttl

    def fate(self, outcome: Outcome) -> None:
        """Take what became of a text; tell its asker, by direct message, if that is no good news."""
        origin, text = ORIGIN.fullmatch(outcome.message.origin), TEXTS.get(outcome.fate)
        if origin is None or text is None:
            return
        told = self._translate(text).format(channel=outcome.message.channel)
        expires_at = self._clock.monotonic() + self._answer_ttl
        self._send(OutgoingText(told, int(origin[1], 16), want_ack=True, expires_at=expires_at))
