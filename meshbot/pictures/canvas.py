"""The canvas of every picture: title, legend, time axes, PNG. Only the drawing process imports it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from PIL import Image

from meshbot.pictures.data import Tick
from meshbot.pictures.labels import drawable
from meshbot.pictures.style import BACKGROUND, FAINT, GRID, INK, MARGIN, SUBTITLE, TEXT, TITLE, WIDTH

DPI: Final = 72  # makes a point a pixel
FONT: Final = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
BOLD: Final = FONT.with_name("DejaVuSans-Bold.ttf")
# Colours of the PNG: a third of the bytes
PALETTE: Final = 64
HEAD: Final = 140  # height of title and subtitle
ROW: Final = 44  # height of a legend's row
EDGE: Final = 6  # pixels between a text and the border of the picture
SWATCH: Final = 40  # width of a legend's mark

mpl.rcParams.update({"text.parse_math": False, "path.simplify": True})


class Canvas:
    """A figure in pixels from the bottom left."""

    def __init__(self, height: int, title: str, subtitle: str) -> None:
        self.height = height
        self.figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor=BACKGROUND)
        self._agg = FigureCanvasAgg(self.figure)
        self.glyphs = frozenset(FT2Font(str(FONT)).get_charmap())
        room = WIDTH - 2 * MARGIN
        self.text(MARGIN, height - 72, self.fitted(title, TITLE, room, bold=True), size=TITLE, bold=True)
        self.text(MARGIN, height - 116, self.fitted(subtitle, SUBTITLE, room), size=SUBTITLE, colour=FAINT)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: int = TEXT,
        colour: str = INK,
        bold: bool = False,
        at: str = "left",
    ) -> None:
        """Write `words` with the baseline at `y`."""
        font = FontProperties(fname=BOLD if bold else FONT, size=size)
        place = x / WIDTH, y / self.height
        self.figure.text(*place, words, fontproperties=font, color=colour, ha=at, va="baseline")

    def size_of(self, words: str, size: int = TEXT, *, bold: bool = False) -> tuple[float, float]:
        """Return width and height in pixels."""
        font = FontProperties(fname=BOLD if bold else FONT, size=size)
        renderer = self._agg.get_renderer()  # type: ignore[no-untyped-call] # matplotlib has not typed it
        width, height, _descent = renderer.get_text_width_height_descent(words, font, ismath=False)
        return float(width), float(height)

    def fitted(self, words: str, size: int, room: float, *, bold: bool = False) -> str:
        """Return the beginning of the text that the font can draw and `room` pixels hold."""
        limit = 120
        while limit > 1 and self.size_of(drawable(words, self.glyphs, limit), size, bold=bold)[0] > room:
            limit -= 1 if limit <= 60 else 20  # noqa: PLR2004 - nothing longer ever fits
        return drawable(words, self.glyphs, limit)

    def axes(self, bottom: float, height: float, *, left: float = 116.0, right: float = MARGIN) -> Axes:
        """Return a plot's area with a faint grid."""
        box = left / WIDTH, bottom / self.height, (WIDTH - left - right) / WIDTH, height / self.height
        axes = self.figure.add_axes(box, facecolor=BACKGROUND)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(FAINT)
        axes.tick_params(length=0, pad=10)
        axes.tick_params(axis="x", pad=16)
        axes.grid(axis="y", color=GRID, linewidth=1.5)
        axes.set_axisbelow(True)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True))
        return axes

    def finish(self, axes: Axes, since: float, until: float, ticks: Sequence[Tick], *, named: bool = True) -> None:
        """Set the time axis and the texts of both axes, when all is drawn."""
        axes.set_xlim(since, until)
        shown = [tick for tick in ticks if since <= tick.at <= until]
        names = [drawable(tick.text, self.glyphs, 12) if named else "" for tick in shown]
        axes.set_xticks([tick.at for tick in shown], names)
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_fontproperties(FontProperties(fname=FONT, size=TEXT))
            label.set_color(FAINT)
        self._keep_within(axes, [(tick.at, name) for tick, name in zip(shown, names, strict=True)], since, until)

    def _keep_within(self, axes: Axes, names: Sequence[tuple[float, str]], since: float, until: float) -> None:
        """Shift the texts of a time axis that would leave the picture, at its edges."""
        box = axes.get_position()
        for label, (at, name) in zip(axes.get_xticklabels(), names, strict=True):
            middle = (box.x0 + box.width * (at - since) / (until - since)) * WIDTH
            half = self.size_of(name)[0] / 2 if name else 0.0
            if middle + half > WIDTH - EDGE:
                label.set_horizontalalignment("right")
            elif middle - half < EDGE:
                label.set_horizontalalignment("left")

    def legend(self, top: float, entries: Sequence[tuple[str, Line2D]]) -> float:
        """Write a legend in as many rows as it needs and return the height of the rest."""
        x, y = float(MARGIN), top
        for words, mark in entries:
            name = self.fitted(words, TEXT, WIDTH - 2 * MARGIN - SWATCH)
            width = SWATCH + self.size_of(name)[0] + 30
            if x > MARGIN and x + width - 30 > WIDTH - MARGIN:
                x, y = float(MARGIN), y - ROW
            mark.set_data([(x + 13) / WIDTH], [(y + 9) / self.height])
            mark.set_transform(self.figure.transFigure)
            self.figure.add_artist(mark)
            self.text(x + SWATCH, y, name)
            x += width
        return y - ROW

    def png(self) -> bytes:
        """Return the picture."""
        self._agg.draw()  # type: ignore[no-untyped-call] # matplotlib has not typed it
        width, height = self._agg.get_width_height()
        pixels = self._agg.buffer_rgba()  # type: ignore[no-untyped-call] # the same
        image = Image.frombuffer("RGBA", (width, height), pixels, "raw", "RGBA", 0, 1)
        small = image.convert("RGB").quantize(PALETTE, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        out = io.BytesIO()
        small.save(out, "PNG", optimize=True)
        return out.getvalue()


def mark(shape: str, colour: str, size: float = 22, *, filled: bool = True) -> Line2D:
    """Return a legend's mark."""
    face = colour if filled else BACKGROUND
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=shape,
        markersize=size,
        markerfacecolor=face,
        markeredgecolor=colour,
        markeredgewidth=3,
    )
