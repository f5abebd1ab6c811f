"""The air: how long a packet takes, when the node's own go out, and how much of the last hour they took."""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import Any, Final, NamedTuple

from meshtastic.protobuf import config_pb2

Preset = config_pb2.Config.LoRaConfig.ModemPreset
HOUR: Final = 3600.0
LONG_SYMBOL: Final = 0.016  # seconds; beyond, each has two bits less
PREAMBLE: Final = 16 + 4.25  # symbols
# What a text of 40 characters takes with its header; stands for packets of others
TYPICAL_BYTES: Final = 64


class Modem(NamedTuple):
    """How a preset modulates."""

    bandwidth: float  # kHz
    spread_factor: int
    coding_rate: int  # 5 for 4/5, to 8 for 4/8


PRESETS: Final = {
    Preset.LONG_FAST: Modem(250, 11, 5),
    Preset.LONG_SLOW: Modem(125, 12, 8),
    Preset.VERY_LONG_SLOW: Modem(62.5, 12, 8),
    Preset.MEDIUM_SLOW: Modem(250, 10, 5),
    Preset.MEDIUM_FAST: Modem(250, 9, 5),
    Preset.SHORT_SLOW: Modem(250, 8, 5),
    Preset.SHORT_FAST: Modem(250, 7, 5),
    Preset.LONG_MODERATE: Modem(125, 11, 8),
    Preset.SHORT_TURBO: Modem(500, 7, 5),
    Preset.LONG_TURBO: Modem(500, 11, 8),
}


def seconds_on_air(size: int, lora: Any) -> float:
    """Return how long `size` bytes, the header included, take with these LoRaConfig settings."""
    modem = PRESETS[Preset.LONG_FAST]
    if lora.use_preset:
        modem = PRESETS.get(lora.modem_preset, modem)
    elif lora.bandwidth and lora.spread_factor and lora.coding_rate:
        modem = Modem(lora.bandwidth, lora.spread_factor, lora.coding_rate)
    symbol: float = 2**modem.spread_factor / modem.bandwidth / 1000
    bits = 4 * (modem.spread_factor - 2 * (symbol > LONG_SYMBOL))
    blocks = ceil(max(0, 8 * size - 4 * modem.spread_factor + 28 + 16) / bits)
    return (PREAMBLE + 8 + blocks * modem.coding_rate) * symbol


class Air:
    """The node's own packets on air, one after the other. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._starts: list[float] = []  # of packets in the TX queue
        self._free_at = 0.0
        self._sent: deque[tuple[float, float]] = deque()  # start and seconds, of the last hour

    def reset(self) -> None:
        """Drop what a reboot loses."""
        self._starts.clear()
        self._sent.clear()
        self._free_at = 0.0

    def book(self, now: float, seconds: float) -> float:
        """Send a packet once those before it are through; return the time of that."""
        start = max(now, self._free_at)
        self._free_at = start + seconds
        self._starts.append(start)
        self._sent.append((start, seconds))
        return start

    def queued(self, now: float) -> int:
        """Return how many packets wait in the TX queue."""
        self._starts = [start for start in self._starts if start > now]
        return len(self._starts)

    def share(self, now: float) -> float:
        """Return how much of the last hour the node has sent, in percent."""
        while self._sent and self._sent[0][0] <= now - HOUR:
            self._sent.popleft()
        return sum(seconds for _, seconds in self._sent) / HOUR * 100

    def silence(self, now: float, limit: float) -> float:
        """Return for how many seconds the share stays above the limit, which is in percent."""
        excess, silent = self.share(now) - limit, 0.0
        for start, seconds in self._sent:
            if excess <= 0:
                break
            excess -= seconds / HOUR * 100
            silent = start + HOUR - now
        return silent
