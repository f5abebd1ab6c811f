"""The link as other parts may see it: its interface, its node, its figures."""

from __future__ import annotations

from meshbot.mesh_link.interface import MeshTCPInterface
from meshbot.mesh_link.messages import Channel
from meshbot.mesh_link.statistics import LinkFigures, LinkStatistics
from meshbot.runtime import Clock


class CurrentLink:
    """Any thread may ask; TCPInterfaceManager alone changes it. Built before all that asks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._interface: MeshTCPInterface | None = None
        self._own_num = 0
        self._channels: tuple[Channel, ...] | None = None
        self._is_locked = False
        self.statistics = LinkStatistics()

    def interface(self) -> MeshTCPInterface | None:
        """Return the READY interface, or None; ask each time and keep no copy."""
        return self._interface

    def own_num(self) -> int:
        """Return our node's number, as its interface last had it; 0 before the first READY. Keep no copy of it."""
        interface = self._interface
        if interface is not None:
            self._own_num = interface.own_num
        return self._own_num

    def channels(self) -> tuple[Channel, ...] | None:
        """Return the channels that our node had enabled at the last READY, None before the first."""
        return self._channels

    def figures(self) -> LinkFigures:
        """Return how the link has been doing."""
        return self.statistics.snapshot(self._clock.monotonic())

    def is_locked(self) -> bool:
        """Return whether the node is connected and in lockdown, so that it neither delivers nor sends."""
        return self._is_locked

    def locked(self, *, is_locked: bool) -> None:
        """Note whether the node is in lockdown."""
        self._is_locked = is_locked

    def ready(self, interface: MeshTCPInterface) -> None:
        """Note that packets may flow."""
        self._channels = interface.channels
        self._interface = interface

    def lost(self) -> None:
        """Note that they no longer do."""
        self.own_num()
        self._interface = None
