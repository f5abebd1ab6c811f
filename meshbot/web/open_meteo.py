"""Open-Meteo: where a place is and what its weather will be, each answer kept for a while."""

from __future__ import annotations

from dataclasses import dataclass

from meshbot.runtime import Clock, TimedCache
from meshbot.web.forecast import CURRENT, DAILY, HOURLY, Forecast, Place, parse_forecast, parse_places
from meshbot.web.http_client import Ask, Bounds, HttpClient, Parameters

KEPT_FOR = 900.0  # seconds; the service computes anew every hour
KEPT = 100  # places
BOUNDS = Bounds(connect=5.0, read=8.0, total=12.0, size=100_000)  # two requests stay below a command's 30 s
DAYS_ASKED = 8  # 7 and one more: midnight may pass while they are kept
HOURS_ASKED = 14  # 12, the one that is nearly over, and one more: the hour may end while they are kept


@dataclass(frozen=True, slots=True)
class MeteoServers:
    """The addresses up to the endpoint's name, and the language of the places' names."""

    forecast_url: str
    geocoding_url: str
    language: str


class OpenMeteo:
    """Asks the service; safe to use from any thread. WebError says what went wrong."""

    def __init__(self, http: HttpClient, clock: Clock, servers: MeteoServers) -> None:
        self._http = http
        self._clock = clock
        self._servers = servers
        self._places: TimedCache[str, Place | None] = TimedCache(KEPT_FOR, KEPT)
        self._forecasts: TimedCache[tuple[float, float], Forecast] = TimedCache(KEPT_FOR, KEPT)

    def find(self, name: str) -> Place | None:
        """Return the place of that name or postal code, None if the service knows none."""
        key = name.casefold()
        if known := self._places.get(key, self._clock.monotonic()):
            return known[0]
        parameters: Parameters = {"name": name, "count": 1, "language": self._servers.language, "format": "json"}
        place = parse_places(self._http.fetch(Ask(f"{self._servers.geocoding_url}/search", parameters), BOUNDS))
        self._places.put(key, place, self._clock.monotonic())
        return place

    def forecast(self, place: Place) -> Forecast:
        """Return the place's forecast as of now."""
        key = round(place.latitude, 2), round(place.longitude, 2)  # about 1 km, finer than the models
        if known := self._forecasts.get(key, self._clock.monotonic()):
            forecast, age = known
            return forecast.later(age)
        forecast = parse_forecast(self._http.fetch(Ask(f"{self._servers.forecast_url}/forecast", _asked(*key)), BOUNDS))
        self._forecasts.put(key, forecast, self._clock.monotonic())
        return forecast


def _asked(latitude: float, longitude: float) -> Parameters:
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
