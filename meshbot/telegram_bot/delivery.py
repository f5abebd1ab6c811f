"""Sends what MessageQueue releases, a few requests at once; what fails goes back there with its failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Final

from meshbot.runtime import Clock
from meshbot.telegram_bot.api import Api
from meshbot.telegram_bot.failures import (
    PERSISTENT,
    Failure,
    FailureKind,
    Reachability,
    TokenRefusedError,
    failure_of,
)
from meshbot.telegram_bot.handler import UpdateHandler
from meshbot.telegram_bot.models import OutgoingMessage
from meshbot.telegram_bot.queue import Delivery, MessageQueue
from meshbot.telegram_bot.users import OncePerHour

LOGGER = logging.getLogger(__name__)
OPERATION: Final = "send"  # as Reachability knows it
LONGEST_WAIT: Final = 3600.0  # seconds
# Seconds between two tries while the poll fails too: its success ends the wait
UNREACHABLE_WAIT: Final = 300.0


class MessageSender:
    """Sends in one event loop; the queue outlives it."""

    def __init__(  # noqa: PLR0917 - its collaborators, each once
        self,
        api: Api,
        queue: MessageQueue,
        handler: UpdateHandler,
        reachability: Reachability,
        clock: Clock,
        on_new_message: Callable[[OutgoingMessage, int], object],
    ) -> None:
        """`on_new_message` takes each new message with its id, edits and reactions not."""
        self._api = api
        self._queue = queue
        self._handler = handler
        self._reachability = reachability
        self._clock = clock
        self._on_new_message = on_new_message
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._notices = OncePerHour()
        self._token_refusal = ""

    def wake(self) -> None:
        """Check the queue again; in the loop's thread."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; TokenRefusedError if the token has been revoked."""
        while not self._token_refusal:
            self._wake.clear()
            while (delivery := self._queue.next(self._clock.monotonic())) is not None:
                task = asyncio.create_task(self._send(delivery))
                self._sending.add(task)
                task.add_done_callback(self._on_done)
            wait = self._queue.deadline() - self._clock.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), None if wait == inf else min(max(wait, 0.0), LONGEST_WAIT))
        raise TokenRefusedError(self._token_refusal)

    async def finish(self, seconds: float) -> None:
        """Wait for the requests in flight, and cancel those that do not end in time."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)
        for task in self._sending:
            task.cancel()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            LOGGER.error("❌ Telegram: envoi: %s: %s", type(error).__name__, error)

    async def _send(self, delivery: Delivery) -> None:
        try:
            message_id = await self._api.deliver(delivery)
        except Exception as exc:  # noqa: BLE001 - failure_of knows each
            self._on_failure(delivery, failure_of(exc))
        else:
            self._queue.sent(delivery, message_id)
            if message_id is not None:
                self._handler.on_sent(delivery.message, message_id)
                if delivery.edits != message_id and not delivery.message.reaction:
                    self._on_new_message(delivery.message, message_id)
            self._on_success()

    def _on_failure(self, delivery: Delivery, failure: Failure) -> None:
        now = self._clock.monotonic()
        polls = self._reachability.is_well(except_for=OPERATION)
        dropped = self._queue.failed(delivery, failure, now, is_well=polls)
        if dropped and self._notices.is_due(delivery.chat_id, now):
            detail = failure.detail
            LOGGER.warning("⚠️ Telegram: chat %d, %d envois abandonnés (%s)", delivery.chat_id, dropped, detail)
        if failure.kind is FailureKind.TOKEN:
            self._token_refusal = failure.detail
        elif failure.kind in PERSISTENT:
            wait, line = self._reachability.failed(OPERATION, failure, now)
            self._queue.hold(now + (wait if polls else max(wait, UNREACHABLE_WAIT)))
            LOGGER.log(line.level, line.text)
        else:
            self._on_success()
            LOGGER.debug("Telegram: chat %d: %s", delivery.chat_id, failure.detail)
        if failure.kind is FailureKind.MIGRATED:
            self._handler.on_migration(delivery.message.chat.id, failure.chat_id)

    def _on_success(self) -> None:
        if line := self._reachability.succeeded(OPERATION, self._clock.monotonic()):
            self._queue.hold(-inf)
            LOGGER.log(line.level, line.text)
