"""Alerts: one message for each incident, edited as the incident goes on; pure.

While Telegram is unreachable nothing is sent: incidents that are resolved or old by the time it is back are merged into
one message. What is kept does not grow with the length of that time, nor with what happens in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Final

from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.persistence import SavedValue
from meshbot.runtime import (
    DatabaseFailed,
    DatabaseRecovered,
    DiskLow,
    DiskRecovered,
    Incident,
    KeyChanged,
    KeyShared,
    LinkLost,
    LinkRecovered,
    NodeLocked,
    NodeRebooted,
    NodeUnlocked,
    NodeWarning,
    OwnNumberChanged,
    RadioForgot,
)
from meshbot.telegram_bot.alerts.keys import KeyAlert, KeyWarnings, SharedKeyAlert
from meshbot.telegram_bot.alerts.kinds import (
    DatabaseAlert,
    DiskAlert,
    ForgotAlert,
    LinkAlert,
    LockAlert,
    NumberAlert,
    RebootAlert,
    WarningAlert,
)
from meshbot.telegram_bot.alerts.message import AlertMessage, Moment, SentAlert, Totals
from meshbot.telegram_bot.alerts.open_alerts import OpenAlerts
from meshbot.telegram_bot.models import Chat, OutgoingMessage

KEY_PREFIX: Final = "alert"  # of the messages' keys
# In place of the text that an earlier process sent: any other one is new
RESTORED: Final = "?"
ALERT_TYPES: Final[Mapping[type[Incident], type[AlertMessage]]] = {
    LinkLost: LinkAlert,
    LinkRecovered: LinkAlert,
    NodeLocked: LockAlert,
    NodeUnlocked: LockAlert,
    NodeRebooted: RebootAlert,
    NodeWarning: WarningAlert,
    RadioForgot: ForgotAlert,
    OwnNumberChanged: NumberAlert,
    KeyChanged: KeyAlert,
    KeyShared: SharedKeyAlert,
    DiskLow: DiskAlert,
    DiskRecovered: DiskAlert,
    DatabaseFailed: DatabaseAlert,
    DatabaseRecovered: DatabaseAlert,
}


class Alerts:
    """Turns incidents into messages. Telegram counts as unreachable until `on_reachable`.

    `now` is in monotonic seconds and never goes back; `wall` is the wall time of that moment, shown in its own zone; it
    may jump.
    """

    def __init__(self, chats: Sequence[Chat], translate: Translate) -> None:
        """`chats` get the alerts."""
        self.chats = tuple(chats)
        self._translate = translate
        self._numbers = count(1)
        self._reachable = False
        self._unreachable_since: float | None = None  # None: no incident yet
        self._latest: dict[type[AlertMessage], SentAlert] = {}
        # sent, changed while Telegram was unreachable, then followed by another
        self._unfinished: dict[type[AlertMessage], SentAlert] = {}
        # never sent, and too old for a message of their own
        self._missed: dict[type[AlertMessage], Totals] = {}
        self._warnings = KeyWarnings()
        self._open_alerts = OpenAlerts()

    def on_incident(self, incident: Incident, now: float, wall: datetime) -> list[OutgoingMessage]:
        """Take an incident; return the messages to send or edit."""
        if self._unreachable_since is None:
            self._unreachable_since = now
        moment = Moment(now, wall, self._translate)
        if isinstance(incident, KeyChanged) and self._warnings.concerns(incident):
            key = self._warnings.take(incident, now, lambda: self._new_key(moment), reachable=self._reachable)
            return self._warn([key], moment)
        kind = ALERT_TYPES[type(incident)]
        is_end = isinstance(incident, kind.resolved_by)
        messages = self._end_earlier(self._open_alerts.note(kind, incident if is_end else None), incident, moment)
        sent = self._alert_for(incident, moment)
        if sent is None:
            return messages
        sent.alert.take(incident, now)
        sent.changed = True
        return messages + (self._update(sent, moment) if self._reachable else [])

    def restore(self, state: Mapping[str, str], now: float, wall: datetime) -> list[OutgoingMessage]:
        """Take the alerts that an earlier process left open; return the messages that end those that are over."""
        moment = Moment(now, wall, self._translate)
        # it has just been read
        self._open_alerts.note(DatabaseAlert, DatabaseRecovered(), only_if_unknown=True)
        messages = []
        for key, alert in self._open_alerts.restored(state, moment):
            sent = SentAlert(key, alert, text=RESTORED)
            end = self._open_alerts.end_of(type(alert))
            if end is not None:
                messages += self._end_earlier([sent], end, moment)
            elif type(alert) in self._latest:
                self._open_alerts.keep(sent)
            else:
                self._latest[type(alert)] = sent
        return messages

    def take_changes(self) -> dict[str, SavedValue]:
        """Return what is to be saved of the open alerts since the last call."""
        return self._open_alerts.take_changes()

    def _end_earlier(self, earlier: Sequence[SentAlert], end: Incident, moment: Moment) -> list[OutgoingMessage]:
        """End the alerts of an earlier process, which no other one continues."""
        messages = []
        for sent in earlier:
            sent.alert.take(end, moment.now)
            sent.changed = True
            messages += self._messages(sent, moment)
        return messages

    def _warn(self, keys: Sequence[str], moment: Moment) -> list[OutgoingMessage]:
        texts = ((key, self._warnings.text(key, moment)) for key in keys if key)
        return [message for key, text in texts for message in self._to_all(text, key)]

    def on_unreachable(self, now: float) -> None:
        """Note that Telegram is unreachable: messages would only wait. Idempotent."""
        if self._reachable:
            self._reachable = False
            self._unreachable_since = now

    def on_reachable(self, now: float, wall: datetime) -> list[OutgoingMessage]:
        """Note that Telegram is reachable; return the messages about the time before. Idempotent."""
        if self._reachable:
            return []
        self._reachable = True
        moment = Moment(now, wall, self._translate)
        for kind, sent in list(self._latest.items()):
            if not sent.text and sent.alert.is_stale(now):
                self._miss(self._latest.pop(kind))
        messages = self._summary(moment) + self._warn(
            self._warnings.on_reachable(lambda: self._new_key(moment)), moment
        )
        for sent in (*self._unfinished.values(), *tuple(self._latest.values())):
            messages += self._update(sent, moment)
        self._unfinished.clear()
        return messages

    def _alert_for(self, incident: Incident, moment: Moment) -> SentAlert | None:
        """Return the alert that the incident belongs to, a new one if need be; None if it needs none."""
        kind = ALERT_TYPES[type(incident)]
        sent = self._latest.get(kind)
        if sent is not None and sent.alert.accepts(incident, moment.now):
            return sent
        if not isinstance(incident, kind.opened_by):
            return None
        if sent is not None and not self._reachable:
            if sent.text:
                self._unfinished[kind] = sent
            else:
                self._miss(sent)
        self._latest[kind] = sent = SentAlert(self._new_key(moment), kind(moment.now))
        return sent

    def _new_key(self, moment: Moment) -> str:
        """Return a key that no earlier process has used either."""
        return f"{KEY_PREFIX}:{moment.wall.timestamp():.0f}:{next(self._numbers)}"

    def _miss(self, sent: SentAlert) -> None:
        kind, totals = type(sent.alert), sent.alert.totals()
        self._missed[kind] = self._missed[kind].plus(totals) if kind in self._missed else totals

    def _update(self, sent: SentAlert, moment: Moment) -> list[OutgoingMessage]:
        """Return the message as of now, and a new one for what needs a notification, which an edit does not give."""
        alert = sent.alert.split_off(moment.now) if sent.text else None
        if alert is None:
            return self._messages(sent, moment)
        sent.changed = True
        self._latest[type(alert)] = new = SentAlert(self._new_key(moment), alert, changed=True)
        return self._messages(sent, moment) + self._messages(new, moment)

    def _messages(self, sent: SentAlert, moment: Moment) -> list[OutgoingMessage]:
        if not sent.changed:
            return []
        text, before = sent.alert.text(moment), sent.text
        sent.text, sent.changed = text, False
        self._open_alerts.sent(sent.key, sent.alert, moment)
        if text == before:
            return []
        return self._to_all(text, sent.key, silent=sent.alert.is_silent)

    def _summary(self, moment: Moment) -> list[OutgoingMessage]:
        """Return one message about all that was missed."""
        if not self._missed:
            return []
        outage = moment.duration(moment.now - (self._unreachable_since or moment.now))
        head = self._translate(_("📭 Telegram was out of reach for {duration}. Meanwhile:")).format(duration=outage)
        lines = [kind.missed_line(totals, moment) for kind, totals in self._missed.items()]
        self._missed.clear()
        return self._to_all("\n".join([head, *lines]), self._new_key(moment))

    def _to_all(self, text: str, key: str, *, silent: bool = False) -> list[OutgoingMessage]:
        return [OutgoingMessage(chat, text, key, silent=silent) for chat in self.chats]
