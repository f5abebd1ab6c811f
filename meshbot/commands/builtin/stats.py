"""/stats: figures of the traffic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from meshbot.commands.formatting import HOUR, as_many_as_fit, facts, lines_that_fit, share, table, whole_number
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import called
from meshbot.commands.registry import PREFIX, Command, Example, Platform, Request
from meshbot.mesh_memory import AirHour, MeshMemory, Share, Totals, Traffic
from meshbot.runtime import Clock
from meshbot.storage import By

DEFAULT_HOURS, MOST_HOURS = 24, 24 * 30
# Of the histogram; each takes three bytes
MOST_COLUMNS: Final = 24
# A line each: the hours of two days, and the present one
WIDE_COLUMNS: Final = 49
BARS: Final = "▁▂▃▄▅▆▇█"
BAR_CELLS: Final = 20  # of the longest bar
# Bytes of the shortest line of _share_table, so that no more than can fit are made
LEAST_LINE: Final = 12
KILOBYTE: Final = 1000
PORTS: Final = {
    None: _("encrypted"),
    1: _("text"),
    3: _("position"),
    4: _("node info"),
    5: _("acknowledgements"),
    6: _("administration"),
    37: _("beacon"),
    67: _("telemetry"),
    70: _("traceroute"),
    71: _("neighbours"),
    79: _("update by radio"),
}

Topic = Callable[[MeshMemory, Clock, int, Request], str]


EXAMPLES: Final = (
    Example(
        "/stats",
        "📊 24h: packets 11 (0.5kB), nodes 5\ndirect 64%, relayed 27%, MQTT 9%, encrypted 9%\n"
        "Channel busy 12.5%, sending 1.5%",
    ),
    Example(
        "/stats top 4",
        "🏆 Packets in 4h by node: 7\n"
        "Alice: 2 (29%)\nBob Fourvière: 2 (29%)\nAsker: 1 (14%)\n!0badcafe: 1 (14%)\nCarol: 1 (14%)",
    ),
    Example("/stats hop", "🐇 Packets in 24h by hops: 11\n0: 7 (64%)\n1: 1 (9%)\n2: 2 (18%)\nunknown: 1 (9%)"),
    Example(
        "/stats",
        "📊 Traffic in 24h\npackets      11\nsize         0.5kB\nnodes        5\ndirect       7 (64%)\n"
        "relayed      3 (27%)\nMQTT         1 (9%)\nencrypted    1 (9%)\nchannel busy 12.5%\n"
        "sending      1.5%",
        platform=Platform.TELEGRAM,
    ),
    Example(
        "/stats top 4",
        "🏆 Packets in 4h by node: 7\n"
        "              packets   %  kB\n"
        "Alice               2 29% 0.1\n"
        "Bob Fourvière       2 29% 0.1\n"
        "Asker               1 14% 0.0\n"
        "!0badcafe           1 14% 0.1\n"
        "Carol               1 14% 0.0",
        platform=Platform.TELEGRAM,
    ),
    Example(
        "/stats histo 3",
        "📈 Packets in 3h: 7\n"
        "age                      packets\n"
        " 0h ███                  1\n"
        " 1h                      0\n"
        " 2h ████████████████████ 6\n"
        " 3h                      0",
        platform=Platform.TELEGRAM,
    ),
    Example("/stats weather", "I can tell: global top packets channel hop histo. For example: /stats top 24"),
)


def stats_command(memory: MeshMemory, clock: Clock) -> Command:
    """Make the command."""

    def run(request: Request) -> str:
        tr = request.translate
        asked = parse_stats_argument(request.argument)
        if asked is None:
            text = tr(_("I can tell: {topics}. For example: {question}"))
            return text.format(topics=" ".join(TOPICS), question=f"{PREFIX}{request.command} top 24")
        topic, hours = asked
        return TOPICS[topic](memory, clock, min(hours, memory.hours_kept), request)

    return Command(
        name="stats",
        aliases=("trafic",),
        usage=_("[global|top|packets|channel|hop|histo] [hours]"),
        summary=_("tells the traffic of the last hours in figures"),
        run=run,
        has_table=True,
        examples=EXAMPLES,
    )


def parse_stats_argument(argument: str) -> tuple[str, int] | None:
    """Return the topic and the hours, in any order and either left out; None if it is neither."""
    topic, hours = "global", DEFAULT_HOURS
    for word in argument.lower().split():
        number = whole_number(word.removesuffix("h"), 1, MOST_HOURS)
        if number is not None:
            hours = number
        elif word in TOPICS:
            topic = word
        else:
            return None
    return topic, hours


def _global(memory: MeshMemory, _clock: Clock, hours: int, request: Request) -> str:
    tr = request.translate
    totals = memory.totals(hours)
    if not totals.packets:
        return _nothing(hours, tr)
    air = _mean(memory.air(hours))
    if request.wide:
        return _totals_table(totals, air, hours, request)
    head = tr(_("📊 {hours}h: packets {packets} ({size:.1f}kB), nodes {nodes}"))
    ways = tr(_("direct {direct}, relayed {relayed}, MQTT {mqtt}, encrypted {encrypted}"))
    lines = [
        head.format(hours=hours, packets=totals.packets, size=totals.size / 1000, nodes=totals.nodes),
        ways.format(
            direct=share(totals.direct, totals.packets),
            relayed=share(totals.relayed, totals.packets),
            mqtt=share(totals.via_mqtt, totals.packets),
            encrypted=share(totals.encrypted, totals.packets),
        ),
    ]
    if air is not None:
        text = tr(_("Channel busy {busy}, sending {sending}"))
        lines.append(text.format(busy=f"{air[0]:.1f}%", sending=f"{air[1]:.1f}%"))
    return "\n".join(lines)


def _mean(hours: Sequence[AirHour]) -> tuple[float, float] | None:
    """Return how busy the channel was and how long our own node sent, percent; None if it did not report it."""
    if not hours:
        return None
    count = len(hours)
    return sum(hour.utilization for hour in hours) / count, sum(hour.air_tx for hour in hours) / count


def _top(memory: MeshMemory, _clock: Clock, hours: int, request: Request) -> str:
    traffic = memory.traffic(hours, By.SENDER)
    return _shares(
        traffic, hours, _("🏆 Packets in {hours}h by node: {count}"), lambda key: called(memory, key or 0), request
    )


def _packets(memory: MeshMemory, _clock: Clock, hours: int, request: Request) -> str:
    tr = request.translate

    def name(port: int | None) -> str:
        return tr(PORTS[port]) if port in PORTS else tr(_("port {number}")).format(number=port)

    return _shares(memory.traffic(hours, By.PORT), hours, _("📦 Packets in {hours}h by kind: {count}"), name, request)


def _channel(memory: MeshMemory, _clock: Clock, hours: int, request: Request) -> str:
    tr = request.translate

    def name(channel: int | None) -> str:
        return tr(PORTS[None]) if channel is None else tr(_("channel {number}")).format(number=channel)

    busy = ""
    air = memory.air(hours)
    if mean := _mean(air):
        most = max(hour.utilization_most for hour in air)
        busy = tr(_("busy {mean} of the time, at most {most}")).format(mean=f"{mean[0]:.1f}%", most=f"{most:.1f}%")
    traffic = memory.traffic(hours, By.CHANNEL)
    return _shares(traffic, hours, _("📻 Packets in {hours}h by channel: {count}"), name, request, note=busy)


def _hop(memory: MeshMemory, _clock: Clock, hours: int, request: Request) -> str:
    tr = request.translate

    def name(hops: int | None) -> str:
        return tr(_("unknown")) if hops is None else str(hops)

    return _shares(memory.traffic(hours, By.HOPS), hours, _("🐇 Packets in {hours}h by hops: {count}"), name, request)


def _histo(memory: MeshMemory, clock: Clock, hours: int, request: Request) -> str:
    tr = request.translate
    traffic = memory.traffic(hours, By.HOUR)
    if not traffic.packets:
        return _nothing(hours, tr)
    most_columns = WIDE_COLUMNS if request.wide else MOST_COLUMNS
    columns, step = _columns(traffic, hours, int(clock.now().timestamp()), most_columns)
    if request.wide:
        return _histogram_table(columns, step, hours, request)
    most = max(columns)
    bars = "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in columns)
    text = tr(_("📈 Packets in {hours}h: {count}\n{bars}\nOldest first, {step}h each, at most {most}"))
    return text.format(hours=hours, count=traffic.packets, bars=bars, step=step, most=most)


def _columns(traffic: Traffic, hours: int, now: int, most_columns: int) -> tuple[list[int], int]:
    """Return the packets of each column, the oldest first, and the hours of a column."""
    step = -(-(hours + 1) // most_columns)
    last = (now - now % HOUR - traffic.since) // HOUR
    columns = [0] * (last // step + 1)
    for each in traffic.shares:
        ago = last - ((each.key or 0) - traffic.since) // HOUR
        columns[-1 - min(max(0, ago) // step, len(columns) - 1)] += each.packets
    return columns, step


def _shares(
    traffic: Traffic, hours: int, head: str, name: Callable[[int | None], str], request: Request, *, note: str = ""
) -> str:
    """Return a line for each part of the traffic, the largest first, hops in their order, as far as they fit."""
    tr = request.translate
    if not traffic.packets:
        return _with_note(_nothing(hours, tr), note)
    in_order = _by_key if traffic.by is By.HOPS else _by_size
    shares, first = sorted(traffic.shares, key=in_order), tr(head).format(hours=hours, count=traffic.packets)
    if request.wide:
        return _share_table(_with_note(first, note), shares, name, request)
    lines = (f"{name(each.key)}: {each.packets} ({share(each.packets, traffic.packets)})" for each in shares)
    # only channels have a note, and they are eight at most: it fits
    return _with_note(as_many_as_fit(first, lines, len(shares)), note)


def _with_note(text: str, note: str) -> str:
    """Return the text with a note below its first line."""
    head, *lines = text.split("\n")
    return "\n".join([head, *([note] if note else []), *lines])


def _by_key(each: Share) -> tuple[bool, int]:
    return each.key is None, each.key or 0


def _by_size(each: Share) -> tuple[int, bool, int]:
    return -each.packets, *_by_key(each)


def _nothing(hours: int, tr: Translate) -> str:
    return tr(_("📊 No packet heard in {hours}h.")).format(hours=hours)


# -- with room


def _totals_table(totals: Totals, air: tuple[float, float] | None, hours: int, request: Request) -> str:
    """Return a line for each figure; `air` is how busy the channel was and how much our own node sent, percent."""
    tr = request.translate

    def part(packets: int) -> str:
        return f"{packets} ({share(packets, totals.packets)})"

    lines = facts(
        [
            (tr(_("packets")), str(totals.packets)),
            (tr(_("size")), f"{totals.size / KILOBYTE:.1f}{tr(_('kB'))}"),
            (tr(_("nodes")), str(totals.nodes)),
            (tr(_("direct")), part(totals.direct)),
            (tr(_("relayed")), part(totals.relayed)),
            ("MQTT", part(totals.via_mqtt)),
            (tr(_("encrypted")), part(totals.encrypted)),
            (tr(_("channel busy")), "" if air is None else f"{air[0]:.1f}%"),
            (tr(_("sending")), "" if air is None else f"{air[1]:.1f}%"),
        ]
    )
    return lines_that_fit([tr(_("📊 Traffic in {hours}h")).format(hours=hours), *lines], request.limit)


def _share_table(head: str, shares: Sequence[Share], name: Callable[[int | None], str], request: Request) -> str:
    """Return a line for each part of the traffic, as far as they fit."""
    whole = sum(each.packets for each in shares)
    rows = [
        (name(each.key), str(each.packets), share(each.packets, whole), f"{each.size / KILOBYTE:.1f}")
        for each in shares[: request.limit // LEAST_LINE]
    ]
    titles, *lines = table(
        ["", request.translate(_("packets")), "%", request.translate(_("kB"))], rows, right={1, 2, 3}
    )
    return as_many_as_fit(f"{head}\n{titles}", lines, len(shares), request.limit)


def _histogram_table(columns: Sequence[int], step: int, hours: int, request: Request) -> str:
    """Return a bar for each `step` hours, the latest first, so that the oldest are cut off."""
    tr = request.translate
    most = max(columns)
    rows = [
        (f"{place * step}h", "█" * round(BAR_CELLS * count / most) or "▏" * bool(count), str(count))
        for place, count in enumerate(reversed(columns))
    ]
    titles, *lines = table([tr(_("age")), "", tr(_("packets"))], rows, right={0})
    head = tr(_("📈 Packets in {hours}h: {count}")).format(hours=hours, count=sum(columns))
    return as_many_as_fit(f"{head}\n{titles}", lines, len(lines), request.limit)


TOPICS: Final[dict[str, Topic]] = {
    "global": _global,
    "top": _top,
    "packets": _packets,
    "channel": _channel,
    "hop": _hop,
    "histo": _histo,
}
