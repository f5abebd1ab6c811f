"""Firmware 2.8's own hop limit for routine broadcasts: no further than to some 40 nodes."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from meshtastic.protobuf import config_pb2, portnums_pb2

PortNum = portnums_pb2.PortNum
Role = config_pb2.Config.DeviceConfig.Role
# What it is for
ROUTINE_PORTS: Final = frozenset(
    {PortNum.POSITION_APP, PortNum.TELEMETRY_APP, PortNum.NODEINFO_APP, PortNum.NEIGHBORINFO_APP}
)
HOUR: Final = 3600.0  # seconds
FIRST_RUN: Final = 30.0  # seconds after the boot; the hours count from there
HOURS_KEPT: Final = 13
ROOM: Final = 128  # nodes
HIGH, LOW = 80, 20  # percent of that
LARGEST_SHARE: Final = 128  # one node in so many is counted
MOST_HOPS: Final = 7
ENOUGH, PLENTY = 40, 80  # nodes to reach
HASHES: Final = 1 << 16
# Roles that are to be heard further
LEAST_BY_ROLE: Final = {Role.TRACKER: 2, Role.TAK_TRACKER: 2, Role.SENSOR: 1}
# Of the nodes between ENOUGH and PLENTY, in quarters: a mesh that falls silent, a steady and a growing one
QUARTERS_FALLING, QUARTERS_STEADY, QUARTERS_GROWING = 4, 2, 1


class HopScaling:
    """Counts nodes by distance, and concludes from that once an hour. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._seen: dict[int, tuple[int, int]] = {}  # hops away, and a bit for each hour, by a hash of the node
        self._sampled = self._counted = 1  # one node in so many gets into the table, and is counted
        self._held = 0  # hours until fewer may be skipped in counting
        self._shares = [1] * HOURS_KEPT  # what was counted in each of them
        self._suggested = MOST_HOPS
        self._next_hour = now + FIRST_RUN + HOUR

    def reboot(self, now: float) -> None:
        """Start again with the table, and without a conclusion."""
        self._suggested = MOST_HOPS
        self._shares = [self._counted] * HOURS_KEPT
        self._next_hour = now + FIRST_RUN + HOUR

    def sample(self, num: int, hops: int, now: float) -> None:
        """Hear a node over the radio."""
        self._advance(now)
        key = crc32(num.to_bytes(4, "big")) % HASHES
        if key % self._sampled:
            return
        known = self._seen.get(key)
        if known is None and len(self._seen) * 100 >= ROOM * HIGH:
            self._make_room()
            if len(self._seen) >= ROOM or key % self._sampled:
                return
        self._seen[key] = min(hops, MOST_HOPS), (known[1] if known else 0) | 1

    def limit(self, role: int, now: float) -> int:
        """Return how many hops a routine broadcast may take at most, by the own node's role."""
        self._advance(now)
        return max(self._suggested if self._seen else MOST_HOPS, LEAST_BY_ROLE.get(role, 0))

    def _advance(self, now: float) -> None:
        # A leap of days: older hours leave nothing
        self._next_hour = max(self._next_hour, now - 2 * HOURS_KEPT * HOUR)
        while now >= self._next_hour:
            self._next_hour += HOUR
            self._end_hour()

    def _end_hour(self) -> None:
        self._shares = [self._counted, *self._shares[:-1]]
        by_hops = [0] * (MOST_HOPS + 1)
        for key, (hops, hours) in self._seen.items():
            if hours and not key % self._counted:
                by_hops[hops] += 1
        self._suggested = self._conclude([number * self._counted for number in by_hops])
        if sum(by_hops) * 100 < ROOM * LOW:
            self._sampled = max(1, self._sampled // 2)
        if self._counted > self._sampled:
            self._held = max(0, self._held - 1)
            if not self._held:
                self._counted = max(self._sampled, self._counted // 2)
        all_hours = (1 << HOURS_KEPT) - 1
        self._seen = {key: (hops, hours << 1 & all_hours) for key, (hops, hours) in self._seen.items()}

    def _conclude(self, by_hops: list[int]) -> int:
        reached = 0
        for hops, number in enumerate(by_hops):
            reached += number
            if reached >= ENOUGH:
                further = by_hops[hops + 1] if hops < MOST_HOPS else 0
                fits = (reached + further - ENOUGH) * 4 <= (PLENTY - ENOUGH) * self._quarters()
                return hops + 1 if fits and hops < MOST_HOPS else hops
        return MOST_HOPS

    def _quarters(self) -> int:
        heard = [
            sum(1 for key, (_, hours) in self._seen.items() if hours >> ago & 1 and not key % self._shares[ago])
            for ago in range(3)
        ]
        recent, older = heard[0] + heard[1], heard[1] + heard[2]
        if min(recent, older) <= 1:
            return QUARTERS_STEADY
        if recent * 10 < older * 9:
            return QUARTERS_FALLING
        return QUARTERS_GROWING if recent * 10 > older * 12 else QUARTERS_STEADY

    def _make_room(self) -> None:
        """Give up who was not heard for 13 h, and if that is not enough every second node."""
        self._seen = {key: found for key, found in self._seen.items() if found[1]}
        if len(self._seen) * 100 < ROOM * HIGH or self._sampled >= LARGEST_SHARE:
            return
        self._sampled *= 2
        self._counted, self._held = max(self._counted, self._sampled), HOURS_KEPT
        self._shares = [max(share, self._counted) for share in self._shares]
        self._seen = {key: found for key, found in self._seen.items() if not key % self._sampled}
