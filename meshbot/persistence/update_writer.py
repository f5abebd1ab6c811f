"""UpdateWriter: what the Telegram side has handled and posted survives a restart.

So no update is handled twice, and no message stays that is no longer true.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from meshbot.persistence.write_behind import Store, WriteBehind
from meshbot.runtime import Clock

# Seconds; Telegram itself keeps for one day what no bot fetches
KEPT: Final = 2 * 86400
# Ids that wait for a database; the oldest have long been confirmed to Telegram
UNSAVED_LIMIT: Final = 1000
MESSAGES_LIMIT: Final = 1000  # likewise
STATE_LIMIT: Final = 1000  # likewise

MessageKey = tuple[int, int, str]  # chat, topic or 0, the post's key


class SavedValue(NamedTuple):
    """A value to be kept over a restart."""

    value: str  # empty: no longer
    kept_until: int | None = None  # seconds since 1970; None: for ever


@dataclass(frozen=True, slots=True)
class UpdatesHandled:
    """Updates that were handled, ids of messages that were posted, and what else a restart must not lose."""

    ids: Sequence[int] = ()
    messages: Mapping[MessageKey, int] = field(default_factory=dict)
    state: Mapping[str, SavedValue] = field(default_factory=dict)  # by name, of 80 characters at most


@dataclass(frozen=True, slots=True)
class HandledBefore:
    """What earlier processes have handled, and the ids of the messages that they posted."""

    ids: Collection[int]
    messages: Mapping[MessageKey, int]
    state: Mapping[str, str] = field(default_factory=dict)


class UpdateStore(Store, Protocol):
    """Where it is kept; each method is one transaction and may raise StorageError."""

    def load(self) -> Sequence[int]:
        """Read all ids, the oldest first."""
        ...

    def load_messages(self) -> Mapping[MessageKey, int]:
        """Read all message ids, the oldest first."""
        ...

    def load_state(self) -> Mapping[str, str]:
        """Read all saved values by their names."""
        ...

    def save(
        self,
        ids: Collection[int],
        messages: Mapping[MessageKey, int],
        state: Mapping[str, SavedValue],
        now: int,
        keep_from: int,
    ) -> None:
        """Write all as of `now`, and delete ids and messages before `keep_from`; seconds since 1970."""


@dataclass(slots=True)
class Unsaved:
    """What is to be written, the oldest first."""

    ids: dict[int, None] = field(default_factory=dict)
    messages: dict[MessageKey, int] = field(default_factory=dict)
    state: dict[str, SavedValue] = field(default_factory=dict)

    def add(self, ids: Collection[int], messages: Mapping[MessageKey, int], state: Mapping[str, SavedValue]) -> None:
        """Add newer ones; the oldest beyond the limits go."""
        self.state.update(state)
        _keep_newest(self.state, STATE_LIMIT)
        self.ids.update(dict.fromkeys(ids))
        self.messages.update(messages)
        _keep_newest(self.ids, UNSAVED_LIMIT)
        _keep_newest(self.messages, MESSAGES_LIMIT)


class UpdateWriter(WriteBehind[UpdateStore, Unsaved]):
    """For one thread. Written at once: a kill before that has the update handled again."""

    urgent: ClassVar = True
    subject: ClassVar = "Messages de Telegram"
    retry_after: ClassVar = 15.0

    def __init__(self, store: UpdateStore, clock: Clock, restore: Callable[[HandledBefore], object]) -> None:
        """`restore` gets what earlier processes left, once it could be read; it only puts that into an inbox."""
        super().__init__(store, clock)
        self._restore = restore
        self._unsaved = Unsaved()

    def take(self, message: UpdatesHandled) -> None:
        """Take in what is to be written at once."""
        self._unsaved.add(message.ids, message.messages, message.state)
        self.schedule(self._clock.monotonic())

    def _load(self, store: UpdateStore) -> None:
        self._restore(HandledBefore(store.load(), store.load_messages(), store.load_state()))

    def _on_new_database(self, store: UpdateStore) -> None:
        """See WriteBehind; what was saved has been confirmed to Telegram, and is not kept in memory."""

    def _take_unsaved(self, *, last: bool) -> Unsaved:  # noqa: ARG002 - see WriteBehind
        unsaved, self._unsaved = self._unsaved, Unsaved()
        return unsaved

    def _save(self, store: UpdateStore, batch: Unsaved) -> None:
        if batch.ids or batch.messages or batch.state:
            now = int(self._clock.now().timestamp())
            store.save(list(batch.ids), batch.messages, batch.state, now, now - KEPT)

    def _put_back(self, batch: Unsaved) -> None:
        batch.add(self._unsaved.ids, self._unsaved.messages, self._unsaved.state)
        self._unsaved = batch


def _keep_newest(entries: dict[Any, Any], limit: int) -> None:
    while len(entries) > limit:
        del entries[next(iter(entries))]
