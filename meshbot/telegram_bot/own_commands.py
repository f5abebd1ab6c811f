"""The commands that only Telegram has: /start, /id, /send."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from meshbot.commands import Command, Directory, Example, Request, Role, Way, only_one
from meshbot.commands import mark as _
from meshbot.mesh_link import BROADCAST_NUM
from meshbot.sending import Origin, OutgoingText, Priority
from meshbot.telegram_bot.bridge import ANONYMOUS, AUTHOR_BYTES
from meshbot.telegram_bot.request import ChatQuestion, TelegramRequest
from meshbot.telegram_bot.sanitize import clean_name, clean_text

HERE: Final = frozenset({Way.TELEGRAM})
CHANNEL: Final = re.compile(r"#?([0-7])")
WORD: Final = re.compile(r"\S+")
MOST_WORDS: Final = 8  # of a node's name, which has 39 bytes


@dataclass(frozen=True, slots=True)
class Airway:
    """How /send reaches the mesh."""

    directory: Directory
    send_text: Callable[[OutgoingText], object]
    monotonic: Callable[[], float]
    lifetime: float  # seconds that a text may wait for the radio
    limit: int  # bytes, the author's name included


def own_commands(airway: Airway) -> tuple[Command, ...]:
    """Return them in the order in which help lists them."""
    return START, IDENTITY, send_command(airway)


def start(request: Request) -> str:
    """Greet somebody whom the operator has listed."""
    return request.translate(_("👋 I am the bot of a Meshtastic network. /help lists what you may ask."))


def identity(request: Request) -> str:
    """Tell the numbers that the operator's lists are made of."""
    tr, asked = request.translate, _asked(request)
    lines = [tr(_("👤 Your id: {id}")).format(id=asked.person.id)]
    if asked.title:
        lines.append(tr(_("👥 This group: {id}")).format(id=asked.chat.id))
    if asked.chat.topic is not None:
        lines.append(tr(_("🧵 This topic: {id}")).format(id=asked.chat.topic))
    return "\n".join(lines)


START: Final = Command(
    name="start",
    summary=_("greets you"),
    run=start,
    ways=HERE,
    examples=(Example("/start", "👋 I am the bot of a Meshtastic network. /help lists what you may ask."),),
)
IDENTITY: Final = Command(
    name="id",
    summary=_("tells your id, and this group's, for the operator's lists"),
    run=identity,
    ways=HERE,
)


def send_command(airway: Airway) -> Command:
    """Make the command that says something on the mesh in the asker's name."""

    def run(request: Request) -> str:
        tr, asked = request.translate, _asked(request)
        target, text = target_and_text(request.argument, airway.directory)
        body = clean_text(text)
        if not body:
            return tr(_("Say what to whom? /send <node or channel number> <text>"))
        spoken = f"{clean_name(asked.name, AUTHOR_BYTES) or ANONYMOUS}: {body}"
        if (excess := len(spoken.encode()) - airway.limit) > 0:
            words = tr(_("✂️ Not sent: {count} bytes too long for the mesh, which takes {limit} with your name."))
            return words.format(count=excess, limit=airway.limit)
        if channel := CHANNEL.fullmatch(target):
            to, index = BROADCAST_NUM, int(channel[1])
        else:
            found = only_one(airway.directory.find_nodes(target), target, request)
            if isinstance(found, str):
                return found
            to, index = found.num, 0
        airway.send_text(_outgoing(airway, request.origin, spoken, to, index))
        return ""  # its fate is shown instead

    return Command(
        name="send",
        usage=_("<node|channel> <text>"),
        summary=_("says it on the mesh in your name, to a node or on a channel by its number"),
        run=run,
        role=Role.KNOWN,
        ways=HERE,
    )


def target_and_text(argument: str, directory: Directory) -> tuple[str, str]:
    """Return what names a channel or a node, and what follows it: the longest beginning that means any node.

    A name may have several words, so may a text; where no beginning means a node, the first word counts.
    """
    ends = [word.end() for word in WORD.finditer(argument)] or [0]
    first = argument[: ends[0]]
    names = ((" ".join(argument[:end].split()), argument[end:]) for end in reversed(ends[:MOST_WORDS]))
    if not CHANNEL.fullmatch(first):
        for name, text in names:
            if directory.find_nodes(name):
                return name, text
    return first, argument[ends[0] :]


def _outgoing(airway: Airway, origin: Origin | None, text: str, to: int, channel: int) -> OutgoingText:
    return OutgoingText(
        text,
        to,
        channel,
        want_ack=True,  # on a channel: that a neighbour repeats it
        expires_at=airway.monotonic() + airway.lifetime,
        priority=Priority.BRIDGE,
        origin=origin,
    )


def _asked(request: Request) -> ChatQuestion:
    if not isinstance(request, TelegramRequest) or request.asked is None:
        raise TypeError("a question that did not come by Telegram")
    return request.asked
