"""The library's own threads, for the watchdog to ping."""

from __future__ import annotations

from collections.abc import Callable

from meshtastic import publishingThread

from meshbot.mesh_link.interface import MeshTCPInterface


class PublishingBeat:
    """Stands for the thread `publishing`, one a process, through which every packet comes (link_facts §1)."""

    name = "publishing"

    def __init__(self) -> None:
        self.pings_answered = 0

    def tell(self, _ping: object) -> None:
        """Have that thread answer; returns at once."""
        publishingThread.queueWork(self._answer)

    def _answer(self) -> None:
        self.pings_answered += 1


class ReaderBeat:
    """Stands for the thread `stream reader` of the present link; without a link there is nothing to answer."""

    name = "stream reader"

    def __init__(self, interface_of: Callable[[], MeshTCPInterface | None]) -> None:
        """`interface_of` returns the READY interface."""
        self._interface_of = interface_of
        self._asked: MeshTCPInterface | None = None
        self._turns = 0
        self._pings = 0

    def tell(self, _ping: object) -> None:
        """Note how many turns the reader has made: one more is its answer, or that it waits for data."""
        self._pings += 1
        self._asked = self._interface_of()
        self._turns = self._asked.reader_turns if self._asked is not None else 0

    @property
    def pings_answered(self) -> int:
        """See Beating."""
        asked = self._asked
        if asked is None or asked is not self._interface_of() or asked.reader_waits:
            return self._pings
        return self._pings - (asked.reader_turns == self._turns)
