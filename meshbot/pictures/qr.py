"""QR codes of links that phones scan, drawn by segno in the process itself: a few milliseconds."""

from __future__ import annotations

from io import BytesIO, StringIO
from typing import Final

# Pixels of a module: 45 modules with their border are 318 pixels wide
SCALE: Final = 6


def qr_png(text: str) -> bytes:
    """Return a PNG."""
    import segno  # noqa: PLC0415 - for those who ask for it

    png = BytesIO()
    segno.make_qr(text, error="m").save(png, kind="png", scale=SCALE)
    return png.getvalue()


def qr_lines(text: str) -> str:
    """Return the code as lines of block characters for a terminal, dark on light."""
    import segno  # noqa: PLC0415 - the same

    lines = StringIO()
    segno.make_qr(text, error="l").terminal(lines, compact=True)
    return lines.getvalue().rstrip("\n")
