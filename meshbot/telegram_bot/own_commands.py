"""The commands that only Telegram has: /start, /id, /send, /channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from meshbot.commands import (
    MARKED_ID,
    Command,
    Directory,
    Example,
    Platform,
    Request,
    Role,
    addressees,
    ident,
    name_of,
    only_one,
    renaming,
)
from meshbot.commands import mark as _
from meshbot.mesh_link import BROADCAST_NUM
from meshbot.sending import Origin, OutgoingText, Priority
from meshbot.telegram_bot.bridge import clean_text, signed, too_long
from meshbot.telegram_bot.channels import SIGN, KnownChannels, channels_command, missing_channel
from meshbot.telegram_bot.models import ChatQuestion, TelegramRequest
from meshbot.telegram_bot.options import TelegramDependencies, TelegramOptions

TELEGRAM_ONLY: Final = frozenset({Platform.TELEGRAM})
CHANNEL: Final = re.compile(r"#?([0-7])")
WORD: Final = re.compile(r"\S+")
# Of a node's name, which has 39 bytes
MOST_WORDS: Final = 8


def own_commands(
    options_now: Callable[[], TelegramOptions], dependencies: TelegramDependencies, channels: KnownChannels
) -> tuple[Command, ...]:
    """Return them in the order in which help lists them."""
    return send_command(options_now, dependencies, channels), channels_command(channels), START, IDENTITY


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
    platforms=TELEGRAM_ONLY,
    examples=(Example("/start", "👋 I am the bot of a Meshtastic network. /help lists what you may ask."),),
)
IDENTITY: Final = Command(
    name="id",
    summary=_("tells your id, and this group's, for the operator's lists"),
    run=identity,
    platforms=TELEGRAM_ONLY,
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a text goes: to a node, or to all on a channel."""

    to: int = BROADCAST_NUM
    channel: int = 0
    reply_id: int = 0  # the packet that it answers; 0: none
    notice: str = ""  # what its sender should know of the node


def send_command(
    options_now: Callable[[], TelegramOptions], dependencies: TelegramDependencies, channels: KnownChannels
) -> Command:
    """Return the command that sends a text to the mesh in its user's name."""
    directory = dependencies.memory

    def run(request: Request) -> str:
        tr, question, options = request.translate, _question(request), options_now()
        if question.answers is not None:
            targets, text = [""], request.argument
        else:
            targets, text = targets_and_text(request.argument, directory, channels)
        body = clean_text(text)
        if not body:
            return tr(_("Say what to whom? For example: /send Kim hello, or /send 0 hello on channel 0"))
        text = signed(question.name, body)
        if refusal := too_long(text, options.max_bytes, tr):
            return refusal
        recipient = _recipient(targets, request, directory, channels)
        if isinstance(recipient, str):
            return recipient
        expires_at = dependencies.clock.monotonic() + options.bridge_ttl
        dependencies.send_text(_outgoing(text, recipient, expires_at, request.origin))
        # its delivery status is shown instead of an answer
        return recipient.notice

    return Command(
        name="send",
        usage=_("<node|channel> <text>"),
        summary=_("writes to a node or on a channel of the mesh, in your name: /send Kim hello"),
        run=run,
        role=Role.KNOWN,
        platforms=TELEGRAM_ONLY,
    )


def targets_and_text(argument: str, directory: Directory, channels: KnownChannels) -> tuple[list[str], str]:
    """Split an argument into what may name a channel or node, and the text.

    A name may have several words, so may a text: the last one is the longest beginning that names one of them, those
    before it are its own beginnings. Where no beginning is a name, the first word is the target.
    """
    ends = [word.end() for word in WORD.finditer(argument)] or [0]
    names = [" ".join(argument[:end].split()) for end in ends[:MOST_WORDS]]
    if not any(marked.fullmatch(names[0]) for marked in (CHANNEL, MARKED_ID)):
        may_be_node = not names[0].startswith(SIGN)
        for count in range(len(names), 1, -1):
            name = names[count - 1]
            if channels.find(name) is not None or (may_be_node and directory.find_nodes(name)):
                return names[:count], argument[ends[count - 1] :]
    return names[:1], argument[ends[0] :]


def _recipient(
    targets: Sequence[str], request: Request, directory: Directory, channels: KnownChannels
) -> Recipient | str:
    """Return where a text goes, or the answer that says why nowhere; the last of `targets` is the one meant.

    Each other one that is a name itself may be meant as well: nobody gets a text by a name that begins like another's.
    """
    tr, question, target = request.translate, _question(request), targets[-1]
    if question.answers is not None:
        to, packet_id = question.answers
        return Recipient(to, reply_id=packet_id)
    if digit := CHANNEL.fullmatch(target):
        index = int(digit[1])
        return missing_channel(channels, index, tr) if channels.lacks(index) else Recipient(channel=index)
    named = {name: found for name in targets if (found := channels.find(name)) is not None}
    if named and target.startswith(SIGN):
        return Recipient(channel=list(named.values())[-1])
    nodes = addressees(targets, directory.find_nodes)
    if named and nodes:
        text = tr(_("« {name} » is a channel and a node: #{name} for the channel, {id} for the node."))
        return text.format(name=list(named)[-1].removeprefix(SIGN), id=ident(nodes[0].num))
    if named:
        return Recipient(channel=list(named.values())[-1])
    node = only_one(nodes, target, request)
    if isinstance(node, str):
        return node
    if node.is_unmessageable:
        return tr(_("{name} takes no messages (router, sensor, tracker): not sent.")).format(name=name_of(node))
    return Recipient(node.num, notice=renaming(node, tr))


def _outgoing(text: str, recipient: Recipient, expires_at: float, origin: Origin | None) -> OutgoingText:
    return OutgoingText(
        text,
        recipient.to,
        recipient.channel,
        recipient.reply_id,
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
