"""The words of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from meshbot.commands import Translate, duration, ident
from meshbot.commands import mark as _
from meshbot.nodes import KeyState
from meshbot.persistence import RESTARTED
from meshbot.runtime import (
    DatabaseFailed,
    DatabaseRecovered,
    DiskLow,
    DiskRecovered,
    Incident,
    KeyChanged,
    KeyShared,
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
from meshbot.sending import Account, Priority
from meshbot.text import one_line, shorten

# Bytes of another program's words
QUOTED: Final = 160
LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "link": _("Link to the node"),
        "last_days": _("The last 7 days"),
        "outages": _("Outages"),
        "began": _("began"),
        "lasted": _("lasted"),
        "why": _("why"),
        "up": _("up"),
        "down": _("down"),
        "unseen": _("the bot was not running"),
        "no_outage": _("No outage was seen."),
        "map": _("Map"),
        "no_place": _("No node has told its position."),
        "nodes": _("Nodes"),
        "nobody": _("No node was heard."),
        "name": _("name"),
        "heard": _("heard"),
        "hops": _("hops"),
        "snr": _("SNR"),
        "battery": _("battery"),
        "distance": _("distance"),
        "traffic": _("Traffic by hour"),
        "air": _("Air time of the last hour"),
        "keys": _("Public keys"),
        "queue": _("Waiting for the radio"),
        "packets": _("packets"),
        "oldest": _("oldest"),
        "mail": _("Mailboxes"),
        "incidents": _("Incidents since the start"),
        "no_incident": _("None."),
        "unreadable": _("The database cannot be read at the moment."),
        "before": _("before"),
        "next": _("next"),
        "text": _("text"),
        "position": _("position"),
        "nodeinfo": _("node info"),
        "telemetry": _("telemetry"),
        "encrypted": _("encrypted"),
        "other": _("other"),
        "busy": _("channel busy, of the full height"),
        "age0": _("heard within 1 h"),
        "age1": _("within 24 h"),
        "age2": _("earlier"),
    }
)
CAUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        LinkCause.NAME_UNKNOWN.name: _("its name was not found"),
        LinkCause.NO_ANSWER.name: _("it did not answer"),
        LinkCause.NO_ROUTE.name: _("no way led to it"),
        LinkCause.REFUSED.name: _("it refused the connection"),
        LinkCause.CLOSED.name: _("it closed the connection"),
        LinkCause.SILENCE.name: _("it said nothing any more"),
        LinkCause.NO_CONFIGURATION.name: _("its configuration did not come"),
        LinkCause.NO_OWN_NODE.name: _("its configuration lacked the node itself"),
        LinkCause.RESTARTS.name: _("it restarted again and again"),
        RESTARTED: _("it restarted"),
        LinkCause.SEND_BLOCKED.name: _("it took no more data"),
        LinkCause.STUCK_SESSIONS.name: _("earlier attempts hung"),
        LinkCause.REQUESTED.name: _("an operator asked for a new connection"),
    }
)
STATES: Final[Mapping[KeyState, str]] = MappingProxyType(
    {
        KeyState.LEARNT: _("learnt from the radio"),
        KeyState.SEEN: _("seen on the air, not verified"),
        KeyState.IMPORTED: _("imported"),
        KeyState.VERIFIED: _("verified"),
        KeyState.CHANGED: _("changed"),
        KeyState.DUPLICATE: _("duplicate"),
        KeyState.REVOKED: _("revoked"),
    }
)
ACCOUNTS: Final[Mapping[Account, str]] = MappingProxyType(
    {
        Account.EVERYTHING: _("everything"),
        Account.STRANGERS: _("answers to strangers"),
        Account.FORWARDED: _("from Telegram, and alerts"),
    }
)
PRIORITIES: Final[Mapping[Priority, str]] = MappingProxyType(
    {
        Priority.ANSWER: _("answers"),
        Priority.MAIL: _("notices of mail"),
        Priority.BRIDGE: _("from Telegram"),
        Priority.ALERT: _("alerts"),
    }
)


def _named(num: int, name: str) -> str:
    return f"{one_line(name)} {ident(num)}" if one_line(name) else ident(num)


def _quoted(text: str) -> str:
    return shorten(one_line(text), QUOTED)


def _link(incident: Incident, tr: Translate) -> str | None:
    match incident:
        case LinkLost(node, outage):
            return tr(_("Link to {node} lost for {time}")).format(node=node, time=duration(outage, tr))
        case LinkRecovered(outage):
            return tr(_("Link back after {time}")).format(time=duration(outage, tr))
        case NodeRebooted(_boots, True):
            return tr(_("Our node restarted, as ordered"))
        case NodeRebooted():
            return tr(_("Our node restarted by itself"))
        case NodeLocked():
            return tr(_("Our node is in lockdown: nothing comes or goes"))
        case NodeUnlocked():
            return tr(_("Our node is unlocked"))
        case NodeWarning(text):
            return tr(_("Our node warns: {text}")).format(text=_quoted(text))
    return None


def _radio(incident: Incident, tr: Translate) -> str | None:
    match incident:
        case RadioForgot():
            return tr(_("Our radio has lost its key, its nodes or its region"))
        case OwnNumberChanged(old, new):
            return tr(_("Our node is {new} now, no longer {old}")).format(new=ident(new), old=ident(old))
        case KeyChanged(num, name):
            return tr(_("{node} has another public key")).format(node=_named(num, name))
        case KeyShared(_key, nodes):
            names = " = ".join(_named(num, name) for num, name in nodes)
            return tr(_("Several nodes have one public key: {nodes}")).format(nodes=names)
    return None


def _disk(incident: Incident, tr: Translate) -> str | None:
    match incident:
        case DiskLow(_free, share):
            return tr(_("Only {share} of the disk is free")).format(share=f"{100 * share:.0f}%")
        case DiskRecovered():
            return tr(_("The disk has room again"))
        case DatabaseFailed(reason):
            return tr(_("The database refuses: {reason}")).format(reason=_quoted(reason))
        case DatabaseRecovered():
            return tr(_("The database works again"))
    return None


def incident_words(incident: Incident, tr: Translate) -> str:
    """Return an incident in one line."""
    kinds: tuple[Callable[[Incident, Translate], str | None], ...] = (_link, _radio, _disk)
    return next((words for kind in kinds if (words := kind(incident, tr)) is not None), type(incident).__name__)
