"""Runs commands from Telegram: checks the user, asks admins to confirm, answers buttons. No I/O: answers are queued."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from math import inf
from secrets import token_hex
from typing import Final, Generic, TypeVar

from meshbot.commands import (
    CHAT_BYTES,
    PREFIX,
    UNKNOWN_RECEPTION,
    Command,
    CommandExecutor,
    CommandPolicy,
    InterimAnswer,
    Job,
    JobResult,
    NodeList,
    Platform,
    RateLimiter,
    Refusal,
    Registry,
    Role,
    Translate,
)
from meshbot.commands import mark as _
from meshbot.runtime import RecentKeys, log
from meshbot.telegram_bot import status
from meshbot.telegram_bot.bridge import Bridge
from meshbot.telegram_bot.channels import KnownChannels
from meshbot.telegram_bot.languages import Languages
from meshbot.telegram_bot.models import (
    AllowedUser,
    Button,
    Chat,
    ChatQuestion,
    Keyboard,
    OutgoingMessage,
    TelegramRequest,
)
from meshbot.telegram_bot.options import TelegramDependencies, TelegramOptions
from meshbot.telegram_bot.own_commands import own_commands
from meshbot.telegram_bot.pictures import PICTURE, PictureJobs, pictures_of
from meshbot.telegram_bot.queue import MessageQueue
from meshbot.telegram_bot.updates import CallbackQuery
from meshbot.telegram_bot.users import AllowedUsers
from meshbot.text import one_line, shorten

LOGGER = logging.getLogger(__name__)
info_print = LOGGER.info
CONFIRMATION_LIFETIME: Final = 120.0  # seconds
CONFIRMATIONS_LIMIT: Final = 200
PICTURES_LIMIT: Final = 20  # that wait until their answers are sent
NAME_SHOWN: Final = 20  # characters of an unknown command
COMMAND_SHOWN: Final = 120  # bytes of a command that is to be confirmed
# Seconds that a command may take before the chat shows that the bot is at work; Telegram shows it for 5
TYPING_AFTER: Final = 1.0
TYPING_LASTS: Final = 4.5
# Where the limit's own answer was given to an earlier command
STILL_TOO_MANY: Final = _("🚦 Still too many commands: /{name} was not run.")
T = TypeVar("T")


class Reply(Enum):
    """What pressing a button of a confirmation means."""

    YES = "yes"
    NO = "no"
    NOT_YOURS = "not yours"
    TOO_LATE = "too late"  # or pressed already


@dataclass(frozen=True, slots=True)
class _Pending(Generic[T]):
    command: T
    user_id: int
    until: float


class Confirmations(Generic[T]):
    """Commands that wait for their user's confirmation; each counts once and not for long."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        """`new_token` returns a short text that cannot be guessed; the buttons carry it."""
        self._new_token = new_token
        self._pending: RecentKeys[str, _Pending[T]] = RecentKeys(CONFIRMATIONS_LIMIT)  # by token

    def ask(self, command: T, user_id: int, now: float) -> str:
        """Remember a command; return the token for its buttons."""
        token = self._new_token()
        self._pending.put(token, _Pending(command, user_id, now + CONFIRMATION_LIFETIME))
        return token

    def answer(self, token: str, user_id: int, now: float, *, yes: bool) -> tuple[Reply, T | None]:
        """Take a button; return what it means, and the command if its own user pressed in time."""
        pending = self._pending.get(token)
        if pending is None or pending.until <= now:
            return Reply.TOO_LATE, None
        if pending.user_id != user_id:
            return Reply.NOT_YOURS, None
        self._pending.pop(token)
        return (Reply.YES if yes else Reply.NO), pending.command

    def expired(self, now: float) -> list[T]:
        """Forget the commands that can no longer be confirmed; return them."""
        over = [token for token in self._pending if (each := self._pending.get(token)) and each.until <= now]
        return [each.command for token in over if (each := self._pending.pop(token))]


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command as a user sent it, its alias and argument included."""

    question: ChatQuestion
    command: Command
    name: str
    argument: str


class CommandHandler:
    """Used by the thread Telegram alone; its executor has threads of its own."""

    def __init__(  # noqa: PLR0917 - its collaborators, each once
        self,
        options: TelegramOptions,
        dependencies: TelegramDependencies,
        users: AllowedUsers,
        queue: MessageQueue,
        send_to_service: Callable[[object], object],
        answer_callback_query: Callable[[str, str], object],
        show_typing: Callable[[Chat], object],
        languages: Languages,
        bridge: Bridge,
        channels: KnownChannels,
    ) -> None:
        """Workers hand their results to `send_to_service`; `answer_callback_query` takes a query's id and a text.

        `show_typing` has a chat show that the bot is busy, for TYPING_LASTS seconds.
        """
        self._clock = dependencies.clock
        self._numbers, self._with_key = dependencies.numbers, dependencies.with_key
        self._languages = languages
        self._bridge = bridge
        self._channels = channels
        self._show_typing = show_typing
        self._typing: dict[Job[ChatQuestion], float] = {}  # when to show it (again), monotonic seconds
        self._users = users
        self._queue = queue
        self._answer_callback_query = answer_callback_query
        self._options = options
        self._policy = CommandPolicy(RateLimiter(options.rate_limit_commands, options.rate_limit_seconds))
        self._confirmations: Confirmations[CommandCall] = Confirmations(lambda: token_hex(8))
        # Pictures to be drawn, by chat and key of their answers
        self._pictures: RecentKeys[tuple[Chat, str], Job[ChatQuestion]] = RecentKeys(PICTURES_LIMIT)
        own = own_commands(lambda: self._options, dependencies, channels)
        self.registry = Registry((*dependencies.commands, *own)).on(Platform.TELEGRAM)
        self.executor: CommandExecutor[ChatQuestion] = CommandExecutor(
            "Telegram-Commands", dependencies.clock, dependencies.limits, languages.translate(""), send_to_service
        )
        self.picture_jobs = PictureJobs(pictures_of(options, dependencies), send_to_service)

    def take_options(self, options: TelegramOptions) -> None:
        """See UpdateHandler."""
        self._options = options
        self._policy.set_limit(options.rate_limit_commands, options.rate_limit_seconds)

    def start(self) -> None:
        """Start the threads for commands."""
        self.executor.start(slow=any(command.slow for command in self.registry))

    def stop(self) -> None:
        """Ask the threads to end, and end a drawing; returns at once."""
        self.picture_jobs.cancel()
        self.executor.stop()

    @property
    def deadline(self) -> float:
        """When `on_deadline` is to be called (monotonic seconds), inf for never."""
        return min(self.executor.deadline, min(self._typing.values(), default=inf))

    def handle(self, question: ChatQuestion, name: str, argument: str) -> None:
        """Run a command or refuse it."""
        command = self.registry.find_for(name, argument)
        now, tr = self._clock.monotonic(), self._tr(question)
        refusal = self._policy.check(question.user.command_user, command, now, is_public=False)
        if refusal is not None:
            self._send(question.answer(self._refusal(question, name, refusal)))
        elif command is None:
            text = tr(_("Unknown command /{name}. /help lists mine."))
            self._send(question.answer(text.format(name=one_line(name)[:NAME_SHOWN])))
        else:
            self._confirm_or_run(CommandCall(question, command, name, argument))

    def on_result(self, message: InterimAnswer[ChatQuestion] | JobResult[ChatQuestion]) -> None:
        """Send what a command answers."""
        match message:
            case InterimAnswer(job, text):
                if self.executor.is_current(message):
                    self._send(job.question.answer(text))
            case JobResult(job, answer):
                self._typing.pop(job, None)
                if self.executor.finish(message) and answer:
                    self._send_answer(job, answer)

    def on_deadline(self) -> None:
        """Apologise for the commands that take too long, and show that the others are at work."""
        for job, apology in self.executor.overdue():
            self._typing.pop(job, None)
            # a picture's answer stands without it
            if job.command.name != PICTURE:
                self._send(job.question.answer(apology))
        now = self._clock.monotonic()
        for job in [job for job, at in self._typing.items() if at <= now]:
            self._typing[job] = now + TYPING_LASTS
            self._show_typing(job.question.chat)

    def on_sent(self, message: OutgoingMessage) -> None:
        """Draw the picture of an answer that was sent: the answer does not wait for it."""
        job = self._pictures.pop((message.chat, message.key))
        if job is not None and not self.executor.busy_answer(job.command, job.request.user):
            self._submit(job)

    def expire_confirmations(self) -> None:
        """Take the buttons from the questions that were not confirmed in time."""
        for call in self._confirmations.expired(self._clock.monotonic()):
            text = self._tr(call.question)(_("⌛ /{name} was not confirmed in time."))
            self._send(call.question.answer(text.format(name=call.command.name)))

    def _refusal(self, question: ChatQuestion, name: str, refusal: Refusal) -> str:
        """Log it; return what to answer: here each refusal is said."""
        shown = one_line(name)[:NAME_SHOWN]
        LOGGER.log(refusal.level, "⛔ /%s de Telegram %d refusée: %s", shown, question.user.id, refusal.reason)
        return self._tr(question)(refusal.answer or STILL_TOO_MANY).format(name=shown)

    def _tr(self, question: ChatQuestion) -> Translate:
        return self._languages.translate(question.language_code)

    def _submit(self, job: Job[ChatQuestion]) -> None:
        self.executor.submit(job)
        self._typing[job] = self._clock.monotonic() + TYPING_AFTER

    def _confirm_or_run(self, call: CommandCall) -> None:
        if call.command.role is Role.ADMIN and (call.argument or not call.command.needs_argument):
            self._confirm(call)
        else:
            self._run(call)

    def _confirm(self, call: CommandCall) -> None:
        """Ask for a confirmation of the command with its argument."""
        tr = self._tr(call.question)
        token = self._confirmations.ask(call, call.question.user.id, self._clock.monotonic())
        text = tr(_("❓ {order}: {summary}. Sure?"))
        yes = Button(tr(_("✅ Yes")), f"yes:{token}")
        no = Button(tr(_("✖️ No")), f"no:{token}")
        shown = shorten(one_line(f"{PREFIX}{call.command.name} {call.argument}"), COMMAND_SHOWN)
        text = text.format(order=shown, summary=tr(call.command.summary))
        self._send(call.question.answer(text, ((yes, no),)))

    def _run(self, call: CommandCall) -> None:
        question, command = call.question, call.command
        if command.role is Role.ADMIN:
            about = log.about(command=command.name)
            info_print("🛠️ /%s demandée par l'administrateur Telegram %d", command.name, question.user.id, extra=about)
        if reason := self.executor.busy_answer(command, question.user.command_user, self._tr(question)):
            self._send(question.answer(reason))
            return
        self._submit(Job(question, self._request(call), command))

    def _request(self, call: CommandCall) -> TelegramRequest:
        question = call.question
        return TelegramRequest(
            call.name,
            call.argument,
            self._node_of(question.user.node),
            UNKNOWN_RECEPTION,
            self._tr(question),
            tuple(command for command in self.registry if command.role <= question.user.role),
            user=question.user.command_user,
            channel=self._bridge.channel_of(self._users.as_listed(question.chat)),
            platform=Platform.TELEGRAM,
            limit=CHAT_BYTES,
            name=question.name,
            in_group=bool(question.title),
            origin=status.origin_of(question.chat, question.message_id),
            question=question,
        )

    def _node_of(self, listed: NodeList) -> int | None:
        """Return the present number of the node that the settings give a user."""
        if listed.numbers:
            return self._numbers(next(iter(listed.numbers)))[0]
        return next(iter(self._with_key(listed.has_key)), None) if listed else None

    def _send_answer(self, job: Job[ChatQuestion], answer: str) -> None:
        message = job.question.answer(answer, self._keyboard(job))
        if (picture := self.picture_jobs.job_for(job, answer)) is not None:
            self._pictures.put((message.chat, message.key), picture)
        self._send(replace(message, fixed=job.command.is_table(answer)))

    def _keyboard(self, job: Job[ChatQuestion]) -> Keyboard:
        """Return the buttons under an answer: those for the user who sent the command, whoever refreshes it."""
        if job.command.name != "status":
            return ()
        tr, question = self._tr(job.question), job.question
        owner = (self._users.find(question.owner) if question.owner else None) or question.user
        refresh = Button(tr(_("🔄 Refresh")), f"do:status:{owner.id}")
        if owner.role < Role.ADMIN:
            return ((refresh,),)
        return ((refresh,), (Button(tr(_("🔌 Reconnect")), "do:reconnect"), Button(tr(_("🔑 Sync keys")), "do:sync")))

    # -- buttons

    def on_callback_query(self, query: CallbackQuery) -> None:
        """Act upon a button; the query is answered in any case, or Telegram shows the button as busy."""
        self._answer_callback_query(query.query_id, self._handle_query(query))

    def _handle_query(self, query: CallbackQuery) -> str:
        """Return a text for the user who pressed the button, or nothing."""
        tr, user, chat = self._languages.translate(query.language_code), self._users.find(query.user_id), query.chat
        is_group = chat is not None and chat.id < 0
        if user is None or (is_group and chat is not None and not self._users.is_listed(chat.id)):
            return tr(_("🔒 Not for you."))
        if chat is not None:
            match query.data.split(":"):
                case ["yes" | "no" as reply, token]:
                    return self._handle_reply(query, token, yes=reply == "yes")
                case ["do", name, *owner] if (command := self.registry.find(name)) is not None:
                    question = _question_of(query, chat, user, "".join(owner), is_new=command.role is Role.ADMIN)
                    return self._handle_button(question, command)
        return tr(_("⌛ This button is too old."))

    def _handle_reply(self, query: CallbackQuery, token: str, *, yes: bool) -> str:
        reply, call = self._confirmations.answer(token, query.user_id, self._clock.monotonic(), yes=yes)
        if call is None:
            tr = self._languages.translate(query.language_code)
            return tr(_("🔒 Not for you.")) if reply is Reply.NOT_YOURS else tr(_("⌛ Too late: please ask again."))
        if reply is Reply.YES:
            self._run(call)
        else:
            self._send(call.question.answer(self._tr(call.question)(_("✖️ Not done."))))
        return ""

    def _handle_button(self, question: ChatQuestion, command: Command) -> str:
        """Run a button's command, or return why not: only the user who pressed it sees that."""
        user = question.user
        refusal = self._policy.check(user.command_user, command, self._clock.monotonic(), is_public=False)
        if refusal is not None:
            return self._refusal(question, command.name, refusal)
        if command.role is not Role.ADMIN:
            self._queue.remember(question.chat, question.key, question.message_id)
        self._confirm_or_run(CommandCall(question, command, command.name, ""))
        return ""

    def _send(self, message: OutgoingMessage) -> None:
        self._queue.add(message, self._clock.monotonic())


def _question_of(query: CallbackQuery, chat: Chat, user: AllowedUser, owner: str, *, is_new: bool) -> ChatQuestion:
    """Return a button as a question; its answer is a new message if `is_new`, else replaces the button's message."""
    key = f"press:{query.update_id}" if is_new else f"message:{query.message_id}"
    title = "group" if chat.id < 0 else ""
    owner_id = int(owner) if owner.isascii() and owner.isdigit() else 0
    return ChatQuestion(
        query.update_id,
        chat,
        query.message_id,
        user,
        query.name,
        title,
        key,
        owner_id,
        language_code=query.language_code,
    )
