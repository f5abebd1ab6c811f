"""/rain: the rain of the coming hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from meshbot.commands.forecasts import TIMEOUT, WeatherClient, amount, answer_for, label, percent
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Request
from meshbot.web import HOUR, Fault, Forecast, Hour, Place, WebError

HOURS = 12
LEAST_RAIN = 0.1  # mm in an hour
LEAST_CHANCE = 30.0  # %, of rain too little to measure


def rain_command(client: WeatherClient, default_place: str) -> Command:
    """Make the command; see weather_command."""

    def run(request: Request) -> str:
        wanted = " ".join(request.argument.split()) or default_place
        return answer_for(request, wanted, client, partial(describe, tr=request.translate))

    return Command(
        name="rain",
        aliases=("pluie",),
        usage=_("[place]"),
        summary=_("the rain of the next 12 hours: from-to, mm, chance"),
        run=run,
        slow=True,
        timeout=TIMEOUT,
        examples=(
            Example("/rain Lyon", "☔ Lyon, FR until 01h:\n15-17h 1.9mm 80%\n20-21h 40%"),
            Example("/rain Nice", "Nice, FR: no rain until 01h, chance 5%"),
        ),
    )


def describe(place: Place, forecast: Forecast, *, tr: Translate) -> str:
    """Return a line for each stretch of rain, or that there is none; fits one packet."""
    hours = forecast.next_hours(HOURS)
    if not hours:
        raise WebError(Fault.INVALID, "aucune heure à venir")
    until = _clock(hours[-1].start + HOUR)
    wet = _stretches([hour for hour in hours if _is_wet(hour)])
    if wet:
        head = tr(_("☔ {place} until {hour}h:")).format(place=label(place), hour=until)
        return "\n".join([head, *map(_line, wet)])
    chance = percent(_highest_chance(hours))
    dry = _("{place}: no rain until {hour}h, chance {chance}") if chance else _("{place}: no rain until {hour}h")
    return tr(dry).format(place=label(place), hour=until, chance=chance)


def _is_wet(hour: Hour) -> bool:
    return hour.rain >= LEAST_RAIN or (hour.chance or 0.0) >= LEAST_CHANCE


def _stretches(hours: Sequence[Hour]) -> list[list[Hour]]:
    """Group consecutive hours."""
    stretches: list[list[Hour]] = []
    for hour in hours:
        if stretches and hour.start == stretches[-1][-1].start + HOUR:
            stretches[-1].append(hour)
        else:
            stretches.append([hour])
    return stretches


def _line(stretch: Sequence[Hour]) -> str:
    hours = f"{_clock(stretch[0].start)}-{_clock(stretch[-1].start + HOUR)}h"
    total = amount(sum(hour.rain for hour in stretch))
    return " ".join(filter(None, [hours, total, percent(_highest_chance(stretch))]))


def _highest_chance(hours: Sequence[Hour]) -> float | None:
    return max((hour.chance for hour in hours if hour.chance is not None), default=None)


def _clock(moment: datetime) -> str:
    return f"{moment:%H}"
