"""The queue of messages to Telegram, and how fast Telegram lets them be sent; pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from meshbot.telegram_bot.failures import Failure, FailureKind
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.text import legible

# Telegram's limits: about one message a second to a chat, with short bursts, 20 a minute to a group, 30 a second in
# all. A group gets no bursts and a margin, because requests do not all take as long. Each limit is (count, seconds)
PRIVATE_LIMITS: Final = ((3, 3.0),)
GROUP_LIMITS: Final = ((1, 1.2), (20, 62.0))
# Messages that can wait use less than that, so that an urgent one does not wait long
DEFERRABLE_PRIVATE_LIMITS: Final = ((2, 3.0),)
DEFERRABLE_GROUP_LIMITS: Final = ((10, 62.0),)
# Telegram does not count reactions among a chat's messages
REACTION_LIMITS: Final = ((1, 1.0),)
OVERALL_LIMITS: Final = ((25, 1.0),)
IN_FLIGHT: Final = 4  # requests at once, each to another chat
WAITING_LIMIT: Final = 500  # messages
BYTES_LIMIT: Final = 8_000_000  # texts and photos together
REMEMBERED: Final = 2000  # ids of messages with a key
CHATS_REMEMBERED: Final = 200
# Characters: a shorter text is not cut, its length is not the cause
LEAST_CUT: Final = 100
MOST_TRIES: Final = 5  # for a message that a healthy server does not accept


# Failures of a reaction after which the group gets texts instead
NO_REACTIONS: Final = frozenset({FailureKind.NO_REACTION, FailureKind.REFUSED, FailureKind.FORBIDDEN})


class RateLimit:
    """Several limits at once, each as (count, seconds)."""

    def __init__(self, limits: Sequence[tuple[int, float]]) -> None:
        self._limits = limits
        self._times: deque[float] = deque(maxlen=max((count for count, _ in limits), default=0))

    def ready_at(self) -> float:
        """Return when the next message may be sent (monotonic seconds), -inf for at any time."""
        return max(
            (self._times[-count] + seconds for count, seconds in self._limits if len(self._times) >= count),
            default=-inf,
        )

    def note(self, now: float) -> None:
        """Count a message that is sent now."""
        self._times.append(now)

    def is_idle(self, now: float) -> bool:
        """Whether no message that was sent counts any more."""
        return not self._times or self._times[-1] + max(seconds for _, seconds in self._limits) <= now


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to make."""

    number: int
    chat_id: int  # where Telegram has the chat now
    message: OutgoingMessage
    edits: int | None  # the id of the message to edit, None: send a new one
    tries: int = 0  # that failed by FailureKind.SERVER


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    message: OutgoingMessage
    tries: int = 0
    lost: int = 0  # of a note about lost messages: their number

    @property
    def size(self) -> int:
        return len(self.message.text) + len(self.message.photo)


@dataclass(slots=True)
class _ChatQueue:
    """The messages for one chat, topics included; one request at a time, to keep their order.

    Reactions have a queue of their own: they do not delay a chat's messages, nor wait for them.
    """

    rate: RateLimit
    deferrable_rate: RateLimit  # of the messages that can wait
    waiting: OrderedDict[tuple[object, ...], _Waiting] = field(default_factory=OrderedDict)
    current: _Waiting | None = None
    not_before: float = -inf
    lost: int = 0  # messages dropped for lack of room since the last one that was sent
    note_tries: int = 0  # to send the note about them

    def head(self) -> _Waiting:
        """Return the next message: the oldest that cannot wait, else the oldest."""
        everything = self.waiting.values()
        return next((each for each in everything if not each.message.can_wait), next(iter(everything)))

    def ready_at(self) -> float:
        """Return when it may be sent, inf for not before something changes."""
        if self.current is not None or not self.waiting:
            return inf
        is_deferrable = not self.lost and self.head().message.can_wait
        deferred = self.deferrable_rate.ready_at() if is_deferrable else -inf
        return max(self.not_before, self.rate.ready_at(), deferred)

    def note(self, message: OutgoingMessage, now: float) -> None:
        """Count a message that is sent now."""
        self.rate.note(now)
        if message.can_wait:
            self.deferrable_rate.note(now)


class MessageQueue:
    """Releases what may be sent now, in each chat's order; keeps the rest. Times are monotonic seconds."""

    def __init__(self, lost_text: Callable[[int], str]) -> None:
        """`lost_text(count)` is sent to a chat whose messages were dropped for lack of room."""
        self._lost_text = lost_text
        self._chat_queues: OrderedDict[tuple[int, bool], _ChatQueue] = OrderedDict()
        self._overall = RateLimit(OVERALL_LIMITS)
        self._not_before = -inf
        self._in_flight = 0
        self._number = 0
        self._count = 0
        self._size = 0
        self._messages: OrderedDict[tuple[Chat, str], int] = OrderedDict()
        self._migrated: dict[int, int] = {}
        self._without_reactions: set[int] = set()  # groups that forbid them, until the next start

    def __len__(self) -> int:
        """Return the number of messages, those in flight included."""
        return self._count + self._in_flight

    def add(self, message: OutgoingMessage, now: float) -> None:
        """Take a message, which loses what cannot be seen; it replaces one of its key that still waits.

        For a group that forbids reactions, the text of one is a reply, which later ones edit.
        """
        message = replace(message, text=legible(message.text))
        if message.reaction and message.chat.id in self._without_reactions:
            if not message.text:
                return
            message = replace(message, reaction="")
        self._number += 1
        chat_queue = self._chat_queue(message, now)
        key = _key(message, self._number)
        old = chat_queue.waiting.get(key)
        if old is not None:
            self._forget(old)
        self._put(chat_queue, key, _Waiting(old.number if old else self._number, message))
        while self._count > WAITING_LIMIT or (self._size > BYTES_LIMIT and self._count > 1):
            self._drop_one()

    def next(self, now: float) -> Delivery | None:
        """Return what to send now, None for nothing; the caller ends each by `sent` or `failed`."""
        if now < max(self._not_before, self._overall.ready_at()) or self._in_flight >= IN_FLIGHT:
            return None
        ready = [
            (id_, chat_queue) for (id_, _), chat_queue in self._chat_queues.items() if chat_queue.ready_at() <= now
        ]
        if not ready:
            return None
        chat_id, chat_queue = min(ready, key=lambda each: each[1].head().number)
        waiting = self._take(chat_id, chat_queue)
        chat_queue.current = waiting
        self._in_flight += 1
        message = waiting.message
        chat_queue.note(message, now)
        self._overall.note(now)
        edits = self._messages.get((message.chat, message.key)) if message.key and not message.reaction else None
        return Delivery(waiting.number, self._migrated.get(chat_id, chat_id), message, edits, waiting.tries)

    def deadline(self) -> float:
        """Return when `next` may have something, inf for not before something changes."""
        if self._in_flight >= IN_FLIGHT:
            return inf
        soonest = min((chat_queue.ready_at() for chat_queue in self._chat_queues.values()), default=inf)
        return max(soonest, self._not_before, self._overall.ready_at())

    def sent(self, delivery: Delivery, message_id: int | None) -> None:
        """Note a success, and the id that the message got; None: it cannot be read."""
        self._end(delivery)
        if message_id is not None and delivery.message.key and not delivery.message.reaction:
            self.remember(delivery.message.chat, delivery.message.key, message_id)

    def failed(self, delivery: Delivery, failure: Failure, now: float, *, is_well: bool = True) -> int:
        """Note a failure; return how many messages are dropped for it.

        `is_well`: whether Telegram accepts other requests, so that the failure is this message's own.
        """
        chat_queue, waiting = self._end(delivery)
        if waiting.message.reaction and failure.kind in NO_REACTIONS:
            self._forbid_reactions(waiting.message, now)
            return 0
        return self._settle(delivery, chat_queue, waiting, failure, now, is_well=is_well)

    def _settle(
        self,
        delivery: Delivery,
        chat_queue: _ChatQueue,
        waiting: _Waiting,
        failure: Failure,
        now: float,
        *,
        is_well: bool,
    ) -> int:
        message = waiting.message
        match failure.kind:
            case FailureKind.UNCHANGED:
                return 0
            case FailureKind.FORBIDDEN | FailureKind.NO_CHAT | FailureKind.NO_TOPIC:
                return 1 + self._clear(chat_queue, message.chat if failure.kind is FailureKind.NO_TOPIC else None)
            case FailureKind.FLOOD:
                chat_queue.not_before = now + failure.wait
            # private chats keep their ids
            case FailureKind.MIGRATED if failure.chat_id != delivery.chat_id and message.chat.id < 0:
                self._migrated[message.chat.id] = failure.chat_id
            case FailureKind.NO_MESSAGE if delivery.edits is not None:
                self._messages.pop((message.chat, message.key), None)
            case FailureKind.NO_REPLY_TARGET if message.reply_to is not None:
                waiting = replace(waiting, message=replace(message, reply_to=None))
            case FailureKind.TOO_LONG if len(message.text) > LEAST_CUT:
                waiting = replace(waiting, message=replace(message, text=message.text[: len(message.text) // 2] + "…"))
            case FailureKind.SERVER if waiting.tries < MOST_TRIES:
                waiting = replace(waiting, tries=waiting.tries + is_well)
            case FailureKind.UNREACHABLE | FailureKind.CONFLICT | FailureKind.WEBHOOK | FailureKind.TOKEN:
                pass
            case _:
                return 1
        self._put_back(chat_queue, waiting)
        return 0

    def hold(self, until: float) -> None:
        """Release nothing before then; a time in the past ends the hold."""
        self._not_before = until

    def release(self, now: float) -> None:
        """Put back what is in flight: its sender has crashed."""
        for chat_queue in self._chat_queues.values():
            if (waiting := chat_queue.current) is not None:
                chat_queue.current = None
                self._in_flight -= 1
                self._put_back(chat_queue, waiting)
        self._not_before = min(self._not_before, now)

    def remember(self, chat: Chat, key: str, message_id: int) -> None:
        """Have later messages of that key edit this one."""
        self._messages[chat, key] = message_id
        self._messages.move_to_end((chat, key))
        if len(self._messages) > REMEMBERED:
            self._messages.popitem(last=False)

    def recall(self, chat: Chat, key: str, message_id: int) -> None:
        """Remember an id that an earlier process saved, unless this one has a newer."""
        if (chat, key) not in self._messages:
            self.remember(chat, key, message_id)

    def migrate(self, old: int, new: int) -> bool:
        """Note a group's new id, and send messages for the old one there; return whether it is news."""
        is_new = self._migrated.get(old) != new
        self._migrated[old] = new
        return is_new

    def where(self, chat_id: int) -> int:
        """Return the id under which Telegram has a chat now."""
        return self._migrated.get(chat_id, chat_id)

    # -- inside

    def _forbid_reactions(self, message: OutgoingMessage, now: float) -> None:
        """Show this reaction as a reply, and those that wait, unless the reply has newer words already."""
        self._without_reactions.add(message.chat.id)
        words = self._chat_queue(replace(message, reaction=""), now)
        waiting = self._chat_queues[_queue_id(message)].waiting
        for each in (message, *(entry.message for entry in waiting.values())):
            if _key(each, 0) not in words.waiting:
                self.add(each, now)
        self._clear(self._chat_queues[_queue_id(message)])

    def _chat_queue(self, message: OutgoingMessage, now: float) -> _ChatQueue:
        ident = _queue_id(message)
        chat_queue = self._chat_queues.get(ident)
        if chat_queue is None:
            if len(self._chat_queues) >= CHATS_REMEMBERED:
                self._forget_idle(now)
            chat_queue = self._chat_queues[ident] = _new_chat_queue(message)
        return chat_queue

    def _forget_idle(self, now: float) -> None:
        for ident, chat_queue in list(self._chat_queues.items()):
            if (
                not chat_queue.waiting
                and chat_queue.current is None
                and not chat_queue.lost
                and chat_queue.rate.is_idle(now)
            ):
                del self._chat_queues[ident]

    def _take(self, chat_id: int, chat_queue: _ChatQueue) -> _Waiting:
        if chat_queue.lost:
            count, tries, chat_queue.lost, chat_queue.note_tries = chat_queue.lost, chat_queue.note_tries, 0, 0
            self._number += 1
            note = OutgoingMessage(Chat(chat_id), self._lost_text(count), silent=True)
            return _Waiting(self._number, note, tries, count)
        waiting = chat_queue.head()
        del chat_queue.waiting[_key(waiting.message, waiting.number)]
        self._forget(waiting)
        return waiting

    def _put(self, chat_queue: _ChatQueue, key: tuple[object, ...], waiting: _Waiting) -> None:
        chat_queue.waiting[key] = waiting
        self._count += 1
        self._size += waiting.size

    def _forget(self, waiting: _Waiting) -> None:
        self._count -= 1
        self._size -= waiting.size

    def _put_back(self, chat_queue: _ChatQueue, waiting: _Waiting) -> None:
        """Put it at the head again, or in its place a newer one of its key."""
        # the note of the next try counts what is lost until then
        if waiting.lost:
            chat_queue.lost, chat_queue.note_tries = chat_queue.lost + waiting.lost, waiting.tries
            return
        key = _key(waiting.message, waiting.number)
        if key not in chat_queue.waiting:
            self._put(chat_queue, key, waiting)
        chat_queue.waiting.move_to_end(key, last=False)

    def _end(self, delivery: Delivery) -> tuple[_ChatQueue, _Waiting]:
        chat_queue = self._chat_queues[_queue_id(delivery.message)]
        waiting = chat_queue.current
        if waiting is None or waiting.number != delivery.number:
            raise ValueError(f"message {delivery.number} is not in flight")
        chat_queue.current = None
        self._in_flight -= 1
        return chat_queue, waiting

    def _clear(self, chat_queue: _ChatQueue, topic: Chat | None = None) -> int:
        """Drop what waits there, or in one topic; return how many messages."""
        keys = [key for key, waiting in chat_queue.waiting.items() if topic in {None, waiting.message.chat}]
        for key in keys:
            self._forget(chat_queue.waiting.pop(key))
        return len(keys)

    def _drop_one(self) -> None:
        """Drop the oldest that can wait, else the oldest without a key, else the oldest."""
        chat_queue, key, waiting = min(
            (
                (chat_queue, key, waiting)
                for chat_queue in self._chat_queues.values()
                for key, waiting in chat_queue.waiting.items()
            ),
            key=lambda each: (not each[2].message.can_wait, bool(each[2].message.key), each[2].number),
        )
        del chat_queue.waiting[key]
        self._forget(waiting)
        chat_queue.lost += not waiting.message.can_wait


def _key(message: OutgoingMessage, number: int) -> tuple[object, ...]:
    return (message.chat.topic, message.key) if message.key else (number,)


def _queue_id(message: OutgoingMessage) -> tuple[int, bool]:
    return message.chat.id, bool(message.reaction)


def _new_chat_queue(message: OutgoingMessage) -> _ChatQueue:
    if message.reaction:
        return _ChatQueue(RateLimit(REACTION_LIMITS), RateLimit(()))
    if message.chat.id > 0:
        return _ChatQueue(RateLimit(PRIVATE_LIMITS), RateLimit(DEFERRABLE_PRIVATE_LIMITS))
    return _ChatQueue(RateLimit(GROUP_LIMITS), RateLimit(DEFERRABLE_GROUP_LIMITS))
