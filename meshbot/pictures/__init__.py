"""Pictures: figures, drawn by matplotlib in a process of its own, and QR codes; the only importer of both libraries."""

from meshbot.pictures.data import (
    MOST_NODES,
    MOST_TEXT,
    BadDataError,
    Histogram,
    MapNode,
    NodeMap,
    Picture,
    Series,
    Signal,
    SignalPoint,
    Tick,
)
from meshbot.pictures.draw import TIMEOUT, PictureError, PictureRenderer
from meshbot.pictures.projection import Place, kilometres, middle, radius_for, rings_for
from meshbot.pictures.qr import qr_lines, qr_png

__all__ = [
    "MOST_NODES",
    "MOST_TEXT",
    "TIMEOUT",
    "BadDataError",
    "Histogram",
    "MapNode",
    "NodeMap",
    "Picture",
    "PictureError",
    "PictureRenderer",
    "Place",
    "Series",
    "Signal",
    "SignalPoint",
    "Tick",
    "kilometres",
    "middle",
    "qr_lines",
    "qr_png",
    "radius_for",
    "rings_for",
]
