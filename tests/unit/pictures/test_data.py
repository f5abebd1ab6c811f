"""What is read from the bot is checked; nonsense gets one line."""

import json
from dataclasses import asdict, replace
from math import inf, nan

import pytest

from meshbot.pictures.data import MOST_BYTES, BadDataError, Series, from_json, to_json
from tests.support.pictures import HISTOGRAM, SIGNAL, node_map

PICTURES = [HISTOGRAM, SIGNAL, node_map(3)]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: type(picture).__name__)
def test_what_was_written_is_read_again(picture):
    assert from_json(to_json(picture)) == picture


@pytest.mark.parametrize("number", [nan, inf, -inf])
def test_a_number_that_is_not_finite_is_not_written(number):
    with pytest.raises(BadDataError, match="not finite"):
        to_json(replace(SIGNAL, points=(replace(SIGNAL.points[0], snr=number),)))


def as_json(kind="histogram", picture=HISTOGRAM, **changes):
    return json.dumps({"kind": kind, "data": asdict(picture) | changes}).encode()


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (b"", "one JSON object"),
        (b"\xff\xfe", "one JSON object"),
        (b"[1, 2", "one JSON object"),
        (b"[" * 100_000, "one JSON object"),
        (b"[]", "one JSON object"),
        (b"{}", "kind is one of"),
        (b'{"kind": []}', "kind is one of"),
        (b'{"kind": "pie"}', "histogram, signal, nodes"),
        (b'{"kind": "nodes"}', "data is an object"),
        (b'{"kind": "nodes", "data": {"colour": 1}}', "colour"),
        (b" " * (MOST_BYTES + 1), "bytes"),
        (as_json(since=nan), "data.since is no usable number"),
        (as_json().replace(b"3600.0", b"1e999"), "data.step is no usable number"),
        (as_json(since=True), "data.since is a number"),
        (as_json(since="now"), "data.since is a number"),
        (as_json(title="x" * 301), "data.title is a text"),
        (as_json(title=None), "data.title is a text"),
        (as_json(step=0), "longer than nothing"),
        (as_json(series=[]), "columns"),
        (as_json(series={}), "data.series is a list"),
        (as_json(series=[{"name": "a", "colour": 9, "values": [1]}]), "a colour is"),
        (as_json(series=[{"name": "a", "colour": 0.5, "values": [1]}]), r"data.series\[0\].colour is a number"),
        (as_json(series=[{"name": "a", "colour": 0, "values": [-1]}]), "below 0"),
        (
            as_json(series=[{"name": "a", "colour": 0, "values": [1]}, {"name": "b", "colour": 0, "values": []}]),
            "columns",
        ),
        (as_json(series=[{"name": "a", "colour": 0, "values": [1] * 101}]), "columns"),
        (as_json("signal", SIGNAL, points=[]), "points"),
        (as_json("signal", SIGNAL, until=SIGNAL.since), "after the start"),
        (as_json("nodes", node_map(2), ages=["one"]), "4 names"),
        (as_json("nodes", node_map(2), radius=-1), "radius"),
        (as_json("nodes", node_map(2), nodes=[asdict(node_map(1).nodes[0])] * 5001), "at most 5000 nodes"),
        (
            as_json("nodes", node_map(2), nodes=[asdict(node_map(1).nodes[0]) | {"direct": 1}]),
            "direct is true or false",
        ),
    ],
)
def test_nonsense_is_reported_in_one_line(source, complaint):
    with pytest.raises(BadDataError, match=complaint) as error:
        from_json(source)
    assert "\n" not in str(error.value)


def test_the_bot_itself_cannot_make_what_cannot_be_drawn():
    with pytest.raises(BadDataError, match="columns"):
        replace(HISTOGRAM, series=(Series("a", 0, ()),))
