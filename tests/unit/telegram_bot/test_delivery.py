"""How long messages wait after a failure, and what a failure changes elsewhere."""

import asyncio

import pytest
from telegram.error import ChatMigrated, InvalidToken, NetworkError

from meshbot.telegram_bot.delivery import UNREACHABLE_WAIT, MessageSender
from meshbot.telegram_bot.failures import BACKOFF, Failure, FailureKind, Reachability, TokenRefusedError
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.telegram_bot.queue import MessageQueue
from meshbot.telegram_bot.service import _attempt
from tests.support.fake_clock import FakeClock


class OfflineApi:
    """An Api without Internet."""

    async def deliver(self, delivery):
        raise NetworkError("ConnectError") from OSError("unreachable")


@pytest.mark.parametrize(("poll_succeeds", "wait"), [(True, BACKOFF[0]), (False, UNREACHABLE_WAIT)])
def test_after_a_failure_messages_wait_longer_if_the_poll_fails_too(poll_succeeds, wait):
    clock, queue, reachability = FakeClock(), MessageQueue(str), Reachability(lambda: 0.0)
    if not poll_succeeds:
        reachability.failed("poll", Failure(FailureKind.UNREACHABLE, ""), clock.monotonic())
    queue.add(OutgoingMessage(Chat(1), "a"), clock.monotonic())
    sender = MessageSender(OfflineApi(), queue, None, reachability, clock, lambda _message, _message_id: None)
    asyncio.run(sender._send(queue.next(clock.monotonic())))
    assert queue.deadline() - clock.monotonic() == pytest.approx(wait)
    assert len(queue) == 1


class RefusingApi:
    """An Api whose requests all fail."""

    def __init__(self, error):
        self._error = error

    async def deliver(self, _delivery):
        raise self._error

    async def answer_callback_query(self, _query_id, _text):
        raise self._error


class MigrationLog:
    """The part of a handler that notes new group ids."""

    def __init__(self):
        self.migrations = []

    def on_migration(self, old, new):
        self.migrations.append((old, new))


def sender_and_queue(api, handler=None):
    clock, queue = FakeClock(), MessageQueue(str)
    queue.add(OutgoingMessage(Chat(-5), "a"), clock.monotonic())
    return MessageSender(
        api, queue, handler, Reachability(lambda: 0.0), clock, lambda _message, _message_id: None
    ), queue


def test_a_group_s_new_id_is_reported_to_the_handler():
    handler = MigrationLog()
    sender, queue = sender_and_queue(RefusingApi(ChatMigrated(-1005)), handler)
    asyncio.run(sender._send(queue.next(2000.0)))
    assert handler.migrations == [(-5, -1005)]


def test_a_token_refused_while_sending_ends_the_sender():
    sender, _posts = sender_and_queue(RefusingApi(InvalidToken("Unauthorized")))
    with pytest.raises(TokenRefusedError, match="Unauthorized"):
        asyncio.run(asyncio.wait_for(sender.run(), 30.0))


def test_a_callback_query_that_cannot_be_answered_is_harmless():
    async def fail():
        raise NetworkError("gone")

    asyncio.run(_attempt(fail()))
