"""Updates and mesh events: who is answered, what is bridged, who gets alerts."""

from __future__ import annotations

import pytest

from meshbot.commands.registry import Command
from meshbot.mesh_link.packets import BROADCAST_NUM, TextMessage
from meshbot.runtime.incidents import NodeRebooted
from meshbot.telegram_bot.models import Chat
from meshbot.telegram_bot.updates import ChatMigration
from tests.support.telegram_bot import ADMIN, GROUP, GUEST, STRANGER
from tests.support.telegram_handler import HandlerHarness

STATUS = Command("status", "how it is", lambda _r: "well")
BRIDGED = {"telegram_bridges": (f"1 {GROUP}",), "bridge_ttl": 700, "telegram_command_max_age": 60}


@pytest.fixture
def settings():
    return {}


@pytest.fixture
def harness(settings):
    with HandlerHarness((STATUS,), **settings) as harness:
        yield harness


def text_of(messages):
    (message,) = messages
    return message.text


# -- stale messages


@pytest.mark.parametrize("settings", [{"telegram_command_max_age": 60}])
def test_a_stale_command_is_counted_and_not_run(harness):
    assert harness.write("/status", GUEST, ago=61) == []
    assert harness.write("/status", GUEST, ago=62) == []
    harness.handler.on_caught_up()
    assert harness.texts() == ["⏳ Came too late and not acted upon: 2"]
    harness.handler.on_caught_up()
    assert harness.texts() == []
    assert text_of(harness.write("/status", GUEST, ago=59)) == "well"


def test_a_wrong_clock_makes_no_new_message_stale(harness):
    harness.handler.on_caught_up()
    harness.clock.jump(3600)
    harness.clock.advance(50)
    assert text_of(harness.write("/status", GUEST, ago=3600)) == "well"


def test_after_an_outage_old_commands_are_stale_again(harness):
    harness.handler.on_caught_up()
    harness.clock.advance(7200)
    assert harness.write("/status", GUEST, ago=3600) == []
    assert text_of(harness.write("/status", GUEST, ago=60)) == "well"


# -- strangers and groups


@pytest.mark.parametrize(
    ("text", "answered"), [("/ping_pong", False), ("hello", False), ("/status", True), ("/x@mesh_test_bot", True)]
)
def test_a_stranger_in_a_group_is_answered_only_for_our_commands(harness, text, answered):
    harness.handler.username = "Mesh_Test_Bot"
    assert bool(harness.write(text, STRANGER, GROUP)) == answered


def test_a_stranger_in_private_is_answered_for_any_text(harness):
    assert text_of(harness.write("/ping_pong", STRANGER)) == (
        f"🔒 I do not know you. Your number: {STRANGER}. Give it to the person who runs this bot."
    )


def test_an_unlisted_group_is_not_listed_under_its_new_id(harness):
    harness.update(ChatMigration(1, -555, -1555))
    assert harness.write("/status", GUEST, -1555) == []
    harness.update(ChatMigration(2, GROUP, -1777))
    assert text_of(harness.write("/status", GUEST, -1777)) == "well"


# -- the bridge


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_bridged_text_expires_after_the_setting(harness):
    assert harness.write("bonjour", STRANGER, GROUP) == []
    (message,) = harness.mesh_texts
    assert (message.text, message.channel, message.expires_at) == ("Gus: bonjour", 1, harness.clock.monotonic() + 700)


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_stale_bridged_text_is_counted_and_not_sent(harness):
    assert harness.write("bonjour", STRANGER, GROUP, ago=61) == []
    harness.handler.on_caught_up()
    (counted,) = harness.messages()
    assert (counted.chat, counted.text) == (Chat(GROUP), "⏳ Came too late and not acted upon: 1")
    assert harness.mesh_texts == []


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_caption_is_marked_as_one_on_the_mesh(harness):
    harness.write("look", STRANGER, GROUP, media="📷")
    assert harness.mesh_texts[0].text == "Gus: 📷 look"


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_reply_to_a_mesh_text_is_a_reply_on_the_mesh(harness):
    harness.handler.on_mesh_event(TextMessage(0xABC, 0x1111, BROADCAST_NUM, 1, "salut"))
    (delivery,) = harness.deliveries()
    harness.write("bonjour", STRANGER, GROUP, reply_to=1000 + delivery.number)
    assert harness.mesh_texts[0].reply_id == 0xABC


# -- incidents


@pytest.mark.parametrize(
    ("settings", "chats"), [({}, [ADMIN]), ({"telegram_alert_chats": (GROUP, GUEST)}, [GROUP, GUEST])]
)
def test_alerts_go_to_the_chats_of_the_settings_or_to_the_admins(harness, chats):
    harness.handler.on_reachable()
    harness.handler.on_mesh_event(NodeRebooted())
    assert [message.chat.id for message in harness.messages()] == chats
