"""Alerts: what operators hear of incidents, one message each, edited as it goes on; pure.

While Telegram is out of reach nothing is posted: what is over by the time it is back, or old, is merged into one
message. What is kept does not grow with the length of that time, nor with what happens in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Final

from meshbot.commands import Translate, duration
from meshbot.commands import mark as _
from meshbot.runtime import (
    DatabaseTrouble,
    DatabaseWell,
    DiskLow,
    DiskWell,
    Incident,
    KeyChanged,
    KeyShared,
    LinkBack,
    LinkLost,
    NodeRebooted,
)
from meshbot.telegram_bot.alerts.keys import KeyAlert, SharedKeyAlert
from meshbot.telegram_bot.alerts.kinds import DatabaseAlert, DiskAlert, LinkAlertMessage, RebootAlert
from meshbot.telegram_bot.alerts.message import AlertMessage, Moment, Tally
from meshbot.telegram_bot.models import Chat, Post

WORD: Final = "alert"  # that keys begin with
STORIES: Final[Mapping[type[Incident], type[AlertMessage]]] = {
    LinkLost: LinkAlertMessage,
    LinkBack: LinkAlertMessage,
    NodeRebooted: RebootAlert,
    KeyChanged: KeyAlert,
    KeyShared: SharedKeyAlert,
    DiskLow: DiskAlert,
    DiskWell: DiskAlert,
    DatabaseTrouble: DatabaseAlert,
    DatabaseWell: DatabaseAlert,
}


@dataclass(slots=True)
class _Message:
    """One story as the chats have it."""

    key: str
    story: AlertMessage
    text: str = ""  # as last posted; empty: never
    changed: bool = False  # since then


class Alerts:
    """Turns incidents into posts. Telegram counts as out of reach until `on_reachable`.

    `now` is in monotonic seconds and never goes back; `wall` is the time at that moment, shown in its own zone, which
    may jump.
    """

    def __init__(self, chats: Sequence[Chat], translate: Translate) -> None:
        """Take who is told."""
        self._chats = tuple(chats)
        self._translate = translate
        self._numbers = count(1)
        self._reachable = False
        self._away_since: float | None = None  # None: nothing has happened yet
        self._latest: dict[type[AlertMessage], _Message] = {}
        self._unfinished: dict[
            type[AlertMessage], _Message
        ] = {}  # posted, then changed out of reach, then followed by another
        self._missed: dict[
            type[AlertMessage], Tally
        ] = {}  # never posted, and not worth a message of their own any more

    def on_event(self, incident: Incident, now: float, wall: datetime) -> list[Post]:
        """Take what has happened; return what the chats are to show of it from now on."""
        if self._away_since is None:
            self._away_since = now
        moment = Moment(now, wall, self._translate)
        message = self._message_of(incident, moment)
        if message is None:
            return []
        message.story.take(incident, now)
        message.changed = True
        return self._tell(message, moment) if self._reachable else []

    def on_away(self, now: float) -> None:
        """Note that Telegram cannot be reached: from now on posts would only wait. Again is no harm."""
        if self._reachable:
            self._reachable = False
            self._away_since = now

    def on_reachable(self, now: float, wall: datetime) -> list[Post]:
        """Note that Telegram can be reached; return what there is to tell of the time before. Again is no harm."""
        if self._reachable:
            return []
        self._reachable = True
        moment = Moment(now, wall, self._translate)
        for kind, message in list(self._latest.items()):
            if not message.text and message.story.is_stale(now):
                self._miss(self._latest.pop(kind))
        posts = self._summary(moment)
        for message in (*self._unfinished.values(), *tuple(self._latest.values())):
            posts += self._tell(message, moment)
        self._unfinished.clear()
        return posts

    def _message_of(self, incident: Incident, moment: Moment) -> _Message | None:
        """Return the message that tells of this incident, a new one if need be; None if it needs none."""
        kind = STORIES[type(incident)]
        message = self._latest.get(kind)
        if message is not None and message.story.goes_on_with(incident, moment.now):
            return message
        if not isinstance(incident, kind.begins_with):
            return None
        if message is not None and not self._reachable:
            if message.text:
                self._unfinished[kind] = message
            else:
                self._miss(message)
        self._latest[kind] = message = _Message(self._new_key(moment), kind(moment.now))
        return message

    def _new_key(self, moment: Moment) -> str:
        """Return a key that no earlier process has used either."""
        return f"{WORD}:{moment.wall.timestamp():.0f}:{next(self._numbers)}"

    def _miss(self, message: _Message) -> None:
        kind, tally = type(message.story), message.story.tally()
        self._missed[kind] = self._missed[kind].and_then(tally) if kind in self._missed else tally

    def _tell(self, message: _Message, moment: Moment) -> list[Post]:
        """Return how the message looks now, and a new one if there is what nobody would notice in the old."""
        later = message.story.afresh(moment.now) if message.text else None
        if later is None:
            return self._posts(message, moment)
        message.changed = True
        self._latest[type(later)] = anew = _Message(self._new_key(moment), later, changed=True)
        return self._posts(message, moment) + self._posts(anew, moment)

    def _posts(self, message: _Message, moment: Moment) -> list[Post]:
        if not message.changed:
            return []
        text, before = message.story.text(moment), message.text
        message.text, message.changed = text, False
        if text == before:
            return []
        return self._to_all(text, message.key, silent=message.story.is_silent)

    def _summary(self, moment: Moment) -> list[Post]:
        """Return one message of all that was missed."""
        if not self._missed:
            return []
        away = duration(moment.now - (self._away_since or moment.now), self._translate)
        head = self._translate(_("📭 Telegram was out of reach for {duration}. Meanwhile:")).format(duration=away)
        lines = [kind.missed_line(tally, moment) for kind, tally in self._missed.items()]
        self._missed.clear()
        return self._to_all("\n".join([head, *lines]), self._new_key(moment))

    def _to_all(self, text: str, key: str, *, silent: bool = False) -> list[Post]:
        return [Post(chat, text, key, silent=silent) for chat in self._chats]
