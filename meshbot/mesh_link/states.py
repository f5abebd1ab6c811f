"""The link's states and events, and what leads from one state to the next; docs/TCP_ARCHITECTURE.md draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from meshbot.mesh_link.liveness import ProbeTimes


class LinkState(Enum):
    """Where the link stands."""

    STOPPED = auto()
    CONNECTING = auto()  # TCP connect, then the configuration download
    READY = auto()  # our configuration request is complete: packets may flow
    CLOSING = auto()  # the session was asked to end, and CLOSED has not come yet
    BACKOFF = auto()  # waiting for the next attempt


class LinkEvent(Enum):
    """What the machine takes; see FROM_SESSION for those that carry a generation."""

    START = auto()
    ACCEPTED = auto()  # the TCP connection stands; proves nothing of the node's main loop
    CONNECTED = auto()  # configuration complete, own node known
    RESTARTED = auto()  # the library requested the configuration again on the same connection
    FAILED = auto()
    LOST = auto()
    ANSWERED = auto()  # the node answered a heartbeat
    FETCHED = auto()  # the other nodes are here, after a configuration without them
    CLOSED = auto()  # a session's last event
    DEADLINE = auto()
    RECONNECT = auto()
    STOP = auto()


S, E = LinkState, LinkEvent
FROM_SESSION = frozenset({E.ACCEPTED, E.CONNECTED, E.RESTARTED, E.FAILED, E.LOST, E.ANSWERED, E.FETCHED, E.CLOSED})
_ENDS = {E.FAILED: S.CLOSING, E.LOST: S.CLOSING, E.CLOSED: S.BACKOFF}
TRANSITIONS: Mapping[LinkState, Mapping[LinkEvent, LinkState]] = {
    S.STOPPED: {E.START: S.CONNECTING, E.RECONNECT: S.STOPPED, E.STOP: S.STOPPED},
    S.CONNECTING: _ENDS
    | {
        E.START: S.CONNECTING,
        E.ACCEPTED: S.CONNECTING,
        E.ANSWERED: S.CONNECTING,
        E.FETCHED: S.CONNECTING,
        E.CONNECTED: S.READY,
        E.RESTARTED: S.CONNECTING,
        E.DEADLINE: S.CLOSING,
        E.RECONNECT: S.CONNECTING,
        E.STOP: S.CLOSING,
    },
    S.READY: _ENDS
    | {
        E.START: S.READY,
        E.ACCEPTED: S.READY,
        E.ANSWERED: S.READY,
        E.FETCHED: S.READY,
        E.CONNECTED: S.READY,
        E.RESTARTED: S.CONNECTING,
        E.DEADLINE: S.CLOSING,
        E.RECONNECT: S.CLOSING,
        E.STOP: S.CLOSING,
    },
    S.CLOSING: _ENDS
    | {
        E.START: S.CLOSING,
        E.ACCEPTED: S.CLOSING,
        E.ANSWERED: S.CLOSING,
        E.FETCHED: S.CLOSING,
        E.CONNECTED: S.CLOSING,
        E.RESTARTED: S.CLOSING,
        E.DEADLINE: S.BACKOFF,
        E.RECONNECT: S.CLOSING,
        E.STOP: S.CLOSING,
    },
    S.BACKOFF: {E.START: S.BACKOFF, E.DEADLINE: S.CONNECTING, E.RECONNECT: S.CONNECTING, E.STOP: S.STOPPED},
}
CLOSING_AFTER_STOP: Mapping[LinkEvent, LinkState] = {E.CLOSED: S.STOPPED, E.DEADLINE: S.STOPPED}


@dataclass(frozen=True, slots=True)
class LinkTimes(ProbeTimes):
    """The machine's durations in seconds; config.py documents each."""

    connect_timeout: float
    config_timeout: float
    config_silence: float
    close_timeout: float
    alert_after: float
    stable_after: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an event says of the node and the connection, beside its name."""

    answers_probes: bool = False  # of CONNECTED: its firmware answers a heartbeat (2.7.6 and later)
    boots: int = 0  # of CONNECTED: its count of restarts, 0 if it keeps none
    round_trip: float = 0.0  # of CONNECTED: seconds from our request to the first byte
    ordered: bool = False  # of an end: we had ordered the reboot over this connection
    unacknowledged: bool = False  # of DEADLINE: our bytes were repeated in vain; see Liveness.check


NO_EVIDENCE = Evidence()
