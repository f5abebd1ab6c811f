"""The content of a picture as plain data: made by the bot, sent as JSON to the drawing process, checked twice."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from meshbot.runtime import MeshBotError

MOST_COLUMNS: Final = 100
MOST_POINTS: Final = 400
MOST_NODES: Final = 5000
MOST_TEXT: Final = 300  # characters
# Of JSON; 5,000 nodes are 1 MB
MOST_BYTES: Final = 4_000_000
COLOURS: Final = 9  # of series, by number
AGES: Final = 4  # of nodes


class BadDataError(MeshBotError):
    """Data that cannot be drawn; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A text below the time axis."""

    at: float  # seconds since 1970
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one colour of the columns."""

    name: str
    # below COLOURS: a kind of packet has the same in every picture
    colour: int
    values: tuple[float, ...]  # one for each column


@dataclass(frozen=True, slots=True)
class Histogram:
    """Stacked columns over time."""

    title: str
    subtitle: str
    since: float  # start of the first column, seconds since 1970
    step: float  # seconds of a column
    series: tuple[Series, ...]  # from the bottom
    ticks: tuple[Tick, ...]

    def __post_init__(self) -> None:
        """Raise BadDataError if it cannot be drawn."""
        lengths = {len(each.values) for each in self.series}
        _check(len(lengths) == 1 and 0 < max(lengths) <= MOST_COLUMNS, f"1 to {MOST_COLUMNS} columns, in each series")
        _check(len(self.series) <= COLOURS, f"at most {COLOURS} series")
        _check(self.step > 0, "a column lasts longer than nothing")
        _check(all(0 <= each.colour < COLOURS for each in self.series), f"a colour is 0 to {COLOURS - 1}")
        _check(all(value >= 0 for each in self.series for value in each.values), "no count below 0")
        _check(len(self.ticks) <= MOST_COLUMNS, f"at most {MOST_COLUMNS} ticks")


@dataclass(frozen=True, slots=True)
class SignalPoint:
    """How a node was heard in one step; None: no packet came without a relay."""

    at: float  # the middle, seconds since 1970
    direct: float  # packets
    relayed: float  # packets
    snr: float | None = None  # dB
    snr_least: float | None = None
    snr_most: float | None = None
    rssi: float | None = None  # dBm


@dataclass(frozen=True, slots=True)
class Signal:
    """How a node was heard over time."""

    title: str
    subtitle: str
    since: float  # seconds since 1970, as the next
    until: float
    step: float  # seconds that a point stands for
    points: tuple[SignalPoint, ...]  # the oldest first
    ticks: tuple[Tick, ...]
    snr_title: str
    rssi_title: str
    packets_title: str
    direct: str  # names of what is counted
    relayed: str
    unknown: str  # shown in place of the signal where there is none

    def __post_init__(self) -> None:
        """Raise BadDataError if it cannot be drawn."""
        _check(0 < len(self.points) <= MOST_POINTS, f"1 to {MOST_POINTS} points")
        _check(self.since < self.until, "the end comes after the start")
        _check(self.step > 0, "a point stands for longer than nothing")
        _check(len(self.ticks) <= MOST_COLUMNS, f"at most {MOST_COLUMNS} ticks")
        _check(all(each.direct >= 0 and each.relayed >= 0 for each in self.points), "no count below 0")


@dataclass(frozen=True, slots=True)
class MapNode:
    """A node on the map."""

    names: tuple[str, ...]  # the first that can be written is shown
    east: float  # km from the centre
    north: float  # km from the centre
    age: int  # below AGES, 0: just heard
    direct: bool  # heard without a relay
    label: str = ""  # in the legend, as in the table beside the picture; empty: the names


@dataclass(frozen=True, slots=True)
class NodeMap:
    """Positions of nodes. Those beyond the radius are shown at its edge, in their direction."""

    title: str
    subtitle: str
    centre: tuple[str, ...]  # its names, the first that can be written is shown; none: nothing is there
    radius: float  # km
    rings: tuple[float, ...]  # km
    nodes: tuple[MapNode, ...]  # by importance of their names
    ages: tuple[str, ...]  # AGES names
    direct: str  # names of the marks
    relayed: str
    notes: tuple[str, ...]  # lines below
    unlabelled: str = ""  # the line with their number in place of `{count}`; empty: none

    def __post_init__(self) -> None:
        """Raise BadDataError if it cannot be drawn."""
        _check(len(self.nodes) <= MOST_NODES, f"at most {MOST_NODES} nodes")
        _check(0 < self.radius <= 50_000, "a radius of at most 50,000 km")  # noqa: PLR2004 - beyond the globe
        _check(len(self.ages) == AGES, f"{AGES} names of ages")
        _check(all(0 <= each.age < AGES for each in self.nodes), f"an age is 0 to {AGES - 1}")
        _check(len(self.rings) <= 10 and all(ring > 0 for ring in self.rings), "at most 10 rings")  # noqa: PLR2004
        _check(len(self.notes) <= 4, "at most 4 notes")  # noqa: PLR2004 - there is room for so many


Picture = Histogram | Signal | NodeMap
KINDS: Final[dict[str, type[Picture]]] = {"histogram": Histogram, "signal": Signal, "nodes": NodeMap}


def to_json(picture: Picture) -> bytes:
    """Return what the drawing process reads. Raises BadDataError for what JSON lacks: NaN, infinity."""
    kind = next(name for name, shape in KINDS.items() if isinstance(picture, shape))
    try:
        text = json.dumps({"kind": kind, "data": asdict(picture)}, allow_nan=False)
    except ValueError as error:
        raise BadDataError(f"{kind}: a number is not finite") from error
    return text.encode()


def from_json(source: bytes) -> Picture:
    """Return the picture that `to_json` wrote. Raises BadDataError for anything else."""
    _check(len(source) <= MOST_BYTES, f"at most {MOST_BYTES} bytes")
    try:
        message = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise BadDataError("one JSON object is expected") from error
    _check(isinstance(message, dict), "one JSON object is expected")
    kind = message.get("kind")
    _check(isinstance(kind, str) and kind in KINDS, f"kind is one of {', '.join(KINDS)}")
    picture: Picture = _decode(KINDS[kind], message.get("data"), "data")
    return picture


def _decode(shape: Any, value: Any, where: str) -> Any:
    """Return `value` as the annotation `shape` has it: a dataclass, a tuple of one kind, text, a number, None."""
    if is_dataclass(shape):
        _check(isinstance(value, dict), f"{where} is an object")
        hints, known = get_type_hints(shape), {field.name for field in fields(shape)}
        wrong = sorted(ascii(name)[:40] for name in known ^ value.keys())
        _check(not wrong, f"{where} lacks or does not know {', '.join(wrong[:5])}")
        return shape(**{name: _decode(hints[name], value[name], f"{where}.{name}") for name in hints})  # type: ignore[operator] # a class, not an instance
    if get_origin(shape) is tuple:
        _check(isinstance(value, list), f"{where} is a list")
        return tuple(_decode(get_args(shape)[0], each, f"{where}[{index}]") for index, each in enumerate(value))
    if get_origin(shape) is UnionType:
        return None if value is None else _decode(next(t for t in get_args(shape) if t is not NoneType), value, where)
    return _scalar(shape, value, where)


def _scalar(shape: type, value: Any, where: str) -> Any:
    if shape is bool:
        _check(isinstance(value, bool), f"{where} is true or false")
        return value
    if shape is str:
        _check(isinstance(value, str) and len(value) <= MOST_TEXT, f"{where} is a text of at most {MOST_TEXT}")
        return value
    kinds = int if shape is int else (int, float)
    _check(isinstance(value, kinds) and not isinstance(value, bool), f"{where} is a number")
    _check(abs(value) < 1e12 and isfinite(value), f"{where} is no usable number")  # noqa: PLR2004 - beyond any time
    return value if shape is int else float(value)


def _check(is_right: bool, rule: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
    if not is_right:
        raise BadDataError(rule)
