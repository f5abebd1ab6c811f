"""Asks Telegram for updates, for ever: whatever fails is waited out, and no update is handled twice."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from meshbot.runtime import Clock, Throttle
from meshbot.telegram_bot.api import BATCH, POLL_TIMEOUT, Api, Me
from meshbot.telegram_bot.failures import LADDER, Failure, Kind, TokenRefusedError, failure_of
from meshbot.telegram_bot.handler import UpdateHandler
from meshbot.telegram_bot.reachability import Reachability
from meshbot.telegram_bot.updates import Batch, read

LOGGER = logging.getLogger(__name__)
WAY: Final = "poll"
HANDLED_WAIT: Final = 10.0  # seconds for the database to tell what an earlier process has handled
SHORTEST_POLL: Final = 1.0  # seconds that an empty answer takes
HASTY_TOLD: Final = 3  # such answers in a row; one is an accident
REMEMBERED: Final = 1000  # update ids; Telegram repeats those of one batch at most


class HandledIds:
    """Which updates were handled, by this process or those before it; bounded."""

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
    """Polls in one event loop; what it has handled outlives it."""

    def __init__(  # noqa: PLR0917 - its collaborators, each once
        self,
        api: Api,
        desk: UpdateHandler,
        reach: Reachability,
        clock: Clock,
        handled: HandledIds,
        on_taken: Callable[[Sequence[int]], object],
        on_back: Callable[[], object],
    ) -> None:
        """`on_taken` hears after each look which updates were handled, `on_back` when Telegram answers again."""
        self._api = api
        self._desk = desk
        self._reach = reach
        self._clock = clock
        self._handled = handled
        self._on_taken = on_taken
        self._on_back = on_back
        self._is_failing = False
        self._bad = Throttle(60.0)
        self._hasty = 0  # polls in a row that were answered at once, with nothing

    async def find_out_who_we_are(self) -> Me:
        """Ask until somebody answers; TokenRefusedError if we are nobody."""
        while True:
            try:
                me = await self._api.me()
            except Exception as exc:  # noqa: BLE001 - failure_of knows each; what it does not know is waited out too
                await self._wait_out(failure_of(exc))
            else:
                self._went_well()
                return me

    async def run(self) -> None:
        """Poll until cancelled; TokenRefusedError if the token has been taken back."""
        offset: int | None = None
        while True:
            patience = 0 if self._is_failing else POLL_TIMEOUT
            asked_at = self._clock.monotonic()
            try:
                raw = await self._api.updates(offset, patience)
                batch = read(raw)
            except Exception as exc:  # noqa: BLE001 - the same
                await self._wait_out(failure_of(exc))
                continue
            self._went_well()
            self._take(batch, is_last=len(raw) < BATCH)
            if batch.next_offset not in {None, offset}:
                offset, self._hasty = batch.next_offset, 0
            elif patience:
                await self._keep_to(SHORTEST_POLL - (self._clock.monotonic() - asked_at))

    def _take(self, batch: Batch, *, is_last: bool) -> None:
        if batch.malformed and (count := self._bad_updates(batch.malformed)):
            LOGGER.warning("⚠️ Telegram: %d messages illisibles, ignorés", count)
        new = [update for update in batch.updates if update.update_id not in self._handled]
        for update in new:
            self._handled.add([update.update_id])  # before: one that has us crash is not met again
            self._desk.take(update)
        if is_last:
            self._desk.drained()
        self._on_taken([update.update_id for update in new])

    async def _keep_to(self, missing: float) -> None:
        """Be slower from poll to poll with a server that does not hold an empty answer back."""
        if missing <= 0:
            self._hasty = 0
            return
        self._hasty += 1
        if self._hasty == HASTY_TOLD:
            LOGGER.warning("⚠️ Telegram répond aussitôt, sans rien apporter: nouvel essai toutes les 30 s au plus")
        await asyncio.sleep(max(missing, LADDER[min(self._hasty, len(LADDER)) - 1]))

    def _bad_updates(self, count: int) -> int:
        for _ in range(count):
            self._bad.note()
        return self._bad.due(self._clock.monotonic())

    async def _wait_out(self, failure: Failure) -> None:
        if failure.kind is Kind.TOKEN:
            raise TokenRefusedError(failure.detail)
        self._is_failing = True
        self._desk.away()
        wait, line = self._reach.failed(WAY, failure, self._clock.monotonic())
        LOGGER.log(line.level, line.text)
        if failure.kind is Kind.WEBHOOK:
            await self._drop_webhook()
        await asyncio.sleep(wait)

    async def _drop_webhook(self) -> None:
        try:
            await self._api.delete_webhook()
        except Exception as exc:  # noqa: BLE001 - the next look meets it again
            LOGGER.debug("Telegram: webhook non retiré: %s", failure_of(exc).detail)

    def _went_well(self) -> None:
        self._desk.reached()
        if self._is_failing:
            self._is_failing = False
            self._on_back()
        if line := self._reach.went_well(WAY, self._clock.monotonic()):
            LOGGER.log(line.level, line.text)
