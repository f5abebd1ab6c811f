"""Places on a flat map around a centre; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import cos, hypot, radians
from typing import Final

KM_PER_DEGREE: Final = 111.195  # of a meridian of the mean Earth
# cos(latitude) near the poles, where east has no meaning
LEAST_WIDTH: Final = 0.01
STEPS: Final = (1.0, 2.0, 5.0)
# In km; smaller distances are GPS noise
LEAST_RADIUS: Final = 0.5
WITHIN: Final = 0.8  # the share of the nodes that the map always shows
# Times their distance; nodes beyond are drawn at the edge
STRETCH: Final = 2.5

Place = tuple[float, float]  # degrees north and east, or km east and north


def kilometres(centre: Place, place: Place) -> Place:
    """Return how many km east and north of `centre` a place is, by latitude and longitude, the shorter way round."""
    turn = (place[1] - centre[1] + 180.0) % 360.0 - 180.0
    width = max(LEAST_WIDTH, cos(radians(centre[0])))
    return turn * KM_PER_DEGREE * width, (place[0] - centre[0]) * KM_PER_DEGREE


def middle(places: Sequence[Place]) -> Place:
    """Return the median latitude and longitude; places on both sides of 180° stay together."""
    first = places[0][1]
    turns = sorted((east - first + 180.0) % 360.0 - 180.0 for _north, east in places)
    norths = sorted(north for north, _east in places)
    half = len(places) // 2
    return norths[half], (first + turns[half] + 180.0) % 360.0 - 180.0


def radius_for(offsets: Iterable[Place]) -> float:
    """Return the map's radius in km: all nodes but a few so far away that the others would be one point."""
    distances = sorted(hypot(*offset) for offset in offsets)
    if not distances:
        return LEAST_RADIUS
    usual = max(LEAST_RADIUS, distances[int((len(distances) - 1) * WITHIN)])
    return max(LEAST_RADIUS, *(each for each in distances if each <= STRETCH * usual))


def rings_for(radius: float) -> tuple[float, ...]:
    """Return two to five round distances in km within the radius."""
    magnitude = 1e-4
    while True:
        for step in STEPS:
            if radius / (step * magnitude) < 5.5:  # noqa: PLR2004 - a sixth ring would be one too many to read
                return tuple(step * magnitude * ring for ring in range(1, int(radius / (step * magnitude)) + 1))
        magnitude *= 10.0
