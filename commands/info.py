"""/info: what is known of one node."""

from __future__ import annotations

from commands.language import Translate
from commands.language import mark as _
from commands.registry import Command, Example, Request
from commands.which_node import one_node
from commands.words import age, decibels, ident, length
from mesh_link.text import shorten
from mesh_memory.memory import MeshMemory
from mesh_memory.views import NodeView
from runtime.clock import Clock

NAME_BYTES, SHORT_NAME_BYTES = 40, 8  # the firmware's own limits and a bit: others may come from an older bot's file
WORD_BYTES = 18  # of hardware and role
MAINS = 100  # percent of battery; above: powered from outside


def info_command(memory: MeshMemory, clock: Clock) -> Command:
    """Make the command."""

    def run(request: Request) -> str:
        view = one_node(request, memory)
        if isinstance(view, str):
            return view
        return describe(view, clock.now().timestamp(), request.translate)

    return Command(
        name="info",
        usage=_("<node>"),
        summary=_("tells what is known of a node; its name, short name or id"),
        run=run,
        examples=(
            Example(
                "/info alice",
                "Alice (AL) !20001eef\nTBEAM CLIENT\n📍45.8000,4.9000 210m, at 6.4km\n"
                "Heard 2h ago, direct -4.5dB -105dBm\n🔋80%, 🔑 key known",
            ),
            Example("/info ca", "Carol (CA) !20001ef1\n📍46.2000,6.1500, at 112km\nHeard 2h ago, hops: 2\n🔑 no key"),
            Example("/info", "Which node? Its name, short name or the end of its id: /info 1eef"),
            Example("/info a", "2 nodes match, which one?\n!00001234 Asker\n!20001eef Alice"),
            Example("/info nobody", "I know no node « nobody »."),
        ),
    )


def describe(view: NodeView, now: float, tr: Translate) -> str:
    """Return all that is known, a line for each matter, what is not known left out."""
    power = ", ".join(filter(None, [_power(view, tr), tr(_("🔑 key known")) if view.has_key else tr(_("🔑 no key"))]))
    return "\n".join(filter(None, [_identity(view), _make(view), _place(view, tr), _heard(view, now, tr), power]))


def _identity(view: NodeView) -> str:
    short = f"({shorten(view.short_name, SHORT_NAME_BYTES)})" if view.short_name else ""
    return " ".join(filter(None, [shorten(view.long_name, NAME_BYTES), short, ident(view.num)]))


def _make(view: NodeView) -> str:
    return " ".join(filter(None, [shorten(view.hw_model, WORD_BYTES), shorten(view.role, WORD_BYTES)]))


def _place(view: NodeView, tr: Translate) -> str:
    if view.position is None:
        return ""
    text = f"📍{view.position.latitude:.4f},{view.position.longitude:.4f}"
    if view.position.altitude is not None:
        text += f" {view.position.altitude}m"
    if view.distance:  # none to our own node
        text += tr(_(", at {length}")).format(length=length(view.distance))
    return text


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
    signal = [decibels(view.snr) if view.snr is not None else "", f"{view.rssi}dBm" if view.rssi is not None else ""]
    return " ".join(filter(None, [text + tr(_(", direct")), *signal]))


def _power(view: NodeView, tr: Translate) -> str:
    if view.battery is not None:
        return "🔋" + (tr(_("mains")) if view.battery > MAINS else f"{view.battery}%")
    return "" if view.voltage is None else f"🔋{view.voltage:.2f}V"
