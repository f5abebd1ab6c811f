"""Pictures to draw, and what can be seen on them."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image

from meshbot.pictures.data import Histogram, MapNode, NodeMap, Series, Signal, SignalPoint, Tick
from meshbot.pictures.projection import radius_for, rings_for

START, HOUR = 1_790_000_000.0 - 1_790_000_000 % 3600, 3600.0
AGES = ("< 1 h", "< 6 h", "< 24 h", "older")
HOSTILE = (
    "$x_1$ \\frac{a}{",
    "^_{}$$",
    "🦊🐺",
    "علي",
    "יוסי שלום",
    "高山",
    "a\x00b\x1b[31m\n\tc",
    "\u202eevil\u202c",
    "\ud800half",
    "z" + "\u0301" * 200,
    "very long " * 30,
    "",
    " ",
    "%s {0} {name}",
)

HISTOGRAM = Histogram(
    "Packets per hour",
    "12 in 3 h",
    START,
    HOUR,
    (Series("text 6", 0, (1.0, 2.0, 3.0)), Series("telemetry 6", 3, (3.0, 0.0, 3.0))),
    (Tick(START, "10:00"), Tick(START + 2 * HOUR, "12:00")),
)
SIGNAL = Signal(
    title="Alice",
    subtitle="3 h until 12:59",
    since=START,
    until=START + 3 * HOUR,
    step=HOUR,
    points=(
        SignalPoint(START + 1800, 2.0, 1.0, -3.0, -5.0, -1.0, -101.5),
        SignalPoint(START + 5400, 0.0, 4.0),
        SignalPoint(START + 9000, 1.0, 0.0, 6.0, 6.0, 6.0, -88.0),
    ),
    ticks=(Tick(START, "10:00"),),
    snr_title="SNR",
    rssi_title="RSSI",
    packets_title="Packets",
    direct="direct",
    relayed="relayed",
    unknown="unknown",
)


def node_map(count, names=("Node",), spread=12.0):
    """So many nodes on a spiral."""
    places = [((spread * n / count) * (-1) ** n, (spread * n / count) * (-1) ** (n // 2)) for n in range(1, count + 1)]
    nodes = tuple(
        MapNode((names[n % len(names)][:300], f"{n:04x}"), *place, age=n % 4, direct=n % 3 == 0)
        for n, place in enumerate(places)
    )
    radius = radius_for(places)
    return NodeMap(
        "Nodes", f"{count} heard", ("Us",), radius, rings_for(radius), nodes, AGES, "direct", "relayed", ("1 missing",)
    )


def hostile(picture):
    """The picture with the worst texts that a mesh can send in each place."""
    match picture:
        case Histogram():
            series = tuple(replace(each, name=HOSTILE[n][:300]) for n, each in enumerate(picture.series))
            return replace(picture, title=HOSTILE[0], subtitle=HOSTILE[6], series=series)
        case Signal():
            return replace(picture, title=" ".join(HOSTILE)[:300], subtitle=HOSTILE[4], unknown=HOSTILE[1])
    return replace(picture, title=HOSTILE[9][:300], centre=HOSTILE[7:9], notes=HOSTILE[:4])


def seen(png):
    """Width, height and how many pixels have each colour `#rrggbb`."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    colours = image.getcolors(1 << 24)
    return *image.size, {f"#{red:02x}{green:02x}{blue:02x}": count for count, (red, green, blue) in colours}


def pixels_like(colours, wanted, within=14):
    """How many pixels have about that colour: the palette shifts it a little."""
    aim = [int(wanted[at : at + 2], 16) for at in (1, 3, 5)]
    return sum(
        count
        for colour, count in colours.items()
        if all(abs(int(colour[at : at + 2], 16) - part) <= within for at, part in zip((1, 3, 5), aim, strict=True))
    )
