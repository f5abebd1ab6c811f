"""What waits to go on air and what air was used, as figures for any thread; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshbot.sending.air_budget import SHARES, Account
from meshbot.sending.outgoing import Priority
from meshbot.sending.queue import SendQueue


@dataclass(frozen=True, slots=True)
class Waiting:
    """The texts of one kind that are not finished."""

    packets: int = 0  # that the node has not accepted
    oldest: float = 0.0  # seconds that the oldest text waits; 0: none does


@dataclass(frozen=True, slots=True)
class OutboxFigures:
    """The outbox at one moment."""

    waiting: Mapping[Priority, Waiting]
    air_used: Mapping[Account, float]  # seconds of the last hour
    air_limit: Mapping[Account, float]  # seconds of an hour


def outbox_figures(queue: SendQueue, now: float) -> OutboxFigures:
    """Return them; `now` in monotonic seconds. The queue goes on meanwhile: what it holds is copied first."""
    found: dict[Priority, Waiting] = {}
    for text in list(queue.texts):
        packets = sum(part.is_open for part in tuple(text.parts))
        before = found.get(text.message.priority, Waiting())
        if packets:
            oldest = max(before.oldest, now - text.created)
            found[text.message.priority] = Waiting(before.packets + packets, oldest)
    return OutboxFigures(
        {priority: found.get(priority, Waiting()) for priority in Priority},
        {account: queue.air.spent(now, account) / 1000 for account in Account},
        {account: queue.air.limit * share / 1000 for account, share in SHARES.items()},
    )
