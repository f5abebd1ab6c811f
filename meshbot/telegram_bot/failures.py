"""Failures of requests to Telegram: their kinds, the waits after them, and what is logged of an outage; pure."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from meshbot.runtime import MeshBotError

# without it the library warns at each 429 of what its next version does
os.environ.setdefault("PTB_TIMEDELTA", "true")
DETAIL_SHOWN: Final = 160  # characters of a server's error text
# Seconds: if Telegram wants a longer wait it answers 429 again
SHORTEST_FLOOD, LONGEST_FLOOD = 1.0, 3600.0
# Seconds: Telegram's return is noticed within 30 s
BACKOFF: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
# Seconds: two pollers only end each other's polls
CONFLICT_BACKOFF: Final = (5.0, 20.0, 60.0)


class FailureKind(Enum):
    """What a failure is."""

    UNREACHABLE = auto()  # no Internet, no name, no answer
    SERVER = auto()  # an answer, but not one of a healthy Bot API server
    FLOOD = auto()  # 429: too many requests
    CONFLICT = auto()  # another program polls this bot
    WEBHOOK = auto()  # updates go to a web address instead
    TOKEN = auto()  # no bot has that token
    FORBIDDEN = auto()  # blocked by the user, or removed from the group
    NO_CHAT = auto()  # no such chat, or the bot never was in it
    NO_TOPIC = auto()  # the topic is deleted or closed
    MIGRATED = auto()  # the group has a new id
    UNCHANGED = auto()  # an edit that changes nothing
    NO_MESSAGE = auto()  # the message to edit is deleted, or too old
    NO_REPLY_TARGET = auto()  # the message to reply to is deleted
    NO_REACTION = auto()  # the group forbids reactions, or this one
    TOO_LONG = auto()
    REFUSED = auto()  # any other refusal


# retried without end
PERSISTENT: Final = frozenset({FailureKind.UNREACHABLE, FailureKind.SERVER, FailureKind.CONFLICT, FailureKind.WEBHOOK})
# Parts of Telegram's descriptions, as there are no error numbers. Missing rights are not the chat's failure:
# photos may be forbidden where texts are allowed
BAD_REQUESTS: Final = (
    ("message is not modified", FailureKind.UNCHANGED),
    ("message to edit not found", FailureKind.NO_MESSAGE),
    ("message can't be edited", FailureKind.NO_MESSAGE),
    ("message_id_invalid", FailureKind.NO_MESSAGE),
    ("there is no text in the message", FailureKind.NO_MESSAGE),  # a photo
    ("message to be replied not found", FailureKind.NO_REPLY_TARGET),
    ("replied message not found", FailureKind.NO_REPLY_TARGET),
    ("message to react not found", FailureKind.NO_MESSAGE),
    ("reaction_invalid", FailureKind.NO_REACTION),
    ("too long", FailureKind.TOO_LONG),
    ("too_long", FailureKind.TOO_LONG),
    ("chat not found", FailureKind.NO_CHAT),
    ("message thread not found", FailureKind.NO_TOPIC),
    ("topic_closed", FailureKind.NO_TOPIC),
    ("topic_deleted", FailureKind.NO_TOPIC),
)
LOG_TEXTS: Final = {
    FailureKind.UNREACHABLE: "📵 Telegram injoignable ({detail}): nouvel essai toutes les 30 s au plus",
    FailureKind.SERVER: "📵 Telegram en panne ({detail}): nouvel essai toutes les 30 s au plus",
    FailureKind.FLOOD: "🚦 Telegram demande une pause de {wait:.0f} s",
    FailureKind.CONFLICT: "⚠️ Telegram: un autre programme relève les messages de ce bot; arrêtez-le, ou donnez à "
    "chacun son jeton. Nouvel essai chaque minute",
    FailureKind.WEBHOOK: "⚠️ Telegram: une adresse web (webhook) recevait les messages de ce bot; elle est retirée",
}


@dataclass(frozen=True, slots=True)
class LogLine:
    """What to log."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure; `detail` contains no token."""

    kind: FailureKind
    detail: str
    wait: float = 0.0  # seconds that Telegram asks for
    chat_id: int = 0  # where the group is now


class TokenRefusedError(MeshBotError):
    """No bot has that token; the text is Telegram's."""


class InvalidAnswerError(MeshBotError, TelegramError):
    """An answer that no Bot API server gives."""


class TooLargeError(InvalidAnswerError):
    """An answer with more bytes than any that is meant."""


class UnreadSuccessError(MeshBotError, TelegramError):
    """The server has done what was asked, but what it says of that cannot be read."""

    def __init__(self, error: TelegramError) -> None:
        """`error`: why it cannot."""
        super().__init__(str(error))
        self.error = error


def check_refusal(code: int, body: bytes) -> None:
    """Accept a success, or a Bot API server's own refusal; InvalidAnswerError for a proxy's.

    A proxy that wants a login must neither stop the bot nor lose a message, whatever its status code.
    """
    if HTTPStatus.OK <= code < HTTPStatus.MULTIPLE_CHOICES:
        return
    try:
        match json.loads(body):
            case {"ok": False, "error_code": int(own), "description": str()} if own == code:
                return
    # an HTML page
    except ValueError:
        pass
    phrase = HTTPStatus(code).phrase if code in set(HTTPStatus) else "HTTP"
    raise InvalidAnswerError(f"{phrase} ({code})")


def failure_of(error: Exception) -> Failure:
    """Return what an exception of the library, or of reading its answer, means."""
    if isinstance(error, UnreadSuccessError):
        # to a question that must be read: as if there were no answer
        error.error.__cause__ = error.__cause__
        return failure_of(error.error)
    detail = _shown(error)
    match error:
        case RetryAfter():
            return Failure(FailureKind.FLOOD, detail, wait=_seconds(error))
        case ChatMigrated():
            return Failure(FailureKind.MIGRATED, detail, chat_id=error.new_chat_id)
        case Conflict():
            return Failure(FailureKind.WEBHOOK if "webhook" in detail.lower() else FailureKind.CONFLICT, detail)
        case InvalidToken() if not isinstance(error.__cause__, TelegramError):
            return Failure(FailureKind.TOKEN, detail)
        case Forbidden() if not isinstance(error.__cause__, TelegramError):
            return Failure(FailureKind.FORBIDDEN, detail)
        case BadRequest() if not isinstance(error.__cause__, TelegramError):
            return Failure(_bad_request(detail.lower()), detail)
        case TimedOut():
            return Failure(FailureKind.UNREACHABLE, "délai dépassé")
        case NetworkError() if error.__cause__ is not None and not isinstance(error.__cause__, TelegramError):
            return Failure(FailureKind.UNREACHABLE, detail)
    # the rest: a 5xx, an answer that is not a Bot API's (a proxy's page, with any code), or an error in reading it
    return Failure(FailureKind.SERVER, detail)


def retry_delay(failure: Failure, tries: int, jitter: float) -> float:
    """Return the seconds to wait after so many `tries` in a row; `jitter` from -1 to 1 changes them by up to 10 %."""
    if failure.kind is FailureKind.FLOOD:
        return failure.wait
    delays: Sequence[float] = CONFLICT_BACKOFF if failure.kind is FailureKind.CONFLICT else BACKOFF
    return delays[min(tries, len(delays)) - 1] * (1 + jitter / 10)


class Reachability:
    """Whether Telegram can be reached; told the result of every request. Times are monotonic seconds."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        """`jitter` returns a number from -1 to 1."""
        self._jitter = jitter
        self._tries: dict[str, int] = {}  # failures in a row, of the operations that fail
        self._since = 0.0
        self._logged: set[FailureKind] = set()

    def is_well(self, *, except_for: str = "") -> bool:
        """Whether the last try of every operation succeeded, one left out."""
        return not self._tries.keys() - {except_for}

    def failed(self, operation: str, failure: Failure, now: float) -> tuple[float, LogLine]:
        """Note a failure; return how many seconds to wait, and what to log: each kind is a warning once an outage."""
        if not self._tries:
            self._since = now
        self._tries[operation] = self._tries.get(operation, 0) + 1
        is_new = failure.kind not in self._logged
        self._logged.add(failure.kind)
        text = LOG_TEXTS.get(failure.kind, LOG_TEXTS[FailureKind.SERVER])
        text = text.format(detail=failure.detail, wait=failure.wait)
        delay = retry_delay(failure, self._tries[operation], self._jitter())
        return delay, LogLine(logging.WARNING if is_new else logging.DEBUG, text)

    def succeeded(self, operation: str, now: float) -> LogLine | None:
        """Note a success; return what to log if it ends an outage."""
        if self._tries.pop(operation, None) is None or self._tries:
            return None
        self._logged.clear()
        return LogLine(logging.INFO, f"📲 Telegram de nouveau joignable après {now - self._since:.0f} s")


def _shown(error: Exception) -> str:
    """Return the text in one short line: a proxy's page may be long."""
    # the library could not read the answer, and quotes all of it
    if isinstance(error.__cause__, TelegramError):
        text = str(error).partition(". Parsing the server response")[0]
    else:
        text = str(error) or type(error).__name__
    line = " ".join(text.split())
    return line if len(line) <= DETAIL_SHOWN else line[: DETAIL_SHOWN - 1] + "…"


def _bad_request(text: str) -> FailureKind:
    return next((kind for piece, kind in BAD_REQUESTS if piece in text), FailureKind.REFUSED)


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
    return min(max(seconds, SHORTEST_FLOOD), LONGEST_FLOOD)
