"""What is reported to operators: the incidents, and the bus from any part to the listener.

Durations are seconds by the monotonic clock: a jump of the wall time does not touch them. Names and reasons are in
text for people, free of secrets and of line ends.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

# Incidents that wait for a listener: more than a start can bring
KEPT: Final = 100


class LinkCause(Enum):
    """Why the link to the node was lost, or why an attempt failed."""

    NAME_UNKNOWN = auto()
    NO_ANSWER = auto()
    NO_ROUTE = auto()
    REFUSED = auto()
    CLOSED = auto()  # by the node
    SILENCE = auto()
    NO_CONFIGURATION = auto()  # it did not come, or not to its end
    NO_OWN_NODE = auto()  # the configuration lacks it
    RESTARTS = auto()  # of the node, again and again
    SEND_BLOCKED = auto()
    STUCK_SESSIONS = auto()  # of earlier attempts: no further one is started
    REQUESTED = auto()  # by an operator
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The link is down for long enough to be worth an alert; repeated now and then while that lasts."""

    node: str  # where it should be, as host:port
    outage: float  # so far
    failures: int  # attempts in vain
    cause: LinkCause = LinkCause.OTHER  # of the last one
    detail: str = ""  # the same as the log has it


@dataclass(frozen=True, slots=True)
class LinkRecovered:
    """The link that was reported lost is back."""

    outage: float


@dataclass(frozen=True, slots=True)
class NodeLocked:
    """The bot's own node is connected and in lockdown: it delivers nothing, and sends nothing for the bot."""


@dataclass(frozen=True, slots=True)
class NodeUnlocked:
    """It works again."""


@dataclass(frozen=True, slots=True)
class NodeRebooted:
    """The bot's own node has restarted."""

    boots: int = 0  # the node's own count; 0: it keeps none
    ordered: bool = False  # by an operator, through the bot
    firmware: str = ""  # version; empty: unknown
    firmware_before: str = ""


@dataclass(frozen=True, slots=True)
class NodeWarning:
    """The bot's own node warns its client: a key twice on the mesh, a weak key, too much air time."""

    text: str  # the firmware's own


@dataclass(frozen=True, slots=True)
class RadioForgot:
    """The bot's own node has lost its key, most of its nodes, or its region."""

    old_key: str = ""  # abbreviated; empty: the key is the same
    new_key: str = ""
    nodes_before: int | None = None  # in its database; None: they are still there
    nodes: int = 0
    region_unset: bool = False  # it was set, and without it the node does not send


@dataclass(frozen=True, slots=True)
class OwnNumberChanged:
    """The bot's own node has another number: whoever writes to the one before no longer reaches the bot."""

    old: int
    new: int


class KeyChangeSource(Enum):
    """Who gave a node another key."""

    NODE = auto()  # its own, which can be forged: it waits for another source
    RADIO = auto()  # the radio's own database
    OPERATOR = auto()
    REJECTED = auto()  # nobody: an operator refused it
    FILE = auto()  # a file that was imported: it waits for the operator
    FIRST = auto()  # a listed admin's first one, in a NODEINFO: whoever sent it has no rights yet


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """A node has another public key; `source` decides whether it is trusted."""

    num: int
    name: str  # empty: unknown
    old: str  # fingerprint of the trusted key until now; empty: none
    new: str  # of the other one
    source: KeyChangeSource
    is_newcomer: bool = False  # the other key is as new, and came as easily


@dataclass(frozen=True, slots=True)
class KeyShared:
    """Several nodes have one public key."""

    key: str  # its fingerprint
    nodes: tuple[tuple[int, str], ...]  # the first of them, with their names
    count: int  # all of them


@dataclass(frozen=True, slots=True)
class DiskLow:
    """Little space is left where the bot writes."""

    free: int  # bytes
    share: float  # of the file system, 0 to 1


@dataclass(frozen=True, slots=True)
class DiskRecovered:
    """Enough space is left again."""

    free: int
    share: float


@dataclass(frozen=True, slots=True)
class DatabaseFailed:
    """The database refuses; what is learnt stays in memory. Repeated now and then while that lasts."""

    reason: str


@dataclass(frozen=True, slots=True)
class DatabaseRecovered:
    """The database takes everything again."""


Incident = (
    LinkLost
    | LinkRecovered
    | NodeLocked
    | NodeUnlocked
    | NodeRebooted
    | NodeWarning
    | RadioForgot
    | OwnNumberChanged
    | KeyChanged
    | KeyShared
    | DiskLow
    | DiskRecovered
    | DatabaseFailed
    | DatabaseRecovered
)
# Any thread may call it; it never waits
Report = Callable[[Incident], object]


def unreported(_incident: Incident) -> None:
    """Take an incident without reporting it."""


class IncidentBus:
    """Takes incidents from any thread; those that come before there are listeners are kept, the newest of them."""

    def __init__(self) -> None:
        # protects all that follows, and the order; held for no wait
        self._lock = threading.Lock()
        self._waiting: deque[Incident] = deque(maxlen=KEPT)
        self._listeners: tuple[Report, ...] = ()

    def report(self, incident: Incident) -> None:
        """Pass it on; see Report."""
        with self._lock:
            if not self._listeners:
                self._waiting.append(incident)
            for listener in self._listeners:
                listener(incident)

    def listen(self, *listeners: Report) -> None:
        """Pass all that waits and all that comes to each of `listeners`, which only fill inboxes; called once."""
        with self._lock:
            self._listeners = listeners
            while listeners and self._waiting:
                incident = self._waiting.popleft()
                for listener in listeners:
                    listener(incident)
