"""The thread Mesh-Dispatcher: takes texts from the mesh, has commands run elsewhere, and sends their answers back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from meshbot.commands.access import Access, Refusal
from meshbot.commands.executor import CommandExecutor, CommandLimits, InterimAnswer, Job, JobResult
from meshbot.commands.filter import MessageFilter, Verdict, return_path
from meshbot.commands.greetings import Greetings
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import PREFIX, Action, Registry, Request, Way, bare, parse
from meshbot.commands.roles import Role, User
from meshbot.mesh_link import BROADCAST_NUM, ReceivedText, TextMessage
from meshbot.runtime import PASSWORD_COMMANDS, Clock, Service, log, mask_command
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


class Dispatcher(Service):
    """Takes ReceivedText (through `offer`) and its workers' results."""

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
    ) -> None:
        """`send` only puts into the sender's inbox."""
        super().__init__(clock, INBOX_LIMIT)
        self._registry = registry.on(Way.MESH)
        private = (name for command in self._registry if command.private for name in (command.name, *command.aliases))
        self._masked = (*PASSWORD_COMMANDS, *(PREFIX + name for name in private))
        self._filter = message_filter
        self._access = access
        self._translate = tr
        self._limits = limits
        self._send = send
        self._greetings = Greetings(self._registry)
        self._executor: CommandExecutor[TextMessage] = CommandExecutor("Commands", clock, limits, tr, self.tell)

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
            self._answer(job.question, answer)

    def handle(self, message: ReceivedText | InterimAnswer[TextMessage] | JobResult[TextMessage]) -> None:
        """See Service."""
        match message:
            case JobResult():
                if self._executor.finish(message) and message.answer:
                    self._answer(message.job.question, message.answer)
            case InterimAnswer():
                if self._executor.is_current(message):
                    self._answer(message.job.question, message.text)
            case ReceivedText():
                self._on_text(message)

    # -- questions

    def _on_text(self, text: ReceivedText) -> None:
        message = text.message
        info_print(
            "📨 MESSAGE BRUT: '%s' | from=0x%08x | to=0x%08x | broadcast=%s",
            self._log_text(message.text),
            message.sender,
            message.to,
            message.is_broadcast,
        )
        parsed = None if message.is_notice else parse(message.text)
        is_greeting = (
            parsed is None
            and not message.is_notice
            and not message.is_broadcast
            and self._greetings.means(message.text)
        )
        verdict = self._filter.judge(text, self._clock.now().timestamp(), is_command=parsed is not None or is_greeting)
        if verdict is Verdict.ANSWER and parsed is not None:
            self._start(message, bare(parsed[0]), parsed[1])
        elif verdict is Verdict.ANSWER and is_greeting:
            self._greet(message)
        elif verdict is Verdict.STALE:
            info_print("⏳ Commande de 0x%08x trop ancienne, sans réponse", message.sender)
        else:
            LOGGER.debug("Message 0x%08x: %s", message.packet_id, verdict.value)

    def _log_text(self, text: str) -> str:
        """Return a text as the log has it: of what is private, the length alone."""
        if (parsed := parse(text)) is not None:
            name, argument = parsed
            command = self._registry.find(name)
            if command is not None and command.private and argument:
                return f"{PREFIX}{name} {log.MASK} ({len(argument.encode(errors='replace'))} octets)"
        return log.escaped(mask_command(text, self._masked))

    def _greet(self, message: TextMessage) -> None:
        """Tell whoever greets, or forgets the slash, how to ask: once a day."""
        if self._greetings.is_due(message.sender, self._clock.monotonic()):
            self._answer(message, self._translate(_("👋 I answer commands such as /ping. /help lists them.")))

    def _start(self, message: TextMessage, name: str, argument: str) -> None:
        command = self._registry.to_run(name, argument)
        # it may be another bot's command
        if command is None and message.is_broadcast:
            return
        user = self._access.user_of(message)
        if refusal := self._access.judge(user, message, command, self._clock.monotonic()):
            self._refuse(message, name, refusal)
            return
        if command is None:
            self._unknown(message, name)
            return
        if command.role is Role.ADMIN:
            info_print("🛠️ /%s demandée par l'administrateur 0x%08x", command.name, message.sender)
        if reason := self._executor.obstacle(command, user.key):
            self._answer(message, reason)
            return
        self._executor.submit(Job(message, self._request(message, user, name, argument), command))

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
            afterwards=partial(self._afterwards, message),
        )

    def _afterwards(self, message: TextMessage, action: Action) -> None:
        """Take an action that is to follow a command's answer; on a worker's thread."""
        path = return_path(message)
        until = self._clock.monotonic() + ANSWER_LEAVES_WITHIN
        self._send(AfterAnswer(path.to, path.reply_id, action, until))

    def _refuse(self, message: TextMessage, name: str, refusal: Refusal) -> None:
        """Refuse, by direct message to the asker, wherever the question was asked."""
        LOGGER.log(refusal.level, "⛔ /%s de 0x%08x refusée: %s", name[:NAME_SHOWN], message.sender, refusal.reason)
        if refusal.answer:
            text = self._translate(refusal.answer).format(name=name[:NAME_SHOWN])
            self._answer(message, text, private=True)

    def _unknown(self, message: TextMessage, name: str) -> None:
        text = self._translate(_("Unknown command /{name}. /help lists mine."))
        self._answer(message, text.format(name=name[:NAME_SHOWN]))

    def _answer(self, message: TextMessage, text: str, *, private: bool = False) -> None:
        path = return_path(message, private=private)
        if path.to == BROADCAST_NUM and text.lstrip().startswith(PREFIX):
            text = NO_COMMAND + text
        expires_at = self._clock.monotonic() + self._limits.answer_ttl
        self._send(OutgoingText(text, path.to, path.channel, path.reply_id, path.want_ack, expires_at))
