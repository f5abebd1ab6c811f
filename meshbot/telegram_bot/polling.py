"""Polls Telegram for updates until cancelled: every failure is waited out, and no update is handled twice."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from meshbot.runtime import Clock, Throttle
from meshbot.telegram_bot.api import BATCH, POLL_TIMEOUT, Api, BotUser
from meshbot.telegram_bot.failures import (
    BACKOFF,
    Failure,
    FailureKind,
    Reachability,
    TokenRefusedError,
    TooLargeError,
    failure_of,
)
from meshbot.telegram_bot.handler import UpdateHandler
from meshbot.telegram_bot.updates import Batch, read_batch

LOGGER = logging.getLogger(__name__)
OPERATION: Final = "poll"  # as Reachability knows it
HANDLED_TIMEOUT: Final = 5.0  # seconds for the database to return what an earlier process has handled
SHORTEST_POLL: Final = 1.0  # seconds that an empty answer takes
# Empty answers in a row that come sooner: a single one may be an accident
EARLY_ANSWERS_REPORTED: Final = 3
# Update ids: Telegram repeats those of one batch at most, which is 100
REMEMBERED: Final = 1000


class HandledIds:
    """The updates that were handled, by this process or an earlier one; bounded."""

    def __init__(self) -> None:
        self._ids: OrderedDict[int, None] = OrderedDict()

    def add(self, ids: Iterable[int]) -> None:
        """Note them."""
        self._ids.update(dict.fromkeys(ids))
        while len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)

    def __contains__(self, ident: int) -> bool:
        """Whether it was handled."""
        return ident in self._ids


class UpdatePoller:
    """Polls in one event loop; `handled` outlives it."""

    def __init__(  # noqa: PLR0917 - its collaborators, each once
        self,
        api: Api,
        handler: UpdateHandler,
        reachability: Reachability,
        clock: Clock,
        handled: HandledIds,
        on_handled: Callable[[Sequence[int]], object],
        on_recovered: Callable[[], object],
    ) -> None:
        """`on_handled` takes the updates of each poll that were handled; `on_recovered`: Telegram answers again."""
        self._api = api
        self._handler = handler
        self._reachability = reachability
        self._clock = clock
        self._handled = handled
        self._on_handled = on_handled
        self._on_recovered = on_recovered
        self._is_failing = False
        self._malformed = Throttle(60.0)
        self._early_answers = 0  # empty ones in a row that came before SHORTEST_POLL

    async def get_me(self) -> BotUser:
        """Ask who the bot is until Telegram answers; TokenRefusedError if it knows no such bot."""
        while True:
            try:
                me = await self._api.get_me()
            except Exception as exc:  # noqa: BLE001 - failure_of knows each; what it does not know is waited out too
                await self._back_off(failure_of(exc))
            else:
                self._on_success()
                return me

    async def run(self) -> None:
        """Poll until cancelled; TokenRefusedError if the token has been revoked."""
        offset: int | None = None
        limit = BATCH
        while True:
            timeout = 0 if self._is_failing else POLL_TIMEOUT
            started = self._clock.monotonic()
            try:
                raw = await self._api.get_updates(offset, timeout, limit)
                batch = read_batch(raw)
            except Exception as exc:  # noqa: BLE001 - the same
                # the same updates would come again: fewer of them are smaller
                limit = max(1, limit // 10) if isinstance(getattr(exc, "error", exc), TooLargeError) else limit
                await self._back_off(failure_of(exc))
                continue
            self._on_success()
            self._handle(batch, is_last=len(raw) < limit)
            limit = BATCH
            if batch.next_offset not in {None, offset}:
                offset, self._early_answers = batch.next_offset, 0
            elif timeout:
                await self._slow_down(SHORTEST_POLL - (self._clock.monotonic() - started))

    def _handle(self, batch: Batch, *, is_last: bool) -> None:
        if batch.malformed and (count := self._count_malformed(batch.malformed)):
            LOGGER.warning("⚠️ Telegram: %d messages illisibles, ignorés", count)
        new = [update for update in batch.updates if update.update_id not in self._handled]
        for update in new:
            # before it is handled: an update that crashes the service must not crash it again
            self._handled.add([update.update_id])
            self._handler.on_update(update)
        if is_last:
            self._handler.on_caught_up()
        self._on_handled([update.update_id for update in new])

    async def _slow_down(self, missing: float) -> None:
        """Wait longer from poll to poll if the server answers at once with nothing."""
        if missing <= 0:
            self._early_answers = 0
            return
        self._early_answers += 1
        if self._early_answers == EARLY_ANSWERS_REPORTED:
            LOGGER.warning("⚠️ Telegram répond aussitôt, sans rien apporter: nouvel essai toutes les 30 s au plus")
        await asyncio.sleep(max(missing, BACKOFF[min(self._early_answers, len(BACKOFF)) - 1]))

    def _count_malformed(self, count: int) -> int:
        for _ in range(count):
            self._malformed.note()
        return self._malformed.due(self._clock.monotonic())

    async def _back_off(self, failure: Failure) -> None:
        if failure.kind is FailureKind.TOKEN:
            raise TokenRefusedError(failure.detail)
        self._is_failing = True
        self._handler.on_unreachable()
        wait, line = self._reachability.failed(OPERATION, failure, self._clock.monotonic())
        LOGGER.log(line.level, line.text)
        if failure.kind is FailureKind.WEBHOOK:
            await self._delete_webhook()
        await asyncio.sleep(wait)

    async def _delete_webhook(self) -> None:
        try:
            await self._api.delete_webhook()
        except Exception as exc:  # noqa: BLE001 - the next poll fails in the same way
            LOGGER.debug("Telegram: webhook non retiré: %s", failure_of(exc).detail)

    def _on_success(self) -> None:
        self._handler.on_reachable()
        if self._is_failing:
            self._is_failing = False
            self._on_recovered()
        if line := self._reachability.succeeded(OPERATION, self._clock.monotonic()):
            LOGGER.log(line.level, line.text)
