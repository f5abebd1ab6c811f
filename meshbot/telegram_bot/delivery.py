"""Makes the requests that Posts allows, a few at once; what fails goes back there with its reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Final

from meshbot.runtime import Clock
from meshbot.telegram_bot.api import Api
from meshbot.telegram_bot.failures import TROUBLE, Failure, Kind, TokenRefusedError, failure_of
from meshbot.telegram_bot.handler import UpdateHandler
from meshbot.telegram_bot.models import Post
from meshbot.telegram_bot.queue import Delivery, PostQueue
from meshbot.telegram_bot.reachability import Reachability
from meshbot.telegram_bot.users import OncePerHour

LOGGER = logging.getLogger(__name__)
WAY: Final = "post"
LONGEST_WAIT: Final = 3600.0  # seconds
SECOND_WAIT: Final = 300.0  # seconds between two tries while the poll is in vain too: its success ends the wait


class PostSender:
    """Sends in one event loop; the queue outlives it."""

    def __init__(  # noqa: PLR0917 - its collaborators, each once
        self,
        api: Api,
        posts: PostQueue,
        desk: UpdateHandler,
        reach: Reachability,
        clock: Clock,
        on_shown: Callable[[Post, int], object],
    ) -> None:
        """`on_shown` hears of each new message that may change, with its id."""
        self._api = api
        self._posts = posts
        self._desk = desk
        self._reach = reach
        self._clock = clock
        self._on_shown = on_shown
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._told = OncePerHour()
        self._refusal = ""  # of our token

    def wake(self) -> None:
        """Look at the queue again; in the loop's thread."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; TokenRefusedError if the token has been taken back."""
        while not self._refusal:
            self._wake.clear()
            while (delivery := self._posts.next(self._clock.monotonic())) is not None:
                task = asyncio.create_task(self._send(delivery))
                self._sending.add(task)
                task.add_done_callback(self._sent)
            wait = self._posts.deadline() - self._clock.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), None if wait == inf else min(max(wait, 0.0), LONGEST_WAIT))
        raise TokenRefusedError(self._refusal)

    async def finish(self, seconds: float) -> None:
        """Let what is on its way arrive, and end what does not in time."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)
        for task in self._sending:
            task.cancel()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            LOGGER.error("❌ Telegram: envoi: %s: %s", type(error).__name__, error)

    async def _send(self, delivery: Delivery) -> None:
        try:
            message_id = await self._api.deliver(delivery)
        except Exception as exc:  # noqa: BLE001 - failure_of knows each
            self._failed(delivery, failure_of(exc))
        else:
            self._posts.sent(delivery, message_id)
            self._desk.posted(delivery.post, message_id)
            if delivery.edits != message_id and not delivery.post.reaction:
                self._on_shown(delivery.post, message_id)
            self._went_well()

    def _failed(self, delivery: Delivery, failure: Failure) -> None:
        now = self._clock.monotonic()
        given_up = self._posts.failed(delivery, failure, now, is_well=self._reach.is_well(but_for=WAY))
        if given_up and self._told.is_new(delivery.chat_id, now):
            detail = failure.detail
            LOGGER.warning("⚠️ Telegram: chat %d, %d envois abandonnés (%s)", delivery.chat_id, given_up, detail)
        if failure.kind is Kind.TOKEN:
            self._refusal = failure.detail
        elif failure.kind in TROUBLE:
            wait, line = self._reach.failed(WAY, failure, now)
            self._posts.hold(now + (wait if self._reach.is_well(but_for=WAY) else max(wait, SECOND_WAIT)))
            LOGGER.log(line.level, line.text)
        else:
            self._went_well()
            LOGGER.debug("Telegram: chat %d: %s", delivery.chat_id, failure.detail)
        if failure.kind is Kind.MOVED:
            self._desk.moved(delivery.post.chat.id, failure.chat_id)

    def _went_well(self) -> None:
        if line := self._reach.went_well(WAY, self._clock.monotonic()):
            self._posts.hold(-inf)
            LOGGER.log(line.level, line.text)
