"""Handles updates from Telegram and events from the mesh. No I/O: the messages to send go into the queue."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import inf
from typing import Final

from meshbot.commands import Platform, Registry, bare, is_proven, parse, translator
from meshbot.commands import mark as _
from meshbot.mesh_link import NodeChannels, TextMessage
from meshbot.persistence import HandledBefore, SavedValue, UpdatesHandled
from meshbot.runtime import Incident, LinkRecovered, NodeUnlocked
from meshbot.sending import DeliveryReport, DeliveryStatus, OutgoingText, TelegramOrigin
from meshbot.telegram_bot import status
from meshbot.telegram_bot.alerts import Alerts
from meshbot.telegram_bot.author_notices import NOT_RELAYED, AuthorNotices, RadioHints
from meshbot.telegram_bot.bridge import Bridge, BridgeRule, TextOnly, clean_text, mesh_name, shown_name
from meshbot.telegram_bot.channels import KnownChannels, missing_channel
from meshbot.telegram_bot.chat_commands import ChatCommand, command_in
from meshbot.telegram_bot.command_handler import CommandHandler
from meshbot.telegram_bot.conversations import Conversations, answer_text, key_of
from meshbot.telegram_bot.languages import Languages
from meshbot.telegram_bot.menu import Menu, MenuChats, menus
from meshbot.telegram_bot.models import AllowedUser, Chat, OutgoingMessage
from meshbot.telegram_bot.options import TelegramDependencies, TelegramOptions
from meshbot.telegram_bot.queue import MessageQueue, RateLimit
from meshbot.telegram_bot.updates import (
    CallbackQuery,
    ChatMigration,
    EditedMessage,
    IgnoredUpdate,
    IncomingMessage,
    Update,
)
from meshbot.telegram_bot.users import AllowedUsers, OncePerHour, parse_user

LOGGER = logging.getLogger(__name__)
STRANGERS_LIMIT: Final = (10, 600.0)  # answers to all strangers together, in that many seconds
# Beginning of the names of saved values, before a group's former id; with the value, its new id
MOVED: Final = "moved:"
MOVED_GROUP: Final = re.compile(MOVED + r"(-\d{1,16}) (-\d{1,16})")


class UpdateHandler:
    """Used by the thread Telegram alone."""

    def __init__(
        self,
        options: TelegramOptions,
        dependencies: TelegramDependencies,
        send_to_service: Callable[[object], object],
        answer_callback_query: Callable[[str, str], object],
        show_typing: Callable[[Chat], object] = lambda _chat: None,
    ) -> None:
        """See CommandHandler for the callables."""
        self._translate = tr = translator(options.language)
        self.users = AllowedUsers()
        self._menu_chats = MenuChats()
        self._dependencies = dependencies
        self._clock = dependencies.clock
        self._languages = Languages(options.language)
        self._mesh_commands = Registry(dependencies.commands).on(Platform.MESH)
        self.alerts = Alerts((), tr)
        self._notices = OncePerHour()  # to users, and about groups
        self._author_notices = AuthorNotices()
        self._radio_hints = RadioHints(tr, lambda: self._options.answer_ttl)
        self._strangers = RateLimit([STRANGERS_LIMIT])
        self._stale: Counter[Chat] = Counter()  # messages not acted upon
        self._caught_up_at = -inf  # when Telegram last had no older update
        self.channels = KnownChannels(dependencies.channels)
        self.bridge = Bridge([], options.max_bytes, self._is_mesh_command)
        self.conversations = Conversations(options.bridge_ttl, dependencies.numbers)
        lost = tr(_("⏳ Lost while Telegram could not be reached: {count}"))
        self.queue = MessageQueue(lambda count: lost.format(count=count))
        self.commands = CommandHandler(
            options,
            dependencies,
            self.users,
            self.queue,
            send_to_service,
            answer_callback_query,
            show_typing,
            self._languages,
            self.bridge,
            self.channels,
        )
        self.username = ""  # the bot's own, once Telegram has answered getMe
        self.take_options(options)

    def take_options(self, options: TelegramOptions) -> None:
        """Take other lists and limits; token, server, language and folder stay."""
        self._options = options
        rules = [BridgeRule.parse(line) for line in options.bridges]
        self.bridge.set_rules(rules, options.max_bytes)
        self.users.set_lists(map(parse_user, options.users), [*options.groups, *(rule.chat.id for rule in rules)])
        self.alerts.chats = tuple(map(Chat, dict.fromkeys(options.alert_chats or self.users.admins)))
        # private chats have their users' ids
        self._save(self._menu_chats.change({*self.users.groups, *(user.id for user in self.users)}))
        self.conversations.lifetime = options.bridge_ttl
        self.commands.take_options(options)

    def menus(self) -> Iterable[Menu]:
        """Return the menus to set, in the language of the settings and in the other one."""
        other = "en" if self._options.language == "fr" else "fr"
        translators = {"": self._translate, other: translator(other)}
        return menus(self.commands.registry, self.users, self.users.groups, translators, self._menu_chats.former)

    # -- what outlives a restart

    def restore(self, before: HandledBefore) -> None:
        """Take what an earlier process has saved."""
        for (chat, topic, key), message_id in before.messages.items():
            self.queue.recall(Chat(chat, topic or None), key, message_id)
            self.conversations.shown(key, Chat(chat, topic or None), message_id)
        self.conversations.restore(before.state)
        for name, value in before.state.items():
            if (found := MOVED_GROUP.fullmatch(f"{name} {value}")) is not None:
                self._migrate(int(found[1]), int(found[2]))
        self._save(self._menu_chats.restore(before.state))
        self._send_all(self.alerts.restore(before.state, self._clock.monotonic(), self._clock.now()))

    def _save(self, state: Mapping[str, SavedValue]) -> None:
        if state and self._dependencies.save_handled is not None:
            self._dependencies.save_handled(UpdatesHandled(state=state))

    # -- from Telegram

    def on_update(self, update: Update) -> None:
        """Act upon an update."""
        match update:
            case IncomingMessage():
                self._languages.note(update.chat.id, update.message_id, update.language_code)
                self._on_message(update)
            case EditedMessage(message=message):
                self._on_edit(message)
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
        """Note a group's new id, for the next process too."""
        # private chats keep theirs
        if old >= 0 or new >= 0:
            return
        self._migrate(old, new)
        self._save({f"{MOVED}{old}": SavedValue(str(new))})

    def _migrate(self, old: int, new: int) -> None:
        self.users.migrate(old, new)
        if self.queue.migrate(old, new):
            LOGGER.warning("⚠️ Telegram: le groupe %d est devenu %d; corrigez les réglages telegram_*", old, new)

    def on_sent(self, message: OutgoingMessage, message_id: int) -> None:
        """Note the id that a message got."""
        self.bridge.on_sent(message, message_id)
        self.conversations.shown(message.key, message.chat, message_id)
        self.commands.on_sent(message)

    def on_reachable(self) -> None:
        """Note that Telegram answers; report the incidents of the time before."""
        self._send_all(self.alerts.on_reachable(self._clock.monotonic(), self._clock.now()))
        self._save(self.alerts.take_changes())

    def on_unreachable(self) -> None:
        """Note that Telegram does not answer."""
        self.alerts.on_unreachable(self._clock.monotonic())

    def _on_message(self, message: IncomingMessage) -> None:
        command = self._command_in(message.text)
        user = self.users.find(message.user_id)
        if message.title and not self.users.is_listed(message.chat.id):
            self._on_unlisted_group(message, user, command.name if command and command.is_ours else "")
        # a forwarded command was not written by this user
        elif command is not None and (message.is_forwarded or not command.is_ours):
            self._hold_back(message, user)
        elif command is None and message.title:
            # to the node that it answers, else to the group's channel
            if not self._answer_node(message, user):
                self._bridge(message)
        elif user is None:
            self._on_stranger(message)
        elif self._is_stale(message):
            self._stale[message.chat] += 1
        elif command is not None:
            self.commands.handle(message.question(user), command.name, command.argument)
        else:
            self._on_private_text(message, user)

    def _command_in(self, text: str) -> ChatCommand | None:
        return command_in(text, self.commands.registry, self.username)

    def _on_edit(self, message: IncomingMessage) -> None:
        """Tell its author that a message's new text is not read, where the first one may have been."""
        is_listed = self.users.is_listed(message.chat.id) if message.title else self.users.find(message.user_id)
        is_read = not message.title or self._bridges(message.chat) or self._command_in(message.text) is not None
        if is_listed and is_read and not self._is_stale(message):
            notice = self._author_notices.edit_ignored(message, self._languages.translate(message.language_code))
            self._send_all([notice] if notice is not None else [])

    def _hold_back(self, message: IncomingMessage, user: AllowedUser | None) -> None:
        """Say that a command which was forwarded, or is another bot's, is neither run nor passed on."""
        tr, now = self._languages.translate(message.language_code), self._clock.monotonic()
        if not message.title and user is None:
            self._on_stranger(message)
        elif not message.title:
            words = tr(_("💬 Not done: I only take commands that you write yourself, and that are for me."))
            self._send(self._author_notices.not_relayed(message, words, now))
        elif self._bridges(message.chat):
            words = tr(_("💬 A command that is forwarded, or for another bot, does not cross to the mesh."))
            self._send(self._author_notices.not_relayed(message, words, now))

    def _on_private_text(self, message: IncomingMessage, user: AllowedUser) -> None:
        """Pass on an answer to a node; run a command that is unknown, to say so; else tell what is understood."""
        if self._answer_node(message, user):
            return
        parsed = None if message.is_forwarded else parse(message.text)
        if parsed is not None:
            self.commands.handle(message.question(user), *parsed)
            return
        tr = self._languages.translate(message.language_code)
        words = tr(_("💬 I answer commands; /help lists them. To answer a node, reply to its message."))
        self._send(self._author_notices.not_relayed(message, words, self._clock.monotonic()))

    def _answer_node(self, message: IncomingMessage, user: AllowedUser | None) -> bool:
        """Send a reply to a node's message to that node, as /send does; return whether it is one."""
        target = self.conversations.target(message.chat, message.reply_to)
        if target is None or user is None or not clean_text(message.text):
            return False
        if self._is_stale(message):
            self._stale[message.chat] += 1
            return True
        text = f"{message.media} {message.text}" if message.media else message.text
        question = replace(message.question(user), answers=target)
        self.commands.handle(question, "send", text)
        return True

    def _on_unlisted_group(self, message: IncomingMessage, user: AllowedUser | None, name: str) -> None:
        """Do not answer, except /id of a listed user: the operator needs the group's id."""
        if self._notices.is_due(message.chat.id, self._clock.monotonic()):
            text = "🔒 Telegram: groupe %d (%s) hors de telegram_groups, sans réponse"
            LOGGER.warning(text, message.chat.id, message.title)
        if user is not None and name == "id" and not message.is_forwarded:
            self.commands.handle(message.question(user), name, "")

    def _on_stranger(self, message: IncomingMessage) -> None:
        """Answer, at most once an hour, with the id that the operator needs, and with nothing else."""
        now = self._clock.monotonic()
        if not self._notices.is_due(message.user_id or message.chat.id, now):
            # in private nobody else sees that nothing is done
            if message.title:
                self._send(self._author_notices.reaction(message, NOT_RELAYED))
            return
        LOGGER.warning("🔒 Telegram: inconnu %d (%s) éconduit", message.user_id, message.name)
        if self._strangers.ready_at() > now:
            return
        self._strangers.note(now)
        tr = self._languages.translate(message.language_code)
        if message.user_id:
            words = tr(_("🔒 I do not know you. Your number: {id}. Give it to the person who runs this bot."))
            text = words.format(id=message.user_id)
        else:
            text = tr(_("🔒 I cannot tell who you are: you write as the group. Write under your own name."))
        self._send(OutgoingMessage(message.chat, text, reply_to=message.message_id if message.title else None))

    def _is_stale(self, message: IncomingMessage) -> bool:
        """Compare the two wall clocks, which may differ: but a message is no older than the last time we caught up."""
        age = self._clock.now().timestamp() - message.sent_at
        return min(age, self._clock.monotonic() - self._caught_up_at) > self._options.command_max_age

    def _bridges(self, chat: Chat) -> bool:
        """Return whether a chat is joined to a channel; the bridge knows it by the id of the settings."""
        return self.bridge.has_chat(self.users.as_listed(chat))

    def _bridge(self, message: IncomingMessage) -> None:
        """Send a bridged chat's message to the mesh, or tell its author why not."""
        chat = self.users.as_listed(message.chat)
        if not self.bridge.has_chat(chat):
            return
        if self._is_stale(message):
            self._stale[message.chat] += 1
            return
        now, tr = self._clock.monotonic(), self._languages.translate(message.language_code)
        text = f"{message.media} {message.text}" if message.media else message.text
        match self.bridge.to_mesh(chat, message.message_id, message.name, text, tr, reply_to=message.reply_to):
            case OutgoingText(channel=channel) if self.channels.lacks(channel):
                self._send(self._author_notices.not_relayed(message, missing_channel(self.channels, channel, tr), now))
            case OutgoingText() as outgoing:
                self._dependencies.send_text(replace(outgoing, expires_at=now + self._options.bridge_ttl))
            case TextOnly(words):
                self._send(self._author_notices.not_relayed(message, words, now))
            case str() as refusal:
                self._send(OutgoingMessage(message.chat, refusal, reply_to=message.message_id, silent=True))

    # -- from the mesh

    def on_mesh_event(self, event: TextMessage | DeliveryReport | NodeChannels | Incident) -> None:
        """Send what bridged chats, senders of texts and operators are to see of it."""
        match event:
            case TextMessage(is_broadcast=True):
                self._on_channel_text(event)
            case TextMessage():
                self._on_direct_text(event)
            case DeliveryReport():
                self._on_report(event)
            case NodeChannels():
                self._on_channels()
            case _:
                self._send_all(self.alerts.on_incident(event, self._clock.monotonic(), self._clock.now()))
                self._save(self.alerts.take_changes())

    def is_awaited(self, message: TextMessage) -> bool:
        """Return whether a person waits for a direct message that is no command; any thread may ask."""
        return not self._is_mesh_command(message) and self.conversations.is_awaited(message, self._wall())

    def _on_channel_text(self, message: TextMessage) -> None:
        name = mesh_name(message.sender, self._dependencies.memory)
        self._send_all(self.bridge.to_telegram(message, name, self._dependencies.own_num()))
        is_unanswered = message.channel not in self._options.answer_on_channels
        if is_unanswered and self.bridge.has_channel(message.channel) and self._is_mesh_command(message):
            hint = self._radio_hints.about(message, self._clock.monotonic())
            if hint is not None:
                self._dependencies.send_text(hint)

    def _on_direct_text(self, message: TextMessage) -> None:
        """Show a node's answer to the person who wrote to it."""
        body = clean_text(message.text)
        if not body or self._is_mesh_command(message):
            return
        writer = self.conversations.answer(message, self._wall())
        if writer is None:
            return
        name = shown_name(mesh_name(message.sender, self._dependencies.memory), message.sender)
        # packets without id are messages of their own
        key = key_of(message) if message.packet_id else ""
        text = answer_text(name, body, is_proven=is_proven(message, self._dependencies.public_key(message.sender)))
        self._send(OutgoingMessage(writer.chat, text, key, reply_to=writer.message_id))

    def _on_report(self, report: DeliveryReport) -> None:
        message, origin = report.message, report.message.origin
        name = mesh_name(message.to, self._dependencies.memory)
        self._send_all(self.bridge.on_report(report))
        if not isinstance(origin, TelegramOrigin):
            return
        tr = self._languages.translate_for(origin.chat_id, origin.message_id)
        channel = self.channels.label(message.channel)
        self._send_all(status.status_messages(report, name, tr, channel))
        is_accepted = report.status is DeliveryStatus.ACCEPTED and report.packet_ids and not message.is_broadcast
        if is_accepted:
            chat = status.chat_of(origin)
            sent = self.conversations.sent(message.to, report.packet_ids, chat, origin.message_id, self._wall())
            self._save(sent)

    def _on_channels(self) -> None:
        """Take the link's READY: alerts of an earlier process about it are over, and the bridges can be checked."""
        for end in (LinkRecovered(0.0), NodeUnlocked()):
            self.on_mesh_event(end)
        for channel in self.bridge.channels:
            if self.channels.lacks(channel):
                LOGGER.warning(
                    "⚠️ Telegram: telegram_bridges nomme le canal %d, que le nœud n'a pas (il a: %s): rien n'y passe. "
                    "Corrigez le réglage ou le nœud",
                    channel,
                    self.channels.names() or "aucun",
                )

    def _is_mesh_command(self, message: TextMessage) -> bool:
        """Return whether the bot takes a text from the mesh for a command; any thread may ask."""
        parsed = None if message.is_notice else parse(message.text)
        return parsed is not None and self._mesh_commands.find(bare(parsed[0])) is not None

    def _wall(self) -> float:
        return self._clock.now().timestamp()

    def _send_all(self, messages: Iterable[OutgoingMessage]) -> None:
        for message in messages:
            self._send(message)

    def _send(self, message: OutgoingMessage) -> None:
        self.queue.add(message, self._clock.monotonic())
