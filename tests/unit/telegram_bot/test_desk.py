"""What becomes of an update: who is answered, what has to be confirmed, what goes on air."""

from __future__ import annotations

import pytest

from commands.registry import Command
from commands.roles import Role
from telegram_bot.incoming import Pressed
from telegram_bot.posts import Button, Chat
from telegram_bot.questions import LIFETIME
from tests.support.telegram_bot import ADMIN, GROUP, GUEST
from tests.support.telegram_desk import TelegramDesk

TRUST = Command("trust", "trusts a key", lambda r: f"trusted {r.argument}", usage="<node> [key]", role=Role.ADMIN)
REBOOT = Command("reboot", "restarts it", lambda _r: "restarted", role=Role.ADMIN)
STATUS = Command("status", "how it is", lambda _r: "well")
RECONNECT = Command("reconnect", "drops the link", lambda _r: "dropped", role=Role.ADMIN)
COMMANDS = (TRUST, REBOOT, STATUS, RECONNECT)


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


def test_a_question_without_answer_loses_its_buttons(desk):
    desk.desk.take(desk.said("/reboot", ADMIN))
    (asked,) = desk.deliveries()
    desk.clock.advance(LIFETIME)
    assert desk.presses(asked.post, "Yes", ADMIN) == []
    assert desk.press_words == ["⌛ Too late: please ask again."]
    desk.desk.drained()
    (over,) = desk.deliveries()
    assert (over.edits, over.post.text, over.post.buttons) == (
        1000 + asked.number,
        "⌛ /reboot was not confirmed in time.",
        (),
    )


# -- what comes too late


@pytest.mark.parametrize("settings", [{"telegram_command_max_age": 60}])
def test_a_command_older_than_the_setting_is_counted_and_not_run(desk):
    assert desk.says("/status", GUEST, ago=61) == []
    assert desk.says("/status", GUEST, ago=62) == []
    desk.desk.drained()
    assert desk.texts() == ["⏳ Came too late and not acted upon: 2"]
    desk.desk.drained()
    assert desk.texts() == []
    assert text_of(desk.says("/status", GUEST, ago=59)) == "well"


def test_a_clock_that_is_ahead_refuses_nothing_that_came_since_nothing_waited(desk):
    desk.desk.drained()
    desk.clock.jump(3600)
    desk.clock.advance(50)
    assert text_of(desk.says("/status", GUEST, ago=3600)) == "well"


def test_after_an_outage_the_age_of_a_command_counts_again(desk):
    desk.desk.drained()
    desk.clock.advance(7200)
    assert desk.says("/status", GUEST, ago=3600) == []
    assert text_of(desk.says("/status", GUEST, ago=60)) == "well"


# -- buttons


@pytest.mark.parametrize("settings", [{"rate_limit_commands": 1}])
def test_who_refreshes_too_often_is_told_so_alone(desk):
    (status,) = desk.says("/status", GUEST)
    assert desk.presses(status, "Refresh", GUEST) == []
    assert desk.press_words == ["🚦 That is a lot of commands: please pause for a few minutes."]
    assert desk.presses(status, "Refresh", GUEST) == []
    assert desk.press_words[1:] == [""]


def test_an_order_s_button_tells_a_guest_alone_that_it_is_not_for_guests(desk):
    (status,) = desk.says("/status", ADMIN, GROUP)
    assert desk.presses(status, "Reconnect", GUEST) == []
    assert desk.press_words == ["⛔ /reconnect is not open to you."]
    assert text_of(desk.presses(status, "Reconnect", ADMIN)) == "❓ /reconnect: drops the link. Sure?"


def test_the_buttons_are_those_of_who_asked_whoever_refreshes(desk):
    (of_admin,) = desk.says("/status", ADMIN, GROUP)
    (of_guest,) = desk.says("/status", GUEST, GROUP)
    assert len(of_admin.buttons) == 2
    assert len(of_guest.buttons) == 1
    assert desk.presses(of_admin, "Refresh", GUEST)[0].buttons == of_admin.buttons
    assert desk.presses(of_guest, "Refresh", ADMIN)[0].buttons == of_guest.buttons


def test_a_refresh_edits_the_message_that_has_the_button(desk):
    (status,) = desk.says("/status", GUEST)
    desk.desk.take(Pressed(99, "query", GUEST, "Gus", status.buttons[0][0].data, status.chat, 4711))
    desk.work()
    assert [delivery.edits for delivery in desk.deliveries()] == [4711]


@pytest.mark.parametrize("data", ["do:status:", "do:status:x", "do:status:999", "do:status"])
def test_a_button_that_does_not_tell_its_owner_is_the_presser_s(desk, data):
    posts = desk.take_press(Button("?", data), ADMIN, Chat(ADMIN))
    assert len(posts[0].buttons) == 2
    assert desk.press_words == [""]


@pytest.mark.parametrize("data", ["", "do", "do:", "do:nothing", "yes", "yes:", "what:ever", "yes:a:b"])
def test_a_button_that_nobody_knows_is_too_old(desk, data):
    assert desk.take_press(Button("?", data), ADMIN, Chat(ADMIN)) == []
    assert desk.press_words[0].startswith("⌛")


def test_a_button_in_a_group_that_is_not_listed_does_nothing_even_for_an_admin(desk):
    assert desk.take_press(Button("?", "do:status"), ADMIN, Chat(-555)) == []
    assert desk.take_press(Button("?", "do:reconnect"), ADMIN, Chat(-555)) == []
    assert desk.press_words == ["🔒 Not for you."] * 2
