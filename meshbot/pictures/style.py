"""Sizes and colours: a dark background, readable in a light and in a dark chat."""

from __future__ import annotations

from typing import Final

# Pixels, as all sizes here: a phone's screen
WIDTH: Final = 1080
MARGIN: Final = 36
# Heights of letters; a phone shows a picture at about half its size
TITLE, SUBTITLE, TEXT, NAME = 42, 28, 26, 24

BACKGROUND: Final = "#1b222d"
INK: Final = "#eef2f6"
FAINT: Final = "#a8b3c1"  # of less important texts
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
