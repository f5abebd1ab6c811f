"""What /weather and /rain share: the place that is meant, the answer without a forecast, words for days and skies."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import date
from typing import Final, Protocol

from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import PREFIX, Request
from meshbot.text import shorten
from meshbot.web import Fault, Forecast, Place, WebError

LOGGER = logging.getLogger(__name__)
# Seconds for a command; above the limits of the client's two requests
TIMEOUT = 30.0
LABEL_BYTES = 24  # of a place's name
QUOTED_BYTES = 60  # of the user's words in an answer
COORDINATES: Final = re.compile(r"([+-]?[0-9]{1,2}(?:\.[0-9]+)?) ?[,;] ?([+-]?[0-9]{1,3}(?:\.[0-9]+)?)")
ERROR_ANSWERS: Final = {
    Fault.UNREACHABLE: _("🌐 No Internet here at the moment, so no weather. Try again later."),
    Fault.TIMEOUT: _("⌛ The weather service does not answer. Try again later."),
    Fault.BUSY: _("🚦 The weather service has too much to do. Try again later."),
    Fault.REFUSED: _("⚠️ The weather service refused to answer, the operator can see why in the log."),
    Fault.INVALID: _("⚠️ The weather service answered oddly, the operator can see why in the log."),
}

WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
# The WMO codes that Open-Meteo uses: words, and a picture in the fonts of small radios
SKIES = {
    0: (_("clear sky"), "☀"),
    1: (_("mainly clear"), "☀"),
    2: (_("partly cloudy"), "⛅"),
    3: (_("overcast"), "☁"),
    45: (_("fog"), "☁"),
    48: (_("rime fog"), "☁"),
    51: (_("light drizzle"), "☂"),
    53: (_("drizzle"), "☂"),
    55: (_("dense drizzle"), "☂"),
    56: (_("freezing drizzle"), "❄"),
    57: (_("freezing drizzle"), "❄"),
    61: (_("light rain"), "☂"),
    63: (_("rain"), "☂"),
    65: (_("heavy rain"), "☔"),
    66: (_("freezing rain"), "❄"),
    67: (_("freezing rain"), "❄"),
    71: (_("light snow"), "❄"),
    73: (_("snow"), "❄"),
    75: (_("heavy snow"), "❄"),
    77: (_("snow grains"), "❄"),
    80: (_("light showers"), "☂"),
    81: (_("showers"), "☂"),
    82: (_("violent showers"), "☔"),
    85: (_("snow showers"), "❄"),
    86: (_("heavy snow showers"), "❄"),
    95: (_("thunderstorm"), "⚡"),
    96: (_("storm, hail"), "⚡"),
    99: (_("storm, heavy hail"), "⚡"),
}
UNKNOWN_SKY = _("weather code {code}")


class WeatherClient(Protocol):
    """A weather service; both methods block for a limited time and raise WebError."""

    def find(self, name: str) -> Place | None:
        """Return the place of that name, None if there is none."""

    def forecast(self, place: Place) -> Forecast:
        """Return the place's forecast."""


def answer_for(request: Request, wanted: str, client: WeatherClient, describe: Callable[[Place, Forecast], str]) -> str:
    """Return `describe` of the forecast for the place `wanted`, else the answer why there is none."""
    tr = request.translate
    if not wanted:
        return tr(_("Which place? For example: {question} Lyon")).format(question=PREFIX + request.command)
    try:
        place = coordinates(wanted) or client.find(wanted)
        if place is None:
            return tr(_("I know no place called {name}.")).format(name=shorten(wanted, QUOTED_BYTES))
        return describe(place, client.forecast(place))
    except WebError as error:
        LOGGER.warning("⚠️ Service météo: %s", error)
        return tr(ERROR_ANSWERS[error.fault])


def coordinates(text: str) -> Place | None:
    """Return the place of `45.76,4.84` (latitude, longitude in degrees), None for any other text."""
    match = COORDINATES.fullmatch(text)
    if match is None:
        return None
    latitude, longitude = float(match[1]), float(match[2])
    if abs(latitude) > 90 or abs(longitude) > 180:  # noqa: PLR2004 - the globe's
        return None
    return Place(f"{latitude:g},{longitude:g}", latitude, longitude)


def label(place: Place) -> str:
    """Return the place's name on one short line, with its country where there is room."""
    name = " ".join(place.name.split())
    whole = f"{name}, {place.country}" if place.country else name
    return whole if len(whole.encode()) <= LABEL_BYTES else shorten(name, LABEL_BYTES)


# -- words


def weekday(day: date, tr: Translate) -> str:
    """Return the day's short name."""
    return tr(WEEKDAYS[day.weekday()])


def sky(code: int, tr: Translate) -> str:
    """Return the code's words."""
    return tr(SKIES[code][0]) if code in SKIES else tr(UNKNOWN_SKY).format(code=code)


def picture(code: int) -> str:
    """Return the code's picture, empty for an unknown code."""
    return SKIES[code][1] if code in SKIES else ""


def amount(millimetres: float) -> str:
    """Return an amount of rain or snow: `0.4mm`, `12mm`; empty below 0.1 mm."""
    if millimetres < 0.05:  # noqa: PLR2004 - rounds to 0.0
        return ""
    return f"{round(millimetres, 1):g}mm" if millimetres < 10 else f"{millimetres:.0f}mm"  # noqa: PLR2004 - one digit


def percent(chance: float | None) -> str:
    """Return `60%`, empty if it is unknown."""
    return "" if chance is None else f"{chance:.0f}%"
