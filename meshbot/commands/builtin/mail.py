"""/mail: mail that users leave for each other."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Final

from meshbot.commands.access import ANSWERS
from meshbot.commands.formatting import age, too_long
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.mail_notices import sender_of
from meshbot.commands.node_lookup import (
    IN_A_SENTENCE,
    MARKED_ID,
    Directory,
    FindNodes,
    addressees,
    bearers,
    called,
    only_one,
    own_node,
    renaming,
)
from meshbot.commands.registry import PREFIX, Acknowledgement, Command, Example, Platform, Request
from meshbot.commands.roles import AuthFailure
from meshbot.mesh_memory import MAX_ALL, MAX_MAIL, MAX_SENDER, MAX_SENDER_ALL, Full, Mailbox, MailboxFullError, NodeView
from meshbot.runtime import Clock
from meshbot.storage import Mail, StorageError
from meshbot.text import one_line, shorten

LOGGER = logging.getLogger(__name__)
# Bytes of an answer: three packets
ROOM: Final = 540
LINE: Final = 60  # bytes of a mail in the list
WIDE_LINE: Final = 120  # the same in a wide answer
TAIL: Final = 60  # bytes of the last line
# A packet of 233 bytes has room for no more
MAIL_BYTES: Final = 220
# Words of a name, which has 39 bytes at most
MOST_WORDS: Final = 6
SEND: Final = ("send", "envoyer", "envoi")
DELETE: Final = ("del", "delete", "rm", "suppr", "effacer")
QUOTED: Final = re.compile(r'["“«]\s*([^"”»]+?)\s*["”»]\s*(.*)', re.DOTALL)
KEPT: Final = _("✉️ Kept for {name}, who is told when next heard.")
KEPT_UNTOLD: Final = _(
    "✉️ Kept for {name}, who is not told: that node takes no messages (router, sensor, tracker). Who asks /mail gets it."
)
NO_ROOM: Final = {
    Full.SENDER: (_("📪 {count} of your letters to {name} are unread: no room for more."), MAX_SENDER),
    Full.SENDER_ALL: (_("📪 {count} of your letters are unread: no room for more."), MAX_SENDER_ALL),
    Full.UNPROVEN: (_("📪 Many letters wait of senders without proof: write to me encrypted with your public key."), 0),
    Full.RECIPIENT: (_("📪 {name} has {count} letters already: no room."), MAX_MAIL),
    Full.ALL: (_("📪 {count} letters wait in all: no room for more. Try again in a few days."), MAX_ALL),
}

EXAMPLES: Final = (
    Example("/mail", "✉️ 1 Zoé 2h: See you at five\n/mail del <n> deletes a letter."),
    Example("/mail", "✉️ 1 Zoé 2h: See you at five\n/mail del <n> deletes a letter.", platform=Platform.TELEGRAM),
    Example(
        "/mail",
        "Your Telegram account has no node: the operator can set one in telegram_users.",
        platform=Platform.TELEGRAM,
        has_node=False,
    ),
    Example("/mail 2", "You have no letter 2. /mail lists yours."),
    Example("/mail send Zoé Yes, at five", "✉️ Kept for Zoé, who is told when next heard."),
    Example("/mail send Nobody hello", "I know no node « Nobody »."),
    Example("/mail send Zoé", "What shall I tell? For example: /mail send Zoé see you at five"),
    Example("/mail del 1", "🗑️ Letter 1 is deleted, 0 left."),
    Example("/mail del x", "Which letter? For example: /mail del 1"),
)


def mail_command(mailbox: Mailbox, directory: Directory, clock: Clock, own_num: Callable[[], int]) -> Command:
    """Make the command; `own_num` returns the bot's own node, which reads no mail."""

    def run(request: Request) -> str:
        tr = request.translate
        if not request.is_private:
            return tr(_("✉️ Mail is private: write to me directly."))
        asker = own_node(request)
        if isinstance(asker, str):
            return asker
        word, *rest = request.argument.split(maxsplit=1)[:2] or [""]
        word, rest_text = word.lower(), rest[0] if rest else ""
        try:
            if word in SEND:
                return _send(request, asker, rest_text, mailbox, directory, own_num=own_num())
            if refusal := refusal_of(request.user.auth_failure):
                return tr(refusal).format(name=request.command)
            mails = mailbox.mails_of(asker)
            if word in DELETE:
                return _delete(request, asker, rest_text, mails, mailbox)
            if not word:
                return _unread_or_list(mails, mailbox, directory, clock, request)
            if word.isdecimal():
                return _read_one(word, mails, mailbox, directory, request, clock=clock)
        except StorageError as error:
            LOGGER.warning("⚠️ Courrier: %s", error)
            return tr(_("⚠️ The mail is out of reach at the moment. Try again later."))
        return _use(request)

    return Command(
        name="mail",
        aliases=("courrier",),
        private=True,
        despite_load=True,
        usage=_("[<n>], send <node> <text>, del <n>"),
        summary=_("reads your mail, or leaves some for a node, who is told when next heard"),
        run=run,
        examples=EXAMPLES,
    )


def refusal_of(failure: AuthFailure | None) -> str:
    """Return the answer, still to be translated, to an asker who may not read the mail; empty: may read.

    A node whose key is unknown cannot give a proof; all who have the channel's key can read the answer to it.
    """
    return (
        "" if failure is None or failure is AuthFailure.NO_KEY else ANSWERS.get(failure, ANSWERS[AuthFailure.NOT_PKI])
    )


def _use(request: Request) -> str:
    text = request.translate(_("Say {mail}, {mail} <n>, {mail} send <node> <text> or {mail} del <n>."))
    return text.format(mail=PREFIX + request.command)


# -- sending


def _send(request: Request, sender: int, argument: str, mailbox: Mailbox, directory: Directory, *, own_num: int) -> str:
    tr = request.translate
    name, found, text = recipient_of(argument, directory.find_nodes)
    # a second line would look like another mail
    text = one_line(text)
    if not name:
        example = tr(_("For whom, and what? For example: {mail} send Zoé see you at five"))
        return example.format(mail=PREFIX + request.command)
    node = only_one(found, name, request)
    if isinstance(node, str):
        return node
    if node.num == own_num:
        return tr(_("That is me: I read no mail."))
    recipient = called(directory, node.num, IN_A_SENTENCE)
    if not text:
        example = tr(_("What shall I tell? For example: {mail} send {name} see you at five"))
        return example.format(mail=PREFIX + request.command, name=recipient)
    if (excess := len(text.encode()) - MAIL_BYTES) > 0:
        return too_long(excess, tr)
    try:
        mailbox.send(sender, node.num, text, proven=request.user.is_established)
    except MailboxFullError as error:
        words, count = NO_ROOM[error.full]
        return tr(words).format(name=recipient, count=count)
    kept = tr(KEPT_UNTOLD if node.is_unmessageable else KEPT).format(name=recipient)
    return Acknowledgement("\n".join(filter(None, [kept, renaming(node, tr)])))


def recipient_of(argument: str, find: FindNodes) -> tuple[str, list[NodeView], str]:
    """Return (name, matching nodes, text): a name of several words is quoted, or complete.

    A part of a name is one word, or the beginning of the text could be taken for a part of a name. Where the beginning
    of a name is another node's name, both match, unless it is quoted.
    """
    if quoted := QUOTED.fullmatch(argument.strip()):
        return quoted[1], find(quoted[1]), quoted[2].strip()
    words = argument.split()
    beginnings = [" ".join(words[:count]) for count in range(1, min(len(words), MOST_WORDS) + 1)]
    if words and MARKED_ID.fullmatch(words[0]):
        del beginnings[1:]
    while beginnings:
        if bearers(beginnings[-1:], find):
            return beginnings[-1], addressees(beginnings, find), _after(argument, len(beginnings))
        beginnings.pop()
    return (words[0], find(words[0]), _after(argument, 1)) if words else ("", [], "")


def _after(argument: str, words: int) -> str:
    parts = argument.split(maxsplit=words)
    return parts[words].strip() if len(parts) > words else ""


# -- reading


def _unread_or_list(
    mails: Sequence[Mail], mailbox: Mailbox, directory: Directory, clock: Clock, request: Request
) -> str:
    """Return the unread mail, as far as it fits; if all was read, the list."""
    tr, room = request.translate, _room(request)
    if not mails:
        return tr(_("📭 No mail for you."))
    now = int(clock.now().timestamp())
    numbered = [(mail, _mail_line(number, mail, directory, now, tr)) for number, mail in enumerate(mails, 1)]
    unread = [(mail, line) for mail, line in numbered if mail.read_at is None]
    if not unread:
        lines = _fitting([shorten(line, WIDE_LINE if request.wide else LINE) for _mail, line in numbered], room)
        more = len(numbered) - len(lines)
        return _with_tail(lines, tr(_("+{count} more: {mail} <n>")) if more else _deleting(tr), more)
    lines = _fitting([shorten(line, room) if request.wide else line for _mail, line in unread], room)
    _mark_read(mailbox, [mail for mail, _line in unread[: len(lines)]])
    more = len(unread) - len(lines)
    return _with_tail(lines, tr(_("+{count} unread: {mail}")) if more else _deleting(tr), more)


def _mark_read(mailbox: Mailbox, mails: Sequence[Mail]) -> None:
    """Mark mail as read if that can be written: on a full disk it is better read twice than not at all."""
    try:
        mailbox.mark_read(mails)
    except StorageError as error:
        LOGGER.warning("⚠️ Courrier lu, mais pas noté comme tel: %s", error)


def _with_tail(lines: Sequence[str], tail: str, count: int) -> str:
    return "✉️ " + "\n".join([*lines, tail.format(count=count, mail=f"{PREFIX}mail")])


def _deleting(tr: Translate) -> str:
    return tr(_("{mail} del <n> deletes a letter."))


def _room(request: Request) -> int:
    """Return the bytes for mail, without the last line."""
    return request.limit - TAIL if request.wide else ROOM


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """Return as many lines as fit, but at least one."""
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode()) + 1
        if kept and size > room:
            break
        kept.append(line)
    return kept


def _read_one(
    word: str, mails: Sequence[Mail], mailbox: Mailbox, directory: Directory, request: Request, *, clock: Clock
) -> str:
    mail = _numbered(word, mails)
    if mail is None:
        return _none_such(word, request.translate)
    _mark_read(mailbox, [mail])
    line = _mail_line(int(word), mail, directory, int(clock.now().timestamp()), request.translate)
    return "✉️ " + (shorten(line, _room(request)) if request.wide else line)


def _mail_line(number: int, mail: Mail, directory: Directory, now: int, tr: Translate) -> str:
    name, sent = sender_of(mail, directory), age(now - mail.sent_at, tr)
    return tr(_("{number} {name} {age}: {text}")).format(number=number, name=name, age=sent, text=mail.text)


# -- deleting


def _delete(request: Request, asker: int, argument: str, mails: Sequence[Mail], mailbox: Mailbox) -> str:
    tr = request.translate
    if not argument.isdecimal():
        return tr(_("Which letter? For example: {mail} del 1")).format(mail=PREFIX + request.command)
    mail = _numbered(argument, mails)
    if mail is None or not mailbox.delete(asker, mail.id):
        return _none_such(argument, tr)
    return tr(_("🗑️ Letter {number} is deleted, {count} left.")).format(number=int(argument), count=len(mails) - 1)


def _numbered(word: str, mails: Sequence[Mail]) -> Mail | None:
    """Return the mail with that number, None if there is none; a text of thousands of digits is no number."""
    number = int(word) if len(word) <= len(str(MAX_MAIL)) else 0
    return mails[number - 1] if 0 < number <= len(mails) else None


def _none_such(word: str, tr: Translate) -> str:
    return tr(_("You have no letter {number}. {mail} lists yours.")).format(number=word[:6], mail=f"{PREFIX}mail")
