"""The status page: what it shows, made ready for its template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from meshbot.commands import DAY, HOUR, Translate, age, decibels, duration, ident, length, translator
from meshbot.commands import mark as _
from meshbot.mesh_memory import NodeView
from meshbot.status_page import drawing
from meshbot.status_page.incident_log import IncidentLog
from meshbot.status_page.sources import Sources
from meshbot.status_page.words import ACCOUNTS, CAUSES, LABELS, PRIORITIES, STATES, incident_words
from meshbot.storage import By, LinkPeriodRow, StorageError
from meshbot.text import clipped, one_line

TEMPLATES: Final = Path(__file__).with_name("templates")
SHOWN_DAYS: Final = 7
TRAFFIC_HOURS: Final = 48
NODES_A_PAGE: Final = 100
OUTAGES_SHOWN: Final = 10
WARNED_KEYS_SHOWN: Final = 20
NAME_BYTES: Final = 48
# Units of the band that a day's name takes
DAY_LABEL: Final = 60
# Classes of age of a node: heard within so many seconds
AGES: Final = (HOUR, DAY, inf)
# PortNum; what is not listed is `other`
SERIES: Final[Mapping[int | None, str]] = {
    1: "text",
    3: "position",
    4: "nodeinfo",
    67: "telemetry",
    None: "encrypted",
}
OTHER: Final = "other"
# What a column is sorted by, the natural way round first
Key = Callable[[NodeView], Any]
SORTS: Final[Mapping[str, Key]] = {
    "name": lambda node: ((node.long_name or node.short_name).casefold(), node.num),
    "heard": lambda node: -(node.last_heard or 0),
    "hops": lambda node: inf if node.hops is None else node.hops,
    "snr": lambda node: inf if node.snr is None else -node.snr,
    "battery": lambda node: inf if node.battery is None else node.battery,
    "distance": lambda node: inf if node.distance is None else node.distance,
}
DEFAULT_SORT: Final = "heard"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a browser asks for, checked."""

    language: str
    sort: str = DEFAULT_SORT  # one of SORTS
    is_reversed: bool = False
    page: int = 1


class StatusPage:
    """Renders the page; any thread."""

    def __init__(self, sources: Sources, incidents: IncidentLog) -> None:
        self._sources = sources
        self._incidents = incidents
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("page.html")

    def render(self, wish: Wish) -> bytes:
        """Return it as HTML."""
        sources, tr = self._sources, translator(wish.language)
        now = sources.clock.now().timestamp()
        nodes = sources.memory.heard_nodes(sources.memory.hours_kept * HOUR)
        text = self._template.render(
            t={key: tr(words) for key, words in LABELS.items()},
            lang=wish.language,
            version=sources.version,
            made=_moment(now, "%Y-%m-%d %H:%M:%S"),
            link=_link(sources, now, tr),
            table=_table(nodes, wish, now, tr),
            map=_map(nodes, sources.memory.node(sources.own_num()), now, tr),
            traffic=_unless_unreadable(lambda: _traffic(sources, now)),
            air=_air(sources, tr),
            keys=_keys(sources, tr),
            queue=_queue(sources, tr),
            mail=_unless_unreadable(lambda: _mail(sources, tr)),
            incidents=[
                (_moment(at, "%d/%m %H:%M"), incident_words(incident, tr)) for at, incident in self._incidents.latest()
            ],
        )
        return text.encode(errors="replace")


def _unless_unreadable(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except StorageError:
        return None


def _moment(seconds: float, form: str) -> str:
    """Return a time of the machine's zone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime(form)


def _name(node: NodeView) -> str:
    return clipped(one_line(node.long_name) or one_line(node.short_name) or ident(node.num), NAME_BYTES)


def _link(sources: Sources, now: float, tr: Translate) -> dict[str, Any]:
    figures, periods = sources.link(), sources.link_periods()
    since = now - SHOWN_DAYS * DAY
    if figures.ready_for is not None:
        state = tr(_("up for {time}")).format(time=duration(figures.ready_for, tr))
    elif figures.down_for is not None:
        state = tr(_("down for {time}")).format(time=duration(figures.down_for, tr))
    else:
        state = tr(_("no link yet"))
    share = drawing.share_up(periods, since)
    facts = [
        tr(_("reconnections: {hour} in 1 h, {day} in 24 h")).format(hour=figures.last_hour, day=figures.last_day),
        "" if figures.round_trip is None else tr(_("probe: {time} ms")).format(time=round(figures.round_trip * 1000)),
        "" if share is None else tr(_("up {share} of the time")).format(share=f"{100 * share:.2f}%"),
        tr(_("🔒 the node is in lockdown: nothing comes or goes")) if sources.is_locked() else "",
    ]
    return {
        "node": sources.node,
        "is_up": figures.ready_for is not None,
        "state": state,
        "facts": [fact for fact in facts if fact],
        "band": drawing.band(periods, since, now),
        "width": drawing.BAND_WIDTH,
        "height": drawing.BAND_HEIGHT,
        "days": _days(since, now),
        "outages": [_outage(row, tr) for row in periods[::-1] if not row.is_up][:OUTAGES_SHOWN],
    }


def _days(since: float, until: float) -> list[tuple[float, str]]:
    """Return where each day begins on the band, and its name."""
    found = []
    for number in range(SHOWN_DAYS + 1):
        day = datetime.fromtimestamp(since + number * DAY, UTC).astimezone()
        begins = day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        if since <= begins <= until:
            place = (begins - since) / (until - since) * drawing.BAND_WIDTH
            if place <= drawing.BAND_WIDTH - DAY_LABEL:
                found.append((round(place, 1), f"{day:%d/%m}"))
    return found


def _outage(row: LinkPeriodRow, tr: Translate) -> tuple[str, str, str]:
    why = tr(CAUSES[row.cause]) if row.cause in CAUSES else ""
    if row.losses:
        often = tr(_("{count} links did not last")).format(count=row.losses)
        why = f"{why} ({often})" if why else often
    return _moment(row.began, "%d/%m %H:%M:%S"), duration(row.ended - row.began, tr), why


# -- nodes


def _table(nodes: Sequence[NodeView], wish: Wish, now: float, tr: Translate) -> dict[str, Any]:
    ordered = sorted(nodes, key=SORTS[wish.sort], reverse=wish.is_reversed)
    pages = max(1, -(-len(ordered) // NODES_A_PAGE))
    page = min(wish.page, pages)
    shown = ordered[(page - 1) * NODES_A_PAGE : page * NODES_A_PAGE]
    return {
        "count": len(nodes),
        "rows": [_row(node, now, tr) for node in shown],
        "columns": [
            (name, _query(wish, name, reverse=name == wish.sort and not wish.is_reversed), name == wish.sort)
            for name in SORTS
        ],
        "is_reversed": wish.is_reversed,
        "page": page,
        "pages": pages,
        "before": _query(wish, wish.sort, reverse=wish.is_reversed, page=page - 1) if page > 1 else "",
        "next": _query(wish, wish.sort, reverse=wish.is_reversed, page=page + 1) if page < pages else "",
    }


def _query(wish: Wish, sort: str, *, reverse: bool, page: int = 1) -> str:
    """Return a link to the same page with its nodes in another order."""
    return f"?lang={wish.language}&sort={'-' * reverse}{sort}&page={page}#nodes"


def _row(node: NodeView, now: float, tr: Translate) -> tuple[str, ...]:
    battery = "" if node.battery is None else f"{min(node.battery, 100)}%"
    return (
        _name(node),
        ident(node.num),
        "🔑" if node.has_key else "",
        "" if node.last_heard is None else age(now - node.last_heard, tr),
        "MQTT" if node.via_mqtt else "" if node.hops is None else str(node.hops),
        "" if node.snr is None else decibels(node.snr),
        battery,
        "" if node.distance is None else length(node.distance),
    )


def _map(nodes: Sequence[NodeView], own: NodeView | None, now: float, tr: Translate) -> dict[str, Any] | None:
    placed = [(node, node.position) for node in nodes if node.position is not None]
    # only the first are named on the map, and names take half of the page's time
    spots = [
        drawing.Spot(
            _name(node) if number < drawing.MOST_NAMED else "",
            position.latitude,
            position.longitude,
            _age_class(node, now),
        )
        for number, (node, position) in enumerate(placed)
    ]
    if own is not None and own.position is not None:
        centre = own.position.latitude, own.position.longitude
    elif spots:
        centre = _median(spot.latitude for spot in spots), _median(spot.longitude for spot in spots)
    else:
        return None
    made = drawing.plain_map(spots, centre)
    beyond = tr(_("at the border, farther away: {count}")).format(count=made.beyond) if made.beyond else ""
    rings = [(round(radius, 1), length(metres)) for radius, metres in made.rings]
    return {"drawn": made, "side": drawing.MAP_SIDE, "rings": rings, "beyond": beyond, "has_centre": own is not None}


def _age_class(node: NodeView, now: float) -> int:
    heard = now - (node.last_heard or 0)
    return next(number for number, most in enumerate(AGES) if heard <= most)


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


# -- traffic, keys, queue


def _traffic(sources: Sources, now: float) -> dict[str, Any]:
    hours: dict[tuple[int, str], int] = {}
    for each in sources.memory.traffic_by_hour(TRAFFIC_HOURS - 1, By.PORT):
        key = each.hour, SERIES.get(each.key, OTHER)
        hours[key] = hours.get(key, 0) + each.packets
    names = [*SERIES.values(), OTHER]
    first = int(now - now % HOUR) - (TRAFFIC_HOURS - 1) * HOUR
    made = drawing.bars(hours, names, first, TRAFFIC_HOURS, HOUR)
    air = sources.memory.air(TRAFFIC_HOURS - 1)
    width = drawing.BARS_WIDTH / TRAFFIC_HOURS
    # percent of the channel's time, to the full height
    busy = [((each.hour - first) / HOUR * width + width / 2, each.utilization) for each in air if each.hour >= first]
    line = " ".join(f"{x:.0f},{drawing.BARS_HEIGHT * (1 - share / 100):.0f}" for x, share in busy)
    ticks = [(round(place, 1), _moment(at, "%H")) for place, at in made.days[::6]]
    return {
        "drawn": made,
        "names": names,
        "width": drawing.BARS_WIDTH,
        "height": drawing.BARS_HEIGHT,
        "busy": line,
        "ticks": ticks,
    }


def _air(sources: Sources, tr: Translate) -> list[tuple[str, str, str, int]]:
    outbox = sources.outbox()
    return [
        (tr(words), f"{outbox.air_used[each]:.1f}", f"{outbox.air_limit[each]:.0f}", _percent(outbox, each))
        for each, words in ACCOUNTS.items()
    ]


def _percent(outbox: Any, account: Any) -> int:
    return min(100, int(100 * outbox.air_used[account] / max(outbox.air_limit[account], 1e-3)))


def _keys(sources: Sources, tr: Translate) -> dict[str, Any]:
    counts, states, radio = sources.keys.counts(), sources.keys.key_states(), sources.radio_keys()
    text = tr.ngettext("known: {keys} for {nodes} node", "known: {keys} for {nodes} nodes", counts.nodes)
    facts = [text.format(keys=counts.keys, nodes=counts.nodes)]
    facts += [f"{tr(words)}: {states[state]}" for state, words in STATES.items() if states.get(state)]
    if radio is not None:
        total = radio.held + radio.lacking + radio.different
        facts.append(tr(_("in the radio: {held} of {keys}")).format(held=radio.held, keys=total))
    pending, shared = sorted(sources.keys.pending_keys()), list(sources.keys.duplicates().values())
    another, same = tr(_("{node}: another key waits for your decision")), tr(_("same key: {nodes}"))
    warnings = [another.format(node=_called(sources, num)) for num in pending[:WARNED_KEYS_SHOWN]]
    for nums in shared[:WARNED_KEYS_SHOWN]:
        named = " = ".join(_called(sources, num) for num in sorted(nums)[:WARNED_KEYS_SHOWN])
        warnings.append(same.format(nodes=named))
    if radio is not None and radio.different:
        warnings.append(tr(_("the radio holds {count} differently")).format(count=radio.different))
    return {"facts": facts, "warnings": warnings}


def _called(sources: Sources, num: int) -> str:
    node = sources.memory.node(num)
    return ident(num) if node is None else f"{_name(node)} {ident(num)}"


def _queue(sources: Sources, tr: Translate) -> list[tuple[str, int, str]]:
    outbox = sources.outbox()
    return [
        (tr(words), outbox.waiting[each].packets, duration(outbox.waiting[each].oldest, tr))
        for each, words in PRIORITIES.items()
        if outbox.waiting[each].packets
    ]


def _mail(sources: Sources, tr: Translate) -> str:
    mails, unread, nodes = sources.mails()
    text = tr(_("letters: {mails}; unread: {unread}, for {nodes} nodes"))
    return text.format(mails=mails, unread=unread, nodes=nodes)
