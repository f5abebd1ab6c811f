"""How long posts wait after a try in vain."""

import asyncio

import pytest
from telegram.error import NetworkError

from telegram_bot.failures import LADDER, Failure, Kind
from telegram_bot.outgoing import Posts
from telegram_bot.poster import SECOND_WAIT, Poster
from telegram_bot.posts import Chat, Post
from telegram_bot.reach import Reach
from tests.support.fake_clock import FakeClock


class NoInternet:
    """What Api is then."""

    async def deliver(self, delivery):
        raise NetworkError("ConnectError") from OSError("unreachable")


@pytest.mark.parametrize(("poll_is_well", "wait"), [(True, LADDER[0]), (False, SECOND_WAIT)])
def test_after_a_try_in_vain_posts_wait_for_the_poll_if_that_fails_too(poll_is_well, wait):
    clock, posts, reach = FakeClock(), Posts(str), Reach(lambda: 0.0)
    if not poll_is_well:
        reach.failed("poll", Failure(Kind.UNREACHABLE, ""), clock.monotonic())
    posts.add(Post(Chat(1), "a"), clock.monotonic())
    poster = Poster(NoInternet(), posts, None, reach, clock)
    asyncio.run(poster._send(posts.next(clock.monotonic())))
    assert posts.deadline() - clock.monotonic() == pytest.approx(wait)
    assert len(posts) == 1
