"""Each failure of the Bot API server of the tests reaches python-telegram-bot as the exception that it documents."""

import asyncio
import json
import urllib.request
from datetime import timedelta

import pytest
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from tests.support import bot_api_faults as faults
from tests.support.bot_api import TOKEN, BotApi
from tests.support.bot_api_client import bot_of, refusal, with_bot
from tests.support.bot_api_malformed import unreadable, unusual

ANN = 11
SHORT = 0.5  # seconds that the bot waits for what does not come
LATE = faults.slow(20)
SILENT = [faults.hangs, faults.does_without_answer, LATE]


@pytest.fixture(autouse=True)
def _retry_after_as_timedelta(monkeypatch):
    # otherwise the library warns at each 429
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
def api():
    with BotApi() as server:
        server.user(ANN, "Ann")
        yield server


def send(bot, text="x"):
    return bot.send_message(ANN, text)


def try_to_send(api, fault, error=TelegramError):
    """Return the error that sending meets; the bot waits long only where an answer comes."""
    hurry = {"read_timeout": SHORT} if fault in SILENT else {}
    with api.trouble(fault) as trouble, pytest.raises(error) as caught:
        with_bot(api, lambda bot: bot.send_message(ANN, "x", **hurry))
    assert trouble.met == 1
    return caught.value


@pytest.mark.parametrize(
    ("fault", "error", "expected"),
    [
        (faults.hangs, TimedOut, "Timed out"),
        (LATE, TimedOut, "Timed out"),
        (faults.does_without_answer, TimedOut, "Timed out"),
        (faults.internal_error(), NetworkError, "Internal Server Error"),
        (faults.page(500), NetworkError, "Internal Server Error (500)"),
        (faults.page(502), NetworkError, "Bad Gateway (502)"),
        (faults.page(504), NetworkError, "Gateway Timeout (504)"),
        (faults.flood(7), RetryAfter, "Retry in 0:00:07"),
        (faults.conflict(), Conflict, "terminated by other getUpdates request"),
        (faults.unauthorized(), InvalidToken, "Unauthorized"),
        (faults.not_json, TelegramError, "Invalid server response"),
        (faults.truncated, NetworkError, "RemoteProtocolError"),
        (faults.wrong_length, TelegramError, "Invalid server response"),
        (faults.resets, NetworkError, "ReadError"),
        (faults.resets_in_answer, NetworkError, "ReadError"),
        (faults.loses_answer, NetworkError, "Server disconnected without sending a response"),
    ],
)
def test_a_failure_is_the_exception_that_the_library_documents(api, fault, error, expected):
    met = try_to_send(api, fault, error)
    assert expected in str(met)
    assert not isinstance(met, BadRequest | Forbidden)
    # the fault has ended
    assert with_bot(api, send).text == "x"


@pytest.mark.parametrize(
    "fault",
    [
        faults.loses_answer,
        faults.does_without_answer,
        faults.truncated,
        faults.wrong_length,
        faults.resets_in_answer,
        LATE,
    ],
)
def test_a_message_whose_answer_was_lost_is_shown_twice_when_repeated(api, fault):
    try_to_send(api, fault)
    with_bot(api, send)
    assert [m.text for m in api.messages(ANN)] == ["x", "x"]


@pytest.mark.parametrize("fault", [faults.hangs, faults.resets, faults.page(502), faults.flood(1), faults.not_json])
def test_a_refused_request_has_no_effect(api, fault):
    try_to_send(api, fault)
    assert api.messages(ANN) == []


@pytest.mark.parametrize(("content", "error"), [({"ok": True}, KeyError), ([], TypeError), (None, TypeError)])
def test_an_answer_of_another_shape_is_no_library_error(api, content, error):
    try_to_send(api, faults.answers(content), error)


def test_retry_after_is_in_whole_seconds(api):
    api.trouble(faults.flood(13))
    with pytest.raises(RetryAfter) as caught:
        with_bot(api, send)
    assert caught.value.retry_after == timedelta(seconds=13)


def test_a_fault_may_last_for_some_requests(api):
    api.trouble(faults.page(502), "sendMessage", requests=2)

    async def use(bot):
        for _ in range(2):
            with pytest.raises(NetworkError):
                await send(bot)
        await send(bot)
        await bot.get_me()

    with_bot(api, use)
    assert [r.code for r in api.requests] == [None, None, 200, 200]


def test_a_fault_may_last_for_some_time(api):
    api.trouble(faults.page(502), seconds=-1.0)
    assert with_bot(api, send).text == "x"


def test_a_slow_answer_is_an_answer(api):
    with api.trouble(faults.slow(0.1)):
        assert with_bot(api, send).text == "x"


def test_a_request_meets_the_newest_fault(api):
    with api.trouble(faults.page(502)):
        with api.trouble(faults.unauthorized()):
            refusal(api, InvalidToken, send)
        refusal(api, NetworkError, send)


def test_offline_the_port_refuses_and_the_same_port_comes_back(api):
    before = api.base_url

    async def use(bot):
        await send(bot, "before")
        with api.offline():
            with pytest.raises(NetworkError, match=r"ConnectError|ReadError|RemoteProtocolError"):
                await send(bot, "lost")
            with pytest.raises(NetworkError, match="ConnectError"):
                await send(bot, "lost")
        await send(bot, "after")

    with_bot(api, use)
    assert api.base_url == before
    assert [m.text for m in api.messages(ANN)] == ["before", "after"]


def test_going_offline_ends_the_poll_that_waits(api):
    async def use(bot):
        waiting = asyncio.create_task(bot.get_updates(timeout=25))
        await asyncio.to_thread(api.wait_until, lambda: api.counts["getUpdates"])
        await asyncio.to_thread(api.goes_offline)
        await waiting

    refusal(api, NetworkError, use)


def test_a_poll_elsewhere_ends_the_poll_that_waits(api):
    async def use(bot):
        waiting = asyncio.create_task(bot.get_updates(timeout=25))
        await asyncio.to_thread(api.wait_until, lambda: api.polling)
        api.polls_elsewhere()
        await waiting

    refusal(api, Conflict, use)


@pytest.mark.parametrize("hold", [faults.hangs, faults.does_without_answer, None])
def test_the_server_stops_at_once_with_requests_held_back(hold):
    async def use(api):
        bot = bot_of(api)
        with api:
            if hold is not None:
                api.trouble(hold)
            waiting = asyncio.create_task(bot.get_updates(timeout=25))
            await asyncio.to_thread(api.wait_until, lambda: api.counts["getUpdates"])
        with pytest.raises(NetworkError):
            await waiting
        for request in bot._request:
            await request.shutdown()

    asyncio.run(use(BotApi()))


def polled(api):
    """Return the updates as they come over the wire."""
    with urllib.request.urlopen(f"{api.base_url}/bot{TOKEN}/getUpdates", timeout=30) as answer:
        return json.load(answer)["result"]


@pytest.mark.parametrize("make", [unreadable, unusual])
def test_updates_arrive_unchanged_however_odd(api, make):
    updates = make(api.user(ANN, "Ann"))
    for update in updates.values():
        api.raw_update(update)
    came = polled(api)
    assert len(came) == len(updates)
    for update, got in zip(updates.values(), came, strict=True):
        assert got == update or {"update_id": got["update_id"]} | update == got


def test_the_library_reads_unusual_updates_and_fails_at_unreadable_ones(api):
    ann = api.user(ANN, "Ann")
    for update in unusual(ann).values():
        api.raw_update(update)
    read = with_bot(api, lambda bot: bot.get_updates())
    assert len(read) == len(unusual(ann))
    number = api.raw_update(unreadable(ann)["a message without date"])
    # the update is not confirmed either: it is repeated
    for _ in range(2):
        with pytest.raises(KeyError):
            with_bot(api, lambda bot: bot.get_updates(offset=read[-1].update_id + 1))
    assert with_bot(api, lambda bot: bot.get_updates(offset=number + 1)) == ()


def test_an_update_id_without_bounds_confirms_nothing(api):
    ann = api.user(ANN, "Ann")
    api.raw_update(unreadable(ann)["an update id without bounds"])
    ann.says("hello")
    (huge, _) = with_bot(api, lambda bot: bot.get_updates())
    assert len(with_bot(api, lambda bot: bot.get_updates(offset=huge.update_id + 1))) == 2


def test_an_error_of_the_server_itself_fails_its_test():
    def broken(exchange):
        raise LookupError("a fault of the test's own")

    def run():
        with BotApi() as api:
            api.trouble(broken)
            with pytest.raises(NetworkError):
                with_bot(api, lambda bot: bot.get_me())

    with pytest.raises(LookupError):
        run()
