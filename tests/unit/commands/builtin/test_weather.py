"""/weather and /rain: their arguments and their answers."""

import json
from datetime import datetime, timedelta
from functools import partial

import pytest

from meshbot.commands.builtin import rain, weather
from meshbot.commands.builtin.rain import rain_command
from meshbot.commands.builtin.weather import parse_argument, weather_command
from meshbot.commands.forecasts import ERROR_ANSWERS, SKIES, WEEKDAYS, amount, coordinates, label, percent, sky
from meshbot.commands.language import translator
from meshbot.commands.registry import Request
from meshbot.mesh_link.packets import RadioMetadata
from meshbot.web.errors import Fault, WebError
from meshbot.web.forecast import Forecast, Hour, Place, parse_forecast
from tests.support.meteo import weather as answer

FRENCH, ENGLISH = translator("fr"), translator("en")
LYON = Place("Lyon", 45.75, 4.85, "FR")
FORECAST = parse_forecast(json.dumps(answer()).encode())


class Client:
    """Knows Lyon, and fails as the test wants."""

    def __init__(self, error=None):
        self.asked = []
        self.error = error

    def find(self, name):
        self.asked.append(name)
        return LYON if name == "Lyon" else None

    def forecast(self, place):
        if self.error:
            raise self.error
        self.asked.append((place.latitude, place.longitude))
        return FORECAST


def ask(command, argument, tr=ENGLISH):
    return command.run(Request(command.name, argument, 1, RadioMetadata(), tr, ()))


# -- what is understood


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", ("", 3)),
        ("3", ("", 3)),
        ("1j", ("", 1)),
        ("Lyon", ("Lyon", 3)),
        ("Lyon 2", ("Lyon", 2)),
        ("  Lyon ,  2 ", ("Lyon", 2)),
        ("Lyon 2 jours", ("Lyon", 2)),
        ("Lyon 5D", ("Lyon", 5)),
        ("Lyon, France 4", ("Lyon, France", 4)),
        ("Saint-Étienne du Rouvray 1", ("Saint-Étienne du Rouvray", 1)),
        ("Lyon 0", ("Lyon", 1)),
        ("Lyon 30", ("Lyon", 7)),
        ("69003", ("69003", 3)),
        ("69003 2", ("69003", 2)),
        ("Lyon3", ("Lyon3", 3)),
        ("45.76,4.84", ("45.76,4.84", 3)),
        ("45.76, 4.84", ("45.76, 4.84", 3)),
        ("45.76, 4.84 2", ("45.76, 4.84", 2)),
        ("-33.9 ; 18", ("-33.9 ; 18", 3)),
    ],
)
def test_a_place_and_days_are_understood(argument, expected):
    assert parse_argument(argument) == expected


def test_coordinates_need_no_search():
    client = Client()
    ask(weather_command(client, ""), "-33.9;+18.4")
    assert client.asked == [(-33.9, 18.4)]


@pytest.mark.parametrize("text", ["95,4", "45,181", "45", "45 4", "Lyon,4", "٤٥,٤"])
def test_what_is_not_on_the_globe_is_no_coordinates(text):
    assert coordinates(text) is None


@pytest.mark.parametrize("make", [weather_command, rain_command])
def test_without_a_place_the_setting_s_is_meant(make):
    client = Client()
    assert "Lyon" in ask(make(client, "Lyon"), "")
    assert client.asked[0] == "Lyon"


@pytest.mark.parametrize("make", [weather_command, rain_command])
def test_without_a_place_the_answer_says_how_to_name_one(make):
    command = make(Client(), "")
    assert ask(command, "") == f"Which place? For example: /{command.name} Lyon"


@pytest.mark.parametrize("make", [weather_command, rain_command])
def test_an_unknown_place_is_quoted_shortened(make):
    text = ask(make(Client(), ""), "Là-bas " * 20)
    assert text.startswith("I know no place called Là-bas Là-bas")
    assert len(text.encode()) < 100


# -- when there is no forecast


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_its_answer_and_one_log_line(fault, caplog):
    command = weather_command(Client(WebError(fault, "on purpose")), "")
    assert ask(command, "Lyon") == ERROR_ANSWERS[fault]
    assert ask(command, "Lyon", FRENCH) == FRENCH(ERROR_ANSWERS[fault]) != ERROR_ANSWERS[fault]
    assert caplog.messages == [f"⚠️ Service météo: {fault.value} (on purpose)"] * 2


@pytest.mark.parametrize("describe", [partial(weather.describe, days=3), rain.describe])
def test_a_forecast_that_is_over_is_invalid(describe):
    with pytest.raises(WebError):
        describe(LYON, FORECAST.later(30 * 24 * 3600), tr=ENGLISH)


# -- words


def test_weather_is_french_in_french():
    assert weather.describe(LYON, FORECAST, days=2, tr=FRENCH) == (
        "☂ Lyon, FR : 4°\nlun 5 pluie faible 3/11° 2.4mm 60%\nmar 6 brouillard -1/9° 10%"
    )


def test_seven_days_are_seven_lines():
    assert len(weather.describe(LYON, FORECAST, days=7, tr=ENGLISH).splitlines()) == 8


def test_rain_is_french_in_french():
    assert rain.describe(LYON, FORECAST, tr=FRENCH) == "☔ Lyon, FR jusqu'à 01h :\n15-17h 1.9mm 80%\n20-21h 40%"


def hours(*rains_and_chances):
    start = datetime.fromisoformat("2026-01-05T23:00")
    each = enumerate(rains_and_chances)
    return Forecast(start, None, (), tuple(Hour(start + timedelta(hours=n), *values) for n, values in each))


@pytest.mark.parametrize(
    ("forecast", "text"),
    [
        (hours((0, None)), "Lyon, FR: no rain until 00h"),
        (hours((0.04, 29.4)), "Lyon, FR: no rain until 00h, chance 29%"),
        (hours((0.3, None), (12.34, None)), "☔ Lyon, FR until 01h:\n23-01h 13mm"),
        (hours((0.1, 3), (0, 3), (0, 55)), "☔ Lyon, FR until 02h:\n23-00h 0.1mm 3%\n01-02h 55%"),
    ],
)
def test_rain_is_listed_by_consecutive_hours(forecast, text):
    assert rain.describe(LYON, forecast, tr=ENGLISH) == text


@pytest.mark.parametrize(
    ("millimetres", "text"), [(0, ""), (0.04, ""), (0.06, "0.1mm"), (1, "1mm"), (9.96, "10mm"), (10.4, "10mm")]
)
def test_an_amount_has_a_tenth_where_that_matters(millimetres, text):
    assert amount(millimetres) == text


def test_an_unknown_chance_is_left_out():
    assert (percent(None), percent(0), percent(99.6)) == ("", "0%", "100%")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("Clermont-Ferrand", 0, 0, "FR"), "Clermont-Ferrand, FR"),
        (Place("Saint-Rémy-de-Provence", 0, 0, "FR"), "Saint-Rémy-de-Provence"),
        (Place("Llanfairpwllgwyngyllgogerychwyrndrobwll", 0, 0, "GB"), "Llanfairpwllgwyngyllg…"),
        (Place("Two\nlines", 0, 0), "Two lines"),
    ],
)
def test_a_place_s_name_is_short_and_on_one_line(place, text):
    assert label(place) == text


@pytest.mark.parametrize("word", [*WEEKDAYS, *(words for words, _ in SKIES.values())])
def test_every_day_and_sky_has_its_french(word):
    assert FRENCH(word) != word


def test_an_unknown_code_is_shown_as_a_number():
    assert (sky(42, ENGLISH), sky(42, FRENCH)) == ("weather code 42", "temps n° 42")
