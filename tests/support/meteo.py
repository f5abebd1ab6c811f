"""Open-Meteo's endpoints as the tests need them: three places, and the weather of FakeClock's first week."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.web_server import Heard, WebServer, asks, says

PLACES: Mapping[str, dict[str, Any]] = {
    "lyon": {"name": "Lyon", "latitude": 45.74846, "longitude": 4.84671, "country_code": "FR"},
    "saint étienne": {"name": "Saint-Étienne", "latitude": 45.43389, "longitude": 4.39, "country_code": "FR"},
    "nice": {"name": "Nice", "latitude": 43.70313, "longitude": 7.26608, "country_code": "FR"},
}
DRY_LATITUDE = 43.7


def find(heard: Heard) -> object:
    """Answer a search as the service does: without `results` when there are none."""
    place = PLACES.get(heard.parameters["name"].casefold())
    return {"results": [place], "generationtime_ms": 0.5} if place else {"generationtime_ms": 0.4}


def weather(latitude: float = 45.75) -> dict[str, Any]:
    """Return a forecast asked for on Monday 5 January 2026 at 13:35 there."""
    hours = [f"2026-01-0{5 + n // 24}T{n % 24:02}:00" for n in range(13, 27)]
    dry = round(latitude, 1) == DRY_LATITUDE
    return {
        "latitude": latitude,
        "timezone": "Europe/Paris",
        "current": {"time": "2026-01-05T13:30", "interval": 900, "temperature_2m": 4.2},
        "daily": {
            "time": [f"2026-01-{day:02}" for day in range(5, 13)],
            "weather_code": [61, 45, 75, 0, 2, 95, 3, None],
            "temperature_2m_min": [3.2, -1.4, -6.0, -0.3, 1, 2, 3, None],
            "temperature_2m_max": [11.4, 8.8, 0.2, 5, 6, 7, 8, None],
            "precipitation_sum": [2.4, 0.0, 24.3, 0, 0, 12, 0, None],
            "precipitation_probability_max": [60, 10, 95, 0, 5, 70, None, None],
            "wind_gusts_10m_max": [35.3, 20, 85.2, 10, 20, 59.9, 30, None],
        },
        "hourly": {
            "time": hours,
            "precipitation": [5.0, 0.0, 0.0, 0.4, 1.5, 0, 0, 0, 0, 0, 0, 0, 0, 9.0] if not dry else [0.0] * 14,
            "precipitation_probability": [99, 5, 10, 60, 80, 20, 5, 5, 40, 0, 0, 0, 0, 90] if not dry else [5] * 14,
        },
    }


def serve_meteo(server: WebServer) -> None:
    """Make the server a weather service with `/v1/forecast` and `/v1/search`."""
    server.behaviours["/v1/search"] = asks(find)
    server.behaviours["/v1/forecast"] = asks(lambda heard: weather(float(heard.parameters["latitude"])))


def completion(text: object) -> dict[str, Any]:
    """Return a chat completion of that text."""
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}


def serve_chat(server: WebServer, text: object = "Lima.") -> None:
    """Make the server an assistant with always the same answer."""
    server.behaviours["/v1/chat/completions"] = says(completion(text))
