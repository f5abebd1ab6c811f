"""/bot: how much the assistant is asked."""

import pytest

from meshbot.commands.builtin.bot import QUEUE_LIMIT, HourlyLimit, bot_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Request
from meshbot.commands.roles import AuthFailure, User
from meshbot.mesh_link.packets import RadioMetadata
from tests.support.fake_clock import FakeClock


class Talker:
    def ask(self, _conversation, _on_wait):
        return "yes"


@pytest.fixture
def clock():
    return FakeClock()


def test_an_hour_holds_so_many_questions_of_all_together(clock):
    command = bot_command(Talker(), clock, 600, 60.0, 4)

    def ask(num, failure=None):
        user = User(f"mesh:!{num:08x}", auth_failure=failure)
        return command.run(Request("bot", "why?", num, RadioMetadata(), translator("en"), (), user=user))

    busy = "🚦 The assistant has too much to do. Try again later."
    assert [ask(num, AuthFailure.NOT_PKI) for num in (1, 2, 3)] == ["yes", "yes", busy]
    assert [ask(num) for num in (1, 2, 3)] == ["yes", "yes", busy]
    clock.advance(3600)
    assert ask(9) == "yes"


def test_a_limit_of_one_lets_anybody_ask():
    assert HourlyLimit(1).take(0.0, proven=False)


def test_five_questions_wait_at_most():
    assert bot_command(Talker(), FakeClock(), 600, 60.0, 4).queue_limit == QUEUE_LIMIT == 5
