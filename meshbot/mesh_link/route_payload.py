"""What a traceroute brings back: who relayed it there and back, and how well each heard the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_RELAYS: Final = 8  # RouteDiscovery holds no more
QUARTERS: Final = 4.0  # an SNR on the air counts quarters of a decibel
UNKNOWN_SNR: Final = -128
NOBODY: Final = 0xFFFFFFFF  # stands for a relay that did not add itself: old firmware, or without the channel's key


@dataclass(frozen=True, slots=True)
class Hop:
    """One reception on the way."""

    num: int | None  # who heard; None: a relay that did not say
    snr: float | None  # dB


@dataclass(frozen=True, slots=True)
class TracerouteReply:
    """A TRACEROUTE_APP packet that answers one of ours. Ways are receptions in their order, the last at the end."""

    request_id: int
    sender: int
    there: tuple[Hop, ...]  # the last is the sender's
    back: tuple[Hop, ...]  # the last is our own node's; empty: firmware that does not tell


def way(relays: object, snrs: object, end: int) -> tuple[Hop, ...]:
    """Return the receptions of one way that ends at a node, out of two lists of RouteDiscovery; takes anything."""
    nums = [_num(each) for each in _listed(relays)[:MOST_RELAYS]]
    levels = [_decibels(each) for each in _listed(snrs)[: MOST_RELAYS + 1]]
    levels += [None] * (len(nums) + 1 - len(levels))
    return tuple(Hop(num, snr) for num, snr in zip([*nums, end], levels, strict=False))


def traceroute_reply(said: Mapping[str, Any], request_id: int, sender: int, asker: int) -> TracerouteReply:
    """Return what a `traceroute` dictionary of the library says."""
    told_back = _listed(said.get("routeBack")) or _listed(said.get("snrBack"))
    return TracerouteReply(
        request_id,
        sender,
        there=way(said.get("route"), said.get("snrTowards"), sender),
        back=way(said.get("routeBack"), said.get("snrBack"), asker) if told_back else (),
    )


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else []


def _num(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < NOBODY else None


def _decibels(value: object) -> float | None:
    if not isinstance(value, int) or isinstance(value, bool) or not UNKNOWN_SNR < value < -UNKNOWN_SNR:
        return None
    return value / QUARTERS
