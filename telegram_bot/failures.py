"""What went wrong with a request to Telegram, and what that means; pure."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
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

from runtime.errors import MeshBotError

os.environ.setdefault("PTB_TIMEDELTA", "true")  # else the library warns of what its next version does, at each 429
DETAIL_SHOWN: Final = 160  # characters of what a server says
LONGEST_FLOOD: Final = 3600.0  # seconds; Telegram tells again, if it means more
LADDER: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # seconds: back within half a minute of Telegram's return
CONFLICT_LADDER: Final = (5.0, 20.0, 60.0)  # two who poll against each other get nowhere


class Kind(Enum):
    """What a failure is."""

    UNREACHABLE = auto()  # nobody there: no Internet, no name, no answer
    SERVER = auto()  # somebody answered, but not as a Bot API server in good health
    FLOOD = auto()  # too much; wait
    CONFLICT = auto()  # another program polls this bot
    WEBHOOK = auto()  # updates go to a web address instead
    TOKEN = auto()  # no bot of that token
    FORBIDDEN = auto()  # blocked, or thrown out of the group
    NO_CHAT = auto()  # no such chat, or the bot never was in it
    NO_TOPIC = auto()  # the group's topic is gone or closed
    MOVED = auto()  # the group has a new id
    UNCHANGED = auto()  # the message looks so already
    NO_MESSAGE = auto()  # the one to edit is gone, or too old
    NO_QUESTION = auto()  # the one to reply to is gone
    TOO_LONG = auto()
    REFUSED = auto()  # any other request that Telegram does not take


TROUBLE: Final = frozenset({Kind.UNREACHABLE, Kind.SERVER, Kind.CONFLICT, Kind.WEBHOOK})  # tried again, for ever
BAD_REQUESTS: Final = (  # pieces of Telegram's texts, which have no numbers
    ("message is not modified", Kind.UNCHANGED),
    ("message to edit not found", Kind.NO_MESSAGE),
    ("message can't be edited", Kind.NO_MESSAGE),
    ("message_id_invalid", Kind.NO_MESSAGE),
    ("there is no text in the message", Kind.NO_MESSAGE),  # a photo
    ("message to be replied not found", Kind.NO_QUESTION),
    ("replied message not found", Kind.NO_QUESTION),
    ("too long", Kind.TOO_LONG),
    ("too_long", Kind.TOO_LONG),
    ("chat not found", Kind.NO_CHAT),
    ("message thread not found", Kind.NO_TOPIC),
    ("topic_closed", Kind.NO_TOPIC),
    ("topic_deleted", Kind.NO_TOPIC),
)  # missing rights are no fault of the chat: pictures may be forbidden where texts are welcome


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in words that hold no secret of the library's making."""

    kind: Kind
    detail: str
    wait: float = 0.0  # seconds that Telegram asks for
    chat_id: int = 0  # where the group is now


class TokenRefusedError(MeshBotError):
    """There is no bot of that token; the text is what Telegram says."""


class OddAnswerError(MeshBotError, TelegramError):
    """A server answered what no Bot API server answers; the text tells what."""


def check_refusal(code: int, body: bytes) -> None:
    """Pass what is a success, or a Bot API server's own refusal; OddAnswerError for what is some proxy's.

    A proxy that wants a login must end neither this bot nor a post, whatever the code.
    """
    if HTTPStatus.OK <= code < HTTPStatus.MULTIPLE_CHOICES:
        return
    try:
        match json.loads(body):
            case {"ok": False, "error_code": int(own), "description": str()} if own == code:
                return
    except ValueError:  # a page
        pass
    phrase = HTTPStatus(code).phrase if code in set(HTTPStatus) else "HTTP"
    raise OddAnswerError(f"{phrase} ({code})")


def failure_of(error: Exception) -> Failure:
    """Return what an exception of the library, or of our reading, means."""
    detail = _shown(error)
    match error:
        case RetryAfter():
            return Failure(Kind.FLOOD, detail, wait=_seconds(error))
        case ChatMigrated():
            return Failure(Kind.MOVED, detail, chat_id=error.new_chat_id)
        case Conflict():
            return Failure(Kind.WEBHOOK if "webhook" in detail.lower() else Kind.CONFLICT, detail)
        case InvalidToken() if not isinstance(error.__cause__, TelegramError):
            return Failure(Kind.TOKEN, detail)
        case Forbidden() if not isinstance(error.__cause__, TelegramError):
            return Failure(Kind.FORBIDDEN, detail)
        case BadRequest() if not isinstance(error.__cause__, TelegramError):
            return Failure(_bad_request(detail.lower()), detail)
        case TimedOut():
            return Failure(Kind.UNREACHABLE, "délai dépassé")
        case NetworkError() if error.__cause__ is not None and not isinstance(error.__cause__, TelegramError):
            return Failure(Kind.UNREACHABLE, detail)
    # What is left: a 5xx, an answer that is no Bot API's (a proxy's page, with any code), or a fault in reading it
    return Failure(Kind.SERVER, detail)


def pause(failure: Failure, tries: int, jitter: float) -> float:
    """Return the seconds to wait after so many `tries` in a row that failed; `jitter` from -1 to 1 makes 10 % of it."""
    if failure.kind is Kind.FLOOD:
        return failure.wait
    ladder: Sequence[float] = CONFLICT_LADDER if failure.kind is Kind.CONFLICT else LADDER
    return ladder[min(tries, len(ladder)) - 1] * (1 + jitter / 10)


def _shown(error: Exception) -> str:
    """Say it in one short line: a proxy's page may be long."""
    if isinstance(error.__cause__, TelegramError):  # the library quotes the whole answer, which it could not read
        text = str(error).partition(". Parsing the server response")[0]
    else:
        text = str(error) or type(error).__name__
    line = " ".join(text.split())
    return line if len(line) <= DETAIL_SHOWN else line[: DETAIL_SHOWN - 1] + "…"


def _bad_request(text: str) -> Kind:
    return next((kind for piece, kind in BAD_REQUESTS if piece in text), Kind.REFUSED)


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return min(wait.total_seconds() if isinstance(wait, timedelta) else float(wait), LONGEST_FLOOD)
