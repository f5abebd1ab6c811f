"""/my: the signal of the asker at our own node over a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from meshbot.commands.formatting import HOUR, as_many_as_fit, decibels, table
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import own_node
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.mesh_memory import MeshMemory, SignalHour
from meshbot.runtime import Clock

HOURS: Final = 24
STEP: Final = 6  # hours on one line
EXAMPLES: Final = (
    Example(
        "/my",
        "📶 You, 24h: packets 4, direct 3\n<6h: 6.0dB (6.0/6.0) -88dBm\n<12h: -1.0dB (-3.0/1.0) -105dBm",
    ),
    Example(
        "/my",
        "📶 You, 24h: packets 4, direct 3\n"
        "age packets direct   dB  min max  dBm\n"
        " 0h       1      1  6.0  6.0 6.0  -88\n"
        " 8h       3      2 -1.0 -3.0 1.0 -105",
        platform=Platform.TELEGRAM,
    ),
    Example(
        "/my",
        "Your Telegram account has no node: the operator can set one in telegram_users.",
        platform=Platform.TELEGRAM,
        has_node=False,
    ),
)


def my_command(memory: MeshMemory, clock: Clock) -> Command:
    """Make the command."""

    def run(request: Request) -> str:
        node = own_node(request)
        if isinstance(node, str):
            return node
        hours = memory.signal_of(node, HOURS)
        now = clock.now().timestamp()
        if request.wide:
            return describe_by_hour(hours, now, request.translate, request.limit)
        view = memory.node(node)
        return describe(hours, now, request.translate, signs=view is not None and view.signs)

    return Command(
        name="my",
        aliases=("moi",),
        summary=_("tells how you were heard in the last 24 h"),
        run=run,
        has_table=True,
        examples=EXAMPLES,
    )


def describe(hours: Sequence[SignalHour], now: float, tr: Translate, *, signs: bool = False) -> str:
    """Return a line for each quarter of the day in which anything was heard: mean SNR, its extremes, mean RSSI."""
    packets, direct = sum(each.packets for each in hours), sum(each.direct for each in hours)
    if not packets:
        text = tr(_("📶 Nothing heard of you in {hours}h but this question; /ping tells how it came."))
        return text.format(hours=HOURS)
    if not direct:
        text = tr.ngettext(
            "📶 You, {hours}h: {packets} packet, not direct: the signal is unknown.",
            "📶 You, {hours}h: {packets} packets, none direct: the signal is unknown.",
            packets,
        )
        return text.format(hours=HOURS, packets=packets)
    text = tr(_("📶 You, {hours}h: packets {packets}, direct {direct}"))
    lines = [text.format(hours=HOURS, packets=packets, direct=direct)]
    if signs:
        lines[0] += ", " + tr(_("✍️ signs"))
    for start in range(0, HOURS, STEP):
        within = [each for each in hours if start <= _hours_ago(each, now) < start + STEP]
        if within:
            lines.append(f"<{start + STEP}h: {_signal(within, tr)}")
    return "\n".join(lines)


def describe_by_hour(hours: Sequence[SignalHour], now: float, tr: Translate, limit: int) -> str:
    """Return a line for each hour in which anything was heard, the latest first."""
    packets, direct = sum(each.packets for each in hours), sum(each.direct for each in hours)
    if not packets:
        return tr(_("📶 Nothing heard of your node in {hours}h.")).format(hours=HOURS)
    head = tr(_("📶 You, {hours}h: packets {packets}, direct {direct}"))
    titles = [tr(_("age")), tr(_("packets")), tr(_("direct")), "dB", "min", "max", "dBm"]
    rows = [
        (
            f"{_hours_ago(each, now)}h",
            str(each.packets),
            str(each.direct),
            *(f"{snr:.1f}" if snr is not None else "" for snr in (each.snr, each.snr_least, each.snr_most)),
            f"{each.rssi:.0f}" if each.rssi is not None else "",
        )
        for each in reversed(hours)
    ]
    first, *lines = table(titles, rows, right=range(len(titles)))
    head = head.format(hours=HOURS, packets=packets, direct=direct)
    return as_many_as_fit(f"{head}\n{first}", lines, len(lines), limit)


def _hours_ago(signal: SignalHour, now: float) -> int:
    """Return the whole hours since then; a day touches 25, so the oldest counts as the one after it."""
    return min(max(0, int(now - now % HOUR - signal.hour) // HOUR), HOURS - 1)


def _signal(hours: Sequence[SignalHour], tr: Translate) -> str:
    direct = sum(each.direct for each in hours)
    if not direct:
        return tr(_("relayed"))
    snr = sum((each.snr or 0.0) * each.direct for each in hours) / direct
    rssi = sum((each.rssi or 0.0) * each.direct for each in hours) / direct
    least = min(each.snr_least for each in hours if each.snr_least is not None)
    most = max(each.snr_most for each in hours if each.snr_most is not None)
    return f"{decibels(snr)} ({least:.1f}/{most:.1f}) {rssi:.0f}dBm"
