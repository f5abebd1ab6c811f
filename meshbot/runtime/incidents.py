"""What an operator should hear of, as any part reports it, and the way from there to whoever listens.

Durations are seconds by the monotonic clock: a jump of the wall time does not touch them. Names and reasons are in
words for people, free of secrets and of line ends.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

KEPT: Final = 100  # incidents that wait for a listener: more than a start can bring


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The link is down for long enough to be worth an alert; repeated now and then while that lasts."""

    node: str  # where it should be, as host:port
    outage: float  # so far
    failures: int  # attempts in vain
    cause: str = ""  # of the last one, as the log says it; empty: not known


@dataclass(frozen=True, slots=True)
class LinkBack:
    """The link that was reported lost is back."""

    outage: float


@dataclass(frozen=True, slots=True)
class NodeRebooted:
    """The bot's own node has restarted."""

    boots: int = 0  # the node's own count; 0: it keeps none
    ordered: bool = False  # by an operator, through the bot
    firmware: str = ""  # version; empty: not told
    firmware_before: str = ""


class KeyWord(Enum):
    """By whose word a node's key is another one."""

    NODE = auto()  # its own, which anybody can forge: it waits for a better one
    RADIO = auto()  # the radio's own database
    OPERATOR = auto()


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """A node has another public key; `word` tells whether it is trusted."""

    num: int
    name: str  # empty: not known
    old: str  # the trusted key until now, abbreviated
    new: str
    word: KeyWord


@dataclass(frozen=True, slots=True)
class KeyShared:
    """Several nodes have one public key."""

    key: str  # abbreviated
    nodes: tuple[tuple[int, str], ...]  # the first of them, with their names
    count: int  # all of them


@dataclass(frozen=True, slots=True)
class DiskLow:
    """Little space is left where the bot writes."""

    free: int  # bytes
    share: float  # of the file system, 0 to 1


@dataclass(frozen=True, slots=True)
class DiskWell:
    """Enough space is left again."""

    free: int
    share: float


@dataclass(frozen=True, slots=True)
class DatabaseTrouble:
    """The database refuses; what is learnt stays in memory. Repeated now and then while that lasts."""

    reason: str


@dataclass(frozen=True, slots=True)
class DatabaseWell:
    """The database takes everything again."""


Incident = (
    LinkLost | LinkBack | NodeRebooted | KeyChanged | KeyShared | DiskLow | DiskWell | DatabaseTrouble | DatabaseWell
)
Report = Callable[[Incident], object]  # any thread may call it; it never waits


def unreported(_incident: Incident) -> None:
    """Take an incident that nobody is to hear of."""


class IncidentBus:
    """Takes incidents from any thread; those that come before somebody listens are kept, the newest of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # protects all that follows, and the order; held for no wait
        self._waiting: deque[Incident] = deque(maxlen=KEPT)
        self._listener: Report | None = None

    def report(self, incident: Incident) -> None:
        """Pass it on; see Report."""
        with self._lock:
            if self._listener is None:
                self._waiting.append(incident)
            else:
                self._listener(incident)

    def listen(self, listener: Report) -> None:
        """Have all that waits and all that comes told to `listener`, which only fills an inbox."""
        with self._lock:
            self._listener = listener
            while self._waiting:
                listener(self._waiting.popleft())
