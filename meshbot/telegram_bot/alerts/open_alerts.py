"""Alerts that are open: saved, so that the next process ends those that ended while no bot ran; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from meshbot.persistence import SavedValue
from meshbot.runtime import DatabaseFailed, DiskLow, Incident, LinkCause, LinkLost, NodeLocked
from meshbot.telegram_bot.alerts.kinds import DatabaseAlert, DiskAlert, LinkAlert, LockAlert
from meshbot.telegram_bot.alerts.message import AlertMessage, Moment, SentAlert, StateAlert

# Beginning of the names of saved values; the message's key follows
NAME: Final = "open:"
KINDS: Final[Mapping[str, tuple[type[StateAlert], type[LinkLost | NodeLocked | DatabaseFailed | DiskLow]]]] = {
    "link": (LinkAlert, LinkLost),
    "lock": (LockAlert, NodeLocked),
    "database": (DatabaseAlert, DatabaseFailed),
    "disk": (DiskAlert, DiskLow),
}
WORDS: Final = {alert: word for word, (alert, _incident) in KINDS.items()}


class OpenAlerts:
    """For one thread."""

    def __init__(self) -> None:
        self._saved: set[str] = set()  # names
        self._changes: dict[str, SavedValue] = {}
        # the last end of each kind since its last beginning, in this process
        self._ends: dict[type[AlertMessage], Incident] = {}
        self._begun: set[type[AlertMessage]] = set()
        # of earlier processes, beside one of this process
        self._earlier: dict[type[AlertMessage], list[SentAlert]] = {}

    def note(self, kind: type[AlertMessage], end: Incident | None, *, only_if_unknown: bool = False) -> list[SentAlert]:
        """Note that a kind has ended, None: begun; return the earlier alerts that are over with it."""
        if end is None:
            self._ends.pop(kind, None)
            self._begun.add(kind)
            return []
        if only_if_unknown and kind in self._begun:
            return []
        self._ends[kind] = end
        return self._earlier.pop(kind, [])

    def end_of(self, kind: type[AlertMessage]) -> Incident | None:
        """Return how this process knows that a kind is over, None: it does not."""
        return self._ends.get(kind)

    def keep(self, sent: SentAlert) -> None:
        """Keep an earlier alert until its kind is over."""
        self._earlier.setdefault(type(sent.alert), []).append(sent)

    def sent(self, key: str, alert: AlertMessage, moment: Moment) -> None:
        """Take an alert as it is shown now."""
        if not isinstance(alert, StateAlert):
            return
        name = f"{NAME}{key}"
        if not alert.is_resolved:
            self._saved.add(name)
            self._changes[name] = SavedValue(_encoded(alert, moment))
        elif name in self._saved:
            self._saved.discard(name)
            self._changes[name] = SavedValue("")

    def restored(self, state: Mapping[str, str], moment: Moment) -> Iterator[tuple[str, StateAlert]]:
        """Yield the key and the alert of each that was saved."""
        for name, value in state.items():
            if name.startswith(NAME) and name not in self._saved:
                self._saved.add(name)
                alert = _decoded(value, moment)
                if alert is None:
                    self._changes[name] = SavedValue("")
                else:
                    yield name.removeprefix(NAME), alert

    def take_changes(self) -> dict[str, SavedValue]:
        """Return what is to be saved since the last call."""
        changes, self._changes = self._changes, {}
        return changes


def _encoded(alert: StateAlert, moment: Moment) -> str:
    since = moment.wall.timestamp() - (moment.now - alert.since)
    fields = {name: each.name if isinstance(each, Enum) else each for name, each in asdict(alert.opening).items()}
    return json.dumps([WORDS[type(alert)], round(since), fields])


def _decoded(value: str, moment: Moment) -> StateAlert | None:
    """Return the alert that was encoded so, None if this is none that this version knows."""
    try:
        word, since, fields = json.loads(value)
        kind, incident_type = KINDS[word]
        incident: Any = incident_type(**fields)
        if isinstance(incident, LinkLost):
            incident = replace(incident, cause=LinkCause[fields["cause"]])
        # the wall clock may have been wrong, then or now
        age = max(0.0, moment.wall.timestamp() - datetime.fromtimestamp(since, moment.wall.tzinfo).timestamp())
        alert = kind(moment.now)
        alert.take(incident, moment.now)
        alert.began(moment.now - age)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None
    return alert
