"""Orders that wait for their giver's second word, a button; each counts once and not for long; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

from meshbot.runtime import RecentKeys

LIFETIME: Final = 120.0  # seconds
REMEMBERED: Final = 200
O = TypeVar("O")  # noqa: E741 - the order


class Reply(Enum):
    """What a press on such a button is."""

    YES = "yes"
    NO = "no"
    NOT_YOURS = "not yours"
    TOO_LATE = "too late"  # or pressed already


@dataclass(frozen=True, slots=True)
class _Asked(Generic[O]):
    order: O
    user_id: int
    until: float


class Confirmations(Generic[O]):
    """Remembers orders under a token that goes around in the buttons."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        """`new_token` returns a short text that nobody can guess."""
        self._new_token = new_token
        self._asked: RecentKeys[str, _Asked[O]] = RecentKeys(REMEMBERED)  # by token

    def ask(self, order: O, user_id: int, now: float) -> str:
        """Remember an order; return the token for its buttons."""
        token = self._new_token()
        self._asked.put(token, _Asked(order, user_id, now + LIFETIME))
        return token

    def answer(self, token: str, user_id: int, now: float, *, yes: bool) -> tuple[Reply, O | None]:
        """Take a press; return what it is, and the order if it was the giver's and in time."""
        asked = self._asked.get(token)
        if asked is None or asked.until <= now:
            return Reply.TOO_LATE, None
        if asked.user_id != user_id:
            return Reply.NOT_YOURS, None
        self._asked.pop(token)
        return (Reply.YES if yes else Reply.NO), asked.order

    def expired(self, now: float) -> list[O]:
        """Forget the orders that nobody can confirm any more; return them."""
        over = [token for token in self._asked if (asked := self._asked.get(token)) and asked.until <= now]
        return [asked.order for token in over if (asked := self._asked.pop(token))]
