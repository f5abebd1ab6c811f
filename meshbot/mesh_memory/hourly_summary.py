"""One line of the log an hour that tells how it is, where nothing else is worth a line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from meshbot.mesh_link import LinkFigures
from meshbot.runtime import Clock

LOGGER = logging.getLogger(__name__)
HOUR: Final = 3600.0
LINK_UP: Final = "🕐 Dernière heure: %d paquets de %d nœuds; lien établi, %d coupures; %d envois en attente"
LINK_DOWN: Final = "🕐 Dernière heure: %d paquets de %d nœuds; lien coupé, %d coupures; %d envois en attente"


class HourlySummary:
    """For one thread, that of Housekeeping: it takes packets, and is looked at now and then."""

    def __init__(
        self,
        clock: Clock,
        link: Callable[[], LinkFigures],
        heard: Callable[[float], int],
        waiting: Callable[[], int],
    ) -> None:
        """`heard` returns how many nodes were heard in so many seconds, `waiting` how many packets wait to go."""
        self._clock = clock
        self._link = link
        self._heard = heard
        self._waiting = waiting
        self._packets = 0
        self._due = clock.monotonic() + HOUR

    def take(self, _packet: object) -> None:
        """Count a packet."""
        self._packets += 1

    def look(self) -> None:
        """Log the line if its hour is over; raises nothing."""
        now = self._clock.monotonic()
        if now < self._due:
            return
        # a machine that slept has no hours to make up for
        self._due = now + HOUR if now >= self._due + HOUR else self._due + HOUR
        packets, self._packets = self._packets, 0
        link = self._link()
        text = LINK_DOWN if link.ready_for is None else LINK_UP
        LOGGER.info(text, packets, self._heard(HOUR), link.last_hour, self._waiting())
