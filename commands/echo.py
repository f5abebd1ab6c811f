"""/echo: the bot says something on a channel, in the name of who asked."""

from __future__ import annotations

from collections.abc import Callable

from commands.language import mark as _
from commands.registry import Command, Example, Request
from commands.roles import Role
from commands.words import NAME_BYTES, too_long
from mesh_link.text import shorten


def echo_command(
    say: Callable[[str, int], None], short_name_of: Callable[[int], str], channel: int, limit: int
) -> Command:
    """Make the command; `say(text, channel index)` sends at most `limit` bytes, `channel` is for direct messages."""

    def run(request: Request) -> str:
        """Say it and answer nothing, or answer why not."""
        tr = request.translate
        text = "".join(char if char.isprintable() else " " for char in request.argument)
        text = " ".join(text.split())
        if not text:
            return tr(_("Say what? /echo <text>"))
        # the name before it tells who speaks, and keeps any bot from taking the text for a command
        spoken = f"📣 {_name(request, short_name_of)}: {text}"
        if (excess := len(spoken.encode()) - limit) > 0:
            return too_long(excess, tr)
        say(spoken, channel if request.channel is None else request.channel)
        return ""

    return Command(
        name="echo",
        usage=_("<text>"),
        summary=_("says it on the channel in your name"),
        run=run,
        role=Role.KNOWN,
        examples=(
            Example("/echo", "Say what? /echo <text>"),
            Example("/echo " + "é" * 100, "Too long by 10 bytes."),
        ),
    )


def _name(request: Request, short_name_of: Callable[[int], str]) -> str:
    """Return how the mesh knows the asker; a name of Telegram is told with its origin, for it can be any."""
    if request.node is not None:
        return short_name_of(request.node)
    name = " ".join("".join(char if char.isprintable() else " " for char in request.name).split())
    return f"{shorten(name, NAME_BYTES)} (TG)".lstrip()
