"""Words, places and colours of a picture."""

from itertools import combinations

import pytest

from meshbot.pictures.labels import NEAR, Box, drawable, first_drawable, place
from meshbot.pictures.projection import kilometres, middle, radius_for, rings_for
from meshbot.pictures.style import AGES, BACKGROUND, FAINT, INK, NAME, SERIES, SUBTITLE, TEXT, TITLE

LATIN = frozenset(range(0x20, 0x180)) | {ord("…"), 0x301}
ROOM = Box(0, 0, 1000, 1000)


def contrast(one, other):
    """Return the contrast of two colours `#rrggbb` as WCAG 2 has it, 1 to 21; 4.5 is enough for text."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_the_known_one_for_black_and_white_and_for_grey():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colour", [INK, FAINT, *SERIES, *AGES])
def test_all_that_has_a_meaning_stands_out_from_the_background(colour):
    assert contrast(colour, BACKGROUND) >= 4.5


def test_the_colours_of_one_legend_differ():
    for colours in (SERIES, AGES):
        for one, other in combinations(colours, 2):
            assert sum(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) for at in (1, 3, 5)) > 60


def test_no_letter_is_too_small_for_a_phone():
    assert min(TITLE, SUBTITLE, TEXT, NAME) >= 24


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bob Fourvière", "Bob Fourvière"),
        ("e\u0301te\u0301", "été"),
        ("🦊 Renard 🐺", "Renard"),
        ("a\x00b\x1b\n\tc", "ab c"),
        ("\u202eevil", "evil"),
        ("\ud800x", "x"),
        ("x\u0301\u0301\u0301", "x\u0301"),
        ("\u0301x", "x"),
        ("much too long for it", "much too…"),
        ("$x_1$", "$x_1$"),
        ("🏔️", ""),
    ],
)
def test_a_text_is_shown_without_what_the_font_lacks(text, shown):
    assert drawable(text, LATIN, 10 if shown.endswith("…") else 40) == shown


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("🦊🐺", "FOX", "!00000001"), "FOX"),
        (("高山 a", "", "!00000001"), "!00000001"),
        (("Pilat 🏔️", "PI"), "Pilat"),
        (("", "🦊"), ""),
        ((), ""),
    ],
)
def test_a_name_that_the_font_cannot_draw_gives_way_to_the_next(names, shown):
    assert first_drawable(names, LATIN, 14) == shown


def test_a_name_stands_to_the_right_of_a_lonely_mark():
    (placed,) = place([(500, 500)], [(100, 30)], ROOM)
    assert (placed.index, placed.is_far, placed.box) == (0, False, Box(500 + NEAR, 485, 600 + NEAR, 515))


def test_a_name_at_the_right_edge_stands_to_the_left():
    (placed,) = place([(990, 500)], [(100, 30)], ROOM)
    assert placed.box.right == 990 - NEAR


def test_names_of_close_nodes_move_away_and_are_led_to():
    placed = place([(500.0 + n, 500.0 - n) for n in range(8)], [(150, 30)] * 8, ROOM)
    assert len(placed) == 8
    assert any(each.is_far for each in placed)


def test_a_name_without_room_is_left_out():
    assert place([(500, 500)], [(100, 30)], ROOM, taken=[ROOM]) == []
    assert place([(500, 500)], [(1200, 30)], ROOM) == []


def test_kilometres_grow_narrower_with_the_latitude():
    assert kilometres((0, 0), (1, 1)) == pytest.approx((111.195, 111.195))
    assert kilometres((60, 0), (60, 1)) == pytest.approx((55.6, 0), abs=0.01)
    assert kilometres((45.76, 4.84), (45.8, 4.9)) == pytest.approx((4.65, 4.45), abs=0.01)


def test_neighbours_across_the_antimeridian_are_close():
    assert kilometres((0, 179.9), (0, -179.9)) == pytest.approx((22.2, 0), abs=0.1)
    assert kilometres((0, -179.9), (0, 179.9)) == pytest.approx((-22.2, 0), abs=0.1)
    north, east = middle([(10, 179), (12, -179), (11, 180)])
    assert (north, abs(east)) == (11, 180)


def test_the_pole_is_a_place_like_others():
    assert all(abs(part) < 500 for part in kilometres((90, 0), (89, 179)))


def test_one_node_far_away_does_not_make_all_others_a_point():
    near = [(float(n), 0.0) for n in range(1, 11)]
    assert radius_for(near) == 10
    assert radius_for([*near, (5000.0, 0.0)]) == 10
    assert radius_for([*near, (12.0, 0.0)]) == 12
    assert radius_for([(0.0, 0.0)]) == radius_for([]) == 0.5
    assert radius_for([(800.0, 0.0)]) == 800


@pytest.mark.parametrize(
    ("radius", "rings"),
    [(0.5, (0.1, 0.2, 0.3, 0.4, 0.5)), (12, (5, 10)), (60, (20, 40, 60)), (20000, (5000, 10000, 15000, 20000))],
)
def test_rings_are_round(radius, rings):
    assert rings_for(radius) == pytest.approx(rings)
