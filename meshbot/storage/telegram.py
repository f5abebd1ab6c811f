"""Updates from Telegram that were handled, and messages there that may have to be edited, as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import delete, select

from meshbot.storage.database import Database
from meshbot.storage.schema import TELEGRAM_MESSAGES, TELEGRAM_STATE, TELEGRAM_UPDATES
from meshbot.storage.upsert import upsert

# The newest
MESSAGES_LOADED: Final = 2000

MessageKey = tuple[int, int, str]  # chat, topic or 0, the post's key
# A value with the time until which it is kept, in seconds since 1970, None: for ever
State = tuple[str, int | None]


class UpdateStore:
    """One bot's updates and messages; every method is one transaction and may raise StorageError."""

    def __init__(self, database: Database, bot: int) -> None:
        """`bot` is the bot's number on Telegram: each has update ids of its own."""
        self._database = database
        self._bot = bot

    @property
    def generation(self) -> int:
        """Return a number that grows whenever the database may have lost what was saved."""
        return self._database.generation

    def load(self) -> list[int]:
        """Read all ids, the oldest first."""
        columns = TELEGRAM_UPDATES.c
        with self._database.reading() as connection:
            found = select(columns.update_id).where(columns.bot == self._bot).order_by(columns.handled_at)
            return list(connection.scalars(found))

    def load_messages(self) -> dict[MessageKey, int]:
        """Read the message ids, the oldest first."""
        columns = TELEGRAM_MESSAGES.c
        with self._database.reading() as connection:
            found = (
                select(columns.chat, columns.topic, columns.key, columns.message_id)
                .where(columns.bot == self._bot)
                .order_by(columns.posted_at.desc())
                .limit(MESSAGES_LOADED)
            )
            rows = connection.execute(found).all()
        return {(chat, topic, key): message_id for chat, topic, key, message_id in reversed(rows)}

    def load_state(self) -> dict[str, str]:
        """Read the saved values by their names."""
        columns = TELEGRAM_STATE.c
        with self._database.reading() as connection:
            rows = connection.execute(select(columns.name, columns.value).where(columns.bot == self._bot)).all()
        return {name: value for name, value in rows}  # noqa: C416 - a Row is no tuple to mypy

    def save(
        self,
        ids: Collection[int],
        messages: Mapping[MessageKey, int],
        state: Mapping[str, State],
        now: int,
        keep_from: int,
    ) -> None:
        """Note ids as handled and messages as posted now, and forget what is from before `keep_from`.

        An empty value of `state` is deleted. Times are seconds since 1970.
        """
        handled = [{"bot": self._bot, "update_id": ident, "handled_at": now} for ident in ids]
        posted = [
            {"bot": self._bot, "chat": chat, "topic": topic, "key": key, "message_id": message_id, "posted_at": now}
            for (chat, topic, key), message_id in messages.items()
        ]
        values = [
            {"bot": self._bot, "name": name, "value": value, "kept_until": kept_until}
            for name, (value, kept_until) in state.items()
            if value
        ]
        ended = [name for name, (value, _kept_until) in state.items() if not value]
        with self._database.transaction() as connection:
            upsert(connection, TELEGRAM_UPDATES, handled)
            upsert(connection, TELEGRAM_MESSAGES, posted)
            upsert(connection, TELEGRAM_STATE, values)
            if ended:
                ours = TELEGRAM_STATE.c.bot == self._bot
                connection.execute(delete(TELEGRAM_STATE).where(ours, TELEGRAM_STATE.c.name.in_(ended)))
            connection.execute(delete(TELEGRAM_STATE).where(TELEGRAM_STATE.c.kept_until < now))
            connection.execute(delete(TELEGRAM_UPDATES).where(TELEGRAM_UPDATES.c.handled_at < keep_from))
            connection.execute(delete(TELEGRAM_MESSAGES).where(TELEGRAM_MESSAGES.c.posted_at < keep_from))
