"""Whatever the mesh and the pipe send, pictures stay drawable."""

import json
import unicodedata
from itertools import combinations
from math import hypot, isfinite

from hypothesis import given
from hypothesis import strategies as st

from meshbot.mesh_memory.geography import distance
from meshbot.pictures.data import BadDataError, from_json
from meshbot.pictures.labels import Box, drawable, first_drawable, place
from meshbot.pictures.projection import kilometres, middle, radius_for, rings_for
from tests.support.pictures import SIGNAL, node_map

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=60)
LATIN = frozenset(range(0x20, 0x250))
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


@given(ANY_TEXT, st.integers(1, 40))
def test_what_is_shown_fits_and_has_a_glyph_for_each_character(text, limit):
    shown = drawable(text, LATIN | {ord("…")}, limit)
    assert len(shown) <= limit
    assert all(ord(char) in LATIN or char == "…" for char in shown)
    assert not any(unicodedata.category(char).startswith("C") for char in shown)
    assert shown == shown.strip()


@given(st.lists(ANY_TEXT, max_size=4))
def test_the_id_is_shown_where_no_name_can_be(names):
    assert first_drawable([*names, "!0badcafe"], LATIN, 14)


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000)), max_size=40),
    st.lists(st.tuples(st.floats(1, 220), st.floats(10, 40)), max_size=40),
)
def test_no_name_covers_another_one_or_a_mark(marks, sizes):
    room, taken = Box(0, 0, 1000, 1000), [Box(450, 450, 550, 480)]
    placed = place(marks, sizes, room, taken)
    assert all(each.box.within(room) for each in placed)
    assert not any(one.overlaps(other) for one, other in combinations([*taken, *(p.box for p in placed)], 2))
    for each in placed:
        assert not any(each.box.overlaps(Box(x - 9, y - 9, x + 9, y + 9)) for x, y in marks)


@given(st.integers(1, 10))
def test_thirty_nodes_apart_all_get_a_name(seed):
    marks = [(100.0 + 200 * (n % 5), 60.0 + 160 * (n // 5) + seed) for n in range(30)]
    assert len(place(marks, [(150.0, 30.0)] * 30, Box(0, 0, 1000, 1000))) == 30


@given(LATITUDES, LONGITUDES, st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_the_flat_map_is_true_to_the_globe_nearby(latitude, longitude, north, east):
    # People live below 72°
    latitude *= 0.8
    turned = (longitude + east + 180) % 360 - 180
    flat = hypot(*kilometres((latitude, longitude), (latitude + north, turned)))
    assert abs(flat - distance(latitude, longitude, latitude + north, turned) / 1000) <= 0.02 * flat + 0.01


@given(st.lists(st.tuples(LATITUDES, LONGITUDES), min_size=1, max_size=20))
def test_any_places_make_a_map(places):
    offsets = [kilometres(middle(places), place) for place in places]
    radius, rings = radius_for(offsets), rings_for(radius_for(offsets))
    assert all(isfinite(part) for offset in offsets for part in offset)
    assert 0 < radius < 50_000
    assert 2 <= len(rings) <= 5
    assert rings[-1] <= radius


@given(JSON, st.sampled_from(["kind", "data"]))
def test_any_json_is_read_or_refused(value, place_of_it):
    for message in (value, {"kind": "nodes", "data": value}, {"kind": "signal", "data": {}, place_of_it: value}):
        try:
            from_json(json.dumps(message).encode())
        except BadDataError as error:
            assert "\n" not in str(error)  # noqa: PT017 - both ends are right


@given(st.data(), JSON)
def test_one_wrong_field_is_refused_or_drawable(data, value):
    for kind, picture in (("signal", SIGNAL), ("nodes", node_map(2))):
        fields = {name: getattr(picture, name) for name in picture.__dataclass_fields__}
        message = json.loads(json.dumps({"kind": kind, "data": fields}, default=_plain))
        message["data"][data.draw(st.sampled_from(sorted(fields)))] = value
        try:
            assert type(from_json(json.dumps(message).encode())) is type(picture)
        except BadDataError:
            continue


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(source):
    try:
        from_json(source)
    except BadDataError as error:
        assert str(error)  # noqa: PT017 - both ends are right


def _plain(thing):
    return {name: getattr(thing, name) for name in thing.__dataclass_fields__}
