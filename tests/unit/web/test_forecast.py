"""Open-Meteo's answers, as data or as an error."""

import json
from datetime import date, datetime

import pytest

from meshbot.web.errors import Fault, WebError
from meshbot.web.forecast import Day, Hour, Place, parse_forecast, parse_places
from tests.support.meteo import PLACES, weather


def at(time):
    return datetime.fromisoformat(f"2026-01-05T{time}")


def forecast(**changes):
    content = weather()
    for path, value in changes.items():
        block, name = path.split("__")
        content[block][name] = value
    return parse_forecast(json.dumps(content).encode())


def test_a_forecast_has_the_complete_days_and_the_hours_by_their_beginning():
    got = forecast()
    assert (got.now, got.temperature) == (at("13:30"), 4.2)
    assert got.days[0] == Day(date(2026, 1, 5), 61, 3.2, 11.4, 2.4, 60, 35.3)
    assert len(got.days) == 7  # the eighth is not computed yet
    assert got.hours[:2] == (Hour(at("12:00"), 5.0, 99), Hour(at("13:00"), 0.0, 5))


def test_hours_that_are_over_are_no_coming_hours():
    assert [hour.start.hour for hour in forecast().next_hours(3)] == [13, 14, 15]
    assert forecast().later(1800).next_hours(1)[0].start.hour == 14


def test_midnight_makes_tomorrow_today():
    assert [day.date.day for day in forecast().next_days(2)] == [5, 6]
    assert [day.date.day for day in forecast().later(11 * 3600).next_days(7)] == [6, 7, 8, 9, 10, 11]


def test_a_value_that_is_missing_leaves_the_rest():
    got = forecast(current__temperature_2m=None, hourly__precipitation=[None, 0.2], daily__precipitation_sum=[None] * 8)
    assert (got.temperature, got.days[0].rain, [hour.rain for hour in got.hours]) == (None, None, [0.2])


@pytest.mark.parametrize(
    "changes",
    [
        {"current__temperature_2m": 1000},
        {"current__temperature_2m": "warm"},
        {"current__time": "yesterday"},
        {"current__time": "2026-01-05T13:30Z"},
        {"current__time": "9999-12-31T23:59"},
        {"current__time": 0},
        {"daily__time": ["2026-13-45"]},
        {"daily__time": []},
        {"daily__weather_code": [1.5]},
        {"daily__temperature_2m_min": {"0": 1}},
        {"hourly__time": ["0001-01-01T00:00"]},
        {"hourly__precipitation": [-1]},
        {"hourly__precipitation": []},
        {"hourly__precipitation_probability": [101]},
    ],
    ids=str,
)
def test_an_invalid_forecast_s_error_says_where(changes):
    with pytest.raises(WebError) as caught:
        forecast(**changes)
    assert caught.value.fault is Fault.INVALID
    (path,) = changes
    assert path.replace("__", ".") in str(caught.value) or "vide" in str(caught.value)


def test_the_first_place_is_the_one():
    body = json.dumps({"results": [PLACES["lyon"], PLACES["nice"]]}).encode()
    assert parse_places(body) == Place("Lyon", 45.74846, 4.84671, "FR")


@pytest.mark.parametrize("body", [b"{}", b'{"results": []}', b'{"generationtime_ms": 0.3}'])
def test_no_results_mean_an_unknown_place(body):
    assert parse_places(body) is None


@pytest.mark.parametrize(
    "change", [{"latitude": 91}, {"longitude": None}, {"name": ""}, {"name": 3}, {"country_code": "FRANCE"}], ids=str
)
def test_a_place_that_cannot_be_is_an_error(change):
    with pytest.raises(WebError):
        parse_places(json.dumps({"results": [PLACES["lyon"] | change]}).encode())
