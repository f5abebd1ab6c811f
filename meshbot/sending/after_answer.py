"""What is to be done once an answer has left, because it would harm the answer: pure but for the doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from meshbot.sending.outgoing import WAITING, DeliveryReport


@dataclass(frozen=True, eq=False, slots=True)
class AfterAnswer:
    """Do `action`, which must not wait, once the node has taken the answer to `reply_id`, at `until` at the latest."""

    to: int  # where the answer goes
    reply_id: int  # packet id of the question
    action: Callable[[], None]
    until: float  # monotonic seconds


class Afterwards:
    """Orders in waiting. Each is done once."""

    def __init__(self) -> None:
        self._orders: list[AfterAnswer] = []

    @property
    def deadline(self) -> float:
        """When `on_deadline` has something to do; inf for never."""
        return min((order.until for order in self._orders), default=inf)

    def add(self, order: AfterAnswer) -> None:
        """Take an order before its answer."""
        self._orders.append(order)

    def on_outcome(self, outcome: DeliveryReport) -> None:
        """Do what waited for this answer, whatever became of it: the wait is over, unless it is yet to be sent."""
        if outcome.status not in WAITING:
            answer = outcome.message
            self._do([o for o in self._orders if (o.to, o.reply_id) == (answer.to, answer.reply_id)])

    def on_deadline(self, now: float) -> None:
        """Do what has waited long enough."""
        self._do([order for order in self._orders if order.until <= now])

    def _do(self, orders: list[AfterAnswer]) -> None:
        for order in orders:
            self._orders.remove(order)
            order.action()
