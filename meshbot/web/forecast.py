"""Open-Meteo's answers as data; pure. Times are those of the place, without a zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, ValidationError

from meshbot.web.errors import Fault, WebError

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A point on Earth, in degrees, and what to call it."""

    name: str
    latitude: float
    longitude: float
    country: str = ""  # two letters


@dataclass(frozen=True, slots=True)
class Day:
    """One day's weather."""

    date: date
    code: int  # WMO 4677, as far as Open-Meteo uses it
    low: float  # °C
    high: float
    rain: float | None  # mm, snow's water included
    chance: float | None  # % of any rain
    gusts: float | None  # km/h


@dataclass(frozen=True, slots=True)
class Hour:
    """The rain of the hour that begins at `start`."""

    start: datetime
    rain: float  # mm
    chance: float | None  # %


@dataclass(frozen=True, slots=True)
class Forecast:
    """A place's weather as of `now`."""

    now: datetime
    temperature: float | None  # °C
    days: tuple[Day, ...]
    hours: tuple[Hour, ...]

    def later(self, seconds: float) -> Forecast:
        """Return the same forecast, `seconds` later."""
        return replace(self, now=self.now + timedelta(seconds=seconds))

    def next_days(self, count: int) -> tuple[Day, ...]:
        """Return today and the days after it, at most `count`."""
        return tuple(day for day in self.days if day.date >= self.now.date())[:count]

    def next_hours(self, count: int) -> tuple[Hour, ...]:
        """Return the present hour and those after it, at most `count`."""
        return tuple(hour for hour in self.hours if hour.start + HOUR > self.now)[:count]


# -- what the service sends, as far as it is used; impossible values make the answer invalid

Moment = Annotated[NaiveDatetime, Field(ge=datetime(2000, 1, 1), le=datetime(2200, 1, 1))]  # noqa: DTZ001 - the place's own
Date = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 1, 1))]
Celsius = Annotated[float, Field(ge=-99, le=99)]
Millimetres = Annotated[float, Field(ge=0, le=999)]
Percent = Annotated[float, Field(ge=0, le=100)]
Speed = Annotated[float, Field(ge=0, le=999)]
Code = Annotated[int, Field(ge=0, le=99)]


class _Answer(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False, extra="ignore")


class _Current(_Answer):
    time: Moment
    temperature_2m: Celsius | None = None


class _Daily(_Answer):
    time: list[Date]
    weather_code: list[Code | None]
    temperature_2m_min: list[Celsius | None]
    temperature_2m_max: list[Celsius | None]
    precipitation_sum: list[Millimetres | None]
    precipitation_probability_max: list[Percent | None]
    wind_gusts_10m_max: list[Speed | None]


class _Hourly(_Answer):
    time: list[Moment]
    precipitation: list[Millimetres | None]
    precipitation_probability: list[Percent | None]


class _Weather(_Answer):
    current: _Current
    daily: _Daily
    hourly: _Hourly


class _Found(_Answer):
    name: Annotated[str, Field(min_length=1)]
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    country_code: Annotated[str, Field(max_length=2)] = ""


class _Places(_Answer):
    results: list[_Found] = []


# The fields to ask for, in the names above
CURRENT = ",".join(name for name in _Current.model_fields if name != "time")
DAILY = ",".join(name for name in _Daily.model_fields if name != "time")
HOURLY = ",".join(name for name in _Hourly.model_fields if name != "time")


def parse_places(body: bytes) -> Place | None:
    """Return the best match, None if there is none; WebError for an invalid answer."""
    results = _parse(_Places, body).results
    if not results:
        return None
    best = results[0]
    return Place(best.name, best.latitude, best.longitude, best.country_code)


def parse_forecast(body: bytes) -> Forecast:
    """Return the forecast; WebError for an invalid answer."""
    weather = _parse(_Weather, body)
    days, hours = tuple(_days(weather.daily)), tuple(_hours(weather.hourly))
    if not days or not hours:
        raise WebError(Fault.INVALID, "prévision vide")
    return Forecast(weather.current.time, weather.current.temperature_2m, days, hours)


def _days(daily: _Daily) -> Iterator[Day]:
    """Yield the days with sky and temperatures; the last ones may not be computed yet."""
    columns = (
        daily.time,
        daily.weather_code,
        daily.temperature_2m_min,
        daily.temperature_2m_max,
        daily.precipitation_sum,
        daily.precipitation_probability_max,
        daily.wind_gusts_10m_max,
    )
    for day, code, low, high, rain, chance, gusts in zip(*columns, strict=False):
        if code is not None and low is not None and high is not None:
            yield Day(day, code, low, high, rain, chance, gusts)


def _hours(hourly: _Hourly) -> Iterator[Hour]:
    """Yield the hours that are computed; the service dates an hour's sum at the hour's end."""
    columns = hourly.time, hourly.precipitation, hourly.precipitation_probability
    for end, rain, chance in zip(*columns, strict=False):
        if rain is not None:
            yield Hour(end - HOUR, rain, chance)


A = TypeVar("A", bound=_Answer)


def _parse(model: type[A], body: bytes) -> A:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise WebError(Fault.INVALID, f"{place}: {first['type']}" if place else first["type"]) from None
