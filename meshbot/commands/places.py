"""What /weather and /rain share: which place is meant, and what to say when there is no forecast for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Final, Protocol

from meshbot.commands.language import mark as _
from meshbot.commands.registry import PREFIX, Request
from meshbot.text import shorten
from meshbot.web import Fault, Forecast, Place, WebError

LOGGER = logging.getLogger(__name__)
TIMEOUT = 30.0  # seconds for a command; above the bounds of the client's two requests
LABEL_BYTES = 24  # of a place's name
ECHO_BYTES = 60  # of what the user typed
COORDINATES: Final = re.compile(r"([+-]?[0-9]{1,2}(?:\.[0-9]+)?) ?[,;] ?([+-]?[0-9]{1,3}(?:\.[0-9]+)?)")
EXCUSES: Final = {
    Fault.UNREACHABLE: _("🌐 No Internet here at the moment, so no weather. Try again later."),
    Fault.SILENT: _("⌛ The weather service does not answer. Try again later."),
    Fault.BUSY: _("🚦 The weather service has too much to do. Try again later."),
    Fault.REFUSED: _("⚠️ The weather service refused to answer, the operator can see why in the log."),
    Fault.ODD: _("⚠️ The weather service answered oddly, the operator can see why in the log."),
}


class WeatherClient(Protocol):
    """Who knows places and their weather; both block for a bounded time and raise WebError."""

    def find(self, name: str) -> Place | None:
        """Return the place of that name, None if there is none."""

    def forecast(self, place: Place) -> Forecast:
        """Return the place's forecast."""


def answer_for(request: Request, wanted: str, client: WeatherClient, tell: Callable[[Place, Forecast], str]) -> str:
    """Return what `tell` makes of the forecast for the place `wanted`, or why there is none."""
    tr = request.translate
    if not wanted:
        return tr(_("Which place? For example: {question} Lyon")).format(question=PREFIX + request.command)
    try:
        place = coordinates(wanted) or client.find(wanted)
        if place is None:
            return tr(_("I know no place called {name}.")).format(name=shorten(wanted, ECHO_BYTES))
        return tell(place, client.forecast(place))
    except WebError as error:
        LOGGER.warning("⚠️ Service météo: %s", error)
        return tr(EXCUSES[error.fault])


def coordinates(text: str) -> Place | None:
    """Return the place of `45.76,4.84` (latitude, longitude in degrees), None if the text is no such thing."""
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
