"""What a public key is good for, as people see it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from meshbot.storage import KeyRow, KeySource, KeyStatus


class KeyState(StrEnum):
    """The state of one key of one node; the values stand in exported files."""

    LEARNT = "learnt"  # from the radio's own database
    SEEN = "seen"  # in a NODEINFO packet, which anybody can send: trusted on first use
    IMPORTED = "imported"  # from a file, an older bot's or another bot's
    VERIFIED = "verified"  # by the operator
    CHANGED = "changed"  # another one than the trusted one: it waits for the operator
    DUPLICATE = "duplicate"  # of several nodes, or one whose private key is known
    REVOKED = "revoked"  # by the operator: it proves nothing, and no alert comes of it any more
    REPLACED = "replaced"  # was trusted once


class KeyDecision(Enum):
    """What an operator decides about a key; the value is for the log."""

    VERIFY = "vérifiée"  # the trusted one is right: it was compared
    ACCEPT = "acceptée"  # another one replaces the trusted one
    REJECT = "refusée"  # it is not that node's, or no longer


BY_SOURCE: Final[Mapping[KeySource, KeyState]] = MappingProxyType(
    {
        KeySource.NODEDB: KeyState.LEARNT,
        KeySource.NODEINFO: KeyState.SEEN,
        KeySource.IMPORT: KeyState.IMPORTED,
        KeySource.OPERATOR: KeyState.VERIFIED,
    }
)
BY_STATUS: Final[Mapping[KeyStatus, KeyState]] = MappingProxyType(
    {
        KeyStatus.PENDING: KeyState.CHANGED,
        KeyStatus.REVOKED: KeyState.REVOKED,
        KeyStatus.SUPERSEDED: KeyState.REPLACED,
    }
)


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """All that is known of one node's keys."""

    trusted: KeyRow | None
    pending: tuple[KeyRow, ...] = ()
    revoked: tuple[KeyRow, ...] = ()
    sharers: tuple[int, ...] = ()  # other nodes with the trusted key
    is_weak: bool = False  # the trusted key's private half is known

    @property
    def state(self) -> KeyState | None:
        """The trusted key's state, None without one."""
        if self.trusted is None:
            return None
        return KeyState.DUPLICATE if self.sharers or self.is_weak else state_of(self.trusted)


def state_of(row: KeyRow) -> KeyState:
    """Return a key's state, as far as it does not depend on other nodes' keys."""
    return BY_STATUS.get(row.status) or BY_SOURCE[row.source]
