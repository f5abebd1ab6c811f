"""What the schedule draws from: every fault with the range of each parameter, and what it does not draw, with why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Value = float | str
Range = Sequence[Value]


class Part(StrEnum):
    """Which part of the bot's surroundings fails."""

    NODE = "node"
    HOST = "host"
    TELEGRAM = "telegram"


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault that may be drawn: each parameter takes one value of its range."""

    part: Part
    name: str
    ranges: Mapping[str, Range]


# Users of the mesh whose keys change: those who ask are others
VICTIMS: Final = (6, 7, 8, 9)
# Connections, frames or packets: one, or all until the fault is healed
FEW: Final = (0, 1)
ERRORS: Final = ("NO_CHANNEL", "DUTY_CYCLE_LIMIT", "PKI_UNKNOWN_PUBKEY", "MAX_RETRANSMIT", "NO_ROUTE")
# Of the virtual node, by name; a parameter that is not here has its default
NODE_RANGES: Final[Mapping[str, Mapping[str, Range]]] = {
    "drop": {},
    "reset": {},
    "refuse": {},
    "reboot": {"seconds": (0.5, 2.0), "forget_recent": (0, 1)},
    "mute": {"connections": FEW},
    "stall": {"after": (0, 1, 5, 10), "connections": FEW},
    "accept_then_nothing": {"connections": FEW},
    "pauses": {"seconds": (0.5, 1.5), "every": (2.0,)},
    "stuck": {},
    "blackhole": {},
    "garbage": {"bytes": (1, 64, 600), "start_byte": (0, 1)},
    "cut_frame": {"pause": (0.05, 0.5), "frames": FEW},
    "truncated_frame": {"frames": FEW},
    "oversized": {"length": (513, 4096, 65535), "frames": FEW},
    "slow": {"rate": (500.0, 4000.0)},
    "delay": {"seconds": (0.1, 0.8), "loss": (0.0, 20.0)},
    "lose_heartbeats": {"loss": (20.0, 100.0)},
    "rival_client": {"every": (0.5, 2.0)},
    "tx_queue_full": {},
    "nak": {"reason": ERRORS, "packets": FEW, "remote": (0, 1)},
    "forged_routing": {"reason": (*ERRORS, "ROUTE_REPLY", "99"), "sender": ("stranger", "own", "recipient")},
    "flood": {"rate": (5.0, 50.0), "channel": ("direct", "0")},
    "lose_status": {"packets": FEW},
    "cut_at_text": {"packets": FEW, "taken": (0, 1), "status_kept": (0, 1)},
    "unheard": {},
    "echo": {},
    "forget_nodes": {},
    "cut_names": {},
    "warn": {"text": ("Remote_device_has_advertised_your_public_key", "x")},
    "upgrade_user": {},
    "change_key": {},
    "mistake_our_key": {"held": ("none", "wrong")},
    "old_firmware": {},
}
# Why the schedule does not draw a fault of the node; docs/chaos.md says it to people
NOT_DRAWN: Final[Mapping[str, str]] = {
    "renumber": "the rounds after it would meet another node",
    "upgrade": "the rounds after it would meet another node",
    "step_clock": "it outlasts its round: questions count as old until a client sets the clock again",
    "lockdown": "it needs firmware 2.8 and a person who unlocks it",
}
OF_A_VICTIM: Final = frozenset({"upgrade_user", "change_key", "mistake_our_key"})
HOST_RANGES: Final[Mapping[str, Mapping[str, Range]]] = {
    "stdout_unread": {},
    "lookup_hangs": {},
    "database_locked": {},
    "disk_full": {},
    "paused": {},
    "clock_step": {"seconds": (-86400.0, -3600.0, 3600.0, 86400.0)},
}
TELEGRAM_FAULTS: Final = (
    "hangs",
    "slow",
    "flood",
    "conflict",
    "page",
    "internal_error",
    "not_json",
    "truncated",
    "resets",
    "resets_in_answer",
    "loses_answer",
    "does_without_answer",
    "offline",
)
# Of those: the bot cannot know whether a request was executed, so it may repeat it
AMBIGUOUS: Final = frozenset({"slow", "truncated", "resets_in_answer", "loses_answer", "does_without_answer"})


def kinds() -> tuple[Kind, ...]:
    """Return every fault that may be drawn."""
    return (
        *(Kind(Part.NODE, name, ranges) for name, ranges in NODE_RANGES.items()),
        *(Kind(Part.HOST, name, ranges) for name, ranges in HOST_RANGES.items()),
        *(Kind(Part.TELEGRAM, name, {}) for name in TELEGRAM_FAULTS),
    )
