"""Posts: all that waits to be shown on Telegram, one queue; pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from meshbot.telegram_bot.failures import Failure, Kind
from meshbot.telegram_bot.models import Chat, Post
from meshbot.telegram_bot.rate import RateLimit

# What Telegram lets a bot send: about one a second to a chat, with short bursts, 20 a minute to a group, 30 a second
# in all. A group that has much to be shown gets no bursts, and some time more: requests do not all take as long
PRIVATE_LIMITS: Final = ((3, 3.0),)
GROUP_LIMITS: Final = ((1, 1.2), (20, 62.0))
# Of those, what can wait takes less, so that a text that comes meanwhile need not wait long
PATIENT_PRIVATE_LIMITS: Final = ((2, 3.0),)
PATIENT_GROUP_LIMITS: Final = ((10, 62.0),)
REACTION_LIMITS: Final = ((1, 1.0),)  # they count with no chat's messages
OVERALL_LIMITS: Final = ((25, 1.0),)
IN_FLIGHT: Final = 4  # requests at once, each to another chat
WAITING_LIMIT: Final = 500  # posts
BYTES_LIMIT: Final = 8_000_000  # texts and photos together
REMEMBERED: Final = 2000  # message ids of keyed posts
CHATS_REMEMBERED: Final = 200
LEAST_CUT: Final = 100  # characters; a text that is too long below that is not too long
MOST_TRIES: Final = 5  # of one post that a server in good health does not take


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to make."""

    number: int
    chat_id: int  # where Telegram has the chat now
    post: Post
    edits: int | None  # the message to edit, None: a new one
    tries: int = 0  # that ended in the server's trouble


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    post: Post
    tries: int = 0
    lost: int = 0  # posts that it tells of, if it is a note of them

    @property
    def size(self) -> int:
        return len(self.post.text) + len(self.post.photo)


@dataclass(slots=True)
class _Lane:
    """What waits for one chat, topics included; one request at a time, so that order and keys hold.

    Reactions have a lane of their own: a chat's messages neither wait for them nor are delayed by their number.
    """

    pace: RateLimit
    patient: RateLimit  # of what can wait
    waiting: OrderedDict[tuple[object, ...], _Waiting] = field(default_factory=OrderedDict)
    current: _Waiting | None = None
    not_before: float = -inf
    lost: int = 0  # posts that found no room since the last one that was sent
    note_tries: int = 0  # to tell of them

    def head(self) -> _Waiting:
        """Return what goes next: the oldest that cannot wait, else the oldest."""
        everything = self.waiting.values()
        return next((each for each in everything if not each.post.can_wait), next(iter(everything)))

    def ready_at(self) -> float:
        """Return when that may go, inf for not before something changes."""
        if self.current is not None or not self.waiting:
            return inf
        patient = self.patient.ready_at() if not self.lost and self.head().post.can_wait else -inf
        return max(self.not_before, self.pace.ready_at(), patient)

    def note(self, post: Post, now: float) -> None:
        """Count what goes now."""
        self.pace.note(now)
        if post.can_wait:
            self.patient.note(now)


class PostQueue:
    """Gives what may be sent now, in each chat's order; keeps the rest. Times are monotonic seconds."""

    def __init__(self, lost_text: Callable[[int], str]) -> None:
        """`lost_text(count)` tells a chat how many posts found no room."""
        self._lost_text = lost_text
        self._lanes: OrderedDict[tuple[int, bool], _Lane] = OrderedDict()
        self._overall = RateLimit(OVERALL_LIMITS)
        self._not_before = -inf
        self._in_flight = 0
        self._number = 0
        self._count = 0
        self._size = 0
        self._messages: OrderedDict[tuple[Chat, str], int] = OrderedDict()
        self._moved: dict[int, int] = {}

    def __len__(self) -> int:
        """Return how many wait, those on their way included."""
        return self._count + self._in_flight

    def add(self, post: Post, now: float) -> None:
        """Take a post; it replaces one of its key that still waits."""
        self._number += 1
        lane = self._lane(post, now)
        key = _key(post, self._number)
        old = lane.waiting.get(key)
        if old is not None:
            self._forget(old)
        self._put(lane, key, _Waiting(old.number if old else self._number, post))
        while self._count > WAITING_LIMIT or (self._size > BYTES_LIMIT and self._count > 1):
            self._drop_one()

    def next(self, now: float) -> Delivery | None:
        """Return what to send now, None for nothing; each is to be ended by `sent` or `failed`."""
        if now < max(self._not_before, self._overall.ready_at()) or self._in_flight >= IN_FLIGHT:
            return None
        ready = [(id_, lane) for (id_, _), lane in self._lanes.items() if lane.ready_at() <= now]
        if not ready:
            return None
        chat_id, lane = min(ready, key=lambda each: each[1].head().number)
        waiting = self._take(chat_id, lane)
        lane.current = waiting
        self._in_flight += 1
        post = waiting.post
        lane.note(post, now)
        self._overall.note(now)
        edits = self._messages.get((post.chat, post.key)) if post.key and not post.reaction else None
        return Delivery(waiting.number, self._moved.get(chat_id, chat_id), post, edits, waiting.tries)

    def deadline(self) -> float:
        """Return when `next` may have something, inf for not before something changes."""
        if self._in_flight >= IN_FLIGHT:
            return inf
        soonest = min((lane.ready_at() for lane in self._lanes.values()), default=inf)
        return max(soonest, self._not_before, self._overall.ready_at())

    def sent(self, delivery: Delivery, message_id: int) -> None:
        """Note that it is shown, as this message."""
        self._end(delivery)
        if delivery.post.key and not delivery.post.reaction:
            self.remember(delivery.post.chat, delivery.post.key, message_id)

    def failed(self, delivery: Delivery, failure: Failure, now: float, *, is_well: bool = True) -> int:
        """Note that it was not taken; return how many posts are given up for it.

        `is_well`: whether Telegram takes other requests, so that trouble is this post's own.
        """
        lane, waiting = self._end(delivery)
        post = waiting.post
        match failure.kind:
            case Kind.UNCHANGED:
                return 0
            case Kind.FORBIDDEN | Kind.NO_CHAT | Kind.NO_TOPIC:
                return 1 + self._clear(lane, post.chat if failure.kind is Kind.NO_TOPIC else None)
            case Kind.FLOOD:
                lane.not_before = now + failure.wait
            case Kind.MOVED if failure.chat_id != delivery.chat_id:
                self._moved[post.chat.id] = failure.chat_id
            case Kind.NO_MESSAGE if delivery.edits is not None:
                self._messages.pop((post.chat, post.key), None)
            case Kind.NO_QUESTION if post.reply_to is not None:
                waiting = replace(waiting, post=replace(post, reply_to=None))
            case Kind.TOO_LONG if len(post.text) > LEAST_CUT:
                waiting = replace(waiting, post=replace(post, text=post.text[: len(post.text) // 2] + "…"))
            case Kind.SERVER if waiting.tries < MOST_TRIES:
                waiting = replace(waiting, tries=waiting.tries + is_well)
            case Kind.UNREACHABLE | Kind.CONFLICT | Kind.WEBHOOK | Kind.TOKEN:
                pass
            case _:
                return 1
        self._put_back(lane, waiting)
        return 0

    def hold(self, until: float) -> None:
        """Send nothing before then; a past time ends that."""
        self._not_before = until

    def release(self, now: float) -> None:
        """Put back what was on its way: whoever sent it is no more."""
        for lane in self._lanes.values():
            if (waiting := lane.current) is not None:
                lane.current = None
                self._in_flight -= 1
                self._put_back(lane, waiting)
        self._not_before = min(self._not_before, now)

    def remember(self, chat: Chat, key: str, message_id: int) -> None:
        """Have later posts of that key edit this message."""
        self._messages[chat, key] = message_id
        self._messages.move_to_end((chat, key))
        if len(self._messages) > REMEMBERED:
            self._messages.popitem(last=False)

    def recall(self, chat: Chat, key: str, message_id: int) -> None:
        """Remember it on an earlier process' word, which counts less than our own."""
        if (chat, key) not in self._messages:
            self.remember(chat, key, message_id)

    def move(self, old: int, new: int) -> None:
        """Note a group's new id, under which what is meant for the old one is sent."""
        self._moved[old] = new

    # -- inside

    def _lane(self, post: Post, now: float) -> _Lane:
        ident = _lane_of(post)
        lane = self._lanes.get(ident)
        if lane is None:
            if len(self._lanes) >= CHATS_REMEMBERED:
                self._tidy(now)
            lane = self._lanes[ident] = _new_lane(post)
        return lane

    def _tidy(self, now: float) -> None:
        for ident, lane in list(self._lanes.items()):
            if not lane.waiting and lane.current is None and not lane.lost and lane.pace.is_idle(now):
                del self._lanes[ident]

    def _take(self, chat_id: int, lane: _Lane) -> _Waiting:
        if lane.lost:
            count, tries, lane.lost, lane.note_tries = lane.lost, lane.note_tries, 0, 0
            self._number += 1
            return _Waiting(self._number, Post(Chat(chat_id), self._lost_text(count), silent=True), tries, count)
        waiting = lane.head()
        del lane.waiting[_key(waiting.post, waiting.number)]
        self._forget(waiting)
        return waiting

    def _put(self, lane: _Lane, key: tuple[object, ...], waiting: _Waiting) -> None:
        lane.waiting[key] = waiting
        self._count += 1
        self._size += waiting.size

    def _forget(self, waiting: _Waiting) -> None:
        self._count -= 1
        self._size -= waiting.size

    def _put_back(self, lane: _Lane, waiting: _Waiting) -> None:
        """Let it go first again; if there is a newer one of its key, that goes first in its stead."""
        if waiting.lost:  # what is lost until the next try is told with it
            lane.lost, lane.note_tries = lane.lost + waiting.lost, waiting.tries
            return
        key = _key(waiting.post, waiting.number)
        if key not in lane.waiting:
            self._put(lane, key, waiting)
        lane.waiting.move_to_end(key, last=False)

    def _end(self, delivery: Delivery) -> tuple[_Lane, _Waiting]:
        lane = self._lanes[_lane_of(delivery.post)]
        waiting = lane.current
        if waiting is None or waiting.number != delivery.number:
            raise ValueError(f"post {delivery.number} is not on its way")
        lane.current = None
        self._in_flight -= 1
        return lane, waiting

    def _clear(self, lane: _Lane, topic: Chat | None = None) -> int:
        """Give up what waits there, or in one topic; return how many posts that were."""
        hopeless = [key for key, waiting in lane.waiting.items() if topic in {None, waiting.post.chat}]
        for key in hopeless:
            self._forget(lane.waiting.pop(key))
        return len(hopeless)

    def _drop_one(self) -> None:
        """Give up the oldest that tells a fate, else that is no message of lasting interest, else the oldest."""
        lane, key, waiting = min(
            ((lane, key, waiting) for lane in self._lanes.values() for key, waiting in lane.waiting.items()),
            key=lambda each: (not each[2].post.can_wait, bool(each[2].post.key), each[2].number),
        )
        del lane.waiting[key]
        self._forget(waiting)
        lane.lost += not waiting.post.can_wait


def _key(post: Post, number: int) -> tuple[object, ...]:
    return (post.chat.topic, post.key) if post.key else (number,)


def _lane_of(post: Post) -> tuple[int, bool]:
    return post.chat.id, bool(post.reaction)


def _new_lane(post: Post) -> _Lane:
    if post.reaction:
        return _Lane(RateLimit(REACTION_LIMITS), RateLimit(()))
    if post.chat.id > 0:
        return _Lane(RateLimit(PRIVATE_LIMITS), RateLimit(PATIENT_PRIVATE_LIMITS))
    return _Lane(RateLimit(GROUP_LIMITS), RateLimit(PATIENT_GROUP_LIMITS))
