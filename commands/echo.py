"""/echo: the bot says something on a channel, in the name of who asked."""

from __future__ import annotations

from collections.abc import Callable

from commands.echo_fates import origin_of
from commands.language import mark as _
from commands.registry import Command, Example, Request, Way
from commands.roles import Role
from commands.words import NAME_BYTES, too_long
from mesh_link.text import one_line, shorten

Say = Callable[[str, int, str], bool]


def echo_command(say: Say, short_name_of: Callable[[int], str], channel: int, limit: int) -> Command:
    """Make the command; at most `limit` bytes are said, on `channel` when it is asked in a direct message.

    `say(text, channel index, origin)` returns whether the channel has room for it now; who asked is told, by the
    origin, what became of it: a node only if it does not go out.
    """

    def run(request: Request) -> str:
        """Say it; on a channel that is the answer, elsewhere tell what is done."""
        tr = request.translate
        text = one_line(request.argument)
        if not text:
            return tr(_("Say what? /echo <text>"))
        # the name before it tells who speaks, and keeps any bot from taking the text for a command
        spoken = f"📣 {_name(request, short_name_of)}: {text}"
        if (excess := len(spoken.encode()) - limit) > 0:
            return too_long(excess, tr)
        has_room = say(spoken, channel if request.channel is None else request.channel, _origin(request))
        if request.channel is not None or request.origin:  # it is the answer, or its fate is
            return ""
        if not has_room:
            return tr(_("📶 The channel is busy: I say it when there is room, or give up soon."))
        return tr(_("📣 I say it on channel {channel}.")).format(channel=channel)

    return Command(
        name="echo",
        usage=_("<text>"),
        summary=_("says it on the channel in your name"),
        run=run,
        role=Role.KNOWN,
        examples=(
            Example("/echo see you at five", "📣 I say it on channel 0."),
            Example("/echo", "Say what? /echo <text>"),
            Example("/echo " + "é" * 100, "Too long by 10 bytes."),
        ),
    )


def _name(request: Request, short_name_of: Callable[[int], str]) -> str:
    """Return how the asker is called; a name of Telegram is told with its origin, for it can be any."""
    if request.way is Way.MESH and request.node is not None:
        return short_name_of(request.node)
    return f"{shorten(one_line(request.name), NAME_BYTES)} (TG)".lstrip()


def _origin(request: Request) -> str:
    if request.way is Way.MESH and request.node is not None:
        return origin_of(request.node)
    return request.origin
