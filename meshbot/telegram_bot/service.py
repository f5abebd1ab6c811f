"""The thread Telegram: an event loop that polls, acts and posts. Whatever goes wrong in it stays in it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final

from meshbot.commands import InterimAnswer, JobResult
from meshbot.persistence import HandledBefore, MessageKey
from meshbot.runtime import PING, STOP, Clock, Service
from meshbot.telegram_bot import status
from meshbot.telegram_bot.alerts import feed
from meshbot.telegram_bot.api import Api, Me
from meshbot.telegram_bot.delivery import PostSender
from meshbot.telegram_bot.event_loop import new_event_loop
from meshbot.telegram_bot.failures import TokenRefusedError, failure_of
from meshbot.telegram_bot.handler import HandlerParts, UpdateHandler
from meshbot.telegram_bot.menu import MenuSetter
from meshbot.telegram_bot.models import Chat, Post
from meshbot.telegram_bot.polling import HANDLED_WAIT, HandledIds, UpdatePoller
from meshbot.telegram_bot.reachability import Reachability

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error
INBOX_LIMIT: Final = 1000
ANEW_AFTER: Final = (1.0, 5.0, 30.0, 300.0)  # seconds after a crash; a life of an hour begins the row again
LONG_LIFE: Final = 3600.0
FINISH: Final = 0.4  # seconds for what is on its way, at the end
CLOSE: Final = 0.3  # seconds for the connections' end
CANCEL: Final = 0.3  # seconds for tasks to end
LASTING: Final = (status.WORD, feed.WORD)  # what keys of posts begin with that may change after a restart

OnHandled = Callable[[Sequence[int], Mapping[MessageKey, int]], object]  # update ids; ids of messages that we posted


class TelegramService(Service):
    """Takes what concerns Telegram from any thread: posts, fates, mesh texts, results of commands."""

    name = "Telegram"

    def __init__(
        self,
        clock: Clock,
        make_api: Callable[[], Api],
        make_desk: Callable[[TelegramService], HandlerParts],
        on_handled: OnHandled,
        *,
        waits_for_handled: bool,
    ) -> None:
        """`on_handled` has both written down; `waits_for_handled`: an earlier process' are told to us."""
        super().__init__(clock, INBOX_LIMIT)
        self._make_api = make_api
        self._on_handled = on_handled
        self._handled = HandledIds()
        self._waits_for_handled = waits_for_handled
        self._handled_told: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._api: Api | None = None
        self._poster: PostSender | None = None
        self._presses: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._introduced: set[str] = set()
        self._parts = make_desk(self)
        self._desk = UpdateHandler(self._parts)
        self._menus = MenuSetter(self._parts.menus)
        self._reach = Reachability(lambda: random.uniform(-1, 1))  # noqa: S311 - jitter

    # -- any thread

    def tell(self, message: object) -> None:
        """See Service."""
        super().tell(message)
        self._rouse()

    def offer(self, message: object) -> bool:
        """See Service."""
        taken = super().offer(message)
        self._rouse()
        return taken

    def stop(self) -> None:
        """See Service."""
        super().stop()
        self._rouse()

    def _rouse(self) -> None:
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            with suppress(RuntimeError):  # closed in this moment: its successor looks into the inbox first
                loop.call_soon_threadsafe(wake.set)

    # -- the thread

    def on_start(self) -> None:
        """See Service."""
        self._parts.workshop.start(slow=any(command.slow for command in self._parts.registry))

    def on_stop(self) -> None:
        """See Service."""
        self._parts.illustrator.cancel()
        self._parts.workshop.stop()

    def deadline(self) -> float:
        """See Service."""
        return self._parts.workshop.deadline

    def on_deadline(self) -> None:
        """See Service."""
        self._desk.overdue()

    def handle(self, message: Any) -> None:
        """See Service."""
        match message:
            case InterimAnswer() | JobResult():
                self._desk.result(message)
            case Post():
                self._parts.posts.add(message, self._clock.monotonic())
            case HandledBefore(ids, messages):
                self._handled.add(ids)
                for (chat, topic, key), message_id in messages.items():
                    self._parts.posts.recall(Chat(chat, topic or None), key, message_id)
                self._waits_for_handled = False
                if self._handled_told is not None:
                    self._handled_told.set()
            case _:  # a text heard, a text's fate, an incident
                self._desk.from_mesh(message)

    def answer_press(self, query_id: str, text: str) -> None:
        """End a button's waiting; in the loop's thread. A failure harms nothing: the button waits for its own end."""
        api = self._api
        if api is not None:
            task = asyncio.get_running_loop().create_task(_quietly(api, query_id, text))
            self._presses.add(task)
            task.add_done_callback(self._presses.discard)

    def _live(self) -> None:
        """Live again after each crash, until STOP: the mesh side is to notice nothing."""
        self.on_start()
        crashes = 0
        while not self._is_stopping:
            began = self._clock.monotonic()
            try:
                self._one_life()
            except TokenRefusedError as exc:
                error_print(
                    "❌ Telegram refuse le jeton (%s): ce côté s'arrête, la radio continue. Mettez dans "
                    "telegram_token celui que @BotFather donne, puis relancez le bot",
                    exc,
                )
                self._linger(inf)
            except BaseException as exc:
                crashes = 1 if self._clock.monotonic() - began > LONG_LIFE else crashes + 1
                wait = ANEW_AFTER[min(crashes, len(ANEW_AFTER)) - 1]
                error_print("💥 Telegram: %s: %s; nouveau départ dans %g s", type(exc).__name__, exc, wait)
                LOGGER.debug("Telegram", exc_info=True)
                self._linger(self._clock.monotonic() + wait)

    def _linger(self, until: float) -> None:
        """Answer to the watchdog and to STOP alone; what else comes is kept for the next life, if there is one."""
        kept: list[object] = []
        while not self._is_stopping and (message := self._clock.get(self._inbox, until)) is not None:
            if message is STOP:
                self._is_stopping = True
            elif message is PING:
                self.pings_answered += 1
            elif until < inf:
                kept.append(message)
        for message in kept:
            self._inbox.put(message)

    def _one_life(self) -> None:
        """Run an event loop until STOP; raise what ends it otherwise."""
        loop = new_event_loop()
        try:
            loop.run_until_complete(self._life(loop))
        finally:
            self._loop = self._wake = self._api = self._poster = self._handled_told = None
            self._parts.posts.release(self._clock.monotonic())
            loop.close()

    async def _life(self, loop: asyncio.AbstractEventLoop) -> None:
        self._handled_told = asyncio.Event() if self._waits_for_handled else None
        self._wake = asyncio.Event()
        self._loop = loop
        self._wake.set()  # what came before
        self._api = api = self._make_api()
        self._poster = poster = PostSender(api, self._parts.posts, self._desk, self._reach, self._clock, self._shown)
        inbox = asyncio.create_task(self._attend(self._wake))
        tasks = [inbox, asyncio.create_task(poster.run()), asyncio.create_task(self._poll(api, poster, self._wake))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises what ended it
        finally:
            for task in tasks:
                task.cancel()
            await poster.finish(FINISH if self._is_stopping else 0.0)
            with suppress(TimeoutError):
                await asyncio.wait_for(api.close(), CLOSE)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=CANCEL)

    async def _poll(self, api: Api, poster: PostSender, wake: asyncio.Event) -> None:
        def back() -> None:
            self._parts.posts.hold(-inf)
            poster.wake()

        def taken(ids: Sequence[int]) -> None:
            if ids:
                self._on_handled(ids, {})
            wake.set()  # there may be posts, and commands with their deadlines

        poller = UpdatePoller(api, self._desk, self._reach, self._clock, self._handled, taken, back)
        me = await poller.find_out_who_we_are()
        self._introduce(me)
        menus = asyncio.create_task(self._menus.run(api))
        try:
            await self._wait_for_handled()
            await poller.run()
        finally:
            menus.cancel()

    def _shown(self, post: Post, message_id: int) -> None:
        if post.key.startswith(LASTING):
            self._on_handled((), {(post.chat.id, post.chat.topic or 0, post.key): message_id})

    def _introduce(self, me: Me) -> None:
        """Say who we are, and what the operator may have forgotten."""
        self._desk.username = me.username
        count = sum(1 for _ in self._parts.people)
        if me.username not in self._introduced:
            self._introduced.add(me.username)
            info_print("📲 Telegram: @%s répond à %d personnes", me.username, count)
            if not count:
                LOGGER.warning("⚠️ Telegram: telegram_users est vide; /id dit à chacun le numéro qu'il y faut")
            if self._parts.crossing.bridge.is_used and not me.reads_groups:
                LOGGER.warning(
                    "⚠️ Telegram: le bot ne lit pas les messages des groupes: dites /setprivacy à @BotFather et "
                    "remettez le bot dans ses groupes, ou nommez-le administrateur"
                )

    async def _wait_for_handled(self) -> None:
        """Wait a while for what an earlier process has handled; a database that is away must not keep us waiting."""
        if self._handled_told is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._handled_told.wait(), HANDLED_WAIT)

    async def _attend(self, wake: asyncio.Event) -> None:
        """Do what the inbox says, until STOP; the loop's own part of Service._live."""
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
            if self._poster is not None:
                self._poster.wake()
            wait = self.deadline() - self._clock.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), None if wait == inf else max(wait, 0.0))


async def _quietly(api: Api, query_id: str, text: str) -> None:
    try:
        await api.answer_press(query_id, text)
    except Exception as exc:  # noqa: BLE001 - see answer_press
        LOGGER.debug("Telegram: bouton sans réponse: %s", failure_of(exc).detail)
