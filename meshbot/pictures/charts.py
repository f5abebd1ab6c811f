"""Charts over time. Only the drawing process imports it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

from matplotlib.axes import Axes

from meshbot.pictures.canvas import HEAD, ROW, Canvas, mark
from meshbot.pictures.data import Histogram, Signal, SignalPoint
from meshbot.pictures.style import BACKGROUND, DIRECT, FAINT, GRID, MARGIN, RELAYED, RSSI, SERIES, SNR, TEXT, WIDTH

FOOT: Final = 62  # height of the texts below an axis
LONGEST_GAP: Final = 3  # steps between two points that a line still joins


def histogram(data: Histogram) -> bytes:
    """Return stacked columns as PNG."""
    canvas = Canvas(1000, data.title, data.subtitle)
    entries = [(each.name, mark("s", SERIES[each.colour])) for each in data.series]
    # Nine short names take three rows
    below = 3 * ROW + MARGIN
    canvas.legend(below - ROW, entries)
    axes = canvas.axes(below + FOOT, canvas.height - HEAD - below - FOOT)
    count = len(data.series[0].values)
    places = [data.since + (column + 0.5) * data.step for column in range(count)]
    bottoms = [0.0] * count
    width = data.step * (0.86 if count > 1 else 0.5)
    edge = 1.5 if count < 60 else 0.5  # noqa: PLR2004 - thin columns would be all edge
    for each in data.series:
        # A value of 0 has no edge either
        filled = [column for column, value in enumerate(each.values) if value]
        heights, feet = [each.values[column] for column in filled], [bottoms[column] for column in filled]
        at, colour = [places[column] for column in filled], SERIES[each.colour]
        axes.bar(at, heights, width, feet, color=colour, edgecolor=BACKGROUND, linewidth=edge)
        bottoms = [low + value for low, value in zip(bottoms, each.values, strict=True)]
    axes.set_ylim(0, max(1.0, *bottoms) * 1.05)
    canvas.finish(axes, data.since, data.since + count * data.step, data.ticks)
    return canvas.png()


def signal(data: Signal) -> bytes:
    """Return SNR, RSSI and packets, one below the other, as PNG."""
    canvas = Canvas(1320, data.title, data.subtitle)
    canvas.legend(MARGIN + 4, [(data.direct, mark("s", DIRECT)), (data.relayed, mark("s", RELAYED))])
    packets = canvas.axes(MARGIN + ROW + FOOT + 10, 190)
    rssi, snr = canvas.axes(425, 300), canvas.axes(815, 300)
    for top, title in ((1136, data.snr_title), (746, data.rssi_title), (366, data.packets_title)):
        canvas.text(MARGIN, top, canvas.fitted(title, TEXT, WIDTH - 2 * MARGIN))
    for each in data.points:
        if each.snr_least is not None and each.snr_most is not None:
            ends = [each.snr_least, each.snr_most]
            snr.plot([each.at] * 2, ends, color=SNR, alpha=0.35, linewidth=10, solid_capstyle="round")
    _line(snr, data, SNR, lambda point: point.snr)
    _line(rssi, data, RSSI, lambda point: point.rssi)
    _columns(packets, data)
    for axes in (snr, rssi):
        if not axes.lines:
            axes.set_yticks([])
            words = canvas.fitted(data.unknown, TEXT, WIDTH - 200)
            box = axes.get_position()
            canvas.text(WIDTH / 2, (box.y0 + box.height / 2) * canvas.height, words, colour=FAINT, at="center")
        canvas.finish(axes, data.since, data.until, data.ticks, named=False)
        if axes.lines:
            axes.grid(axis="x", color=GRID, linewidth=1)
    canvas.finish(packets, data.since, data.until, data.ticks)
    return canvas.png()


def _line(axes: Axes, data: Signal, colour: str, value: Callable[[SignalPoint], float | None]) -> None:
    """Draw the points that have a value, joined where they are close in time."""
    known = [(point.at, figure) for point in data.points if (figure := value(point)) is not None]
    for (at, figure), (next_at, next_figure) in pairwise(known):
        if next_at - at <= LONGEST_GAP * data.step:
            axes.plot([at, next_at], [figure, next_figure], color=colour, linewidth=4, solid_capstyle="round")
    if known:
        axes.plot(
            *zip(*known, strict=True), "o", color=colour, markersize=13, markeredgecolor=BACKGROUND, markeredgewidth=2
        )
        low, high = axes.dataLim.y0, axes.dataLim.y1
        pad = max(1.0, (high - low) * 0.12)
        axes.set_ylim(low - pad, high + pad)


def _columns(axes: Axes, data: Signal) -> None:
    places = [point.at for point in data.points]
    direct, relayed = [point.direct for point in data.points], [point.relayed for point in data.points]
    axes.bar(places, direct, data.step * 0.8, color=DIRECT)
    axes.bar(places, relayed, data.step * 0.8, direct, color=RELAYED)
    axes.locator_params(axis="y", nbins=3)
    axes.set_ylim(0, max(1.0, *(d + r for d, r in zip(direct, relayed, strict=True))) * 1.05)
