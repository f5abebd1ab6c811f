"""/weather: the weather of the coming days."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from meshbot.commands.forecasts import (
    COORDINATES,
    TIMEOUT,
    WeatherClient,
    amount,
    answer_for,
    label,
    percent,
    picture,
    sky,
    weekday,
)
from meshbot.commands.formatting import as_many_as_fit, table
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.web import Day, Fault, Forecast, Place, WebError

DEFAULT_DAYS, MOST_DAYS = 3, 7  # three fit one packet
# km/h: from there they matter outdoors
STRONG_GUSTS = 60.0
DAYS: Final = re.compile(r"(?:(.*?)[ ,;]+)?([0-9]{1,2}) ?(?:j|jours?|d|days?)?", re.IGNORECASE)
EXAMPLES: Final = (
    Example(
        "/weather Lyon",
        "☂ Lyon, FR: 4°\nMon 5 light rain 3/11° 2.4mm 60%\nTue 6 fog -1/9° 10%\nWed 7 heavy snow -6/0° 24mm 95% 💨85",
    ),
    Example(
        "/weather Lyon 3",
        "☂ Lyon, FR: 4°\n"
        "day     °C  mm rain km/h\n"
        "Mon 5 3/11 2.4  60%   35 light rain\n"
        "Tue 6 -1/9      10%   20 fog\n"
        "Wed 7 -6/0  24  95%   85 heavy snow",
        platform=Platform.TELEGRAM,
    ),
    Example("/weather saint étienne 1", "☂ Saint-Étienne, FR: 4°\nMon 5 light rain 3/11° 2.4mm 60%"),
    Example("/weather 45.76,4.84 1", "☂ 45.76,4.84: 4°\nMon 5 light rain 3/11° 2.4mm 60%"),
    Example("/weather Xyzzy", "I know no place called Xyzzy."),
)


def weather_command(client: WeatherClient, default_place: str) -> Command:
    """Make the command; `default_place` (a name or "lat,lon", may be empty) is for an asker who names none."""

    def run(request: Request) -> str:
        place, days = parse_argument(request.argument, MOST_DAYS if request.wide else DEFAULT_DAYS)
        style = partial(describe_in_columns, limit=request.limit) if request.wide else describe
        return answer_for(request, place or default_place, client, partial(style, days=days, tr=request.translate))

    return Command(
        name="weather",
        aliases=("meteo", "météo"),
        usage=_("[place] [days]"),
        summary=_("the weather of the coming days, 7 at most"),
        run=run,
        slow=True,
        has_table=True,
        timeout=TIMEOUT,
        examples=EXAMPLES,
    )


def parse_argument(argument: str, default_days: int = DEFAULT_DAYS) -> tuple[str, int]:
    """Return the place, empty if none is named, and the days, 1 to 7: `Lyon 3`, `3`, `saint étienne, 2 jours`."""
    text = " ".join(argument.split()).strip(" ,;")
    match = DAYS.fullmatch(text)
    if match is None or COORDINATES.fullmatch(text):
        return text, default_days
    return match[1] or "", min(max(int(match[2]), 1), MOST_DAYS)


def describe(place: Place, forecast: Forecast, *, days: int, tr: Translate) -> str:
    """Return a line for the place and one for each day; up to three days fit one packet."""
    coming = _coming(forecast, days)
    return "\n".join([_head(place, forecast, coming[0], tr), *(_line(day, tr) for day in coming)])


def describe_in_columns(place: Place, forecast: Forecast, *, days: int, tr: Translate, limit: int) -> str:
    """Return the same as a table; the words come last because they may be long."""
    coming = _coming(forecast, days)
    titles = [tr(_("day")), "", "°C", "mm", tr(_("rain")), "km/h", ""]
    rows = [
        (
            weekday(day.date, tr),
            str(day.date.day),
            f"{round(day.low)}/{round(day.high)}",
            amount(day.rain or 0.0).removesuffix("mm"),
            percent(day.chance),
            f"{day.gusts:.0f}" if day.gusts is not None else "",
            sky(day.code, tr),
        )
        for day in coming
    ]
    first, *lines = table(titles, rows, right=range(1, 6))
    return as_many_as_fit(f"{_head(place, forecast, coming[0], tr)}\n{first}", lines, len(lines), limit)


def _coming(forecast: Forecast, days: int) -> tuple[Day, ...]:
    coming = forecast.next_days(days)
    if not coming:
        raise WebError(Fault.INVALID, "aucun jour à venir")
    return coming


def _head(place: Place, forecast: Forecast, today: Day, tr: Translate) -> str:
    head = label(place)
    if forecast.temperature is not None:
        head = tr(_("{place}: {temperature}°")).format(place=head, temperature=round(forecast.temperature))
    return f"{picture(today.code)} {head}".lstrip()


def _line(day: Day, tr: Translate) -> str:
    words = [
        weekday(day.date, tr),
        str(day.date.day),
        sky(day.code, tr),
        f"{round(day.low)}/{round(day.high)}°",
        amount(day.rain or 0.0),
        percent(day.chance),
        f"💨{day.gusts:.0f}" if day.gusts is not None and day.gusts >= STRONG_GUSTS else "",
    ]
    return " ".join(filter(None, words))
