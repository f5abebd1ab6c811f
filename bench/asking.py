"""A user of the virtual mesh who asks, and asks again until somebody answers."""

from __future__ import annotations

from meshbot.runtime import SystemClock
from meshbot.virtual_node import VirtualNode

QUESTION = "/help"
ASK_AGAIN = 3.0  # seconds; a person's patience, and longer than any pacing
CLOCK = SystemClock()


def seconds_to_answer(node: VirtualNode, since: float, limit: float) -> float | None:
    """Ask now; return the seconds from `since` (monotonic) to the first answer on air, None beyond `limit`."""
    asked: set[int] = set()
    while CLOCK.monotonic() - since < limit:
        asked.add(node.hear_text(node.users[0].num, QUESTION))
        patience = min(ASK_AGAIN, max(0.0, since + limit - CLOCK.monotonic()))
        try:
            answer = node.wait_for(lambda sent: sent.reply_id in asked, patience)
        except TimeoutError:
            continue
        return answer.at - since
    return None


def answers(node: VirtualNode, limit: float = 30.0) -> None:
    """Return once a question is answered; TimeoutError else."""
    if seconds_to_answer(node, CLOCK.monotonic(), limit) is None:
        raise TimeoutError(f"no answer to {QUESTION} within {limit:g} s")
