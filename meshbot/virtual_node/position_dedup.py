"""Firmware 2.8 drops a position that its sender has told already: neither relayed, nor stored, nor for the client."""

from __future__ import annotations

from typing import Final

from meshtastic.protobuf import channel_pb2, config_pb2, mesh_pb2

Role = config_pb2.Config.DeviceConfig.Role
TICK: Final = 360  # seconds: how fine times are
TICKS_KEPT: Final = 256
INTERVAL: Final = 11 * 3600  # seconds, of a node that nobody has set up otherwise; 0 switches it off
# Shorter for these roles
LONGEST_BY_ROLE: Final = {Role.TRACKER: 3600, Role.TAK_TRACKER: 3600, Role.LOST_AND_FOUND: 900}
NODES_KEPT: Final = 500  # as on an ESP32-S3 without PSRAM
DEFAULT_PRECISION: Final = 19  # bits of a coordinate, where the channel says nothing
MOST_BITS: Final = 32
CELLS: Final = 16  # of each coordinate; a move by as many looks like none


class PositionDedup:
    """Remembers where each node was last. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[tuple[int, int], int]] = {}  # cell and tick by node

    def reset(self) -> None:
        """Drop what a reboot loses."""
        self._last.clear()

    def drops(self, num: int, position: mesh_pb2.Position, precision: int, interval: int, now: float) -> bool:
        """Whether the node was there less than `interval` seconds ago; each time it says so counts anew.

        `precision` is the channel's, in bits.
        """
        if not interval or not (position.HasField("latitude_i") and position.HasField("longitude_i")):
            return False
        shift = MOST_BITS - (precision if 0 < precision < MOST_BITS else DEFAULT_PRECISION)
        cell = (position.latitude_i >> shift) % CELLS, (position.longitude_i >> shift) % CELLS
        tick = int(now // TICK)
        known = self._last.pop(num, None)
        if known is None and len(self._last) >= NODES_KEPT:
            del self._last[next(iter(self._last))]
        self._last[num] = cell, tick
        ticks = min(TICKS_KEPT - 1, max(1, interval // TICK))
        return known is not None and known[0] == cell and (tick - known[1]) % TICKS_KEPT < ticks


def interval_for(role: int, configured: int) -> int:
    """Return for how many seconds a node of that role is not to repeat its position, 0 for no limit."""
    return min(configured, LONGEST_BY_ROLE.get(role, configured))


def is_well_known(channel: channel_pb2.Channel) -> bool:
    """Whether the channel is one that everybody has: without a name of its own, and with a public key."""
    return channel.role != channel_pb2.Channel.Role.DISABLED and not channel.settings.name and is_public(channel)


def is_public(channel: channel_pb2.Channel) -> bool:
    """Whether the channel's key is none, or one of the firmware's."""
    return len(channel.settings.psk) <= 1
