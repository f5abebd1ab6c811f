"""Handles updates from Telegram and events from the mesh. No I/O: the messages to send go into the queue."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf
from typing import Final

from meshbot.commands import Role, parse, translator
from meshbot.commands import mark as _
from meshbot.mesh_link import TextMessage
from meshbot.runtime import Incident
from meshbot.sending import DeliveryReport, OutgoingText
from meshbot.telegram_bot import status
from meshbot.telegram_bot.alerts import Alerts
from meshbot.telegram_bot.bridge import Bridge, BridgeRule, mesh_name
from meshbot.telegram_bot.command_handler import CommandHandler
from meshbot.telegram_bot.menu import Menu, menus
from meshbot.telegram_bot.models import AllowedUser, Chat, ChatQuestion, OutgoingMessage
from meshbot.telegram_bot.options import TelegramDependencies, TelegramOptions
from meshbot.telegram_bot.queue import MessageQueue, RateLimit
from meshbot.telegram_bot.updates import CallbackQuery, ChatMigration, IgnoredUpdate, IncomingMessage, Update
from meshbot.telegram_bot.users import AllowedUsers, OncePerHour, parse_user

LOGGER = logging.getLogger(__name__)
STRANGERS_LIMIT: Final = (10, 600.0)  # answers to all strangers together, in that many seconds


class UpdateHandler:
    """Used by the thread Telegram alone."""

    def __init__(
        self,
        options: TelegramOptions,
        dependencies: TelegramDependencies,
        send_to_service: Callable[[object], object],
        answer_callback_query: Callable[[str, str], object],
    ) -> None:
        """See CommandHandler for the two callables."""
        tr = translator(options.language)
        rules = [BridgeRule.parse(line) for line in options.bridges]
        users = AllowedUsers(map(parse_user, options.users), [*options.groups, *(rule.chat.id for rule in rules)])
        admins = [user.id for user in users if user.role is Role.ADMIN]
        alert_chats = dict.fromkeys(options.alert_chats or admins)
        self._options = options
        self._dependencies = dependencies
        self._clock = dependencies.clock
        self._translate = tr
        self._alerts = Alerts([Chat(ident) for ident in alert_chats], tr)
        self._notices = OncePerHour()  # to users, and about groups
        self._strangers = RateLimit([STRANGERS_LIMIT])
        self._stale: Counter[Chat] = Counter()  # messages not acted upon
        self._caught_up_at = -inf  # when Telegram last had no older update
        self.users = users
        self.bridge = Bridge(rules, options.max_bytes, tr)
        self.queue = MessageQueue(
            lambda count: tr(_("⏳ Lost while Telegram could not be reached: {count}")).format(count=count)
        )
        self.commands = CommandHandler(options, dependencies, users, self.queue, send_to_service, answer_callback_query)
        self.username = ""  # the bot's own, once Telegram has answered getMe

    def menus(self) -> Iterable[Menu]:
        """Return the menus to set, in the language of the settings and in the other one."""
        other = "en" if self._options.language == "fr" else "fr"
        translators = {"": self._translate, other: translator(other)}
        return menus(self.commands.registry, self.users, self.users.groups, translators)

    # -- from Telegram

    def on_update(self, update: Update) -> None:
        """Act upon an update."""
        match update:
            case IncomingMessage():
                self._on_message(update)
            case CallbackQuery():
                self.commands.on_callback_query(update)
            case ChatMigration():
                self.on_migration(update.old, update.new)
            case IgnoredUpdate():
                LOGGER.debug("Telegram: message %d ignoré: %s", update.update_id, update.reason)

    def on_caught_up(self) -> None:
        """Note that no older update waits; tell each chat how many messages came too late."""
        self._caught_up_at = self._clock.monotonic()
        text = self._translate(_("⏳ Came too late and not acted upon: {count}"))
        self._send_all(OutgoingMessage(chat, text.format(count=count)) for chat, count in self._stale.items())
        self._stale.clear()
        self.commands.expire_confirmations()

    def on_migration(self, old: int, new: int) -> None:
        """Note a group's new id."""
        self.users.migrate(old, new)
        self.queue.migrate(old, new)
        LOGGER.warning("⚠️ Telegram: le groupe %d est devenu %d; corrigez les réglages telegram_*", old, new)

    def on_sent(self, message: OutgoingMessage, message_id: int) -> None:
        """Note the id that a message got."""
        self.bridge.on_sent(message, message_id)
        self.commands.on_sent(message)

    def on_reachable(self) -> None:
        """Note that Telegram answers; report the incidents of the time before."""
        self._send_all(self._alerts.on_reachable(self._clock.monotonic(), self._clock.now()))

    def on_unreachable(self) -> None:
        """Note that Telegram does not answer."""
        self._alerts.on_unreachable(self._clock.monotonic())

    def _on_message(self, message: IncomingMessage) -> None:
        # a forwarded command was not written by this user
        parsed = None if message.is_forwarded else parse(message.text)
        name, _at, bot = parsed[0].partition("@") if parsed else ("", "", "")
        if bot and bot.lower() != self.username.lower():
            return
        user = self.users.find(message.user_id)
        if message.title and not self.users.is_listed(message.chat.id):
            self._on_unlisted_group(message, user, name)
        elif parsed is None and message.title:
            self._bridge(message)
        elif user is None:
            # in a group, an unknown command without our name may be another bot's
            if not message.title or bot or self.commands.registry.find(name) is not None:
                self._on_stranger(message)
        elif self._is_stale(message):
            self._stale[message.chat] += 1
        elif parsed is not None:
            is_ours = bool(bot) or not message.title
            self.commands.handle(_question(message, user), name, parsed[1], is_ours=is_ours)
        elif self._notices.is_due(message.chat.id, self._clock.monotonic()):
            self._send(OutgoingMessage(message.chat, self._translate(_("💬 I answer commands; /help lists them."))))

    def _on_unlisted_group(self, message: IncomingMessage, user: AllowedUser | None, name: str) -> None:
        """Do not answer, except /id of a listed user: the operator needs the group's id."""
        if self._notices.is_due(message.chat.id, self._clock.monotonic()):
            text = "🔒 Telegram: groupe %d (%s) hors de telegram_groups, sans réponse"
            LOGGER.warning(text, message.chat.id, message.title)
        if user is not None and name == "id":
            self.commands.handle(_question(message, user), name, "", is_ours=True)

    def _on_stranger(self, message: IncomingMessage) -> None:
        """Answer, at most once an hour, with the id that the operator needs, and with nothing else."""
        now = self._clock.monotonic()
        if not self._notices.is_due(message.user_id or message.chat.id, now):
            return
        LOGGER.warning("🔒 Telegram: inconnu %d (%s) éconduit", message.user_id, message.name)
        if self._strangers.ready_at() > now:
            return
        self._strangers.note(now)
        if message.user_id:
            text = self._translate(_("🔒 I do not know you. Your id: {id}")).format(id=message.user_id)
        else:
            text = self._translate(_("🔒 I cannot tell who you are: you write as the group."))
        self._send(OutgoingMessage(message.chat, text, reply_to=message.message_id if message.title else None))

    def _is_stale(self, message: IncomingMessage) -> bool:
        """Compare the two wall clocks, which may differ: but a message is no older than the last time we caught up."""
        age = self._clock.now().timestamp() - message.sent_at
        return min(age, self._clock.monotonic() - self._caught_up_at) > self._options.command_max_age

    def _bridge(self, message: IncomingMessage) -> None:
        """Send a bridged chat's message to the mesh, or reply why not."""
        # the bridge knows the chat by the id of the settings
        chat = self.users.as_listed(message.chat)
        if not self.bridge.has_chat(chat):
            return
        if self._is_stale(message):
            self._stale[message.chat] += 1
            return
        now = self._clock.monotonic()
        text = f"{message.media} {message.text}" if message.media else message.text
        match self.bridge.to_mesh(chat, message.message_id, message.name, text, now, reply_to=message.reply_to):
            case OutgoingText() as outgoing:
                self._dependencies.send_text(replace(outgoing, expires_at=now + self._options.bridge_ttl))
            case str() as refusal:
                self._send(OutgoingMessage(message.chat, refusal, reply_to=message.message_id, silent=True))

    # -- from the mesh

    def on_mesh_event(self, event: TextMessage | DeliveryReport | Incident) -> None:
        """Send what bridged chats, senders of texts and operators are to see of it."""
        directory = self._dependencies.memory
        match event:
            case TextMessage():
                name = mesh_name(event.sender, directory)
                self._send_all(self.bridge.to_telegram(event, name, self._dependencies.own_num()))
            case DeliveryReport():
                name = mesh_name(event.message.to, directory)
                self._send_all(self.bridge.on_report(event))
                self._send_all(status.status_messages(event, name, self._translate))
            case _:
                self._send_all(self._alerts.on_incident(event, self._clock.monotonic(), self._clock.now()))

    def _send_all(self, messages: Iterable[OutgoingMessage]) -> None:
        for message in messages:
            self._send(message)

    def _send(self, message: OutgoingMessage) -> None:
        self.queue.add(message, self._clock.monotonic())


def _question(message: IncomingMessage, user: AllowedUser) -> ChatQuestion:
    return ChatQuestion(
        message.update_id,
        message.chat,
        message.message_id,
        user,
        message.name,
        message.title,
        f"answer:{message.message_id}",
    )
