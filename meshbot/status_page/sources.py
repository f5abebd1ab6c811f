"""What the page and the metrics are made of, as functions that any thread may call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from meshbot.mesh_link import LinkFigures
from meshbot.mesh_memory import AirHour, HourShare, NodeView
from meshbot.nodes import KeyState, KeyTally, NodeCounts
from meshbot.runtime import Clock
from meshbot.sending import OutboxFigures
from meshbot.storage import By, LinkPeriodRow


class Memory(Protocol):
    """What was heard; MeshMemory is one. Those about traffic and mail may raise StorageError."""

    @property
    def hours_kept(self) -> int:
        """How far back it reaches."""
        ...

    @property
    def waiting(self) -> int:
        """How many packets are not committed yet."""
        ...

    def node(self, num: int) -> NodeView | None:
        """Return what is known of a node."""

    def heard_nodes(self, within: float) -> list[NodeView]:
        """Return the nodes heard in the last so many seconds, the latest first."""
        ...

    def traffic_by_hour(self, hours: int, by: By) -> list[HourShare]:
        """Return the traffic hour by hour."""
        ...

    def air(self, hours: int) -> list[AirHour]:
        """Return how busy our own node found the channel, hour by hour."""
        ...


class Keys(Protocol):
    """The public keys; NodeManager is one."""

    def counts(self) -> NodeCounts:
        """Return how much is known."""
        ...

    def key_states(self) -> Mapping[KeyState, int]:
        """Return how many keys are in each state."""
        ...

    def pending_keys(self) -> Mapping[int, Collection[bytes]]:
        """Return by node number the keys that wait for a decision."""
        ...

    def duplicates(self) -> Mapping[bytes, Sequence[int]]:
        """Return each key that several nodes share."""
        ...


@dataclass(frozen=True, slots=True)
class Telegram:
    """The Telegram side at one moment."""

    is_reachable: bool
    waiting: int  # messages


@dataclass(frozen=True, slots=True)
class Sources:
    """Each is called for each answer; none waits for more than a query of the database."""

    clock: Clock
    memory: Memory
    keys: Keys
    own_num: Callable[[], int]
    link_state: Callable[[], str]  # LinkState's name in small letters
    link: Callable[[], LinkFigures]
    is_locked: Callable[[], bool]
    link_periods: Callable[[], Sequence[LinkPeriodRow]]
    radio_keys: Callable[[], KeyTally | None]
    outbox: Callable[[], OutboxFigures]
    mails: Callable[[], tuple[int, int, int]]  # all, unread, for how many nodes; may raise StorageError
    refused_packets: Callable[[], Mapping[str, int]]
    inbox_drops: Callable[[], Mapping[str, int]]  # by thread
    beats: Callable[[], Sequence[tuple[str, int, float]]]  # thread, pings answered, seconds without an answer
    database_fails: Callable[[], bool]
    telegram: Callable[[], Telegram | None]  # None: without Telegram
    version: str
    node: str  # its address, host:port
    language: str  # where a browser asks for none that there is
