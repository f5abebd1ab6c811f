"""Which updates from Telegram were handled."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select

from storage.database import Database
from storage.schema import TELEGRAM_UPDATES
from storage.upsert import upsert


class UpdateStore:
    """The ids of one bot's updates; every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database, bot: int) -> None:
        """`bot` is the bot's number on Telegram: each has update ids of its own."""
        self._database = database
        self._bot = bot

    def load(self) -> list[int]:
        """Read all ids, the oldest first."""
        columns = TELEGRAM_UPDATES.c
        with self._database.reading() as connection:
            found = select(columns.update_id).where(columns.bot == self._bot).order_by(columns.handled_at)
            return list(connection.scalars(found))

    def save(self, ids: Collection[int], now: int, keep_from: int) -> None:
        """Note ids as handled now, and forget what was handled before `keep_from`; seconds since 1970."""
        rows = [{"bot": self._bot, "update_id": ident, "handled_at": now} for ident in ids]
        with self._database.transaction() as connection:
            upsert(connection, TELEGRAM_UPDATES, rows)
            connection.execute(delete(TELEGRAM_UPDATES).where(TELEGRAM_UPDATES.c.handled_at < keep_from))
