"""The thread Telegram: an event loop that polls, handles updates and sends messages. No failure of it leaves it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final

from meshbot.commands import CommandLimits, InterimAnswer, JobResult
from meshbot.mesh_link import TextMessage
from meshbot.persistence import HandledBefore, UpdatesHandled
from meshbot.runtime import PING, STOP, Service
from meshbot.telegram_bot import conversations, status
from meshbot.telegram_bot.alerts import feed
from meshbot.telegram_bot.api import Api, BotUser
from meshbot.telegram_bot.delivery import MessageSender
from meshbot.telegram_bot.event_loop import new_event_loop
from meshbot.telegram_bot.failures import Reachability, TokenRefusedError, failure_of
from meshbot.telegram_bot.handler import UpdateHandler
from meshbot.telegram_bot.menu import MenuSetter
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.telegram_bot.options import TelegramDependencies, TelegramOptions
from meshbot.telegram_bot.polling import HANDLED_TIMEOUT, HandledIds, UpdatePoller

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error
INBOX_LIMIT: Final = 1000
# Seconds after a crash, and after the next ones; a loop that has run for STABLE_AFTER starts again at the first
RESTART_AFTER: Final = (1.0, 5.0, 30.0, 300.0)
STABLE_AFTER: Final = 3600.0  # seconds
# Seconds to the next try after a refused token: it may be Telegram's own fault, or a proxy's
TOKEN_RETRY: Final = 600.0
FINISH_TIMEOUT: Final = 0.4  # seconds for the requests in flight, at the end
CLOSE_TIMEOUT: Final = 0.3  # seconds for closing the connections
CANCEL_TIMEOUT: Final = 0.3  # seconds for tasks to end
# Beginnings of the keys whose messages may change after a restart: their ids are saved
SAVED_KEYS: Final = (status.WORD, feed.KEY_PREFIX, conversations.PREFIX)


class TelegramService(Service):
    """Takes from any thread what concerns Telegram: messages, delivery reports, mesh texts, results of commands."""

    name = "Telegram"

    def __init__(self, options: TelegramOptions, dependencies: TelegramDependencies) -> None:
        super().__init__(dependencies.clock, INBOX_LIMIT)
        self._options = options
        self._save_handled = dependencies.save_handled
        self._handled = HandledIds()
        self._waits_for_handled = dependencies.save_handled is not None
        self._handled_loaded: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._api: Api | None = None
        self._sender: MessageSender | None = None
        self._small_requests: set[asyncio.Task[None]] = set()
        self._is_stopping = self._is_token_refused = False
        self._introduced: set[str] = set()
        self._handler = UpdateHandler(options, dependencies, self.tell, self.answer_callback_query, self.show_typing)
        self._menus = MenuSetter(self._handler.menus())
        self._reachability = Reachability(lambda: random.uniform(-1, 1))  # noqa: S311 - jitter

    # -- any thread

    def tell(self, message: object) -> None:
        """See Service."""
        super().tell(message)
        self._wake_loop()

    def offer(self, message: object) -> bool:
        """See Service."""
        taken = super().offer(message)
        self._wake_loop()
        return taken

    @property
    def is_stuck(self) -> bool:
        """Whether too many commands hang: see CommandExecutor; any thread may ask."""
        return self._handler.commands.executor.is_stuck

    @property
    def is_reachable(self) -> bool:
        """Whether the last request of each kind succeeded, and the token was taken; any thread may ask."""
        return self._sender is not None and not self._is_token_refused and self._reachability.is_well()

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent to Telegram; any thread may ask."""
        return len(self._handler.queue)

    def stop(self) -> None:
        """See Service."""
        super().stop()
        self._wake_loop()

    def _wake_loop(self) -> None:
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            # closed in this moment: the next loop reads the inbox first
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(wake.set)

    # -- the thread

    def on_start(self) -> None:
        """See Service."""
        self._handler.commands.start()

    def on_stop(self) -> None:
        """See Service."""
        self._handler.commands.stop()

    def deadline(self) -> float:
        """See Service."""
        return self._handler.commands.deadline

    def on_deadline(self) -> None:
        """See Service."""
        self._handler.commands.on_deadline()

    def handle(self, message: Any) -> None:
        """See Service."""
        match message:
            case InterimAnswer() | JobResult():
                self._handler.commands.on_result(message)
            case OutgoingMessage():
                self._handler.queue.add(message, self._clock.monotonic())
            case HandledBefore():
                self._handled.add(message.ids)
                self._handler.restore(message)
                # some may be to be taken away
                self._set_menus()
                self._waits_for_handled = False
                if self._handled_loaded is not None:
                    self._handled_loaded.set()
            case TelegramOptions() | CommandLimits():
                self._take_options(message)
            case _:  # TextMessage, DeliveryReport, NodeChannels, Incident
                self._handler.on_mesh_event(message)

    def _take_options(self, message: TelegramOptions | CommandLimits) -> None:
        """Take other settings while the service runs; see UpdateHandler and CommandExecutor."""
        if isinstance(message, CommandLimits):
            self._handler.commands.executor.set_limits(message)
            return
        self._handler.take_options(message)
        self._set_menus()

    def _set_menus(self) -> None:
        if self._menus.replace(self._handler.menus()) and self._api is not None:
            self._try(self._menus.run(self._api))

    def answer_callback_query(self, query_id: str, text: str) -> None:
        """Answer a pressed button; in the loop's thread. A failure is harmless: Telegram stops waiting by itself."""
        if self._api is not None:
            self._try(self._api.answer_callback_query(query_id, text))

    def show_typing(self, chat: Chat) -> None:
        """Have a chat show that the bot is at work; in the loop's thread. A failure is harmless."""
        if self._api is not None:
            self._try(self._api.show_typing(Chat(self._handler.queue.where(chat.id), chat.topic)))

    def _try(self, request: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_attempt(request))
        self._small_requests.add(task)
        task.add_done_callback(self._small_requests.discard)

    def is_awaited(self, message: TextMessage) -> bool:
        """Return whether a person on Telegram waits for a node's direct message; any thread may ask."""
        return self._handler.is_awaited(message)

    def _live(self) -> None:
        """Start again after each crash, until STOP: the mesh side must not notice one."""
        self.on_start()
        crashes = 0
        while not self._is_stopping:
            began = self._clock.monotonic()
            try:
                self._run_loop()
            except TokenRefusedError as exc:
                self._report_refused_token(exc)
                self._idle_until(self._clock.monotonic() + TOKEN_RETRY)
            except BaseException as exc:
                crashes = 1 if self._clock.monotonic() - began > STABLE_AFTER else crashes + 1
                wait = RESTART_AFTER[min(crashes, len(RESTART_AFTER)) - 1]
                error_print("💥 Telegram: %s: %s; nouveau départ dans %g s", type(exc).__name__, exc, wait)
                LOGGER.debug("Telegram", exc_info=True)
                self._idle_until(self._clock.monotonic() + wait)

    def _report_refused_token(self, error: TokenRefusedError) -> None:
        """Say so once, until Telegram has taken it."""
        if not self._is_token_refused:
            error_print(
                "❌ Telegram refuse le jeton (%s): nouvel essai toutes les 10 min, la radio continue. Si cela dure, "
                "mettez dans telegram_token celui que @BotFather donne, puis relancez le bot",
                error,
            )
        self._is_token_refused = True
        self._handler.on_unreachable()

    def _idle_until(self, until: float) -> None:
        """Answer only the watchdog and STOP; other messages, as many as the inbox takes, are kept for the next loop."""
        kept: list[object] = []
        while not self._is_stopping and (message := self._clock.get(self._inbox, until)) is not None:
            if message is STOP:
                self._is_stopping = True
            elif message is PING:
                self.pings_answered += 1
            elif len(kept) < INBOX_LIMIT:
                kept.append(message)
        for message in kept:
            self._inbox.put(message)

    def _run_loop(self) -> None:
        """Run an event loop until STOP; raise what ends it otherwise."""
        loop = new_event_loop()
        try:
            loop.run_until_complete(self._run(loop))
        finally:
            self._loop = self._wake = self._api = self._sender = self._handled_loaded = None
            self._handler.queue.release(self._clock.monotonic())
            loop.close()

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        self._handled_loaded = asyncio.Event() if self._waits_for_handled else None
        self._wake = wake = asyncio.Event()
        self._loop = loop
        # messages that came before
        wake.set()
        options, handler = self._options, self._handler
        token = options.token.get_secret_value()
        self._api = api = Api(token, options.base_url, trust_environment=options.trust_environment)
        self._sender = sender = MessageSender(
            api, handler.queue, handler, self._reachability, self._clock, self._on_new_message
        )
        tasks = [
            asyncio.create_task(each) for each in (self._process_inbox(wake), sender.run(), self._poll(api, sender))
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                # raises what ended it
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await sender.finish(FINISH_TIMEOUT if self._is_stopping else 0.0)
            with suppress(TimeoutError):
                await asyncio.wait_for(api.close(), CLOSE_TIMEOUT)
            remaining = asyncio.all_tasks() - {asyncio.current_task()}
            for task in remaining:
                task.cancel()
            if remaining:
                await asyncio.wait(remaining, timeout=CANCEL_TIMEOUT)

    async def _poll(self, api: Api, sender: MessageSender) -> None:
        def on_recovered() -> None:
            self._handler.queue.hold(-inf)
            sender.wake()

        poller = UpdatePoller(
            api, self._handler, self._reachability, self._clock, self._handled, self._on_handled, on_recovered
        )
        self._introduce(await poller.get_me())
        self._is_token_refused = False
        # the alerts of the start wait for that answer
        sender.wake()
        menus = asyncio.create_task(self._menus.run(api))
        try:
            await self._wait_for_handled()
            await poller.run()
        finally:
            menus.cancel()

    def _on_handled(self, ids: Sequence[int]) -> None:
        if ids and self._save_handled is not None:
            self._save_handled(UpdatesHandled(ids))
        # there may be new messages in the queue, and commands with their deadlines
        if self._wake is not None:
            self._wake.set()

    def _on_new_message(self, message: OutgoingMessage, message_id: int) -> None:
        if self._save_handled is not None and message.key.startswith(SAVED_KEYS):
            key = message.chat.id, message.chat.topic or 0, message.key
            self._save_handled(UpdatesHandled((), {key: message_id}))

    def _introduce(self, me: BotUser) -> None:
        """Log the bot's name, and what the operator may have forgotten."""
        self._handler.username = me.username
        count = len(self._handler.users)
        if me.username not in self._introduced:
            self._introduced.add(me.username)
            info_print("📲 Telegram: @%s répond à %d personnes", me.username, count)
            if not count:
                LOGGER.warning("⚠️ Telegram: telegram_users est vide; /id dit à chacun le numéro qu'il y faut")
            if self._handler.bridge.is_used and not me.reads_groups:
                LOGGER.warning(
                    "⚠️ Telegram: le bot ne lit pas les messages des groupes: dites /setprivacy à @BotFather et "
                    "remettez le bot dans ses groupes, ou nommez-le administrateur"
                )

    async def _wait_for_handled(self) -> None:
        """Wait for what an earlier process has handled, not for ever: the database may be away."""
        if self._handled_loaded is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._handled_loaded.wait(), HANDLED_TIMEOUT)

    async def _process_inbox(self, wake: asyncio.Event) -> None:
        """Handle the messages of the inbox until STOP, as Service._live does without an event loop."""
        while True:
            wake.clear()
            while not self._inbox.empty():
                message = self._inbox.get()
                if message is STOP:
                    self._is_stopping = True
                    return
                if message is PING:
                    self.pings_answered += 1
                else:
                    self.handle(message)
            if self.deadline() <= self._clock.monotonic():
                self.on_deadline()
            self._report_drops(self._clock.monotonic())
            if self._sender is not None:
                self._sender.wake()
            wait = self.deadline() - self._clock.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), None if wait == inf else max(wait, 0.0))


async def _attempt(request: Coroutine[Any, Any, None]) -> None:
    try:
        await request
    except Exception as exc:  # noqa: BLE001 - see answer_callback_query
        LOGGER.debug("Telegram: bouton ou « écrit… » sans effet: %s", failure_of(exc).detail)
