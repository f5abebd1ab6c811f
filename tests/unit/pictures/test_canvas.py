"""What is written on a chart lies within it; drawn in the test's own process."""

import pytest

from meshbot.pictures.canvas import EDGE, Canvas
from meshbot.pictures.data import Tick
from meshbot.pictures.style import WIDTH

SINCE, HOUR = 1_767_600_000.0, 3600.0


def extents(canvas, axes):
    """Return the left and right pixels of each text below the time axis."""
    canvas._agg.draw()
    renderer = canvas._agg.get_renderer()
    boxes = [label.get_window_extent(renderer) for label in axes.get_xticklabels() if label.get_text()]
    return [(box.x0, box.x1) for box in boxes]


@pytest.mark.parametrize("hours", [1, 24, 168])
@pytest.mark.parametrize("words", ["23:00", "31/12", "mmmmmmmmmmmm"])
def test_the_texts_at_both_ends_of_the_time_axis_are_not_cut(hours, words):
    canvas = Canvas(600, "title", "subtitle")
    axes, until = canvas.axes(100, 300), SINCE + hours * HOUR
    ends = [SINCE, SINCE + 1, until - 1, until]
    canvas.finish(axes, SINCE, until, [Tick(at, words) for at in ends])
    found = extents(canvas, axes)
    assert len(found) == len(ends)
    assert all(left >= EDGE - 2 and right <= WIDTH - EDGE + 2 for left, right in found)


def test_a_text_outside_of_the_axis_is_left_out():
    canvas = Canvas(600, "title", "subtitle")
    axes = canvas.axes(100, 300)
    canvas.finish(
        axes, SINCE, SINCE + HOUR, [Tick(SINCE - 1, "before"), Tick(SINCE + 5, "in"), Tick(SINCE + 9e9, "far")]
    )
    assert len(extents(canvas, axes)) == 1


@pytest.mark.parametrize("room", [60, 200, 600])
def test_a_long_text_is_shortened_to_its_room(room):
    canvas = Canvas(600, "title", "subtitle")
    assert canvas.size_of(canvas.fitted("Mmmmmm " * 40, 30, room), 30)[0] <= room
