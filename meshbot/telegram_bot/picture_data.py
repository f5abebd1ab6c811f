"""The data of the pictures that follow the answers: from the memory to titles, columns and places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from math import isfinite
from typing import Final

from meshbot.commands import DAY, HOUR, Translate, ident, name_of
from meshbot.commands import mark as _
from meshbot.commands.builtin import DAYS, PORTS
from meshbot.mesh_memory import HourShare, MeshMemory, NodeView, SignalHour
from meshbot.pictures import (
    MOST_NODES,
    MOST_TEXT,
    Histogram,
    MapNode,
    NodeMap,
    Place,
    Series,
    Signal,
    SignalPoint,
    Tick,
    kilometres,
    middle,
    radius_for,
    rings_for,
)
from meshbot.storage import By

MOST_COLUMNS: Final = 50
COLUMN_HOURS: Final = (1, 2, 3, 4, 6, 12, 24)
MOST_SIGNAL_HOURS: Final = 7 * 24
MOST_TICKS: Final = 7
TICK_HOURS: Final = (1, 2, 3, 4, 6, 12, 24, 48, 96, 168, 336)
# By port; all others have OTHERS
COLOURS: Final = {1: 0, 3: 1, 4: 2, 67: 3, 70: 4, 5: 5, 71: 6, None: 7}
OTHERS: Final = 8
# Upper limits of the first three age groups; older nodes are the fourth
AGES: Final = (HOUR, 6 * HOUR, DAY)


def histogram_data(
    memory: MeshMemory, now: float, hours: int, tr: Translate, *, zone: tzinfo | None = None
) -> Histogram | None:
    """Return the packets of the last hours by kind; None if there are none. Raises StorageError.

    Times are shown in `zone`, None: the machine's.
    """
    return histogram_of(memory.traffic_by_hour(hours, By.PORT), now, hours, tr, zone=zone)


def signal_data(
    memory: MeshMemory, num: int, now: float, hours: int, tr: Translate, *, zone: tzinfo | None = None
) -> Signal | None:
    """Return the signal of a node in the last hours, a week at most; None without packets. Raises StorageError."""
    hours = min(hours, MOST_SIGNAL_HOURS)
    view = memory.node(num)
    names = (view.long_name, view.short_name) if view else ()
    title = " · ".join([*filter(None, names), ident(num)])
    return signal_of(memory.signal_of(num, hours), title, now, hours, tr, zone=zone)


def nodes_data(memory: MeshMemory, own_num: int, now: float, tr: Translate) -> NodeMap | None:
    """Return the map of the nodes of the last days; None if no position is known but perhaps our own."""
    return map_of(memory.node(own_num), memory.heard_nodes(DAYS * DAY), now, tr)


def histogram_of(
    shares: Sequence[HourShare], now: float, hours: int, tr: Translate, *, zone: tzinfo | None = None
) -> Histogram | None:
    """Return the histogram of the packets received; pure."""
    if not any(share.packets for share in shares):
        return None
    step = next((each for each in COLUMN_HOURS if (hours + 1) <= each * MOST_COLUMNS), COLUMN_HOURS[-1])
    count = min(-(-(hours + 1) // step), MOST_COLUMNS)
    since = _end(now) - count * step * HOUR
    columns: dict[int, list[float]] = {}
    for share in shares:
        column = min(max(0, int(share.hour - since) // (step * HOUR)), count - 1)
        columns.setdefault(COLOURS.get(share.key, OTHERS), [0.0] * count)[column] += share.packets
    names = {colour: PORTS[port] for port, colour in COLOURS.items()} | {OTHERS: _("others")}
    series = tuple(
        Series(f"{tr(names[colour])} {sum(columns[colour]):.0f}", colour, tuple(columns[colour]))
        for colour in sorted(columns)
    )
    packets = sum(share.packets for share in shares)
    return Histogram(
        title=tr(_("Packets per hour")) if step == 1 else tr(_("Packets in {step} h each")).format(step=step),
        subtitle=tr(_("{count} in {hours} h, until {time}")).format(count=packets, hours=hours, time=_time(now, zone)),
        since=since,
        step=step * HOUR,
        series=series,
        ticks=ticks_of(since, _end(now), zone),
    )


def signal_of(
    signal_hours: Sequence[SignalHour], title: str, now: float, hours: int, tr: Translate, *, zone: tzinfo | None = None
) -> Signal | None:
    """Return the signal of a node by hours; pure."""
    packets, direct = sum(each.packets for each in signal_hours), sum(each.direct for each in signal_hours)
    if not packets:
        return None
    since, until = _end(now) - (hours + 1) * HOUR, _end(now)
    subtitle = tr(_("{hours} h until {time}: packets {packets}, direct {direct}"))
    return Signal(
        title=title[:MOST_TEXT],
        subtitle=subtitle.format(hours=hours, time=_time(now, zone), packets=packets, direct=direct),
        since=since,
        until=until,
        step=HOUR,
        points=tuple(_point(each) for each in signal_hours),
        ticks=ticks_of(since, until, zone),
        snr_title=tr(_("SNR in dB: mean, least and most of each hour")),
        rssi_title=tr(_("RSSI in dBm: mean of each hour")),
        packets_title=tr(_("Packets per hour")),
        direct=tr(_("direct")),
        relayed=tr(_("relayed")),
        unknown=tr(_("nothing came directly: the signal is unknown")),
    )


def map_of(own: NodeView | None, views: Sequence[NodeView], now: float, tr: Translate) -> NodeMap | None:
    """Return the map of the nodes with a position, around our own one, else around their middle; pure."""
    here = _place(own)
    since = now - DAYS * DAY
    known = [(view, place) for view in views if (place := _place(view))]
    known.sort(key=lambda each: (not _is_direct(each[0], since), -(each[0].last_heard or 0)))
    shown = known[:MOST_NODES]
    if not shown:
        return None
    centre = here or middle([place for _view, place in shown])
    offsets = [kilometres(centre, place) for _view, place in shown]
    radius = radius_for(offsets)
    beyond = sum(max(abs(east), abs(north)) > radius for east, north in offsets)
    return NodeMap(
        title=tr(_("Nodes around us")) if here else tr(_("Nodes heard")),
        subtitle=tr(_("{count} heard in {days} days, {known} with a position")).format(
            count=len(views), days=DAYS, known=len(known)
        ),
        centre=_names(own) if here and own else (),
        radius=radius,
        rings=rings_for(radius),
        nodes=tuple(
            _node(view, offset, now, is_direct=_is_direct(view, since))
            for (view, _place_of_it), offset in zip(shown, offsets, strict=True)
        ),
        ages=("< 1 h", "< 6 h", "< 24 h", "> 24 h"),
        direct=tr(_("direct")),
        relayed=tr(_("relayed")),
        notes=(
            *_notes(len(views) - len(known), beyond, len(known) - len(shown), tr, is_centred=here is not None),
            *_silent(sum(view.hides_position for view, _place_of_it in shown), tr),
        ),
        unlabelled=tr(_("{count} without a number: no room")),
    )


def ticks_of(since: float, until: float, zone: tzinfo | None = None) -> tuple[Tick, ...]:
    """Return round times of the day, MOST_TICKS at most, midnights as dates."""
    hours = (until - since) / HOUR
    step = next((each for each in TICK_HOURS if hours < each * (MOST_TICKS + 1)), TICK_HOURS[-1])
    day = datetime.fromtimestamp(since, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[Tick] = []
    while day.timestamp() <= until:
        for hour in range(0, 24, min(step, 24)):
            at = day.replace(hour=hour)
            if since <= at.timestamp() <= until:
                found.append(Tick(at.timestamp(), f"{at:%H:%M}" if hour else f"{at:%d/%m}"))
        day += timedelta(days=max(1, step // 24))
    return tuple(found)


def _end(now: float) -> float:
    """Return the end of the present hour."""
    return now - now % HOUR + HOUR


def _time(now: float, zone: tzinfo | None) -> str:
    return f"{datetime.fromtimestamp(now, zone):%H:%M}"


def _point(each: SignalHour) -> SignalPoint:
    return SignalPoint(
        at=each.hour + HOUR / 2,
        direct=each.direct,
        relayed=each.packets - each.direct,
        snr=_finite(each.snr),
        snr_least=_finite(each.snr_least),
        snr_most=_finite(each.snr_most),
        rssi=_finite(each.rssi),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _place(view: NodeView | None) -> Place | None:
    """Return the node's position, None if it is invalid: a GPS without a fix sends 0, 0."""
    if view is None or view.position is None:
        return None
    place = view.position.latitude, view.position.longitude
    is_valid = any(place) and abs(place[0]) <= 90 and abs(place[1]) <= 180  # noqa: PLR2004 - the globe's; NaN is neither
    return place if is_valid else None


def _is_direct(view: NodeView, since: float) -> bool:
    return view.direct_at is not None and view.direct_at >= since


def _node(view: NodeView, offset: Place, now: float, *, is_direct: bool) -> MapNode:
    passed = now - (view.last_heard or 0)
    age = sum(passed >= each for each in AGES)
    # as the table of /nodes has it
    label = f"{'~' if view.hides_position else ''}{name_of(view)} {ident(view.num)[-4:]}"
    return MapNode(_names(view), *offset, age=age, direct=is_direct, label=label)


def _names(view: NodeView) -> tuple[str, ...]:
    return tuple(name[:MOST_TEXT] for name in (view.long_name, view.short_name, ident(view.num)) if name)


def _notes(missing: int, beyond: int, left_out: int, tr: Translate, *, is_centred: bool) -> Iterator[str]:
    """Yield notes on what the map cannot show."""
    if missing:
        yield tr(_("{count} without a position")).format(count=missing)
    if beyond:
        yield tr(_("{count} further away: arrows at the edge")).format(count=beyond)
    if left_out:
        yield tr(_("{count} more, heard longer ago, left out")).format(count=left_out)
    if not is_centred:
        yield tr(_("Our own position is not known: distances from the middle"))


def _silent(count: int, tr: Translate) -> list[str]:
    """Return a note on nodes whose place is a day and more older than what was last heard of them."""
    return [tr(_("~ {count} silent about their position for a day or more")).format(count=count)] if count else []
