"""The words for days and skies; pure."""

from __future__ import annotations

from datetime import date

from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _

WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
# The WMO codes that Open-Meteo uses: words, and a picture that small radios show
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
UNKNOWN = _("weather code {code}")


def weekday(day: date, tr: Translate) -> str:
    """Return the day's short name."""
    return tr(WEEKDAYS[day.weekday()])


def sky(code: int, tr: Translate) -> str:
    """Return the code's words."""
    return tr(SKIES[code][0]) if code in SKIES else tr(UNKNOWN).format(code=code)


def picture(code: int) -> str:
    """Return the code's picture, or nothing."""
    return SKIES[code][1] if code in SKIES else ""


def amount(millimetres: float) -> str:
    """Return what falls: `0.4mm`, `12mm`; nothing below 0.1 mm."""
    if millimetres < 0.05:  # noqa: PLR2004 - rounds to 0.0
        return ""
    return f"{round(millimetres, 1):g}mm" if millimetres < 10 else f"{millimetres:.0f}mm"  # noqa: PLR2004 - one digit


def percent(chance: float | None) -> str:
    """Return `60%`, or nothing when it is not known."""
    return "" if chance is None else f"{chance:.0f}%"
