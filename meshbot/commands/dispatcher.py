"""The thread Mesh-Dispatcher: takes texts from the mesh, has commands run elsewhere, and sends their answers back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from meshbot.commands.access import Access, Refusal
from meshbot.commands.executor import CommandExecutor, CommandLimits, InterimAnswer, Job, JobResult
from meshbot.commands.filter import MessageFilter, Verdict, return_path
from meshbot.commands.formatting import PACKET_BYTES
from meshbot.commands.greetings import Greetings
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import (
    PREFIX,
    PRIVATE,
    Acknowledgement,
    Action,
    Platform,
    Registry,
    Request,
    bare,
    parse,
)
from meshbot.commands.roles import MeshRoles, Role, User
from meshbot.mesh_link import BROADCAST_NUM, ReceivedText, TextMessage
from meshbot.runtime import PASSWORD_COMMANDS, Clock, Service, Throttle, log, mask_command
from meshbot.sending import AfterAnswer, OutgoingText

LOGGER = logging.getLogger(__name__)
info_print = LOGGER.info
# Texts: 20 s of the busiest mesh even if it sent nothing else
INBOX_LIMIT: Final = 1000
# Characters of a command that is unknown
NAME_SHOWN: Final = 20
# Before an answer that every other bot on the channel would take for a command
NO_COMMAND: Final = "› "
# Seconds for an answer to be confirmed by the node, before the action that follows it
ANSWER_LEAVES_WITHIN: Final = 10.0
TOO_LATE_LOGGED_EVERY: Final = 3600.0  # seconds


class AnswerAt(Protocol):
    """Tells when the answer to a question of now could go on air, in monotonic seconds; never waits."""

    def __call__(self, *, for_stranger: bool, despite_load: bool) -> float:
        """Return it, inf for never; one that does not go `despite_load` waits while the channel is busy."""


@dataclass(frozen=True, slots=True)
class MeshRules:
    """Who is answered, where, and how much."""

    message_filter: MessageFilter
    roles: MeshRoles
    rate_limit: tuple[int, float]  # see RateLimiter
    limits: CommandLimits  # with the same numbers of workers


class Dispatcher(Service):
    """Takes ReceivedText (through `offer`), its workers' results, and other MeshRules."""

    name = "Mesh-Dispatcher"

    def __init__(  # noqa: PLR0917 - its collaborators, each once
        self,
        clock: Clock,
        registry: Registry,
        message_filter: MessageFilter,
        access: Access,
        tr: Translate,
        limits: CommandLimits,
        send: Callable[[OutgoingText | AfterAnswer], object],
        answer_at: AnswerAt,
        is_awaited: Callable[[TextMessage], bool] | None = None,
        text_limit: Callable[[OutgoingText], int] = lambda _text: PACKET_BYTES,
    ) -> None:
        """`send` only puts into the sender's inbox; `is_awaited` tells whether a person elsewhere waits for a text.

        `text_limit` returns how many bytes of a text fit into one packet.
        """
        super().__init__(clock, INBOX_LIMIT)
        self._registry = registry.on(Platform.MESH)
        private = (name for command in self._registry if command.private for name in (command.name, *command.aliases))
        self._masked = (*PASSWORD_COMMANDS, *(PREFIX + name for name in {*private, *PRIVATE}))
        self._filter = message_filter
        self._access = access
        self._translate = tr
        self._limits = limits
        self._send = send
        self._is_awaited = is_awaited
        self._text_limit = text_limit
        self._greetings = Greetings(self._registry)
        self._answer_at = answer_at
        self._too_late = Throttle(TOO_LATE_LOGGED_EVERY)
        self._executor: CommandExecutor[TextMessage] = CommandExecutor("Commands", clock, limits, tr, self.tell)

    @property
    def is_stuck(self) -> bool:
        """See CommandExecutor; any thread may ask."""
        return self._executor.is_stuck

    # -- service

    def on_start(self) -> None:
        """See Service."""
        self._executor.start(slow=any(command.slow for command in self._registry))

    def on_stop(self) -> None:
        """See Service."""
        self._executor.stop()

    def deadline(self) -> float:
        """See Service."""
        return self._executor.deadline

    def on_deadline(self) -> None:
        """Answer for the commands that take too long."""
        for job, answer in self._executor.overdue():
            self._answer(job.question, job.request.user, answer)

    def handle(self, message: ReceivedText | InterimAnswer[TextMessage] | JobResult[TextMessage] | MeshRules) -> None:
        """See Service."""
        match message:
            case JobResult():
                if self._executor.finish(message) and message.answer:
                    self._answer_job(message.job, message.answer)
            case InterimAnswer():
                if self._executor.is_current(message):
                    self._answer_job(message.job, message.text)
            case ReceivedText():
                self._on_text(message)
            case MeshRules():
                self._filter, self._limits = message.message_filter, message.limits
                self._access.set_rules(message.roles, *message.rate_limit)
                self._executor.set_limits(message.limits)

    # -- questions

    def _on_text(self, text: ReceivedText) -> None:
        message = text.message
        info_print(
            "📨 MESSAGE BRUT: '%s' | from=0x%08x | to=0x%08x | broadcast=%s",
            self._log_text(message.text),
            message.sender,
            message.to,
            message.is_broadcast,
            extra=log.about(node=message.sender, command=self._command_in(message.text)),
        )
        parsed = None if message.is_notice else parse(message.text)
        is_plain_direct = parsed is None and not message.is_notice and not message.is_broadcast
        is_question = parsed is not None or is_plain_direct
        verdict = self._filter.check(text, self._clock.now().timestamp(), is_command=is_question)
        if verdict is Verdict.ANSWER and parsed is not None:
            self._start(message, bare(parsed[0]), parsed[1])
        elif verdict is Verdict.ANSWER:
            self._on_plain_direct(message)
        elif verdict is Verdict.STALE and parsed is not None:
            info_print(
                "⏳ Commande de 0x%08x trop ancienne, sans réponse",
                message.sender,
                extra=log.about(node=message.sender),
            )
        else:
            LOGGER.debug("Message 0x%08x: %s", message.packet_id, verdict.value)

    def _log_text(self, text: str) -> str:
        """Return a text as the log has it: of what is private, the length alone."""
        if (parsed := parse(text)) is not None:
            name, argument = parsed
            command = self._registry.find(bare(name))
            if command is not None and command.private and argument:
                return f"{PREFIX}{name} {log.MASK} ({len(argument.encode(errors='replace'))} octets)"
        return log.escaped(mask_command(text, self._masked))

    def _command_in(self, text: str) -> str | None:
        """Return the name of the command that a text is, None for any other text."""
        parsed = parse(text)
        command = None if parsed is None else self._registry.find(bare(parsed[0]))
        return None if command is None else command.name

    def _on_plain_direct(self, message: TextMessage) -> None:
        """Tell how to ask, once a day, to whoever greets or forgets the slash; to others, what the bot is."""
        if self._awaits(message) or _is_tapback(message):
            return
        user = self._access.user_of(message)
        if self._is_too_late(user, despite_load=user.is_established):
            return
        if not self._greetings.is_due(message.sender, self._clock.monotonic()):
            return
        if self._greetings.means(message.text):
            line = _("👋 I answer commands such as /ping. /help lists them.")
        else:
            line = _("🤖 I am a bot: nobody reads this. /help lists what I answer.")
        self._answer(message, user, self._translate(line))

    def _awaits(self, message: TextMessage) -> bool:
        return self._is_awaited is not None and not message.is_broadcast and self._is_awaited(message)

    def _start(self, message: TextMessage, name: str, argument: str) -> None:
        command = self._registry.to_run(name, argument)
        # it may be another bot's command, or what a person elsewhere is to read
        if command is None and (message.is_broadcast or self._awaits(message)):
            return
        user = self._access.user_of(message)
        if self._is_too_late(user, despite_load=user.is_established or (command is not None and command.despite_load)):
            return
        if refusal := self._access.check(user, message, command, self._clock.monotonic()):
            self._refuse(message, user, name, refusal)
            return
        if command is None:
            self._unknown(message, user, name)
            return
        if command.role is Role.ADMIN:
            about = log.about(node=message.sender, command=command.name)
            info_print("🛠️ /%s demandée par l'administrateur 0x%08x", command.name, message.sender, extra=about)
        if reason := self._executor.busy_answer(command, user):
            self._answer(message, user, reason)
            return
        self._executor.submit(Job(message, self._request(message, user, name, argument), command))

    def _is_too_late(self, user: User, *, despite_load: bool) -> bool:
        """Whether the answer would expire before it could go; then nothing is done for it, but an admin's orders."""
        now = self._clock.monotonic()
        goes_at = self._answer_at(for_stranger=user.is_stranger, despite_load=despite_load)
        if user.role is Role.ADMIN or goes_at <= now + self._limits.answer_ttl:
            return False
        if count := self._too_late.count(now):
            LOGGER.warning("🚪 Questions sans réponse, faute de temps d'émission: %d. Dernière: %s", count, user.key)
        return True

    def _request(self, message: TextMessage, user: User, name: str, argument: str) -> Request:
        return Request(
            name,
            argument,
            message.sender,
            message.reception,
            self._translate,
            tuple(command for command in self._registry if command.role <= user.role),
            user=user,
            channel=message.channel if message.is_broadcast else None,
            limit=self._limit(message),
            after_answer=partial(self._run_after_answer, message),
        )

    def _limit(self, message: TextMessage) -> int:
        """Return how many bytes an answer may have: on a channel what is longer would not be signed."""
        path = return_path(message)
        if path.to != BROADCAST_NUM:
            return PACKET_BYTES
        return min(PACKET_BYTES, self._text_limit(OutgoingText("", path.to, path.channel, path.reply_id)))

    def _run_after_answer(self, message: TextMessage, action: Action) -> None:
        """Take an action that is to follow a command's answer; on a worker's thread."""
        path = return_path(message)
        until = self._clock.monotonic() + ANSWER_LEAVES_WITHIN
        self._send(AfterAnswer(path.to, path.reply_id, action, until))

    def _refuse(self, message: TextMessage, user: User, name: str, refusal: Refusal) -> None:
        """Refuse, by direct message to the asker, wherever the question was asked."""
        shown, about = name[:NAME_SHOWN], log.about(node=message.sender, command=self._command_in(message.text))
        LOGGER.log(refusal.level, "⛔ /%s de 0x%08x refusée: %s", shown, message.sender, refusal.reason, extra=about)
        if refusal.answer:
            text = self._translate(refusal.answer).format(name=name[:NAME_SHOWN])
            self._answer(message, user, text, private=True)

    def _unknown(self, message: TextMessage, user: User, name: str) -> None:
        text = self._translate(_("Unknown command /{name}. /help lists mine."))
        self._answer(message, user, text.format(name=name[:NAME_SHOWN]))

    def _answer_job(self, job: Job[TextMessage], text: str) -> None:
        self._answer(job.question, job.request.user, text, despite_load=isinstance(text, Acknowledgement))

    def _answer(
        self, message: TextMessage, user: User, text: str, *, private: bool = False, despite_load: bool = False
    ) -> None:
        path = return_path(message, private=private)
        if path.to == BROADCAST_NUM and text.lstrip().startswith(PREFIX):
            text = NO_COMMAND + text
        expires_at = self._clock.monotonic() + self._limits.answer_ttl
        self._send(
            OutgoingText(
                text,
                path.to,
                path.channel,
                path.reply_id,
                path.want_ack,
                expires_at,
                asker=message.sender,
                for_stranger=user.is_stranger,
                is_proven=user.is_established,
                despite_load=despite_load,
            )
        )


def _is_tapback(message: TextMessage) -> bool:
    """Return whether the text is an emoji on an answer of ours: it asks nothing."""
    return bool(message.reply_id) and not any(map(str.isalnum, message.text))
