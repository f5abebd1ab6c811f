"""/ping: how the question was heard; by Telegram, the state of the link."""

from __future__ import annotations

from collections.abc import Callable

from meshbot.commands.builtin.status import probe, state
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.mesh_link import LinkFigures, RadioMetadata


def ping_command(link: Callable[[], LinkFigures]) -> Command:
    """Make the command; `link` returns the link's figures, the answer to a question that no packet carries."""

    def run(request: Request) -> str:
        """Return SNR, RSSI and hops of the question, as far as the packet has them."""
        if request.wide:
            tr, figures = request.translate, link()
            return ", ".join(["🏓 pong", state(figures, tr), *probe(figures, tr)])
        return ", ".join(["🏓 pong", *_signal(request), _path(request)])

    return Command(
        name="ping",
        aliases=("test",),
        summary=_("tells how you were heard: SNR, RSSI, hops"),
        run=run,
        examples=(
            Example("/ping", "🏓 pong, SNR 6.2 dB, RSSI -87 dBm, direct", RadioMetadata(snr=6.25, rssi=-87, hops=0)),
            Example("/test", "🏓 pong, SNR -4.5 dB, RSSI -120 dBm, relayed, hops: 2", RadioMetadata(-4.5, -120, 2)),
            Example("/ping", "🏓 pong, by MQTT", RadioMetadata(hops=3, via_mqtt=True)),
            Example("/ping", "🏓 pong, unknown path"),
            Example(
                "/ping", "🏓 pong, 🔗 link up for 3 h 12 min, probe: 35 ms", platform=Platform.TELEGRAM, has_node=False
            ),
        ),
    )


def _signal(request: Request) -> list[str]:
    heard = request.reception
    parts = []
    if heard.snr is not None:
        parts.append(f"SNR {heard.snr:.1f} dB")
    if heard.rssi is not None:
        parts.append(f"RSSI {heard.rssi} dBm")
    return parts


def _path(request: Request) -> str:
    tr, heard = request.translate, request.reception
    if heard.via_mqtt:
        return tr(_("by MQTT"))
    if heard.hops is None:
        return tr(_("unknown path"))
    if heard.hops == 0:
        return tr(_("direct"))
    return tr(_("relayed, hops: {count}")).format(count=heard.hops)
