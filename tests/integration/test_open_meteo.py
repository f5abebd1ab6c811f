"""The weather service over real HTTP: the requests, and how often they are sent."""

import pytest

from meshbot.runtime.clock import SystemClock
from meshbot.web.errors import Fault, WebError
from meshbot.web.forecast import Place
from meshbot.web.http_client import HttpClient
from meshbot.web.open_meteo import MeteoServers, OpenMeteo
from tests.support.fake_clock import FakeClock
from tests.support.meteo import DRY_LATITUDE, serve_meteo, weather
from tests.support.web_server import WebServer, cut_off, says, status

KEPT_FOR = 15 * 60.0  # seconds

LYON = Place("Lyon", 45.74846, 4.84671, "FR")


class Stopped(FakeClock):
    """Stands still for the cache; the waits are real."""

    def get(self, inbox, deadline):
        clock = SystemClock()
        return clock.get(inbox, clock.monotonic() + deadline - self.monotonic())


@pytest.fixture
def server():
    with WebServer() as web_server:
        serve_meteo(web_server)
        yield web_server


@pytest.fixture
def clock():
    return Stopped()


@pytest.fixture
def client(server, clock):
    url = f"{server.url}/v1"
    return OpenMeteo(HttpClient(clock, trust_environment=False), clock, MeteoServers(url, url, "fr"))


def test_a_place_is_searched_in_the_language_of_the_answers(server, client):
    assert client.find("Lyon") == LYON
    (heard,) = server.heard
    assert (heard.path, heard.parameters) == (
        "/v1/search",
        {"name": "Lyon", "count": "1", "language": "fr", "format": "json"},
    )


def test_a_forecast_s_request_has_the_place_s_time_and_fields(server, client):
    assert len(client.forecast(LYON).days) == 7
    (heard,) = server.heard
    assert heard.parameters == {
        "latitude": "45.75",
        "longitude": "4.85",
        "current": "temperature_2m",
        "daily": "weather_code,temperature_2m_min,temperature_2m_max,precipitation_sum,"
        "precipitation_probability_max,wind_gusts_10m_max",
        "hourly": "precipitation,precipitation_probability",
        "forecast_days": "8",
        "forecast_hours": "14",
        "timezone": "auto",
    }


def test_places_are_cached_whether_known_or_not(server, client, clock):
    for name in ("Lyon", "LYON", "Xyzzy", "xyzzy"):
        client.find(name)
    assert [heard.parameters["name"] for heard in server.heard] == ["Lyon", "Xyzzy"]
    clock.advance(KEPT_FOR)
    client.find("Lyon")
    assert len(server.heard) == 3


def test_a_forecast_is_cached_for_a_quarter_of_an_hour(server, client, clock):
    first = client.forecast(LYON)
    clock.advance(KEPT_FOR - 1)
    again = client.forecast(Place("Villeurbanne side", 45.7501, 4.8501))
    assert len(server.heard) == 1
    assert (again.now - first.now).total_seconds() == KEPT_FOR - 1
    clock.advance(1)
    client.forecast(LYON)
    assert len(server.heard) == 2


def test_another_place_is_another_forecast(server, client):
    client.forecast(LYON)
    client.forecast(Place("Nice", DRY_LATITUDE, 7.27))
    assert len(server.heard) == 2


def test_a_failure_is_not_kept(server, client):
    good = server.behaviours["/v1/forecast"]
    for behaviour, fault in ((status(429), Fault.BUSY), (cut_off, Fault.INVALID), (says(b"<html>"), Fault.INVALID)):
        server.behaviours["/v1/forecast"] = behaviour
        with pytest.raises(WebError) as caught:
            client.forecast(LYON)
        assert caught.value.fault is fault
    server.behaviours["/v1/forecast"] = good
    assert client.forecast(LYON).days


def test_a_huge_forecast_is_refused(server, client):
    server.behaviours["/v1/forecast"] = says(weather() | {"more": "x" * 100_000})
    with pytest.raises(WebError, match="octets"):
        client.forecast(LYON)
