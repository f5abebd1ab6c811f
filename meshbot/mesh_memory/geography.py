"""Distances on the Earth."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Final

# Metres, the mean one: wrong by 0.5 % at most
EARTH_RADIUS: Final = 6_371_000.0


def distance(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the metres along the surface between two positions in degrees."""
    north, other_north = radians(latitude), radians(other_latitude)
    half_height = sin((other_north - north) / 2) ** 2
    half_width = sin(radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS * asin(min(1.0, sqrt(half_height + cos(north) * cos(other_north) * half_width)))
