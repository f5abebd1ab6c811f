"""Commands from Telegram: confirmations, buttons, and the request that a command gets."""

from __future__ import annotations

from itertools import count

import pytest

from meshbot.commands.builtin.help import HELP
from meshbot.commands.formatting import CHAT_BYTES
from meshbot.commands.registry import Command
from meshbot.commands.roles import Role
from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.telegram_bot.command_handler import CONFIRMATION_LIFETIME, CONFIRMATIONS_LIMIT, Confirmations, Reply
from meshbot.telegram_bot.models import Button, Chat
from meshbot.telegram_bot.updates import CallbackQuery
from tests.support.nodes import ALICE, key, record, upgrade
from tests.support.nodes import text_of as text_of_key
from tests.support.telegram_bot import ADMIN, GROUP, GUEST
from tests.support.telegram_handler import HandlerHarness

ANN, BOB = 1, 2
TRUST = Command("trust", "trusts a key", lambda r: f"trusted {r.argument}", usage="<node> [key]", role=Role.ADMIN)
REBOOT = Command("reboot", "restarts it", lambda _r: "restarted", role=Role.ADMIN)
STATUS = Command("status", "how it is", lambda _r: "well")
RECONNECT = Command("reconnect", "drops the link", lambda _r: "dropped", role=Role.ADMIN)
WHERE = Command("where", "tells who reads", lambda r: f"private: {r.is_private}")
COMMANDS = (HELP, TRUST, REBOOT, STATUS, RECONNECT, WHERE)


@pytest.fixture
def settings():
    return {}


@pytest.fixture
def harness(settings):
    with HandlerHarness(COMMANDS, **settings) as harness:
        yield harness


def text_of(messages):
    (message,) = messages
    return message.text


# -- confirmations


@pytest.fixture
def confirmations():
    numbers = count()
    return Confirmations(lambda: f"token{next(numbers)}")


def test_yes_returns_the_command_once(confirmations):
    token = confirmations.ask("reboot", ANN, 0.0)
    assert confirmations.answer(token, ANN, 1.0, yes=True) == (Reply.YES, "reboot")
    assert confirmations.answer(token, ANN, 1.0, yes=True) == (Reply.TOO_LATE, None)


def test_no_ends_a_confirmation(confirmations):
    token = confirmations.ask("reboot", ANN, 0.0)
    assert confirmations.answer(token, ANN, 1.0, yes=False) == (Reply.NO, "reboot")
    assert confirmations.answer(token, ANN, 1.0, yes=True) == (Reply.TOO_LATE, None)


def test_another_user_s_reply_does_not_count(confirmations):
    token = confirmations.ask("reboot", ANN, 0.0)
    assert confirmations.answer(token, BOB, 1.0, yes=True) == (Reply.NOT_YOURS, None)
    assert confirmations.answer(token, ANN, 1.0, yes=True) == (Reply.YES, "reboot")


def test_a_confirmation_expires(confirmations):
    token = confirmations.ask("reboot", ANN, 0.0)
    assert confirmations.expired(CONFIRMATION_LIFETIME - 1) == []
    assert confirmations.answer(token, ANN, CONFIRMATION_LIFETIME, yes=True) == (Reply.TOO_LATE, None)
    assert confirmations.expired(CONFIRMATION_LIFETIME) == ["reboot"]
    assert confirmations.expired(CONFIRMATION_LIFETIME) == []


def test_a_confirmation_that_was_answered_does_not_expire(confirmations):
    confirmations.answer(confirmations.ask("reboot", ANN, 0.0), ANN, 1.0, yes=False)
    assert confirmations.expired(CONFIRMATION_LIFETIME) == []


def test_an_unknown_token_is_too_late(confirmations):
    assert confirmations.answer("x", ANN, 0.0, yes=True) == (Reply.TOO_LATE, None)


def test_the_oldest_confirmations_are_dropped(confirmations):
    tokens = [confirmations.ask(str(n), ANN, 0.0) for n in range(CONFIRMATIONS_LIMIT + 1)]
    assert confirmations.answer(tokens[0], ANN, 0.0, yes=True) == (Reply.TOO_LATE, None)
    assert confirmations.answer(tokens[1], ANN, 0.0, yes=True) == (Reply.YES, "1")


def test_a_confirmation_shows_the_command_s_argument(harness):
    (question,) = harness.write("/trust Quentin AAAA", ADMIN)
    assert question.text == "❓ /trust Quentin AAAA: trusts a key. Sure?"
    assert text_of(harness.press(question, "Yes", ADMIN)) == "trusted Quentin AAAA"
    assert text_of(harness.write("/reboot", ADMIN)) == "❓ /reboot: restarts it. Sure?"


def test_a_confirmation_shows_the_command_as_one_short_line(harness):
    question = text_of(harness.write("/trust a\nb\u202e " + "é" * 100, ADMIN))
    assert question.startswith("❓ /trust a b ")
    assert question.endswith("é…: trusts a key. Sure?")
    assert len(question) < 120


def test_a_command_without_its_argument_needs_no_confirmation(harness):
    (answer,) = harness.write("/trust", ADMIN)
    assert (answer.text, answer.keyboard) == ("trusted ", ())


def test_an_expired_confirmation_loses_its_buttons(harness):
    harness.handler.on_update(harness.message("/reboot", ADMIN))
    (delivery,) = harness.deliveries()
    harness.clock.advance(CONFIRMATION_LIFETIME)
    assert harness.press(delivery.message, "Yes", ADMIN) == []
    assert harness.query_answers == ["⌛ Too late: please ask again."]
    harness.handler.on_caught_up()
    (over,) = harness.deliveries()
    assert (over.edits, over.message.text, over.message.keyboard) == (
        1000 + delivery.number,
        "⌛ /reboot was not confirmed in time.",
        (),
    )


# -- buttons


@pytest.mark.parametrize("settings", [{"telegram_commands": 1}])
def test_only_the_user_who_refreshes_too_often_sees_the_refusal(harness):
    (status,) = harness.write("/status", GUEST)
    assert harness.press(status, "Refresh", GUEST) == []
    assert harness.query_answers == ["🚦 That is a lot of commands: please pause for a few minutes."]
    assert harness.press(status, "Refresh", GUEST) == []
    assert harness.query_answers[1:] == ["🚦 Still too many commands: /status was not run."]


def test_only_the_guest_who_presses_an_admin_s_button_sees_the_refusal(harness):
    (status,) = harness.write("/status", ADMIN, GROUP)
    assert harness.press(status, "Reconnect", GUEST) == []
    assert harness.query_answers == ["⛔ /reconnect is not open to you."]
    assert text_of(harness.press(status, "Reconnect", ADMIN)) == "❓ /reconnect: drops the link. Sure?"


def test_a_refresh_keeps_the_buttons_of_the_first_user(harness):
    (of_admin,) = harness.write("/status", ADMIN, GROUP)
    (of_guest,) = harness.write("/status", GUEST, GROUP)
    assert len(of_admin.keyboard) == 2
    assert len(of_guest.keyboard) == 1
    assert harness.press(of_admin, "Refresh", GUEST)[0].keyboard == of_admin.keyboard
    assert harness.press(of_guest, "Refresh", ADMIN)[0].keyboard == of_guest.keyboard


def test_a_refresh_edits_the_message_that_has_the_button(harness):
    (status,) = harness.write("/status", GUEST)
    harness.handler.on_update(CallbackQuery(99, "query", GUEST, "Gus", status.keyboard[0][0].data, status.chat, 4711))
    harness.finish_commands()
    assert [delivery.edits for delivery in harness.deliveries()] == [4711]


@pytest.mark.parametrize("data", ["do:status:", "do:status:x", "do:status:999", "do:status"])
def test_a_button_without_owner_belongs_to_the_user_who_presses_it(harness, data):
    messages = harness.press_button(Button("?", data), ADMIN, Chat(ADMIN))
    assert len(messages[0].keyboard) == 2
    assert harness.query_answers == [""]


@pytest.mark.parametrize("data", ["", "do", "do:", "do:nothing", "yes", "yes:", "what:ever", "yes:a:b"])
def test_an_unknown_button_is_too_old(harness, data):
    assert harness.press_button(Button("?", data), ADMIN, Chat(ADMIN)) == []
    assert harness.query_answers[0].startswith("⌛")


def test_a_button_in_an_unlisted_group_does_nothing_even_for_an_admin(harness):
    assert harness.press_button(Button("?", "do:status"), ADMIN, Chat(-555)) == []
    assert harness.press_button(Button("?", "do:reconnect"), ADMIN, Chat(-555)) == []
    assert harness.query_answers == ["🔒 Not for you."] * 2


# -- the request that a command gets


def test_a_command_knows_whether_its_answer_is_private(harness):
    assert text_of(harness.write("/where", GUEST)) == "private: True"
    assert text_of(harness.write("/where", GUEST, GROUP)) == "private: False"


def test_help_lists_the_commands_of_the_user_s_role(harness):
    assert "/reboot" not in text_of(harness.write("/help", GUEST))
    assert "/reboot" in text_of(harness.write("/help", ADMIN))


def test_an_answer_may_fill_a_chat_message():
    command = Command("room", "tells its room", lambda request: str(request.limit))
    with HandlerHarness((command,)) as harness:
        assert text_of(harness.write("/room", GUEST)) == str(CHAT_BYTES)


# -- the user's node

MINE = Command("mine", "tells whose node", lambda r: f"node {r.node}")


@pytest.mark.parametrize("listed", [f"!{ALICE:08x}", text_of_key(key(1)), fingerprint_of(key(1))])
def test_a_user_is_a_node_whatever_its_number(listed):
    with HandlerHarness((MINE,), telegram_users=(f"{GUEST} everyone {listed}",)) as harness:
        manager = harness.mesh.manager
        manager.learn_from_nodeinfo(record(ALICE, key(1)))
        assert text_of(harness.write("/mine")) == f"node {ALICE}"
        new = upgrade(manager, harness.clock, ALICE, key(1))
        assert text_of(harness.write("/mine")) == f"node {new}"


def test_a_listed_key_that_no_node_has_is_no_node():
    with HandlerHarness((MINE,), telegram_users=(f"{GUEST} everyone {text_of_key(key(1))}",)) as harness:
        assert text_of(harness.write("/mine")) == "node None"
