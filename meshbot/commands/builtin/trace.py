"""/trace: the path of the asker's packet, or a traceroute to a node."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from meshbot.commands.formatting import ident, lines_that_fit, table
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.node_lookup import IN_A_SENTENCE, Directory, called, one_node, only_one, own_node, short_name_of
from meshbot.commands.registry import PREFIX, Command, Example, Platform, Request
from meshbot.mesh_link import Hop, RadioMetadata, TracerouteReply
from meshbot.mesh_memory import DirectNode, NodeView
from meshbot.sending import TRACE_TIMEOUT, NoRoute, NoRouteError, TooSoonError

LOGGER = logging.getLogger(__name__)
ANSWER_MARGIN: Final = 5.0  # seconds between the tracer's limit and the executor's
# Seconds; our own node has heard a relay directly within them
RELAYS_WITHIN: Final = 3 * 86400.0
ERROR_ANSWERS: Final = {
    NoRoute.NO_LINK: _("🔌 No link to the radio at the moment: no traceroute. Try again later."),
    NoRoute.BUSY: _("📶 The channel is too busy for a traceroute. Try again later."),
    NoRoute.REFUSED: _("⚠️ The radio refused the traceroute. Try again in a minute."),
    NoRoute.NOT_RELAYED: _("⌛ No answer from {name}: nobody in reach repeated the question."),
    NoRoute.TIMEOUT: _("⌛ No answer from {name} within {seconds} s: out of reach, or switched off."),
}


class Neighbours(Directory, Protocol):
    """The nodes of the mesh, and those in range; MeshMemory is one."""

    def direct_nodes(self, within: float) -> list[DirectNode]:
        """Return the nodes that our own one heard without a relay in the last so many seconds."""


class RouteTracer(Protocol):
    """Traces routes; Tracer is one."""

    def trace(self, num: int, *, for_stranger: bool = False) -> TracerouteReply:
        """Return the route to a node within TRACE_TIMEOUT seconds. Raises TooSoonError, NoRouteError."""


EXAMPLES: Final = (
    Example("/trace", "🧭 direct, SNR 6.2 dB", RadioMetadata(snr=6.25, rssi=-87, hops=0)),
    Example("/trace", "🧭 hops: 2, last relay: Zoé, SNR -4.5 dB", RadioMetadata(-4.5, -120, 2, relay=0xEF)),
    Example("/trace", "🧭 hops: 1, last relay: …42, SNR -4.5 dB", RadioMetadata(-4.5, -120, 1, relay=0x42)),
    Example("/trace", "🧭 by MQTT", RadioMetadata(hops=3, via_mqtt=True)),
    Example("/trace Zoé", "🧭 Zoé, SNR in dB\n→ 1ef0 6.2 ZOE -3\n← ? ? MBOT 4.5"),
    Example(
        "/trace Zoé",
        "🧭 Zoé, SNR in dB\n"
        "  name   id     dB\n"
        "→ Bob    1ef0  6.2\n"
        "→ Zoé    1eef -3.0\n"
        "← ?              ?\n"
        "← Relais 9999  4.5",
        platform=Platform.TELEGRAM,
    ),
    Example(
        "/trace",
        "Your Telegram account has no node: the operator can set one in telegram_users.",
        platform=Platform.TELEGRAM,
        has_node=False,
    ),
    Example("/trace Nobody", "I know no node « Nobody »."),
)


def trace_command(directory: Neighbours, tracer: RouteTracer, own_num: Callable[[], int]) -> Command:
    """Make the command; `own_num` returns the bot's own node, where every route begins."""

    def run(request: Request) -> str:
        if not request.argument and request.platform is Platform.MESH:
            return _path_of_packet(request.reception, directory, request.translate)
        node = one_node(request, directory) if request.argument else _asker_node(request, directory)
        if isinstance(node, str):
            return node
        if node.num == own_num():
            return _to_me(request)
        return _traceroute(node, directory, tracer, request)

    command = Command(
        name="trace",
        aliases=("traceroute",),
        usage=_("[node]"),
        summary=_("the way of your message to me, or with a node the way there and back"),
        run=run,
        slow=True,
        has_table=True,
        timeout=TRACE_TIMEOUT + ANSWER_MARGIN,
        examples=EXAMPLES,
    )
    return replace(command, without_argument=replace(command, slow=False, timeout=None))


def _to_me(request: Request) -> str:
    if request.wide:
        return request.translate(_("That is my own node: there every way begins."))
    text = request.translate(_("That is me. {trace} alone tells how you reach me."))
    return text.format(trace=PREFIX + request.command)


# -- the asker's own packet


def _path_of_packet(heard: RadioMetadata, directory: Neighbours, tr: Translate) -> str:
    if heard.via_mqtt:
        return "🧭 " + tr(_("by MQTT"))
    if heard.hops is None:
        parts = [tr(_("unknown path"))]
    elif heard.hops == 0:
        parts = [tr(_("direct"))]
    else:
        parts = [tr(_("hops: {count}")).format(count=heard.hops)]
        if heard.relay is not None:
            parts.append(tr(_("last relay: {name}")).format(name=_relay(heard.relay, directory)))
    if heard.snr is not None:
        parts.append(f"SNR {heard.snr:.1f} dB")
    return "🧭 " + ", ".join(parts)


def _relay(last_byte: int, directory: Neighbours) -> str:
    """Return the name of the only node in range whose number ends so: a packet has no more of its relay."""
    near = [view.num for view in directory.direct_nodes(RELAYS_WITHIN) if view.num & 0xFF == last_byte]
    return called(directory, near[0], IN_A_SENTENCE) if len(near) == 1 else f"…{last_byte:02x}"


# -- a traceroute


def _traceroute(node: NodeView, directory: Directory, tracer: RouteTracer, request: Request) -> str:
    tr = request.translate
    name = called(directory, node.num, IN_A_SENTENCE)
    try:
        route = tracer.trace(node.num, for_stranger=request.user.is_stranger)
    except TooSoonError as error:
        return tr(_("🚦 The radio allows one traceroute every 30 s: ask again in {seconds} s.")).format(
            seconds=error.seconds
        )
    except NoRouteError as error:
        LOGGER.info("🧭 Traceroute vers 0x%08x: %s", node.num, error)
        return tr(ERROR_ANSWERS[error.reason]).format(name=name, seconds=round(TRACE_TIMEOUT))
    head = tr(_("🧭 {name}, SNR in dB")).format(name=name)
    if request.wide:
        return lines_that_fit([head, *_table(route, directory, tr)], request.limit)
    lines = [head, f"→ {_way(route.there, directory)}"]
    lines.append(f"← {_way(route.back, directory)}" if route.back else tr(_("← not told")))
    return "\n".join(lines)


def _asker_node(request: Request, directory: Directory) -> NodeView | str:
    """Return the node of an asker by Telegram, else the answer to one without a node or with an unknown one."""
    num = own_node(request)
    if isinstance(num, str):
        return num
    return directory.node(num) or only_one([], ident(num), request)


def _table(route: TracerouteReply, directory: Directory, tr: Translate) -> list[str]:
    """Return a line for each hop, there and then back."""
    rows = [
        (
            arrow,
            "?" if hop.num is None else called(directory, hop.num),
            "" if hop.num is None else f"{hop.num:08x}"[-4:],
            "?" if hop.snr is None else f"{hop.snr:.1f}",
        )
        for arrow, way in (("→", route.there), ("←", route.back))
        for hop in way
    ]
    return table(["", tr(_("name")), "id", "dB"], rows, right={3}) + ([] if route.back else [tr(_("← not told"))])


def _way(hops: Sequence[Hop], directory: Directory) -> str:
    return " ".join(_hop(hop, directory) for hop in hops)


def _hop(hop: Hop, directory: Directory) -> str:
    name = "?" if hop.num is None else short_name_of(directory, hop.num)
    return f"{name} {'?' if hop.snr is None else f'{hop.snr:.2g}'}"
