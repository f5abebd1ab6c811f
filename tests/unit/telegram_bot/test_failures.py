"""The kind of each exception of the library, the waits after it, and what is logged of an outage."""

import logging

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

from meshbot.telegram_bot.failures import (
    DETAIL_SHOWN,
    Failure,
    FailureKind,
    InvalidAnswerError,
    Reachability,
    check_refusal,
    failure_of,
    retry_delay,
)


def caused(error, cause):
    error.__cause__ = cause
    return error


UNREAD = TelegramError("Invalid server response")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimedOut(), FailureKind.UNREACHABLE),
        (caused(NetworkError("httpx.ConnectError: no"), OSError("no")), FailureKind.UNREACHABLE),
        (NetworkError("Bad Gateway"), FailureKind.SERVER),
        (caused(NetworkError("Bad Gateway (502)"), UNREAD), FailureKind.SERVER),
        (UNREAD, FailureKind.SERVER),
        (InvalidAnswerError("dict"), FailureKind.SERVER),
        (KeyError("result"), FailureKind.SERVER),
        (RetryAfter(7), FailureKind.FLOOD),
        (Conflict("Conflict: terminated by other getUpdates request"), FailureKind.CONFLICT),
        (Conflict("Conflict: can't use getUpdates method while webhook is active"), FailureKind.WEBHOOK),
        (InvalidToken("Unauthorized"), FailureKind.TOKEN),
        (caused(InvalidToken("Unauthorized (401)"), UNREAD), FailureKind.SERVER),
        (Forbidden("Forbidden: bot was blocked by the user"), FailureKind.FORBIDDEN),
        (caused(Forbidden("Forbidden (403)"), UNREAD), FailureKind.SERVER),
        (ChatMigrated(-1005), FailureKind.MIGRATED),
        (BadRequest("Message is not modified: same content"), FailureKind.UNCHANGED),
        (BadRequest("Message to edit not found"), FailureKind.NO_MESSAGE),
        (BadRequest("Message can't be edited"), FailureKind.NO_MESSAGE),
        (BadRequest("There is no text in the message to edit"), FailureKind.NO_MESSAGE),
        (BadRequest("Message to be replied not found"), FailureKind.NO_REPLY_TARGET),
        (BadRequest("Message is too long"), FailureKind.TOO_LONG),
        (BadRequest("Chat not found"), FailureKind.NO_CHAT),
        (BadRequest("Message thread not found"), FailureKind.NO_TOPIC),
        (BadRequest("TOPIC_CLOSED"), FailureKind.NO_TOPIC),
        (BadRequest("not enough rights to send photos to the chat"), FailureKind.REFUSED),
        (BadRequest("have no rights to send a message"), FailureKind.REFUSED),
        (BadRequest("Something of the future"), FailureKind.REFUSED),
        (caused(BadRequest("Bad Request (400)"), UNREAD), FailureKind.SERVER),
    ],
)
def test_each_error_has_its_kind(error, kind):
    assert failure_of(error).kind is kind


def test_the_parameters_of_an_error_are_kept():
    assert failure_of(RetryAfter(7)).wait == 7.0
    assert failure_of(ChatMigrated(-1005)).chat_id == -1005


def test_a_proxy_s_page_is_not_quoted():
    page = caused(NetworkError("Bad Gateway (502). Parsing the server response b'<html>' failed"), UNREAD)
    assert failure_of(page).detail == "Bad Gateway (502)"
    assert len(failure_of(BadRequest("x\n" * 500)).detail) == DETAIL_SHOWN


def test_an_error_without_text_is_described_by_its_type():
    assert failure_of(RuntimeError()).detail == "RuntimeError"


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        (FailureKind.UNREACHABLE, [1, 2, 5, 10, 20, 30, 30]),
        (FailureKind.SERVER, [1, 2, 5, 10, 20, 30, 30]),
        (FailureKind.CONFLICT, [5, 20, 60, 60]),
    ],
)
def test_the_retry_delay_grows_to_a_bound(kind, waits):
    assert [retry_delay(Failure(kind, ""), tries, 0.0) for tries in range(1, len(waits) + 1)] == waits


def test_the_retry_delay_has_jitter_and_respects_retry_after():
    assert retry_delay(Failure(FailureKind.UNREACHABLE, ""), 6, 1.0) == pytest.approx(33)
    assert retry_delay(Failure(FailureKind.UNREACHABLE, ""), 6, -1.0) == pytest.approx(27)
    assert retry_delay(Failure(FailureKind.FLOOD, "", wait=3.0), 1, -1.0) == 3.0


@pytest.mark.parametrize(("asked", "wait"), [(86400 * 365, 3600.0), (0, 1.0), (-5, 1.0)])
def test_retry_after_has_bounds(asked, wait):
    assert failure_of(RetryAfter(asked)).wait == wait


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (200, b"[]"),
        (401, b'{"ok":false,"error_code":401,"description":"Unauthorized"}'),
        (429, b'{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":3}}'),
    ],
)
def test_an_answer_of_a_bot_api_server_is_accepted(code, body):
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
def test_a_proxy_s_refusal_is_not_telegram_s(code, body):
    with pytest.raises(InvalidAnswerError, match=str(code)) as caught:
        check_refusal(code, body)
    assert failure_of(caught.value).kind is FailureKind.SERVER


# -- the log of an outage

UNREACHABLE = Failure(FailureKind.UNREACHABLE, "no route")
CONFLICT = Failure(FailureKind.CONFLICT, "")


def levels(reachability, *failures, operation="poll", now=0.0):
    return [reachability.failed(operation, failure, now)[1].level for failure in failures]


@pytest.fixture
def reachability():
    return Reachability(lambda: 0.0)


def test_only_the_first_failure_is_a_warning(reachability):
    assert levels(reachability, UNREACHABLE, UNREACHABLE, UNREACHABLE) == [
        logging.WARNING,
        logging.DEBUG,
        logging.DEBUG,
    ]


def test_each_kind_of_failure_is_a_warning_once_an_outage(reachability):
    assert (
        levels(reachability, UNREACHABLE, CONFLICT, UNREACHABLE, CONFLICT)
        == [logging.WARNING] * 2 + [logging.DEBUG] * 2
    )


def test_the_end_of_an_outage_is_logged_with_its_duration(reachability):
    levels(reachability, UNREACHABLE, now=100.0)
    levels(reachability, UNREACHABLE, now=130.0)
    assert reachability.succeeded("poll", 160.0).text == "📲 Telegram de nouveau joignable après 60 s"
    assert reachability.succeeded("poll", 161.0) is None
    assert levels(reachability, UNREACHABLE) == [logging.WARNING]


def test_an_outage_ends_when_every_operation_succeeds(reachability):
    assert levels(reachability, UNREACHABLE) + levels(reachability, UNREACHABLE, operation="send") == [
        logging.WARNING,
        logging.DEBUG,
    ]
    assert reachability.succeeded("poll", 1.0) is None
    assert not reachability.is_well()
    assert reachability.is_well(except_for="send")
    assert reachability.succeeded("send", 2.0) is not None
    assert reachability.is_well()


def test_each_operation_has_its_own_retry_delay(reachability):
    assert [reachability.failed("poll", UNREACHABLE, 0.0)[0] for _ in range(3)] == [1, 2, 5]
    assert reachability.failed("send", UNREACHABLE, 0.0)[0] == 1


def test_a_success_without_a_failure_is_not_logged(reachability):
    assert reachability.succeeded("poll", 0.0) is None
