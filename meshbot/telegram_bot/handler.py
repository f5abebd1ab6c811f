"""What becomes of each update: who may ask, what is run, what is shown. No I/O: posts go into their queue."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from secrets import token_hex

from meshbot.commands import (
    CHAT_BYTES,
    PREFIX,
    UNKNOWN_RECEPTION,
    Command,
    CommandExecutor,
    InterimAnswer,
    Job,
    JobResult,
    Judge,
    Refusal,
    Registry,
    Role,
    Translate,
    Way,
    parse,
)
from meshbot.commands import mark as _
from meshbot.mesh_link import TextMessage
from meshbot.runtime import Clock, Incident, RecentKeys
from meshbot.sending import DeliveryReport
from meshbot.telegram_bot import status
from meshbot.telegram_bot.confirmations import Confirmations, Reply
from meshbot.telegram_bot.crossing import Crossing
from meshbot.telegram_bot.illustrations import PICTURE, Illustrator
from meshbot.telegram_bot.menu import Menu
from meshbot.telegram_bot.models import Button, Chat, Post
from meshbot.telegram_bot.queue import PostQueue
from meshbot.telegram_bot.rate import RateLimit
from meshbot.telegram_bot.request import ChatQuestion, TelegramRequest
from meshbot.telegram_bot.updates import ButtonPress, ChatMessage, ChatMigration, IgnoredUpdate, Update
from meshbot.telegram_bot.users import GREETINGS, AllowedUser, AllowedUsers, OncePerHour
from meshbot.text import one_line, shorten

LOGGER = logging.getLogger(__name__)
info_print = LOGGER.info
PICTURES = 20  # that may wait for their answers to be shown
NAME_SHOWN = 20  # characters of a command that is none
ORDER_SHOWN = 120  # bytes of what is to be confirmed


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What waits for its giver's second word."""

    asked: ChatQuestion
    command: Command
    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class HandlerParts:
    """What the desk works with; none of it waits."""

    clock: Clock
    registry: Registry
    people: AllowedUsers
    judge: Judge
    posts: PostQueue
    workshop: CommandExecutor[ChatQuestion]
    translate: Translate
    max_age: float  # seconds
    crossing: Crossing
    answer_press: Callable[[str, str], object]  # (query id, a word for the one who pressed)
    illustrator: Illustrator
    menus: Sequence[Menu] = ()


class UpdateHandler:
    """Used by the thread Telegram alone."""

    def __init__(self, parts: HandlerParts) -> None:
        self._parts = parts
        self._clock = parts.clock
        self._people = parts.people
        self._posts = parts.posts
        self._translate = parts.translate
        self._questions: Confirmations[Confirmation] = Confirmations(lambda: token_hex(8))
        self._told = OncePerHour()  # of strangers and of groups
        self._greetings = RateLimit([GREETINGS])
        self._stale: Counter[Chat] = Counter()
        self._caught_up_at = -inf  # when nothing waited last
        self._pictures: RecentKeys[tuple[Chat, str], Job[ChatQuestion]] = RecentKeys(
            PICTURES
        )  # to be drawn, by their answer
        self.username = ""  # ours, once Telegram has told

    def take(self, update: Update) -> None:
        """Act upon an update."""
        match update:
            case ChatMessage():
                self._on_said(update)
            case ButtonPress():
                self._on_press(update)
            case ChatMigration():
                self.moved(update.old, update.new)
            case IgnoredUpdate():
                LOGGER.debug("Telegram: message %d ignoré: %s", update.update_id, update.reason)

    def drained(self) -> None:
        """Nothing older waits any more: tell each chat what came too late, and take back questions without answer."""
        self._caught_up_at = self._clock.monotonic()
        text = self._translate(_("⏳ Came too late and not acted upon: {count}"))
        for chat, count in self._stale.items():
            self._posts.add(Post(chat, text.format(count=count)), self._clock.monotonic())
        self._stale.clear()
        for order in self._questions.expired(self._clock.monotonic()):
            late = self._translate(_("⌛ /{name} was not confirmed in time."))
            self._post(order.asked.answer(late.format(name=order.command.name)))

    def moved(self, old: int, new: int) -> None:
        """Note a group's new id."""
        self._people.move(old, new)
        self._posts.move(old, new)
        LOGGER.warning("⚠️ Telegram: le groupe %d est devenu %d; corrigez les réglages telegram_*", old, new)

    def result(self, message: InterimAnswer[ChatQuestion] | JobResult[ChatQuestion]) -> None:
        """Take what a worker tells."""
        workshop = self._parts.workshop
        match message:
            case InterimAnswer(job, text):
                if workshop.is_current(message):
                    self._post(job.question.answer(text))
            case JobResult(job, answer):
                if workshop.finish(message):
                    self._finish(job, answer)

    def from_mesh(self, message: TextMessage | DeliveryReport | Incident) -> None:
        """Show what concerns Telegram."""
        self._post_all(self._parts.crossing.from_mesh(message))

    def posted(self, post: Post, message_id: int) -> None:
        """Note which message a post has become; a picture that goes with it is drawn now, not while it is sent."""
        self._parts.crossing.posted(post, message_id)
        picture = self._pictures.pop((post.chat, post.key))
        if picture is not None and not self._parts.workshop.obstacle(picture.command, picture.request.user.key):
            self._parts.workshop.submit(picture)

    def reached(self) -> None:
        """Telegram answers: tell what happened before it did."""
        self._post_all(self._parts.crossing.reached())

    def away(self) -> None:
        """Telegram does not answer."""
        self._parts.crossing.away()

    def _finish(self, job: Job[ChatQuestion], answer: str) -> None:
        if not answer:
            return
        post = replace(job.question.answer(answer, self._buttons(job)), fixed=job.command.is_table(answer))
        if (picture := self._parts.illustrator.job_for(job)) is not None:
            self._pictures.put((post.chat, post.key), picture)
        self._post(post)

    def overdue(self) -> None:
        """Apologise for the commands that take too long; a picture's answer stands without it."""
        for job, apology in self._parts.workshop.overdue():
            if job.command.name != PICTURE:
                self._post(job.question.answer(apology))

    # -- messages

    def _on_said(self, said: ChatMessage) -> None:
        parsed = None if said.is_forwarded else parse(said.text)  # somebody else's words are no order
        name, _at, bot = parsed[0].partition("@") if parsed else ("", "", "")
        if bot and bot.lower() != self.username.lower():
            return
        person = self._people.person(said.user_id)
        if said.title and not self._people.is_listed(said.chat.id):
            self._in_unlisted_group(said, person, name)
        elif parsed is None and said.title:
            self._bridge(said)
        elif person is None:
            if not said.title or bot or self._parts.registry.find(name) is not None:  # else it may be another bot's
                self._greet(said)
        elif self._is_stale(said):
            self._stale[said.chat] += 1
        elif parsed is not None:
            self._command(_asked(said, person), name, parsed[1], is_ours=bool(bot) or not said.title)
        elif self._told.is_new(said.chat.id, self._clock.monotonic()):
            self._post(Post(said.chat, self._translate(_("💬 I answer commands; /help lists them."))))

    def _in_unlisted_group(self, said: ChatMessage, person: AllowedUser | None, name: str) -> None:
        """Be silent, but for the operator who wants to know the group's id."""
        if self._told.is_new(said.chat.id, self._clock.monotonic()):
            LOGGER.warning(
                "🔒 Telegram: groupe %d (%s) hors de telegram_groups, sans réponse", said.chat.id, said.title
            )
        if person is not None and name == "id":
            self._command(_asked(said, person), name, "", is_ours=True)

    def _greet(self, said: ChatMessage) -> None:
        """Tell a stranger the id to ask the operator with, seldom, and nothing else."""
        now = self._clock.monotonic()
        if not self._told.is_new(said.user_id or said.chat.id, now):
            return
        LOGGER.warning("🔒 Telegram: inconnu %d (%s) éconduit", said.user_id, said.name)
        if self._greetings.ready_at() > now:
            return
        self._greetings.note(now)
        if said.user_id:
            text = self._translate(_("🔒 I do not know you. Your id: {id}")).format(id=said.user_id)
        else:
            text = self._translate(_("🔒 I cannot tell who you are: you write as the group."))
        self._post(Post(said.chat, text, reply_to=said.message_id if said.title else None))

    def _is_stale(self, said: ChatMessage) -> bool:
        """Tell by the clocks, which may differ; but what came since nothing waited is no older than that."""
        age = self._clock.now().timestamp() - said.sent_at
        return min(age, self._clock.monotonic() - self._caught_up_at) > self._parts.max_age

    def _bridge(self, said: ChatMessage) -> None:
        """Pass a text on to the mesh, if its chat is joined to a channel."""
        chat = self._people.as_listed(said.chat)
        if not self._parts.crossing.is_joined(chat):
            return
        if self._is_stale(said):
            self._stale[said.chat] += 1
        elif (refusal := self._parts.crossing.to_mesh(said, chat)) is not None:
            self._post(refusal)

    # -- commands

    def _command(self, asked: ChatQuestion, name: str, argument: str, *, is_ours: bool) -> None:
        command = self._parts.registry.find(name)
        if command is None and not is_ours:  # it may be another bot's
            return
        now = self._clock.monotonic()
        refusal = self._parts.judge.judge(asked.person.user, command, now, is_public=not is_ours)
        if refusal is not None:
            if answer := self._refusal(asked.person, name, refusal):
                self._post(asked.answer(answer))
        elif command is None:
            text = self._translate(_("Unknown command /{name}. /help lists mine."))
            self._post(asked.answer(text.format(name=name[:NAME_SHOWN])))
        else:
            self._confirm_or_run(Confirmation(asked, command, name, argument))

    def _refusal(self, person: AllowedUser, name: str, refusal: Refusal) -> str:
        """Log it; return what to answer, if anything."""
        shown = name[:NAME_SHOWN]
        LOGGER.log(refusal.level, "⛔ /%s de Telegram %d refusée: %s", shown, person.id, refusal.reason)
        return self._translate(refusal.answer).format(name=shown) if refusal.answer else ""

    def _confirm_or_run(self, order: Confirmation) -> None:
        command = order.command
        if command.role is Role.ADMIN and (order.argument or not command.needs_argument):
            self._confirm(order)
        else:
            self._run(order)

    def _confirm(self, order: Confirmation) -> None:
        """Ask whether it is meant, all of it."""
        asked, command = order.asked, order.command
        token = self._questions.ask(order, asked.person.id, self._clock.monotonic())
        text = self._translate(_("❓ {order}: {summary}. Sure?"))
        yes = Button(self._translate(_("✅ Yes")), f"yes:{token}")
        no = Button(self._translate(_("✖️ No")), f"no:{token}")
        shown = shorten(one_line(f"{PREFIX}{command.name} {order.argument}"), ORDER_SHOWN)
        question = text.format(order=shown, summary=self._translate(command.summary))
        self._post(asked.answer(question, ((yes, no),)))

    def _run(self, order: Confirmation) -> None:
        asked, command = order.asked, order.command
        if command.role is Role.ADMIN:
            info_print("🛠️ /%s demandée par l'administrateur Telegram %d", command.name, asked.person.id)
        if reason := self._parts.workshop.obstacle(command, asked.person.user.key):
            self._post(asked.answer(reason))
            return
        self._parts.workshop.submit(Job(asked, self._request(order), command))

    def _request(self, order: Confirmation) -> TelegramRequest:
        asked = order.asked
        return TelegramRequest(
            order.name,
            order.argument,
            asked.person.node,
            UNKNOWN_RECEPTION,
            self._translate,
            tuple(command for command in self._parts.registry if command.role <= asked.person.role),
            user=asked.person.user,
            way=Way.TELEGRAM,
            limit=CHAT_BYTES,
            name=asked.name,
            in_group=bool(asked.title),
            origin=status.origin_of(asked.chat, asked.message_id),
            asked=asked,
        )

    def _buttons(self, job: Job[ChatQuestion]) -> tuple[tuple[Button, ...], ...]:
        """Return the buttons under an answer: those of the one who asked, whoever refreshes it."""
        if job.command.name != "status":
            return ()
        tr, asked = self._translate, job.question
        owner = (self._people.person(asked.owner) if asked.owner else None) or asked.person
        refresh = Button(tr(_("🔄 Refresh")), f"do:status:{owner.id}")
        if owner.role < Role.ADMIN:
            return ((refresh,),)
        return ((refresh,), (Button(tr(_("🔌 Reconnect")), "do:reconnect"), Button(tr(_("🔑 Sync keys")), "do:sync")))

    # -- buttons

    def _on_press(self, press: ButtonPress) -> None:
        """Act upon a button, and end its waiting in any case."""
        self._parts.answer_press(press.query_id, self._pressed(press))

    def _pressed(self, press: ButtonPress) -> str:
        """Act; return a word for the one who pressed, or nothing."""
        tr, person, chat = self._translate, self._people.person(press.user_id), press.chat
        is_group = chat is not None and chat.id < 0
        if person is None or (is_group and chat is not None and not self._people.is_listed(chat.id)):
            return tr(_("🔒 Not for you."))
        if chat is not None:
            match press.data.split(":"):
                case ["yes" | "no" as word, token]:
                    return self._second_word(press, token, yes=word == "yes")
                case ["do", name, *owner] if (command := self._parts.registry.find(name)) is not None:
                    asked = _asked_by_press(press, chat, person, "".join(owner), is_order=command.role is Role.ADMIN)
                    return self._do(asked, command)
        return tr(_("⌛ This button is too old."))

    def _second_word(self, press: ButtonPress, token: str, *, yes: bool) -> str:
        reply, order = self._questions.answer(token, press.user_id, self._clock.monotonic(), yes=yes)
        if order is None:
            tr = self._translate
            return tr(_("🔒 Not for you.")) if reply is Reply.NOT_YOURS else tr(_("⌛ Too late: please ask again."))
        if reply is Reply.YES:
            self._run(order)
        else:
            self._post(order.asked.answer(self._translate(_("✖️ Not done."))))
        return ""

    def _do(self, asked: ChatQuestion, command: Command) -> str:
        """Run a button's command, or return why not: that concerns nobody but the one who pressed."""
        person = asked.person
        refusal = self._parts.judge.judge(person.user, command, self._clock.monotonic(), is_public=False)
        if refusal is not None:
            return self._refusal(person, command.name, refusal)
        if command.role is not Role.ADMIN:
            self._posts.remember(asked.chat, asked.key, asked.message_id)
        self._confirm_or_run(Confirmation(asked, command, command.name, ""))
        return ""

    def _post_all(self, posts: Sequence[Post]) -> None:
        for post in posts:
            self._post(post)

    def _post(self, post: Post) -> None:
        self._posts.add(post, self._clock.monotonic())


def _asked_by_press(press: ButtonPress, chat: Chat, person: AllowedUser, owner: str, *, is_order: bool) -> ChatQuestion:
    """Return the question that a button is: its answer takes the place of the button's message, an order's is new."""
    key = f"press:{press.update_id}" if is_order else f"message:{press.message_id}"
    title = "group" if chat.id < 0 else ""
    owner_id = int(owner) if owner.isascii() and owner.isdigit() else 0
    return ChatQuestion(press.update_id, chat, press.message_id, person, press.name, title, key, owner_id)


def _asked(said: ChatMessage, person: AllowedUser) -> ChatQuestion:
    return ChatQuestion(
        said.update_id, said.chat, said.message_id, person, said.name, said.title, f"answer:{said.message_id}"
    )
