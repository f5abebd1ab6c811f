"""What each exception of the library means, and how long to wait for it."""

import pytest
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

from meshbot.telegram_bot.failures import DETAIL_SHOWN, Failure, Kind, OddAnswerError, check_refusal, failure_of, pause


def caused(error, cause):
    error.__cause__ = cause
    return error


UNREAD = TelegramError("Invalid server response")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimedOut(), Kind.UNREACHABLE),
        (caused(NetworkError("httpx.ConnectError: no"), OSError("no")), Kind.UNREACHABLE),
        (NetworkError("Bad Gateway"), Kind.SERVER),
        (caused(NetworkError("Bad Gateway (502)"), UNREAD), Kind.SERVER),
        (UNREAD, Kind.SERVER),
        (OddAnswerError("dict"), Kind.SERVER),
        (KeyError("result"), Kind.SERVER),
        (RetryAfter(7), Kind.FLOOD),
        (Conflict("Conflict: terminated by other getUpdates request"), Kind.CONFLICT),
        (Conflict("Conflict: can't use getUpdates method while webhook is active"), Kind.WEBHOOK),
        (InvalidToken("Unauthorized"), Kind.TOKEN),
        (caused(InvalidToken("Unauthorized (401)"), UNREAD), Kind.SERVER),
        (Forbidden("Forbidden: bot was blocked by the user"), Kind.FORBIDDEN),
        (caused(Forbidden("Forbidden (403)"), UNREAD), Kind.SERVER),
        (ChatMigrated(-1005), Kind.MOVED),
        (BadRequest("Message is not modified: same content"), Kind.UNCHANGED),
        (BadRequest("Message to edit not found"), Kind.NO_MESSAGE),
        (BadRequest("Message can't be edited"), Kind.NO_MESSAGE),
        (BadRequest("There is no text in the message to edit"), Kind.NO_MESSAGE),
        (BadRequest("Message to be replied not found"), Kind.NO_QUESTION),
        (BadRequest("Message is too long"), Kind.TOO_LONG),
        (BadRequest("Chat not found"), Kind.NO_CHAT),
        (BadRequest("Message thread not found"), Kind.NO_TOPIC),
        (BadRequest("TOPIC_CLOSED"), Kind.NO_TOPIC),
        (BadRequest("not enough rights to send photos to the chat"), Kind.REFUSED),
        (BadRequest("have no rights to send a message"), Kind.REFUSED),
        (BadRequest("Something of the future"), Kind.REFUSED),
        (caused(BadRequest("Bad Request (400)"), UNREAD), Kind.SERVER),
    ],
)
def test_an_error_means(error, kind):
    assert failure_of(error).kind is kind


def test_what_telegram_adds_is_kept():
    assert failure_of(RetryAfter(7)).wait == 7.0
    assert failure_of(ChatMigrated(-1005)).chat_id == -1005


def test_a_server_s_page_is_not_quoted():
    page = caused(NetworkError("Bad Gateway (502). Parsing the server response b'<html>' failed"), UNREAD)
    assert failure_of(page).detail == "Bad Gateway (502)"
    assert len(failure_of(BadRequest("x\n" * 500)).detail) == DETAIL_SHOWN


def test_an_error_without_words_has_its_name():
    assert failure_of(RuntimeError()).detail == "RuntimeError"


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        (Kind.UNREACHABLE, [1, 2, 5, 10, 20, 30, 30]),
        (Kind.SERVER, [1, 2, 5, 10, 20, 30, 30]),
        (Kind.CONFLICT, [5, 20, 60, 60]),
    ],
)
def test_the_waits_grow_to_a_bound(kind, waits):
    assert [pause(Failure(kind, ""), tries, 0.0) for tries in range(1, len(waits) + 1)] == waits


def test_waits_are_spread_and_telegram_s_own_is_not_shortened():
    assert pause(Failure(Kind.UNREACHABLE, ""), 6, 1.0) == pytest.approx(33)
    assert pause(Failure(Kind.UNREACHABLE, ""), 6, -1.0) == pytest.approx(27)
    assert pause(Failure(Kind.FLOOD, "", wait=3.0), 1, -1.0) == 3.0


def test_a_pause_that_telegram_asks_for_has_a_bound():
    assert failure_of(RetryAfter(86400 * 365)).wait == 3600.0


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (200, b"[]"),
        (401, b'{"ok":false,"error_code":401,"description":"Unauthorized"}'),
        (429, b'{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":3}}'),
    ],
)
def test_what_a_bot_api_server_says_is_heard(code, body):
    check_refusal(code, body)


@pytest.mark.parametrize("code", [302, 400, 401, 403, 404, 407, 502, 599])
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"\xff",
        b'{"error":"login required"}',
        b'{"description":"Chat not found"}',
        b'{"ok":true,"result":[]}',
        b'{"ok":false,"error_code":1,"description":"no"}',
    ],
)
def test_what_a_proxy_refuses_is_no_word_of_telegram_s(code, body):
    with pytest.raises(OddAnswerError, match=str(code)) as caught:
        check_refusal(code, body)
    assert failure_of(caught.value).kind is Kind.SERVER
