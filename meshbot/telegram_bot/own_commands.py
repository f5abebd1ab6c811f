"""The commands that only Telegram has: /start, /id, /send."""

from __future__ import annotations

import re
from typing import Final

from meshbot.commands import Command, Directory, Example, Request, Role, Way, only_one, renaming
from meshbot.commands import mark as _
from meshbot.mesh_link import BROADCAST_NUM
from meshbot.sending import Origin, OutgoingText, Priority
from meshbot.telegram_bot.bridge import clean_text, signed, too_long
from meshbot.telegram_bot.models import ChatQuestion, TelegramRequest
from meshbot.telegram_bot.options import TelegramDependencies, TelegramOptions

TELEGRAM_ONLY: Final = frozenset({Way.TELEGRAM})
CHANNEL: Final = re.compile(r"#?([0-7])")
WORD: Final = re.compile(r"\S+")
MOST_WORDS: Final = 8  # of a node's name, which has 39 bytes


def own_commands(options: TelegramOptions, dependencies: TelegramDependencies) -> tuple[Command, ...]:
    """Return them in the order in which help lists them."""
    return START, IDENTITY, send_command(options, dependencies)


def start(request: Request) -> str:
    """Greet a listed user."""
    return request.translate(_("👋 I am the bot of a Meshtastic network. /help lists what you may ask."))


def identity(request: Request) -> str:
    """Return the ids that the operator's settings need."""
    tr, question = request.translate, _question(request)
    lines = [tr(_("👤 Your id: {id}")).format(id=question.user.id)]
    if question.title:
        lines.append(tr(_("👥 This group: {id}")).format(id=question.chat.id))
    if question.chat.topic is not None:
        lines.append(tr(_("🧵 This topic: {id}")).format(id=question.chat.topic))
    return "\n".join(lines)


START: Final = Command(
    name="start",
    summary=_("greets you"),
    run=start,
    ways=TELEGRAM_ONLY,
    examples=(Example("/start", "👋 I am the bot of a Meshtastic network. /help lists what you may ask."),),
)
IDENTITY: Final = Command(
    name="id",
    summary=_("tells your id, and this group's, for the operator's lists"),
    run=identity,
    ways=TELEGRAM_ONLY,
)


def send_command(options: TelegramOptions, dependencies: TelegramDependencies) -> Command:
    """Return the command that sends a text to the mesh in its user's name."""
    directory = dependencies.memory

    def run(request: Request) -> str:
        tr, question = request.translate, _question(request)
        target, text = target_and_text(request.argument, directory)
        body = clean_text(text)
        if not body:
            return tr(_("Say what to whom? /send <node or channel number> <text>"))
        text = signed(question.name, body)
        if refusal := too_long(text, options.max_bytes, tr):
            return refusal
        notice = ""
        if channel := CHANNEL.fullmatch(target):
            to, index = BROADCAST_NUM, int(channel[1])
        else:
            found = only_one(directory.find_nodes(target), target, request)
            if isinstance(found, str):
                return found
            to, index, notice = found.num, 0, renaming(found, tr)
        expires_at = dependencies.clock.monotonic() + options.bridge_ttl
        dependencies.send_text(_outgoing(text, to, index, expires_at, request.origin))
        # its delivery status is shown instead of an answer
        return notice

    return Command(
        name="send",
        usage=_("<node|channel> <text>"),
        summary=_("says it on the mesh in your name, to a node or on a channel by its number"),
        run=run,
        role=Role.KNOWN,
        ways=TELEGRAM_ONLY,
    )


def target_and_text(argument: str, directory: Directory) -> tuple[str, str]:
    """Split an argument into a channel or node, and the text: the longest beginning that names a node is the node.

    A name may have several words, so may a text; where no beginning names a node, the first word is the target.
    """
    ends = [word.end() for word in WORD.finditer(argument)] or [0]
    first = argument[: ends[0]]
    names = ((" ".join(argument[:end].split()), argument[end:]) for end in reversed(ends[:MOST_WORDS]))
    if not CHANNEL.fullmatch(first):
        for name, text in names:
            if directory.find_nodes(name):
                return name, text
    return first, argument[ends[0] :]


def _outgoing(text: str, to: int, channel: int, expires_at: float, origin: Origin | None) -> OutgoingText:
    return OutgoingText(
        text,
        to,
        channel,
        # on a channel: the relay by a neighbour
        want_ack=True,
        expires_at=expires_at,
        priority=Priority.BRIDGE,
        origin=origin,
    )


def _question(request: Request) -> ChatQuestion:
    if not isinstance(request, TelegramRequest) or request.question is None:
        raise TypeError("not a request from Telegram")
    return request.question
