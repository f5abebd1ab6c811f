"""Whatever another computer or a user sends: a text that fits, or an error of ours."""

import json
from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.commands.builtin import rain, weather
from meshbot.commands.builtin.weather import parse_argument
from meshbot.commands.forecasts import SKIES, coordinates
from meshbot.commands.language import translator
from meshbot.text import shorten
from meshbot.web.chat import parse_answer, without_reasoning
from meshbot.web.errors import WebError
from meshbot.web.forecast import Day, Forecast, Hour, Place, parse_forecast, parse_places
from tests.support.meteo import completion
from tests.support.meteo import weather as answer

PARSERS = [parse_answer, parse_forecast, parse_places]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BLOCKS = [(block, name) for block in ("current", "daily", "hourly") for name in answer()[block]]
TRANSLATIONS = st.sampled_from([translator("fr"), translator("en")])
NAMES = st.text(min_size=1, max_size=60)
CHANCES = st.none() | st.floats(0, 100)
PACKET = 200
LONG_AGO = datetime.fromisoformat("2000-01-01T13:00")


@pytest.mark.parametrize("parse", PARSERS)
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_parsed_or_is_an_error_of_ours(parse, body):
    with suppress(WebError):
        parse(body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 50_000, b"9" * 10_000, b'{"choices":' + b"9" * 10_000])
@pytest.mark.parametrize("parse", PARSERS)
def test_malicious_bodies_raise_our_error(parse, body):
    with pytest.raises(WebError):
        parse(body)


@given(where=st.sampled_from(BLOCKS), value=JSON | st.lists(JSON, max_size=3), tr=TRANSLATIONS)
def test_a_forecast_with_any_value_is_described_or_is_a_weberror(where, value, tr):
    content = answer()
    content[where[0]][where[1]] = value
    try:
        forecast = parse_forecast(json.dumps(content).encode())
        texts = (
            weather.describe(Place("Lyon", 0, 0), forecast, days=3, tr=tr),
            rain.describe(Place("", 0, 0), forecast, tr=tr),
        )
    except WebError:
        return
    assert all(len(text.encode()) <= PACKET for text in texts)


@given(text=JSON | st.text())
def test_a_completion_with_any_text_is_an_answer_or_a_weberror(text):
    try:
        answer = parse_answer(json.dumps(completion(text)).encode())
    except WebError:
        return
    assert answer.strip()


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<thinking>", "</thinking>", "a", "\n", "<think", "é"])).map(
        "".join
    )
)
def test_what_is_left_of_thoughts_is_no_longer_than_the_text(text):
    assert len(without_reasoning(text)) <= len(text)


@given(st.text())
def test_any_argument_means_a_place_and_a_number_of_days(argument):
    place, days = parse_argument(argument)
    assert 1 <= days <= 7
    assert place in " ".join(argument.split())
    coordinates(place)


@given(name=st.from_regex(r"[a-zà-ÿ]{2,10}( [a-zà-ÿ]{2,10}){0,3}", fullmatch=True), days=st.integers(1, 7))
def test_any_name_and_days_are_understood(name, days):
    assert parse_argument(f"{name} {days}") == (name, days)


DAYS = st.builds(
    Day,
    date=st.dates(date(2000, 1, 1), date(2199, 1, 1)),
    code=st.sampled_from(sorted(SKIES)) | st.integers(0, 99),
    low=st.floats(-99, 99),
    high=st.floats(-99, 99),
    rain=st.none() | st.floats(0, 999),
    chance=CHANCES,
    gusts=st.none() | st.floats(0, 999),
)


@given(st.lists(DAYS, min_size=1, max_size=3), st.none() | st.floats(-99, 99), NAMES, TRANSLATIONS)
def test_up_to_three_days_fit_one_packet(days, temperature, name, tr):
    forecast = Forecast(LONG_AGO, temperature, tuple(days), ())
    assert len(weather.describe(Place(name, 0, 0, "FR"), forecast, days=3, tr=tr).encode(errors="replace")) <= PACKET


@given(st.lists(st.tuples(st.floats(0, 999), CHANCES), min_size=1, max_size=14), NAMES, TRANSLATIONS)
def test_the_rain_of_twelve_hours_fits_one_packet(rains, name, tr):
    start = LONG_AGO
    hours = tuple(Hour(start + timedelta(hours=n), *values) for n, values in enumerate(rains))
    text = rain.describe(Place(name, 0, 0, "FR"), Forecast(start, None, (), hours), tr=tr)
    assert len(text.encode(errors="replace")) <= PACKET


@given(st.text(), st.integers(3, 60))
def test_a_shortened_text_fits_and_begins_as_the_whole(text, limit):
    short = shorten(text, limit)
    assert len(short.encode()) <= limit
    whole = text.encode(errors="replace").decode()
    assert short == whole or (short.endswith("…") and whole.startswith(short[:-1]))
