"""Distances on the Earth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.mesh_memory.geography import EARTH_RADIUS, distance

PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(
    ("here", "there", "kilometres"),
    [
        ((48.8566, 2.3522), (45.7640, 4.8357), 391.5),  # Paris, Lyon
        ((0, 179.5), (0, -179.5), 111.2),  # across the date line
        ((90, 0), (-90, 0), 20015.1),
        ((48.5, 2.25), (48.5, 2.25), 0),
    ],
)
def test_a_distance_is_as_the_crow_flies(here, there, kilometres):
    assert distance(*here, *there) / 1000 == pytest.approx(kilometres, abs=0.1)


@given(PLACES, PLACES)
def test_a_distance_is_symmetric_and_at_most_half_the_earth(here, there):
    assert 0 <= distance(*here, *there) <= EARTH_RADIUS * 3.1416
    assert distance(*here, *there) == pytest.approx(distance(*there, *here), abs=0.01)
