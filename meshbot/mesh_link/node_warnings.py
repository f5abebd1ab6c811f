"""What our own node warns its client of, for the log and for operators: a key twice, a weak key, too much air time."""

from __future__ import annotations

import logging
import re
from typing import Final

from meshtastic.protobuf import mesh_pb2

from meshbot.mesh_link.messages import ClientWarning
from meshbot.runtime import Clock, NodeWarning, Report, TimedCache
from meshbot.text import one_line, shorten

LOGGER = logging.getLogger(__name__)
# Seconds in which the same warning counts once; another figure in it makes it no other
REPORTED_EVERY: Final = 3600.0
KINDS_KEPT: Final = 50
TEXT_BYTES: Final = 400
FIGURES: Final = re.compile(r"\d+")


class NodeWarnings:
    """Takes every warning; on a thread that must not wait."""

    def __init__(self, clock: Clock, report: Report) -> None:
        self._clock = clock
        self._report = report
        self._reported: TimedCache[str, None] = TimedCache(REPORTED_EVERY, KINDS_KEPT)

    def take(self, warning: ClientWarning) -> None:
        """Log and report it, unless the last hour has brought it already."""
        text = shorten(one_line(warning.text), TEXT_BYTES)
        kind, now = FIGURES.sub("0", text), self._clock.monotonic()
        if not text or self._reported.get(kind, now) is not None:
            return
        self._reported.put(kind, None, now)
        LOGGER.warning("📻 Notre nœud prévient: %s", text)
        self._report(NodeWarning(text))


def warning_text(notification: mesh_pb2.ClientNotification) -> str:
    """Return the firmware's text; of one without text what it is about."""
    return notification.message or (notification.WhichOneof("payload_variant") or "").replace("_", " ")
