"""SVG by numbers: the link's band, the traffic by hour, the map of nodes; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import cos, hypot, radians
from typing import Final

from meshbot.storage import LinkPeriodRow

# Of the drawings, in their own units: they are as wide as the page
BAND_WIDTH: Final = 700
BAND_HEIGHT: Final = 36
BARS_WIDTH, BARS_HEIGHT = 720, 160
MAP_SIDE: Final = 640
# Of the map's border, where those stand that are farther away than the map reaches
EDGE: Final = 12
# Share of the nodes that the map reaches
REACHED: Final = 0.95
# Nodes with a mark of their own, which tells its name; beyond, marks of one age are one path
MOST_NAMED: Final = 150
METRES_A_DEGREE: Final = 111_320.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A path with the name of its class."""

    name: str
    path: str


# -- the link's band


def band(periods: Iterable[LinkPeriodRow], since: float, until: float) -> list[Shape]:
    """Return a path for `up` and one for `down`; what neither covers, no process saw.

    Each stretch of the band shows the worst of its time: an outage of a second in seven days can be seen.
    """
    cells: list[str] = [""] * BAND_WIDTH
    for period in periods:
        first = int((period.began - since) / (until - since) * BAND_WIDTH)
        last = int((period.ended - since) / (until - since) * BAND_WIDTH)
        for cell in range(max(first, 0), min(last, BAND_WIDTH - 1) + 1):
            if not period.is_up or not cells[cell]:
                cells[cell] = "up" if period.is_up else "down"
    paths: dict[str, str] = {"up": "", "down": ""}
    at = 0
    for name, run in groupby(cells):
        width = len(list(run))
        if name:
            paths[name] += _box(at, 0, width, BAND_HEIGHT)
        at += width
    return [Shape(name, path) for name, path in paths.items()]


def share_up(periods: Iterable[LinkPeriodRow], since: float) -> float | None:
    """Return the share of the time that processes saw in which the link was up, None if that is nothing."""
    seconds = {True: 0.0, False: 0.0}
    for period in periods:
        seconds[period.is_up] += max(0.0, period.ended - max(period.began, since))
    total = sum(seconds.values())
    return seconds[True] / total if total else None


# -- the traffic by hour


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked columns, one an hour."""

    shapes: Sequence[Shape]
    most: int  # packets of the highest column
    days: Sequence[tuple[float, int]]  # where each day begins, and that time


def bars(hours: Mapping[tuple[int, str], int], names: Sequence[str], first: int, count: int, step: int) -> Bars:
    """Return the columns of `count` hours from `first` on, with `names` from the bottom up; `hours` by hour and name.

    `step` is an hour in seconds.
    """
    starts = [first + number * step for number in range(count)]
    most = max((sum(hours.get((start, name), 0) for name in names) for start in starts), default=0)
    width = BARS_WIDTH / count
    paths: dict[str, str] = dict.fromkeys(names, "")
    for number, start in enumerate(starts):
        bottom = float(BARS_HEIGHT)
        for name in names:
            height = hours.get((start, name), 0) / most * BARS_HEIGHT if most else 0.0
            if height:
                bottom -= height
                paths[name] += _box(number * width + 1, bottom, width - 2, height)
    days = [(number * width, start) for number, start in enumerate(starts)]
    return Bars([Shape(name, path) for name, path in paths.items() if path], most, days)


# -- the map


@dataclass(frozen=True, slots=True)
class Spot:
    """A node with a place."""

    name: str
    latitude: float  # degrees
    longitude: float  # degrees
    age: int  # class of age, 0: just heard


@dataclass(frozen=True, slots=True)
class Mark:
    """A node on the map."""

    x: float
    y: float
    age: int
    name: str


@dataclass(frozen=True, slots=True)
class PlainMap:
    """The nodes around a centre."""

    marks: Sequence[Mark]  # those with a name of their own
    crowd: Sequence[Shape]  # the others, a path for each class of age; each mark is a line without length
    rings: Sequence[tuple[float, float]]  # radius on the map, and in metres
    beyond: int  # nodes at the border, farther away


def plain_map(spots: Sequence[Spot], centre: tuple[float, float]) -> PlainMap:
    """Return the map; `spots` with the most important first, `centre` in degrees."""
    placed = [(spot, *_metres(spot, centre)) for spot in spots]
    distances = sorted(hypot(east, north) for _, east, north in placed)
    reach = max(distances[int((len(distances) - 1) * REACHED)] * 1.05, 100.0) if distances else 1000.0
    middle = MAP_SIDE / 2
    scale = (middle - 2 * EDGE) / reach
    marks, crowd, beyond = list[Mark](), dict[int, list[str]](), 0
    for number, (spot, east, north) in enumerate(placed):
        farthest = max(abs(east), abs(north)) * scale
        shrink = min(1.0, (middle - EDGE) / farthest) if farthest else 1.0
        beyond += hypot(east, north) > reach
        x, y = middle + east * scale * shrink, middle - north * scale * shrink
        if number < MOST_NAMED:
            marks.append(Mark(round(x, 1), round(y, 1), spot.age, spot.name))
        else:
            crowd.setdefault(spot.age, []).append(f"M{x:.0f} {y:.0f}h0")
    rings = [(metres * scale, metres) for metres in _round_distances(reach)]
    return PlainMap(marks, [Shape(f"age{age}", "".join(crowd[age])) for age in sorted(crowd)], rings, beyond)


def _metres(spot: Spot, centre: tuple[float, float]) -> tuple[float, float]:
    """Return how far to the east and to the north a node is; exact enough for what a radio reaches."""
    latitude, longitude = centre
    turn = (spot.longitude - longitude + 180) % 360 - 180
    east = turn * METRES_A_DEGREE * cos(radians((latitude + spot.latitude) / 2))
    return east, (spot.latitude - latitude) * METRES_A_DEGREE


def _round_distances(reach: float) -> list[float]:
    """Return one to three distances of 1, 2 or 5 times a power of ten below the reach."""
    steps = [factor * 10.0**power for power in range(1, 8) for factor in (1, 2, 5)]
    return [step for step in steps if step <= reach][-2:]


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:.4g} {y:.4g}h{width:.4g}v{height:.4g}h-{width:.4g}z"
