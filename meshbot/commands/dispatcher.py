"""The thread Mesh-Dispatcher: takes texts from the mesh, has commands run elsewhere, and sends their answers back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from meshbot.commands.access import Access, Refusal
from meshbot.commands.executor import CommandExecutor, CommandLimits, InterimAnswer, Job, JobResult
from meshbot.commands.filter import MessageFilter, Verdict, return_path
from meshbot.commands.formatting import DAY
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.rate_limit import Admission, RateLimiter
from meshbot.commands.registry import PREFIX, Action, Registry, Request, Way, parse
from meshbot.commands.roles import Role, User
from meshbot.mesh_link import BROADCAST_NUM, ReceivedText, TextMessage
from meshbot.runtime import PASSWORD_COMMANDS, Clock, Service, TimedCache, mask_command
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
# Nodes that are told once a day what the bot is; so many of them in so many seconds
NODES_GREETED: Final = 1000
GREETINGS_LIMIT: Final = (10, 3600.0)


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
        is_awaited: Callable[[TextMessage], bool] | None = None,
    ) -> None:
        """`send` only puts into the sender's inbox; `is_awaited` tells whether a person elsewhere waits for a text."""
        super().__init__(clock, INBOX_LIMIT)
        self._registry = registry.on(Way.MESH)
        private = (name for command in self._registry if command.private for name in (command.name, *command.aliases))
        self._masked = (*PASSWORD_COMMANDS, *(PREFIX + name for name in private))
        self._filter = message_filter
        self._access = access
        self._translate = tr
        self._limits = limits
        self._send = send
        self._is_awaited = is_awaited
        self._greeted: TimedCache[int, None] = TimedCache(DAY, NODES_GREETED)
        self._greetings = RateLimiter(*GREETINGS_LIMIT)
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
            mask_command(message.text, self._masked),
            message.sender,
            message.to,
            message.is_broadcast,
        )
        parsed = parse(message.text)
        verdict = self._filter.judge(text, self._clock.now().timestamp(), is_command=parsed is not None)
        if verdict is Verdict.ANSWER and parsed is not None:
            self._start(message, *parsed)
        elif verdict is Verdict.PLAIN and not message.is_broadcast:
            self._on_plain_direct(message)
        elif verdict is Verdict.STALE:
            info_print("⏳ Commande de 0x%08x trop ancienne, sans réponse", message.sender)
        else:
            LOGGER.debug("Message 0x%08x: %s", message.packet_id, verdict.value)

    def _on_plain_direct(self, message: TextMessage) -> None:
        """Tell what the bot is, once a day, to whom nobody waits for."""
        now = self._clock.monotonic()
        if self._awaits(message) or _is_tapback(message) or self._greeted.get(message.sender, now) is not None:
            return
        # numbers can be forged: all nodes together have a limit too
        if self._greetings.ask("all", now) is not Admission.ALLOWED:
            return
        self._greeted.put(message.sender, None, now)
        self._answer(message, self._translate(_("🤖 I am a bot: nobody reads this. /help lists what I answer.")))

    def _awaits(self, message: TextMessage) -> bool:
        return self._is_awaited is not None and not message.is_broadcast and self._is_awaited(message)

    def _start(self, message: TextMessage, name: str, argument: str) -> None:
        command = self._registry.to_run(name, argument)
        # it may be another bot's command, or what a person elsewhere is to read
        if command is None and (message.is_broadcast or self._awaits(message)):
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


def _is_tapback(message: TextMessage) -> bool:
    """Return whether the text is an emoji on an answer of ours: it asks nothing."""
    return bool(message.reply_id) and not any(map(str.isalnum, message.text))
