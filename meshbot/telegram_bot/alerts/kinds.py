"""The alerts about the link, the node, the disk and the database, and the causes of a lost link in words; pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from meshbot.commands import mark as _
from meshbot.runtime import (
    DatabaseFailed,
    DatabaseRecovered,
    DiskLow,
    DiskRecovered,
    Incident,
    LinkCause,
    LinkLost,
    LinkRecovered,
    NodeLocked,
    NodeRebooted,
    NodeUnlocked,
    NodeWarning,
    OwnNumberChanged,
    RadioForgot,
)
from meshbot.telegram_bot.alerts.message import SHOWN, AlertMessage, Moment, StateAlert, Totals

REASON_SHOWN: Final = 300  # characters
MANY_REBOOTS: Final = 3
GIGABYTE, MEGABYTE = 1e9, 1e6
CAUSE_SHOWN: Final = 120  # characters of an unknown cause
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
POWER_QUESTION_FOR: Final = frozenset({LinkCause.NO_ANSWER, LinkCause.NO_ROUTE})


class LinkAlert(StateAlert):
    """The link to the node is lost, and back."""

    opened_by = (LinkLost,)
    resolved_by = (LinkRecovered,)
    missed = _("🟢{stamp} link to the node back; lost {times} ×, {duration} in all")

    def _take(self, incident: Incident, now: float) -> None:
        match incident:
            case LinkLost():
                self._open(now - incident.outage)
                self._lost = incident
            case LinkRecovered():
                self._resolve(now)

    @property
    def opening(self) -> Incident:
        """See StateAlert."""
        return self._lost

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        if self.is_resolved:
            line = _("🟢{stamp} The link to the node is back, after {duration}.")
            stamp, lasted = moment.stamp(self._until), moment.duration(self._lasted)
            text = moment.format(line, stamp=stamp, duration=lasted)
            # how it began stays in the message
            began, lost = self.beginning(moment)
            cause = _cause(lost, moment) if isinstance(lost, LinkLost) else ""
            return text + f"\n🔴{began} {cause}".rstrip() + self.repetitions(moment)
        line = _(
            "🔴{stamp} Link to the node lost: {node}, for {duration}, {failures} attempts. {cause}\nI keep trying."
        )
        text = moment.format(
            line,
            stamp=moment.stamp(self._since),
            node=self._lost.node,
            duration=moment.duration(self._lost.outage),
            failures=self._lost.failures,
            cause=_cause(self._lost, moment),
        )
        if self._lost.cause in POWER_QUESTION_FOR:
            text += " " + moment.format(_("Has it power and WiFi?"))
        return text + self.repetitions(moment)


class LockAlert(StateAlert):
    """The bot's own node is in lockdown, and is unlocked."""

    opened_by = (NodeLocked,)
    resolved_by = (NodeUnlocked,)
    missed = _("🟢{stamp} node unlocked; in lockdown {times} ×, {duration} in all")

    def _take(self, incident: Incident, now: float) -> None:
        match incident:
            case NodeLocked():
                self._open(now)
            case NodeUnlocked():
                self._resolve(now)

    @property
    def opening(self) -> Incident:
        """See StateAlert."""
        return NodeLocked()

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        if self.is_resolved:
            line = _("🟢{stamp} The node is unlocked, after {duration}.")
            stamp, lasted = moment.stamp(self._until), moment.duration(self._lasted)
            # how it began stays in the message
            began = f"\n🔒{self.beginning(moment)[0]}".rstrip()
            return moment.format(line, stamp=stamp, duration=lasted) + began + self.repetitions(moment)
        line = _(
            "🔒{stamp} The node is in lockdown: it delivers nothing, and sends nothing for the bot.\n"
            "Unlock it in the Meshtastic app; what waits is kept."
        )
        return moment.format(line, stamp=moment.stamp(self._since)) + self.repetitions(moment)


class DiskAlert(StateAlert):
    """The disk is almost full, and has room again."""

    opened_by = (DiskLow,)
    resolved_by = (DiskRecovered,)
    missed = _("💾{stamp} enough disk space again; too little {times} ×, {duration} in all")

    def _take(self, incident: Incident, now: float) -> None:
        match incident:
            case DiskLow(free, share):
                self._open(now)
                self._low = incident
                self._free = free, share
            case DiskRecovered(free, share):
                self._resolve(now)
                self._free = free, share

    @property
    def opening(self) -> Incident:
        """See StateAlert."""
        return self._low

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        free, share = self._free
        left = _size(free, moment)
        if self.is_resolved:
            line = _("🟢{stamp} Enough disk space again: {left} free ({share} %).")
            began, low = self.beginning(moment)
            if isinstance(low, DiskLow):
                before = moment.format(_("💾{stamp} {left} were left."), stamp=began, left=_size(low.free, moment))
                line = f"{moment.translate(line)}\n{before}"
            stamp = moment.stamp(self._until)
        else:
            line = _(
                "💾{stamp} Little disk space: {left} free ({share} %).\n"
                "Make room soon: on a full disk nothing new is kept over a restart."
            )
            stamp = moment.stamp(self._since)
        return moment.format(line, stamp=stamp, left=left, share=f"{100 * share:.1f}") + self.repetitions(moment)


class DatabaseAlert(StateAlert):
    """The database fails, and works again."""

    opened_by = (DatabaseFailed,)
    resolved_by = (DatabaseRecovered,)
    missed = _("🟢{stamp} database well again; in trouble {times} ×, {duration} in all")

    def _take(self, incident: Incident, now: float) -> None:
        match incident:
            case DatabaseFailed(reason):
                self._open(now)
                self._trouble = incident
                self._reason = reason[:REASON_SHOWN]
            case DatabaseRecovered():
                self._resolve(now)

    @property
    def opening(self) -> Incident:
        """See StateAlert."""
        return self._trouble

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        if self.is_resolved:
            line = _("🟢{stamp} The database is well again, after {duration}.")
            stamp, lasted = moment.stamp(self._until), moment.duration(self._lasted)
            text = moment.format(line, stamp=stamp, duration=lasted)
            began, trouble = self.beginning(moment)
            reason = trouble.reason[:REASON_SHOWN] if isinstance(trouble, DatabaseFailed) else ""
            text += "\n" + moment.format(_("🗄️{stamp} It was in trouble: {reason}."), stamp=began, reason=reason)
            return text + self.repetitions(moment)
        line = _(
            "🗄️{stamp} Database in trouble: {reason}.\n"
            "What is learnt stays in memory until it can be written. Look at the disk: room, rights, cable."
        )
        return moment.format(line, stamp=moment.stamp(self._since), reason=self._reason) + self.repetitions(moment)


class RebootAlert(AlertMessage):
    """The bot's own node restarts."""

    opened_by = (NodeRebooted,)
    missed = _("🔁{stamp} the node has restarted; {times} × in all")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._times = 0

    def _take(self, incident: Incident, now: float) -> None:  # noqa: ARG002 - `take` has noted the time
        if isinstance(incident, NodeRebooted):
            self._times += 1
            self._last = incident
            self.is_silent = incident.ordered

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        last = self._last
        ordered = _("🔁{stamp} The node has restarted, as ordered.")
        unasked = _("🔁{stamp} The node has restarted.")
        text = moment.format(ordered if last.ordered else unasked, stamp=moment.stamp(self._changed))
        if last.boots:
            text += " " + moment.format(_("Start number {boots}."), boots=last.boots)
        if last.firmware:
            text += " " + moment.format(_("Firmware {version}."), version=self._version())
        if self._times > 1:
            line = _("{times} restarts in {span}.")
            text += "\n" + moment.format(line, times=self._times, span=moment.duration(self._changed - self._opened_at))
        if self._times >= MANY_REBOOTS:
            text += " " + moment.format(_("Look at its power supply."))
        return text

    def _version(self) -> str:
        before, now = self._last.firmware_before, self._last.firmware
        return f"{before} → {now}" if before not in {"", now} else now

    def totals(self) -> Totals:
        """See AlertMessage."""
        return Totals(self._times, self._changed)


class ForgotAlert(AlertMessage):
    """The bot's own node has lost its key, its nodes or its region."""

    opened_by = (RadioForgot,)
    missed = _("🧠{stamp} the node has lost its memory; {times} × in all")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._times = 0

    def _take(self, incident: Incident, now: float) -> None:  # noqa: ARG002 - `take` has noted the time
        if isinstance(incident, RadioForgot):
            self._times += 1
            self._last = incident

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        last = self._last
        lines = [moment.format(_("🧠{stamp} The node has lost its memory."), stamp=moment.stamp(self._changed))]
        if last.new_key:
            line = _(
                "Its key is {new} instead of {old}: who knows the old one cannot write to it. Give it the old one back "
                "from a backup, or have people remove the node from theirs."
            )
            lines.append(moment.format(line, new=last.new_key, old=last.old_key))
        if last.nodes_before is not None:
            line = _("Of {before} nodes it knows {nodes}: it gets the keys of those who write to the bot back.")
            lines.append(moment.format(line, before=last.nodes_before, nodes=last.nodes))
        if last.region_unset:
            lines.append(moment.translate(_("Its region is not set: it sends nothing until you set it.")))
        return "\n".join(lines)

    def totals(self) -> Totals:
        """See AlertMessage."""
        return Totals(self._times, self._changed)


class WarningAlert(AlertMessage):
    """The bot's own node warns of something; each warning is shown, the latest last."""

    opened_by = (NodeWarning,)
    missed = _("📻{stamp} the node warned {times} ×; its words are in the log")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._times = 0
        self._texts: dict[str, float] = {}  # the latest SHOWN

    def _take(self, incident: Incident, now: float) -> None:
        if isinstance(incident, NodeWarning):
            self._times += 1
            self._texts.pop(incident.text, None)
            self._texts[incident.text] = now
            while len(self._texts) > SHOWN:
                del self._texts[next(iter(self._texts))]

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        line = _("📻{stamp} The node warns: {text}")
        return "\n".join(
            moment.format(line, stamp=moment.stamp(at), text=text[:REASON_SHOWN]) for text, at in self._texts.items()
        )

    def totals(self) -> Totals:
        """See AlertMessage."""
        return Totals(self._times, self._changed)


class NumberAlert(AlertMessage):
    """The bot's own node has another number."""

    opened_by = (OwnNumberChanged,)
    missed = _("🆔{stamp} our node has another number; {times} × in all")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._times = 0

    def _take(self, incident: Incident, now: float) -> None:  # noqa: ARG002 - `take` has noted the time
        if isinstance(incident, OwnNumberChanged):
            self._times += 1
            self._last = incident

    def text(self, moment: Moment) -> str:
        """See AlertMessage."""
        line = _(
            "🆔{stamp} Our node has another number: !{old:08x} → !{new:08x}.\n"
            "Direct messages to the number before no longer arrive: people should write to the new one."
        )
        return moment.format(line, stamp=moment.stamp(self._changed), old=self._last.old, new=self._last.new)

    def totals(self) -> Totals:
        """See AlertMessage."""
        return Totals(self._times, self._changed)


def _cause(lost: LinkLost, moment: Moment) -> str:
    """Return why in a sentence, or as the log has it."""
    if sentence := CAUSES.get(lost.cause):
        return moment.translate(sentence)
    return f"« {lost.detail[:CAUSE_SHOWN]} »" if lost.detail else ""


def _size(size: int, moment: Moment) -> str:
    if size >= GIGABYTE:
        return moment.format(_("{size:.1f} GB"), size=size / GIGABYTE)
    return moment.format(_("{size:.0f} MB"), size=size / MEGABYTE)
