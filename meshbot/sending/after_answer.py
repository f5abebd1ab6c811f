"""What is done once an answer has left; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from meshbot.sending.receipts import WAITING, DeliveryReport


@dataclass(frozen=True, eq=False, slots=True)
class AfterAnswer:
    """Run `action`, which must not wait, once the node has the answer to `reply_id`, or at `until` at the latest."""

    to: int  # node number that the answer goes to
    reply_id: int  # packet id of the question
    action: Callable[[], None]
    until: float  # monotonic seconds


class PendingActions:
    """Actions that would harm their answer if they came before it: each runs once, when the answer has left. Pure."""

    def __init__(self) -> None:
        self._pending: list[AfterAnswer] = []

    @property
    def deadline(self) -> float:
        """When `on_deadline` has something to do; inf for never."""
        return min((each.until for each in self._pending), default=inf)

    def add(self, action: AfterAnswer) -> None:
        """Take an action; its answer comes later."""
        self._pending.append(action)

    def on_delivery_report(self, report: DeliveryReport) -> None:
        """Run what waited for this answer, whatever its status, unless the answer is still to be sent."""
        if report.status not in WAITING:
            answer = report.message
            self._run([each for each in self._pending if (each.to, each.reply_id) == (answer.to, answer.reply_id)])

    def on_deadline(self, now: float) -> None:
        """Run what has waited until its time."""
        self._run([each for each in self._pending if each.until <= now])

    def _run(self, actions: list[AfterAnswer]) -> None:
        for each in actions:
            self._pending.remove(each)
            each.action()
