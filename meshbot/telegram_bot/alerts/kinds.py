"""The stories of the link, the node, the disk and the database, and why the link is down, in words; pure."""

from __future__ import annotations

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
    LinkCause,
    LinkLost,
    NodeRebooted,
)
from meshbot.telegram_bot.alerts.message import AlertMessage, Moment, StateAlert, Tally

REASON_SHOWN: Final = 300  # characters
MANY_REBOOTS: Final = 3
GIGABYTE, MEGABYTE = 1e9, 1e6
CAUSE_SHOWN: Final = 120  # characters of a cause that is not known
CAUSES: Final[Mapping[LinkCause, str]] = MappingProxyType(
    {
        LinkCause.NAME_UNKNOWN: _("Its name is not found in the network."),
        LinkCause.NO_ANSWER: _("It does not answer."),
        LinkCause.NO_ROUTE: _("No way leads to it."),
        LinkCause.REFUSED: _("It refuses the connection: it is starting, or its TCP server is off."),
        LinkCause.CLOSED: _("It has closed the connection."),
        LinkCause.SILENCE: _("It says nothing any more."),
        LinkCause.NO_CONFIGURATION: _("It answers, but does not deliver its configuration."),
        LinkCause.NO_OWN_NODE: _("Its configuration lacks the node itself."),
        LinkCause.RESTARTS: _("It restarts again and again."),
        LinkCause.SEND_BLOCKED: _("It takes no more data."),
        LinkCause.STUCK_SESSIONS: _("Earlier attempts hang, so no further one is started."),
        LinkCause.REQUESTED: _("An operator asked for a new connection."),
    }
)
ASKS_FOR_POWER: Final = frozenset({LinkCause.NO_ANSWER, LinkCause.NO_ROUTE})


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
        text = moment.say(
            line,
            stamp=moment.stamp(self._since),
            node=self._lost.node,
            duration=moment.lasting(self._lost.outage),
            failures=self._lost.failures,
            cause=_cause(self._lost, moment),
        )
        if self._lost.cause in ASKS_FOR_POWER:
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


def _cause(lost: LinkLost, moment: Moment) -> str:
    """Return why in a sentence, or as the log has it."""
    if sentence := CAUSES.get(lost.cause):
        return moment.translate(sentence)
    return f"« {lost.detail[:CAUSE_SHOWN]} »" if lost.detail else ""
