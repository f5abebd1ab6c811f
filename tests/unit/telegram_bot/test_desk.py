"""What becomes of an update: who is answered, what has to be confirmed, what goes on air."""

from __future__ import annotations

import pytest

from commands.registry import Command
from commands.roles import Role
from tests.support.telegram_bot import ADMIN
from tests.support.telegram_desk import TelegramDesk

TRUST = Command("trust", "trusts a key", lambda r: f"trusted {r.argument}", usage="<node> [key]", role=Role.ADMIN)
REBOOT = Command("reboot", "restarts it", lambda _r: "restarted", role=Role.ADMIN)
COMMANDS = (TRUST, REBOOT)


@pytest.fixture
def settings():
    return {}


@pytest.fixture
def desk(settings):
    with TelegramDesk(COMMANDS, **settings) as desk:
        yield desk


def text_of(posts):
    (post,) = posts
    return post.text


# -- orders


def test_an_order_s_argument_is_in_the_question(desk):
    (question,) = desk.says("/trust Quentin AAAA", ADMIN)
    assert question.text == "❓ /trust Quentin AAAA: trusts a key. Sure?"
    assert text_of(desk.presses(question, "Yes", ADMIN)) == "trusted Quentin AAAA"
    assert text_of(desk.says("/reboot", ADMIN)) == "❓ /reboot: restarts it. Sure?"


def test_what_is_to_be_confirmed_is_one_short_legible_line(desk):
    question = text_of(desk.says("/trust a\nb\u202e " + "é" * 100, ADMIN))
    assert question.startswith("❓ /trust a b ")
    assert question.endswith("é…: trusts a key. Sure?")
    assert len(question) < 120


def test_an_order_without_what_it_is_about_tells_how_to_ask_and_asks_nothing(desk):
    (answer,) = desk.says("/trust", ADMIN)
    assert (answer.text, answer.buttons) == ("trusted ", ())
