"""What the link machine wants done or reported; the shell performs them in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from meshbot.mesh_link.failures import LinkFailure

Generation = NewType("Generation", int)


@dataclass(frozen=True, slots=True)
class OpenLink:
    """Start the session of this generation."""

    generation: Generation
    attempt: int  # since the outage began, from 1
    reconnection: bool  # False until the first READY of this process
    alerted: bool  # the outage is known: log less
    without_nodes: bool = False  # request the configuration without the other nodes


@dataclass(frozen=True, slots=True)
class CloseLink:
    """Ask the session to end; CLOSED will follow."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class AbandonLink:
    """The session did not end in time: cut its socket and forget it."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class SendProbe:
    """Send a heartbeat on this generation's connection."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class FetchNodes:
    """Ask for the other nodes, which this generation's configuration left out."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class LinkReady:
    """The bot can answer (again)."""

    generation: Generation
    reconnection: bool
    outage: float  # seconds without a link
    attempts: int


@dataclass(frozen=True, slots=True)
class LinkSilent:
    """Silence forces a reconnection."""

    seconds: float
    maximum: float


@dataclass(frozen=True, slots=True)
class LinkDown:
    """An attempt failed or a link was lost; the next attempt comes in `retry_in` seconds."""

    failure: LinkFailure
    first: bool  # of its kind in this outage: the loss, then the first failed attempt
    was_ready: bool
    retry_in: float


@dataclass(frozen=True, slots=True)
class LinkAlert:
    """The outage has become worth an alert; once an outage."""

    failures: int
    outage: float  # seconds


@dataclass(frozen=True, slots=True)
class LinkContended:
    """So many links in a row were closed soon or regularly after READY by a node that is there: by another client."""

    losses: int


Action = (
    OpenLink
    | CloseLink
    | AbandonLink
    | SendProbe
    | FetchNodes
    | LinkReady
    | LinkSilent
    | LinkDown
    | LinkAlert
    | LinkContended
)
