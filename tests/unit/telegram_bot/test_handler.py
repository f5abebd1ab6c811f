"""What becomes of an update: who is answered, what has to be confirmed, what goes on air."""

from __future__ import annotations

import pytest

from meshbot.commands.builtin.help import HELP
from meshbot.commands.formatting import CHAT_BYTES
from meshbot.commands.registry import Command
from meshbot.commands.roles import Role
from meshbot.mesh_link.packets import BROADCAST_NUM, TextMessage
from meshbot.runtime.incidents import NodeRebooted
from meshbot.telegram_bot.confirmations import LIFETIME
from meshbot.telegram_bot.models import Button, Chat
from meshbot.telegram_bot.updates import ButtonPress, ChatMigration
from tests.support.telegram_bot import ADMIN, GROUP, GUEST, STRANGER
from tests.support.telegram_handler import TelegramDesk

TRUST = Command("trust", "trusts a key", lambda r: f"trusted {r.argument}", usage="<node> [key]", role=Role.ADMIN)
REBOOT = Command("reboot", "restarts it", lambda _r: "restarted", role=Role.ADMIN)
STATUS = Command("status", "how it is", lambda _r: "well")
RECONNECT = Command("reconnect", "drops the link", lambda _r: "dropped", role=Role.ADMIN)
WHERE = Command("where", "tells who reads", lambda r: f"private: {r.is_private}")
COMMANDS = (HELP, TRUST, REBOOT, STATUS, RECONNECT, WHERE)
BRIDGED = {"telegram_bridges": (f"1 {GROUP}",), "bridge_ttl": 700, "telegram_command_max_age": 60}


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
    desk.desk.take(ButtonPress(99, "query", GUEST, "Gus", status.buttons[0][0].data, status.chat, 4711))
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


# -- who asks, and where


def test_a_command_knows_whether_others_read_its_answer(desk):
    assert text_of(desk.says("/where", GUEST)) == "private: True"
    assert text_of(desk.says("/where", GUEST, GROUP)) == "private: False"


def test_help_lists_what_the_asker_may_use(desk):
    assert "/reboot" not in text_of(desk.says("/help", GUEST))
    assert "/reboot" in text_of(desk.says("/help", ADMIN))


def test_an_answer_has_the_room_of_a_message():
    command = Command("room", "tells its room", lambda request: str(request.limit))
    with TelegramDesk((command,)) as desk:
        assert text_of(desk.says("/room", GUEST)) == str(CHAT_BYTES)


@pytest.mark.parametrize(
    ("text", "greeted"), [("/ping_pong", False), ("hello", False), ("/status", True), ("/x@mesh_test_bot", True)]
)
def test_a_stranger_in_a_group_is_greeted_for_what_is_meant_for_us_alone(desk, text, greeted):
    desk.desk.username = "Mesh_Test_Bot"
    assert bool(desk.says(text, STRANGER, GROUP)) == greeted


def test_a_stranger_in_private_is_greeted_for_any_word(desk):
    assert text_of(desk.says("/ping_pong", STRANGER)) == f"🔒 I do not know you. Your id: {STRANGER}"


def test_an_unlisted_group_is_not_listed_under_its_new_id(desk):
    desk.take(ChatMigration(1, -555, -1555))
    assert desk.says("/status", GUEST, -1555) == []
    desk.take(ChatMigration(2, GROUP, -1777))
    assert text_of(desk.says("/status", GUEST, -1777)) == "well"


# -- the bridge


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_text_of_the_group_waits_for_the_radio_as_long_as_the_setting_says(desk):
    assert desk.says("bonjour", STRANGER, GROUP) == []
    (message,) = desk.sent
    assert (message.text, message.channel, message.expires_at) == ("Gus: bonjour", 1, desk.clock.monotonic() + 700)


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_text_that_comes_too_late_is_counted_and_not_sent(desk):
    assert desk.says("bonjour", STRANGER, GROUP, ago=61) == []
    desk.desk.drained()
    (counted,) = desk.posts()
    assert (counted.chat, counted.text) == (Chat(GROUP), "⏳ Came too late and not acted upon: 1")
    assert desk.sent == []


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_caption_is_marked_as_one_on_the_mesh(desk):
    desk.says("look", STRANGER, GROUP, media="📷")
    assert desk.sent[0].text == "Gus: 📷 look"


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_reply_to_a_mesh_text_is_one_on_the_mesh(desk):
    desk.desk.from_mesh(TextMessage(0xABC, 0x1111, BROADCAST_NUM, 1, "salut"))
    (shown,) = desk.deliveries()
    desk.says("bonjour", STRANGER, GROUP, reply_to=1000 + shown.number)
    assert desk.sent[0].reply_id == 0xABC


# -- incidents


@pytest.mark.parametrize(
    ("settings", "told"), [({}, [ADMIN]), ({"telegram_alert_chats": (GROUP, GUEST)}, [GROUP, GUEST])]
)
def test_incidents_are_told_to_the_chats_of_the_settings_or_else_to_the_admins(desk, told):
    desk.desk.reached()
    desk.desk.from_mesh(NodeRebooted())
    assert [post.chat.id for post in desk.posts()] == told
