"""/echo: sends a text on a channel in the asker's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from meshbot.commands.formatting import NAME_BYTES, too_long
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.commands.roles import Role
from meshbot.mesh_link import BROADCAST_NUM
from meshbot.runtime import Clock
from meshbot.sending import DeliveryReport, DeliveryStatus, EchoOrigin, Origin, OutgoingText
from meshbot.text import one_line, shorten

NOT_SENT: Final = _("❌ Your /echo did not go out on channel {channel}. Try again later.")
TEXTS: Final[Mapping[DeliveryStatus, str]] = {
    DeliveryStatus.EXPIRED: NOT_SENT,
    DeliveryStatus.REFUSED: NOT_SENT,
    DeliveryStatus.FAILED: NOT_SENT,
    DeliveryStatus.QUEUE_FULL: NOT_SENT,
    DeliveryStatus.UNCONFIRMED: _(
        "❔ Your /echo perhaps did not go out on channel {channel}: the radio did not confirm it."
    ),
}
EXAMPLES: Final = (
    Example("/echo see you at five", "📣 I say it on channel 0."),
    Example("/echo", "Say what? /echo <text>"),
    Example("/echo " + "é" * 100, "Too long by 10 bytes."),
)


@dataclass(frozen=True, slots=True)
class EchoOptions:
    """How /echo speaks."""

    channel: int  # index of the one to send on when it is asked in a direct message
    text_limit: Callable[[OutgoingText], int]  # bytes of UTF-8 in one packet, the asker's name included
    lifetime: float  # seconds that a text may wait for the radio


def echo_command(
    clock: Clock,
    send: Callable[[OutgoingText], object],
    is_holding: Callable[[], bool],
    short_name_of: Callable[[int], str],
    options_now: Callable[[], EchoOptions],
) -> Command:
    """Make the command; `is_holding` tells whether the channel is too busy for texts to a channel.

    The asker gets the delivery reports by the text's origin: a node only if it was not sent.
    """

    def run(request: Request) -> str:
        """Send the text; on a channel it is the answer, elsewhere the answer says what is done."""
        tr, argument = request.translate, one_line(request.argument)
        if not argument:
            return tr(_("Say what? /echo <text>"))
        # the name in front says who speaks, and keeps any bot from taking the text for a command
        text = f"📣 {_name(request, short_name_of)}: {argument}"
        options = options_now()
        message = _message(request, text, options.channel, clock.monotonic() + options.lifetime)
        if (excess := len(text.encode()) - options.text_limit(message)) > 0:
            return too_long(excess, tr)
        send(message)
        # the text itself is the answer, or its delivery is shown to the asker
        if request.channel is not None or (request.origin is not None and not request.in_group):
            return ""
        if is_holding():
            return tr(_("📶 The channel is busy: I say it when there is room, or give up soon."))
        return tr(_("📣 I say it on channel {channel}.")).format(channel=message.channel)

    return Command(
        name="echo",
        usage=_("<text>"),
        summary=_("says it on the channel in your name"),
        run=run,
        role=Role.KNOWN,
        examples=EXAMPLES,
    )


def _name(request: Request, short_name_of: Callable[[int], str]) -> str:
    """Return the asker's name; one from Telegram, which can be any, is marked as such."""
    if request.platform is Platform.MESH and request.node is not None:
        return short_name_of(request.node)
    if request.platform is Platform.CONSOLE:
        return request.translate(_("operator"))
    return f"{shorten(one_line(request.name), NAME_BYTES)} (TG)".lstrip()


def _message(request: Request, text: str, default_channel: int, expires_at: float) -> OutgoingText:
    return OutgoingText(
        text,
        BROADCAST_NUM,
        default_channel if request.channel is None else request.channel,
        expires_at=expires_at,
        origin=_origin(request),
        asker=request.node or 0,
        for_stranger=request.user.is_stranger,
        is_proven=request.user.is_established,
    )


def _origin(request: Request) -> Origin | None:
    by_radio = request.platform is Platform.MESH
    return EchoOrigin(request.node) if by_radio and request.node is not None else request.origin


class EchoReports:
    """Answers to askers by radio whose text was not sent; runs on the thread Mesh-Sender and never waits."""

    def __init__(
        self,
        clock: Clock,
        send: Callable[[OutgoingText], object],
        translate: Translate,
        answer_ttl: Callable[[], float],
    ) -> None:
        """`send` only puts into an inbox; `answer_ttl` is asked each time: it may have changed."""
        self._clock = clock
        self._send = send
        self._translate = translate
        self._answer_ttl = answer_ttl

    def on_delivery_report(self, report: DeliveryReport) -> None:
        """Take a text's report; if it was not sent, answer its asker by direct message."""
        origin, text = report.message.origin, TEXTS.get(report.status)
        if not isinstance(origin, EchoOrigin) or text is None:
            return
        answer = self._translate(text).format(channel=report.message.channel)
        expires_at = self._clock.monotonic() + self._answer_ttl()
        echo = report.message
        self._send(
            OutgoingText(
                answer,
                origin.asker,
                want_ack=True,
                expires_at=expires_at,
                for_stranger=echo.for_stranger,
                is_proven=echo.is_proven,
            )
        )
