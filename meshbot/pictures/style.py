"""Sizes and colours: a dark card of its own, readable wherever it is shown; numbers only."""

from __future__ import annotations

from typing import Final

WIDTH: Final = 1080  # pixels, as all sizes here: a phone's screen
MARGIN: Final = 36
TITLE, SUBTITLE, TEXT, NAME = 42, 28, 26, 24  # heights of letters; a phone shows the card at about half its size

CARD: Final = "#1b222d"
INK: Final = "#eef2f6"
FAINT: Final = "#a8b3c1"  # what may be overlooked
GRID: Final = "#364150"  # decoration
SERIES: Final = (
    "#5cc4ff",  # text
    "#6fd68a",  # position
    "#ffd166",  # node info
    "#ff9a56",  # telemetry
    "#c49bff",  # traceroute
    "#ff7f96",  # acknowledgements
    "#3fd6c6",  # neighbours
    "#93a0b0",  # encrypted
    "#e0cfae",  # all others
)
AGES: Final = ("#7df09d", "#ffd166", "#ff8f4a", "#8d9aab")  # the fresher, the brighter
SNR, RSSI, DIRECT, RELAYED = SERIES[0], SERIES[2], SERIES[1], SERIES[7]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours `#rrggbb` as WCAG 2 has it, 1 to 21; 4.5 is enough for text."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]  # noqa: PLR2004 - sRGB's own
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
