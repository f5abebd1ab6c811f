"""What a figure about a radio or a place can be at all; pure. None stands for whatever is out of range.

Every figure from outside passes here: those of packets, of the node's own database, and of saved rows.
"""

from __future__ import annotations

import math
from typing import Final

# Three bits on the air
MAX_HOPS: Final = 7
# What a radio of this kind can measure: dB and dBm
MAX_SNR: Final = 60.0
RSSI_RANGE: Final = (-200, 20)
# Percent; 101 is how firmware says "powered from outside"
MAX_BATTERY: Final = 101
MAX_VOLTAGE: Final = 100.0
# Degrees around 0/0, where a receiver without a fix is and nobody else: 55 km of sea
NULL_ISLAND: Final = 0.5
# Metres: below the Dead Sea; above any balloon
ALTITUDE_RANGE: Final = (-500, 50_000)
# Seconds since 1970: before there was Meshtastic; the end of 32 bits
TIME_RANGE: Final = (1_577_836_800, 0xFFFFFFFF)
# Metres; farther than LoRa was ever heard: one of the positions is wrong
LONGEST_LINK: Final = 1_500_000.0
# Seconds that a clock may be ahead of ours
CLOCK_AHEAD: Final = 300


def place(latitude: object, longitude: object) -> tuple[float, float] | None:
    """Return a place in degrees; impossible ones and those around 0/0 are none."""
    north, east = _number(latitude), _number(longitude)
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:  # noqa: PLR2004 - degrees
        return None
    return None if max(abs(north), abs(east)) < NULL_ISLAND else (north, east)


def altitude(metres: object) -> int | None:
    """Return metres above the sea."""
    return _integer(metres, *ALTITUDE_RANGE)


def snr(decibels: object) -> float | None:
    """Return a signal-to-noise ratio in dB."""
    value = _number(decibels)
    return value if value is not None and abs(value) <= MAX_SNR else None


def rssi(level: object) -> int | None:
    """Return a level in dBm; 0 is how its absence is written."""
    return _integer(level, *RSSI_RANGE) or None


def hops(count: object) -> int | None:
    """Return how many nodes relayed."""
    return _integer(count, 0, MAX_HOPS)


def battery(percent: object) -> int | None:
    """Return the charge in percent; above 100: powered from outside."""
    return _integer(percent, 0, MAX_BATTERY)


def voltage(volts: object) -> float | None:
    """Return volts."""
    value = _number(volts)
    return value if value is not None and 0 <= value <= MAX_VOLTAGE else None


def percent(share: object) -> float | None:
    """Return a share of time in percent."""
    value = _number(share)
    return value if value is not None and 0 <= value <= 100 else None  # noqa: PLR2004 - all of it


def link_length(metres: object) -> float | None:
    """Return how far a node is from one that hears it."""
    value = _number(metres)
    return value if value is not None and 0 <= value <= LONGEST_LINK else None


def time(seconds: object) -> int | None:
    """Return seconds since 1970."""
    return _integer(seconds, *TIME_RANGE)


def past(seconds: int | None, now: float) -> int | None:
    """Return the time unless it is to come; one that a clock a little ahead gave is now."""
    if seconds is None or seconds > now + CLOCK_AHEAD:
        return None
    return min(seconds, int(now))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    # an integer too large for a float
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _integer(value: object, least: int, most: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value <= most else None
