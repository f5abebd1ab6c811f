"""/info: what is known of one node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from meshbot.commands.formatting import age, decibels, facts, ident, length, lines_that_fit
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import OldNumber, moved_from_none, one_node
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.mesh_memory import MeshMemory, NodeView
from meshbot.runtime import Clock
from meshbot.text import shorten

# A little above the firmware's limits: an imported file may have longer ones
NAME_BYTES, SHORT_NAME_BYTES = 40, 8
WORD_BYTES = 18  # of hardware and role
# Percent of battery; above: external power
MAINS = 100
EXAMPLES: Final = (
    Example(
        "/info alice",
        "Alice (AL) !20001eef\nTBEAM CLIENT\n📍45.8000,4.9000 210m, at 6.4km\n"
        "Heard 2h ago, direct -4.5dB -105dBm\n🔋80%, 🔑 key known",
    ),
    Example(
        "/info alice",
        "Alice (AL) !20001eef\n"
        "hardware TBEAM\n"
        "role     CLIENT\n"
        "heard    2h ago, direct\n"
        "signal   -4.5dB -105dBm, 2h ago\n"
        "position 45.80000,4.90000 210m, 2h ago\n"
        "distance 6.4km\n"
        "battery  80% 4.05V, 2h ago\n"
        "key      🔑 key known",
        platform=Platform.TELEGRAM,
    ),
    Example("/info ca", "Carol (CA) !20001ef1\n📍46.2000,6.1500, at 112km\nHeard 2h ago, hops: 2\n🔑 no key"),
    Example("/info", "Which node? Its name, short name or the end of its id: /info 1eef"),
    Example("/info a", "2 nodes match, which one?\n!00001234 Asker\n!20001eef Alice"),
    Example("/info nobody", "I know no node « nobody »."),
)


def info_command(memory: MeshMemory, clock: Clock, old_number: OldNumber = moved_from_none) -> Command:
    """Make the command; `old_number` returns the silent node that a number says to be, without having proven it."""

    def run(request: Request) -> str:
        view = one_node(request, memory)
        if isinstance(view, str):
            return view
        now, tr = clock.now().timestamp(), request.translate
        lines = describe_at_length(view, now, tr) if request.wide else describe(view, now, tr)
        if (old := old_number(view.num)) is not None:
            lines.insert(1, tr(_("perhaps formerly {id}, not proven yet")).format(id=ident(old)))
        return lines_that_fit(lines, request.limit) if request.wide else "\n".join(lines)

    return Command(
        name="info",
        usage=_("<node>"),
        summary=_("tells what is known of a node; its name, short name or id"),
        run=run,
        has_table=True,
        examples=EXAMPLES,
    )


def describe(view: NodeView, now: float, tr: Translate) -> list[str]:
    """Return what is known, a line for each subject; unknown values are left out."""
    power = ", ".join(filter(None, [_power(view, tr), *_identity_proofs(view, tr)]))
    lines = [_identity(view), _former(view, tr), _make(view), _place(view, now, tr), _heard(view, now, tr), power]
    return list(filter(None, lines))


def _identity(view: NodeView) -> str:
    short = f"({shorten(view.short_name, SHORT_NAME_BYTES)})" if view.short_name else ""
    return _joined([shorten(view.long_name, NAME_BYTES), short, ident(view.num)])


def _former(view: NodeView, tr: Translate) -> str:
    """Return the number that the node had before its firmware made one of its key."""
    if not view.former_numbers:
        return ""
    return tr(_("formerly {id}")).format(id=", ".join(map(ident, view.former_numbers)))


def _make(view: NodeView) -> str:
    return _joined([shorten(view.hw_model, WORD_BYTES), shorten(view.role, WORD_BYTES)])


def _identity_proofs(view: NodeView, tr: Translate) -> list[str]:
    """Return whether its key is known, and whether it signs what it sends on channels."""
    return [tr(_("🔑 key known")) if view.has_key else tr(_("🔑 no key")), *([tr(_("✍️ signs"))] if view.signs else [])]


def _place(view: NodeView, now: float, tr: Translate) -> str:
    if view.position is None:
        return ""
    text = f"📍{view.position.latitude:.4f},{view.position.longitude:.4f}"
    if view.position.altitude is not None:
        text += f" {view.position.altitude}m"
    # our own node has none
    if view.distance:
        text += tr(_(", at {length}")).format(length=length(view.distance))
    # heard since, but not from where: then the next line's age is not that of the place
    return _with_age(text, view.position.at, now, tr) if view.hides_position else text


def _heard(view: NodeView, now: float, tr: Translate) -> str:
    if view.last_heard is None:
        return tr(_("Never heard"))
    text = tr(_("Heard {age} ago")).format(age=age(now - view.last_heard, tr))
    if view.via_mqtt:
        return f"{text}, MQTT"
    if view.hops:
        return text + tr(_(", hops: {count}")).format(count=view.hops)
    if view.hops is None:
        return text
    return _joined([text + tr(_(", direct")), _signal(view)])


def _signal(view: NodeView) -> str:
    """Return the signal with which our own node last heard it without a relay."""
    snr = "" if view.snr is None else decibels(view.snr)
    return _joined([snr, "" if view.rssi is None else f"{view.rssi}dBm"])


def _power(view: NodeView, tr: Translate) -> str:
    if view.battery is not None:
        return "🔋" + _charge(view, tr)
    return "🔋" + _volts(view) if view.voltage is not None else ""


# -- with room


def describe_at_length(view: NodeView, now: float, tr: Translate) -> list[str]:
    """Return what is known, a line for each value with its name and age; unknown values are left out."""
    busy = [
        tr(_("busy {share}")).format(share=f"{view.utilization:.1f}%") if view.utilization is not None else "",
        tr(_("sending {share}")).format(share=f"{view.air_tx:.1f}%") if view.air_tx is not None else "",
    ]
    lines = facts(
        [
            (tr(_("hardware")), shorten(view.hw_model, WORD_BYTES)),
            (tr(_("role")), shorten(view.role, WORD_BYTES)),
            (tr(_("heard")), _last_heard(view, now, tr)),
            (tr(_("signal")), _with_age(_signal(view), view.direct_at, now, tr)),
            (tr(_("position")), _position(view, now, tr)),
            (tr(_("distance")), length(view.distance) if view.distance else ""),
            (tr(_("battery")), _with_age(_joined([_charge(view, tr), _volts(view)]), view.metrics_at, now, tr)),
            (tr(_("channel")), _with_age(", ".join(filter(None, busy)), view.metrics_at, now, tr)),
            (tr(_("key")), ", ".join(_identity_proofs(view, tr))),
            (tr(_("messages")), tr(_("takes none")) if view.is_unmessageable else ""),
        ]
    )
    return [*filter(None, [_identity(view), _former(view, tr)]), *lines]


def _last_heard(view: NodeView, now: float, tr: Translate) -> str:
    if view.last_heard is None:
        return tr(_("never"))
    if view.via_mqtt:
        way = ", MQTT"
    elif view.hops is None:
        way = ""
    else:
        way = tr(_(", hops: {count}")).format(count=view.hops) if view.hops else tr(_(", direct"))
    return _ago(view.last_heard, now, tr) + way


def _position(view: NodeView, now: float, tr: Translate) -> str:
    if view.position is None:
        return ""
    place = f"{view.position.latitude:.5f},{view.position.longitude:.5f}"
    height = f"{view.position.altitude}m" if view.position.altitude is not None else ""
    text = _with_age(_joined([place, height]), view.position.at, now, tr)
    return text + tr(_(", silent about it since")) if view.hides_position else text


def _charge(view: NodeView, tr: Translate) -> str:
    if view.battery is None:
        return ""
    return tr(_("mains")) if view.battery > MAINS else f"{view.battery}%"


def _volts(view: NodeView) -> str:
    return "" if view.voltage is None else f"{view.voltage:.2f}V"


def _with_age(value: str, at: int | None, now: float, tr: Translate) -> str:
    """Return the value with its age, as far as they are known."""
    return f"{value}, {_ago(at, now, tr)}" if value and at else value


def _ago(at: int, now: float, tr: Translate) -> str:
    return tr(_("{age} ago")).format(age=age(now - at, tr))


def _joined(words: Iterable[str]) -> str:
    return " ".join(filter(None, words))
