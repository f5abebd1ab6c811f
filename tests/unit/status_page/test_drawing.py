"""The drawings: every node and every second is there, whatever the figures are."""

import re

from hypothesis import given
from hypothesis import strategies as st

from meshbot.status_page.drawing import (
    BAND_WIDTH,
    BARS_HEIGHT,
    MAP_SIDE,
    MOST_NAMED,
    Spot,
    band,
    bars,
    plain_map,
    share_up,
)
from meshbot.storage.link_periods import LinkPeriodRow

WEEK = 7 * 86400
BOX = re.compile(r"M([\d.e+-]+) [\d.e+-]+h([\d.e+-]+)v[\d.e+-]+h-[\d.e+-]+z")


def boxes(shapes, name):
    (path,) = (shape.path for shape in shapes if shape.name == name)
    return [(float(x), float(width)) for x, width in BOX.findall(path)]


def period(began, ended, *, is_up, number=0):
    return LinkPeriodRow(1, number, began, ended, is_up)


def test_a_second_of_outage_in_seven_days_is_seen():
    shapes = band([period(0, 300_000, is_up=True), period(300_000, 300_001, is_up=False)], 0, WEEK)
    ((x, width),) = boxes(shapes, "down")
    assert x == int(300_000 / WEEK * BAND_WIDTH)
    assert width == 1


def test_what_no_process_saw_stays_open():
    shapes = band([period(0, WEEK // 4, is_up=True), period(WEEK // 2, WEEK, is_up=True)], 0, WEEK)
    assert boxes(shapes, "up") == [(0, BAND_WIDTH // 4 + 1), (BAND_WIDTH // 2, BAND_WIDTH // 2)]


TIMES = st.integers(-2 * WEEK, 2 * WEEK)


@given(st.lists(st.tuples(TIMES, st.integers(0, WEEK), st.booleans()), max_size=40))
def test_the_band_stays_within_itself_whatever_the_clock_did(found):
    periods = [period(began, began + length, is_up=is_up) for began, length, is_up in found]
    shapes = band(periods, 0, WEEK)
    both = boxes(shapes, "up") + boxes(shapes, "down")
    assert all(x >= 0 and x + width <= BAND_WIDTH for x, width in both)
    assert sum(width for _, width in both) <= BAND_WIDTH
    assert 0 <= (share_up(periods, 0) or 0) <= 1


HOURS = st.dictionaries(
    st.tuples(st.integers(0, 50).map(lambda n: n * 3600), st.sampled_from("ab")), st.integers(0, 10**6)
)


@given(HOURS)
def test_the_highest_column_fills_the_height(hours):
    made = bars(hours, ("a", "b"), 0, 48, 3600)
    sums = [hours.get((n * 3600, "a"), 0) + hours.get((n * 3600, "b"), 0) for n in range(48)]
    assert made.most == max(sums)
    heights = [float(height) for shape in made.shapes for height in re.findall(r"v([\d.e+-]+)h", shape.path)]
    assert all(0 < height <= BARS_HEIGHT * 1.001 for height in heights)


PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(st.lists(PLACES, max_size=60), PLACES)
def test_every_node_is_on_the_map(places, centre):
    made = plain_map([Spot(f"n{n}", *place, n % 3) for n, place in enumerate(places)], centre)
    assert [mark.name for mark in made.marks] == [f"n{n}" for n in range(len(places))]
    assert all(0 <= mark.x <= MAP_SIDE and 0 <= mark.y <= MAP_SIDE for mark in made.marks)
    assert made.beyond <= max(1, len(places) // 10)


def test_north_is_up_and_east_is_right():
    north, east = plain_map([Spot("n", 46.0, 5.0, 0), Spot("e", 45.0, 6.0, 0)], (45.0, 5.0)).marks
    assert north.y < MAP_SIDE / 2 == north.x
    assert east.x > MAP_SIDE / 2 == east.y


def test_beyond_the_date_line_is_near():
    (mark,) = plain_map([Spot("n", 0.0, -179.99, 0)], (0.0, 179.99)).marks
    assert MAP_SIDE / 2 < mark.x < MAP_SIDE


def test_a_crowd_is_one_path_for_each_age():
    made = plain_map([Spot("n", 45 + n / 1000, 5.0, n % 3) for n in range(MOST_NAMED + 90)], (45.0, 5.0))
    assert len(made.marks) == MOST_NAMED
    assert {shape.name: shape.path.count("M") for shape in made.crowd} == {"age0": 30, "age1": 30, "age2": 30}
