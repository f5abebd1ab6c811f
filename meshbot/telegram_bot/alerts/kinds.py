"""The stories of the link, the node, the disk and the database, and why the link is down, in words; pure."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from meshbot.commands import mark as _
from meshbot.runtime import (
    DatabaseTrouble,
    DatabaseWell,
    DiskLow,
    DiskWell,
    Incident,
    LinkBack,
    LinkLost,
    NodeRebooted,
)
from meshbot.telegram_bot.alerts.message import AlertMessage, Moment, StateAlert, Tally

REASON_SHOWN: Final = 300  # characters
MANY_REBOOTS: Final = 3
GIGABYTE, MEGABYTE = 1e9, 1e6
CAUSE_SHOWN: Final = 120  # characters of a cause that is not known
NUMBER: Final = re.compile(r"\[Errno (-?\d+)\]")
NAME_ERRORS: Final = (-2, -3, -5)  # of getaddrinfo: not known, try again, no address
NAME_UNKNOWN: Final = _("Its name is not found in the network.")
NO_ANSWER: Final = _("It does not answer.")
NO_WAY: Final = _("No way leads to it.")
SILENT: Final = _("It says nothing any more.")
CLOSED: Final = _("It has closed the connection.")
BY_NUMBER: Final[Mapping[int, str]] = MappingProxyType(
    dict.fromkeys(NAME_ERRORS, NAME_UNKNOWN)
    | dict.fromkeys((errno.ETIMEDOUT, errno.EHOSTDOWN), NO_ANSWER)
    | dict.fromkeys((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN), NO_WAY)
    | dict.fromkeys((errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED), CLOSED)
    | {errno.ECONNREFUSED: _("It refuses the connection: it is starting, or its TCP server is off.")}
)
BY_REASON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pas de réponse": NO_ANSWER,
        "configuration incomplète": _("It answers, but does not deliver its configuration."),
        "silence": SILENT,
        "fermé par le nœud": CLOSED,
    }
)
ASKS_FOR_POWER: Final = frozenset({NO_ANSWER, NO_WAY})


class LinkAlertMessage(StateAlert):
    """The link to the node is lost, and back."""

    begins_with = (LinkLost,)
    ends_with = (LinkBack,)
    missed = _("🟢{stamp} link to the node back; lost {times} ×, {duration} in all")

    def _take(self, incident: Incident, now: float) -> None:
        match incident:
            case LinkLost():
                self._out_of_order(now - incident.outage)
                self._lost = incident
            case LinkBack():
                self._well_again(now)

    def text(self, moment: Moment) -> str:
        """See Story."""
        if self.is_over:
            line = _("🟢{stamp} The link to the node is back, after {duration}.")
            stamp, lasted = moment.stamp(self._until), moment.lasting(self._lasted)
            return moment.say(line, stamp=stamp, duration=lasted) + self.several(moment)
        line = _(
            "🔴{stamp} Link to the node lost: {node}, for {duration}, {failures} attempts. {cause}\nI keep trying."
        )
        cause = known_cause(self._lost.cause)
        text = moment.say(
            line,
            stamp=moment.stamp(self._since),
            node=self._lost.node,
            duration=moment.lasting(self._lost.outage),
            failures=self._lost.failures,
            cause=moment.translate(cause) if cause else _quoted(self._lost.cause),
        )
        if cause in ASKS_FOR_POWER:
            text += " " + moment.say(_("Has it power and WiFi?"))
        return text + self.several(moment)


class DiskAlert(StateAlert):
    """The disk fills, and has room again."""

    begins_with = (DiskLow,)
    ends_with = (DiskWell,)
    missed = _("💾{stamp} enough disk space again; too little {times} ×, {duration} in all")

    def _take(self, incident: Incident, now: float) -> None:
        match incident:
            case DiskLow(free, share):
                self._out_of_order(now)
                self._free = free, share
            case DiskWell(free, share):
                self._well_again(now)
                self._free = free, share

    def text(self, moment: Moment) -> str:
        """See Story."""
        free, share = self._free
        left = (
            moment.say(_("{size:.1f} GB"), size=free / GIGABYTE)
            if free >= GIGABYTE
            else moment.say(_("{size:.0f} MB"), size=free / MEGABYTE)
        )
        if self.is_over:
            line = _("🟢{stamp} Enough disk space again: {left} free ({share} %).")
            stamp = moment.stamp(self._until)
        else:
            line = _(
                "💾{stamp} Little disk space: {left} free ({share} %).\n"
                "Make room soon: on a full disk nothing new is kept over a restart."
            )
            stamp = moment.stamp(self._since)
        return moment.say(line, stamp=stamp, left=left, share=f"{100 * share:.1f}") + self.several(moment)


class DatabaseAlert(StateAlert):
    """The database refuses, and takes everything again."""

    begins_with = (DatabaseTrouble,)
    ends_with = (DatabaseWell,)
    missed = _("🟢{stamp} database well again; in trouble {times} ×, {duration} in all")

    def _take(self, incident: Incident, now: float) -> None:
        match incident:
            case DatabaseTrouble(reason):
                self._out_of_order(now)
                self._reason = reason[:REASON_SHOWN]
            case DatabaseWell():
                self._well_again(now)

    def text(self, moment: Moment) -> str:
        """See Story."""
        if self.is_over:
            line = _("🟢{stamp} The database is well again, after {duration}.")
            stamp, lasted = moment.stamp(self._until), moment.lasting(self._lasted)
            return moment.say(line, stamp=stamp, duration=lasted) + self.several(moment)
        line = _(
            "🗄️{stamp} Database in trouble: {reason}.\n"
            "What is learnt stays in memory until it can be written. Look at the disk: room, rights, cable."
        )
        return moment.say(line, stamp=moment.stamp(self._since), reason=self._reason) + self.several(moment)


class RebootAlert(AlertMessage):
    """The bot's own node restarts."""

    begins_with = (NodeRebooted,)
    missed = _("🔁{stamp} the node has restarted; {times} × in all")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._times = 0

    def _take(self, incident: Incident, now: float) -> None:  # noqa: ARG002 - the time is noted already
        if isinstance(incident, NodeRebooted):
            self._times += 1
            self._last = incident
            self.is_silent = incident.ordered

    def text(self, moment: Moment) -> str:
        """See Story."""
        last = self._last
        ordered = _("🔁{stamp} The node has restarted, as ordered.")
        unasked = _("🔁{stamp} The node has restarted.")
        text = moment.say(ordered if last.ordered else unasked, stamp=moment.stamp(self._changed))
        if last.boots:
            text += " " + moment.say(_("Start number {boots}."), boots=last.boots)
        if last.firmware:
            text += " " + moment.say(_("Firmware {version}."), version=self._version())
        if self._times > 1:
            line = _("{times} restarts in {span}.")
            text += "\n" + moment.say(line, times=self._times, span=moment.lasting(self._changed - self._began))
        if self._times >= MANY_REBOOTS:
            text += " " + moment.say(_("Look at its power supply."))
        return text

    def _version(self) -> str:
        before, now = self._last.firmware_before, self._last.firmware
        return f"{before} → {now}" if before not in {"", now} else now

    def tally(self) -> Tally:
        """See Story."""
        return Tally(self._times, self._changed)


def known_cause(cause: str) -> str:
    """Return a marked sentence for what the log says in French or the system in English; nothing if none is known."""
    number = NUMBER.search(cause)
    return BY_NUMBER.get(int(number[1]), "") if number else BY_REASON.get(cause, "")


def _quoted(cause: str) -> str:
    return f"« {cause[:CAUSE_SHOWN]} »" if cause else ""
