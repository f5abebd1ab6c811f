"""How long posts wait after a try in vain, and who hears of what Telegram says to a post."""

import asyncio

import pytest
from telegram.error import ChatMigrated, InvalidToken, NetworkError

from meshbot.telegram_bot.delivery import SECOND_WAIT, PostSender
from meshbot.telegram_bot.failures import LADDER, Failure, Kind, TokenRefusedError
from meshbot.telegram_bot.models import Chat, Post
from meshbot.telegram_bot.queue import PostQueue
from meshbot.telegram_bot.reachability import Reachability
from meshbot.telegram_bot.service import _quietly
from tests.support.fake_clock import FakeClock


class NoInternet:
    """What Api is then."""

    async def deliver(self, delivery):
        raise NetworkError("ConnectError") from OSError("unreachable")


@pytest.mark.parametrize(("poll_is_well", "wait"), [(True, LADDER[0]), (False, SECOND_WAIT)])
def test_after_a_try_in_vain_posts_wait_for_the_poll_if_that_fails_too(poll_is_well, wait):
    clock, posts, reach = FakeClock(), PostQueue(str), Reachability(lambda: 0.0)
    if not poll_is_well:
        reach.failed("poll", Failure(Kind.UNREACHABLE, ""), clock.monotonic())
    posts.add(Post(Chat(1), "a"), clock.monotonic())
    poster = PostSender(NoInternet(), posts, None, reach, clock, lambda _post, _message_id: None)
    asyncio.run(poster._send(posts.next(clock.monotonic())))
    assert posts.deadline() - clock.monotonic() == pytest.approx(wait)
    assert len(posts) == 1


class Refusing:
    """An Api that Telegram refuses everything."""

    def __init__(self, error):
        self._error = error

    async def deliver(self, _delivery):
        raise self._error

    async def answer_press(self, _query_id, _text):
        raise self._error


class Groups:
    """The part of a desk that hears of groups."""

    def __init__(self):
        self.moves = []

    def moved(self, old, new):
        self.moves.append((old, new))


def poster_of(api, desk=None):
    clock, posts = FakeClock(), PostQueue(str)
    posts.add(Post(Chat(-5), "a"), clock.monotonic())
    return PostSender(api, posts, desk, Reachability(lambda: 0.0), clock, lambda _post, _message_id: None), posts


def test_a_group_that_has_moved_is_told_to_the_desk():
    groups = Groups()
    poster, posts = poster_of(Refusing(ChatMigrated(-1005)), groups)
    asyncio.run(poster._send(posts.next(2000.0)))
    assert groups.moves == [(-5, -1005)]


def test_a_token_refused_while_sending_ends_the_sending():
    poster, _posts = poster_of(Refusing(InvalidToken("Unauthorized")))
    with pytest.raises(TokenRefusedError, match="Unauthorized"):
        asyncio.run(asyncio.wait_for(poster.run(), 30.0))


def test_a_press_that_cannot_be_answered_harms_nothing():
    asyncio.run(_quietly(Refusing(NetworkError("gone")), "1", "too old"))
