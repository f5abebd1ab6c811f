"""Open-Meteo: where a place is and what its weather will be, each answer cached for a while."""

from __future__ import annotations

from dataclasses import dataclass

from meshbot.runtime import Clock, TimedCache
from meshbot.web.forecast import CURRENT, DAILY, HOURLY, Forecast, Place, parse_forecast, parse_places
from meshbot.web.http_client import HttpClient, HttpRequest, Limits, Parameters

# Seconds; the service computes a forecast every hour
CACHED_FOR = 900.0
CACHED = 100  # places
# Two requests stay below a command's 30 s
LIMITS = Limits(connect=5.0, read=8.0, total=12.0, size=100_000)
# 7 and one more: midnight may pass while they are cached
DAYS_ASKED = 8
# 12, the one that is nearly over, and one more: the hour may end while they are cached
HOURS_ASKED = 14


@dataclass(frozen=True, slots=True)
class MeteoServers:
    """The addresses up to the endpoint's name, and the language of the places' names."""

    forecast_url: str
    geocoding_url: str
    language: str


class OpenMeteo:
    """A client of the service; safe to use from any thread. Raises WebError."""

    def __init__(self, http: HttpClient, clock: Clock, servers: MeteoServers) -> None:
        self._http = http
        self._clock = clock
        self._servers = servers
        self._places: TimedCache[str, Place | None] = TimedCache(CACHED_FOR, CACHED)
        self._forecasts: TimedCache[tuple[float, float], Forecast] = TimedCache(CACHED_FOR, CACHED)

    def find(self, name: str) -> Place | None:
        """Return the place of that name or postal code, None if the service knows none."""
        key = name.casefold()
        if known := self._places.get(key, self._clock.monotonic()):
            return known[0]
        parameters: Parameters = {"name": name, "count": 1, "language": self._servers.language, "format": "json"}
        request = HttpRequest(f"{self._servers.geocoding_url}/search", parameters)
        place = parse_places(self._http.fetch(request, LIMITS))
        self._places.put(key, place, self._clock.monotonic())
        return place

    def forecast(self, place: Place) -> Forecast:
        """Return the place's forecast as of now."""
        # about 1 km, finer than the models
        key = round(place.latitude, 2), round(place.longitude, 2)
        if known := self._forecasts.get(key, self._clock.monotonic()):
            forecast, age = known
            return forecast.later(age)
        request = HttpRequest(f"{self._servers.forecast_url}/forecast", _parameters(*key))
        forecast = parse_forecast(self._http.fetch(request, LIMITS))
        self._forecasts.put(key, forecast, self._clock.monotonic())
        return forecast


def _parameters(latitude: float, longitude: float) -> Parameters:
    return {
        "latitude": latitude,
        "longitude": longitude,
        "current": CURRENT,
        "daily": DAILY,
        "hourly": HOURLY,
        "forecast_days": DAYS_ASKED,
        "forecast_hours": HOURS_ASKED,
        "timezone": "auto",
    }
