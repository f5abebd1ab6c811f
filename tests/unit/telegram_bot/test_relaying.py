"""What is relayed, what is not and how its author is told, and who gets a node's answer; without Telegram and radio."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.commands import bare, parse
from meshbot.commands.builtin.echo import EchoOptions, echo_command
from meshbot.commands.registry import Command, Platform
from meshbot.commands.roles import Role
from meshbot.mesh_link.messages import BROADCAST_NUM, Channel, NodeChannels, NodeRecord, RadioMetadata, TextMessage
from meshbot.persistence import HandledBefore
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from meshbot.telegram_bot.author_notices import EDIT_IGNORED, NOT_RELAYED
from meshbot.telegram_bot.command_handler import TYPING_AFTER, TYPING_LASTS
from meshbot.telegram_bot.models import Chat
from meshbot.telegram_bot.updates import EditedMessage
from meshbot.text import folded
from tests.support.fake_clock import FakeClock
from tests.support.mesh_commands import OWN
from tests.support.nodes import key
from tests.support.telegram_bot import ADMIN, GROUP, GUEST, KNOWN, STRANGER
from tests.support.telegram_handler import HandlerHarness

KIM, BOB = 0x2003, 0x2004
NODES = (NodeRecord(KIM, "Kim", "KIM"), NodeRecord(BOB, "Amis", "AMI"))
PING = Command("ping", "", lambda _request: "pong")
SECRET = Command("secret", "", lambda _request: "told", role=Role.ADMIN)
TELEGRAM_ONLY = Command("phone", "", lambda _request: "here", platforms=frozenset({Platform.TELEGRAM}))
# Anything that people write behind a slash, our own commands and other bots' left out
SLASHED = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp", "Zs")), min_size=1, max_size=30
).filter(lambda word: not _is_command(word))
COMMANDS = {"ping", "secret", "phone", "start", "id", "send", "channels", "help"}


def _is_command(word):
    """Whether somebody means a command by it, as both sides read it."""
    name, _, bot = word.partition("@")
    parsed = parse(f"/{word}")
    names = {name.lower(), folded(name), *([bare(parsed[0]), folded(bare(parsed[0]))] if parsed else [])}
    return bool(names & COMMANDS) or bot.lower().endswith("bot") or word.lower().endswith("bot")


@pytest.fixture
def settings():
    return {}


@pytest.fixture
def harness(settings):
    values = {"telegram_bridges": (f"1 {GROUP}",), "bridge_ttl": 600} | settings
    with HandlerHarness([PING, SECRET, TELEGRAM_ONLY], NODES, **values) as harness:
        harness.handler.username = "our_bot"
        yield harness


def direct(text, sender=KIM, packet_id=900, reply_id=0):
    return TextMessage(packet_id, sender, OWN, 0, text, reply_id=reply_id)


def hear(harness, message):
    harness.handler.on_mesh_event(message)
    return harness.messages()


def write_to_kim(harness, *packet_ids):
    """Have Kim's friend write to the node; return the message id of the command."""
    harness.write("/send Kim tu viens ?", KNOWN)
    text = harness.mesh_texts[-1]
    harness.handler.on_mesh_event(DeliveryReport(text, DeliveryStatus.ACCEPTED, packet_ids=packet_ids))
    harness.messages()
    return text.origin.message_id


# -- texts with a slash


@given(word=SLASHED)
def test_a_slash_alone_makes_no_command(word):
    harness = HandlerHarness([PING], telegram_bridges=(f"1 {GROUP}",))
    harness.handler.username = "our_bot"
    harness.handler.on_update(harness.message(f"/{word} x", STRANGER, GROUP))
    (text,) = harness.mesh_texts
    assert text.text.startswith("Gus: /")
    message = TextMessage(7, KIM, BROADCAST_NUM, 1, f"/{word} x")
    harness.handler.on_mesh_event(message)
    assert [each.chat.id for each in harness.messages()] == [GROUP]


@pytest.mark.parametrize("text", ["/ping", "/PING", "/ping now", "/ping@our_bot", "/nothing@our_bot", "/secret"])
def test_a_command_of_ours_does_not_cross_and_is_answered(harness, text):
    (answer,) = harness.write(text, GUEST, GROUP)
    assert answer.text
    assert harness.mesh_texts == []


@pytest.mark.parametrize("text", ["/ping@other_bot", "/x@WeatherBot now"])
def test_another_bot_s_command_does_not_cross_and_that_is_said(harness, text):
    first, second = (harness.write(text, GUEST, GROUP) for _ in range(2))
    assert "does not cross to the mesh" in first[0].text
    assert (second[0].reaction, second[0].reply_to) == (NOT_RELAYED, 2)
    assert harness.mesh_texts == []


def test_a_command_of_telegram_alone_crosses_from_the_mesh(harness):
    assert len(hear(harness, TextMessage(7, KIM, BROADCAST_NUM, 1, "/phone"))) == 1
    assert hear(harness, TextMessage(8, KIM, BROADCAST_NUM, 1, "/ping")) == []


@pytest.mark.parametrize(("settings", "hints"), [({}, 1), ({"answer_on_channels": (1,)}, 0)])
def test_a_command_held_back_is_reported_by_radio_once(harness, hints):
    for number in range(3):
        hear(harness, TextMessage(7 + number, KIM, BROADCAST_NUM, 1, "/ping"))
    assert [(text.to, text.want_ack) for text in harness.mesh_texts] == [(KIM, True)] * hints


def test_a_stranger_s_commands_in_a_group_are_visibly_refused(harness):
    first, second = (harness.write("/ping", STRANGER, GROUP) for _ in range(2))
    assert "Your number: 999" in first[0].text
    assert second[0].reaction == NOT_RELAYED


def test_a_forwarded_command_is_neither_run_nor_passed_on(harness):
    (answer,) = harness.write("/ping", GUEST, is_forwarded=True)
    assert "commands that you write yourself" in answer.text
    assert harness.write("/ping", GUEST, is_forwarded=True)[0].reaction == NOT_RELAYED
    assert harness.write("/!\\ Verglas", GUEST, GROUP, is_forwarded=True) == []
    assert [text.text for text in harness.mesh_texts] == ["Gus: /!\\ Verglas"]


@pytest.mark.parametrize("chat", [None, GROUP])
def test_an_edit_is_answered_once_by_a_reaction(harness, chat):
    message = harness.message("bonjour", GUEST, chat)
    messages = [each for _ in range(3) for each in harness.update(EditedMessage(99, message))]
    assert [(each.reaction, each.reply_to) for each in messages] == [(EDIT_IGNORED, message.message_id)]


def test_an_edit_in_a_group_that_is_not_joined_is_left_alone():
    with HandlerHarness([PING], telegram_groups=(GROUP,)) as harness:
        assert harness.update(EditedMessage(99, harness.message("bonjour", GUEST, GROUP))) == []


# -- /echo and channels


def test_echo_in_a_joined_group_speaks_on_its_channel():
    sent = []
    echo = echo_command(
        FakeClock(), sent.append, lambda: False, lambda _num: "?", lambda: EchoOptions(0, lambda _: 200, 120.0)
    )
    groups = {"telegram_bridges": (f"3 {GROUP}",), "telegram_groups": (-5,)}
    with HandlerHarness([echo], **groups) as harness:
        assert harness.write("/echo a", KNOWN, GROUP) == []
        (said,) = harness.write("/echo b", KNOWN, -5)
    assert [text.channel for text in sent] == [3, 0]
    assert said.text == "📣 I say it on channel 0."


@pytest.mark.parametrize(
    ("target", "channel"),
    [("2", 2), ("#2", 2), ("Les Copains", 2), ("#les copains", 2), ("#Amis", 1), ("e\u0301te\u0301", 3)],
)
def test_a_channel_is_found_by_number_and_name(harness, target, channel):
    harness.channels = (Channel(0, "LongFast"), Channel(1, "Amis"), Channel(2, "Les Copains"), Channel(3, "Été"))
    assert harness.write(f"/send {target} salut", KNOWN) == []
    assert (harness.mesh_texts[0].to, harness.mesh_texts[0].channel) == (BROADCAST_NUM, channel)


def test_a_name_of_a_channel_and_a_node_is_asked_back(harness):
    harness.channels = (Channel(1, "Amis"),)
    (answer,) = harness.write("/send Amis salut", KNOWN)
    assert answer.text == "« Amis » is a channel and a node: #Amis for the channel, !00002004 for the node."
    assert harness.mesh_texts == []


def test_nothing_crosses_to_a_missing_channel_and_the_log_names_it(harness, caplog):
    harness.channels = (Channel(0, "LongFast"),)
    harness.handler.on_mesh_event(NodeChannels(harness.channels))
    assert "telegram_bridges nomme le canal 1, que le nœud n'a pas (il a: 0 (LongFast))" in caplog.text
    assert "no channel 1. It has: 0 (LongFast)." in harness.write("salut", GUEST, GROUP)[0].text
    assert harness.write("salut", GUEST, GROUP)[0].reaction == NOT_RELAYED
    assert harness.mesh_texts == []


# -- conversations


def test_a_node_s_reply_reaches_who_wrote_as_a_reply(harness):
    question = write_to_kim(harness, 70)
    harness.clock.advance(10_000)
    (answer,) = hear(harness, direct("oui", reply_id=70))
    assert (answer.chat, answer.text, answer.reply_to) == (Chat(KNOWN), "Kim (KIM)?: oui", question)


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ({"pki_encrypted": True, "public_key": key(1)}, "Kim (KIM): oui"),
        ({"pki_encrypted": True, "public_key": key(2)}, "Kim (KIM)?: oui"),
        ({"public_key": key(1)}, "Kim (KIM)?: oui"),
        (
            {"pki_encrypted": True, "public_key": key(1), "reception": RadioMetadata(via_mqtt=True)},
            "Kim (KIM)?: oui",
        ),
    ],
)
def test_an_answer_that_another_may_have_sent_is_marked(harness, details, shown):
    harness.keys[KIM] = key(1)
    write_to_kim(harness, 70)
    (answer,) = hear(harness, replace(direct("oui", reply_id=70), **details))
    assert answer.text == shown


def test_a_node_s_direct_text_counts_as_an_answer_within_bridge_ttl(harness):
    write_to_kim(harness, 70)
    harness.clock.advance(599)
    assert len(hear(harness, direct("oui"))) == 1
    # each exchange is a new beginning
    harness.clock.advance(599)
    assert len(hear(harness, direct("encore", packet_id=901))) == 1
    harness.clock.advance(600)
    assert hear(harness, direct("trop tard", packet_id=902)) == []


@pytest.mark.parametrize(
    "message",
    [
        direct("oui", sender=BOB, reply_id=70),
        direct("/ping", reply_id=70),
        direct("/ping@Us", reply_id=70),
        direct(" "),
    ],
)
def test_others_texts_and_commands_are_no_answers(harness, message):
    write_to_kim(harness, 70)
    assert not harness.handler.is_awaited(message) or not message.text.strip()
    assert hear(harness, message) == []


def test_a_node_s_alert_is_shown_whatever_it_begins_with(harness):
    write_to_kim(harness, 70)
    alert = replace(direct("/ping: au feu"), is_notice=True)
    assert harness.handler.is_awaited(alert)
    assert [shown.text for shown in hear(harness, alert)] == ["Kim (KIM)?: /ping: au feu"]


def test_a_reply_in_telegram_goes_to_the_node_as_a_reply(harness):
    write_to_kim(harness, 70)
    harness.handler.on_mesh_event(direct("oui", reply_id=70))
    (delivery,) = harness.deliveries()
    assert harness.write("/!\\ verglas", KNOWN, reply_to=1000 + delivery.number) == []
    text = harness.mesh_texts[-1]
    assert (text.to, text.reply_id, text.text) == (KIM, 900, "Gus: /!\\ verglas")


def test_a_conversation_survives_a_restart(harness):
    question = write_to_kim(harness, 70)
    state = {name: value.value for saved in harness.saved for name, value in saved.state.items()}
    with HandlerHarness([PING], NODES) as later:
        later.handler.restore(HandledBefore([], {}, state))
        (answer,) = hear(later, direct("oui", reply_id=70))
    assert (answer.chat.id, answer.reply_to) == (KNOWN, question)


def test_an_unknown_node_keeps_its_exclamation_mark(harness):
    (message,) = hear(harness, TextMessage(7, 0x9ABC, BROADCAST_NUM, 1, "salut"))
    assert message.text == "!00009abc: salut"


# -- groups, typing, languages


def test_private_chats_do_not_migrate(harness, caplog):
    harness.handler.on_migration(KNOWN, -5)
    harness.handler.on_migration(-5, KNOWN)
    assert (harness.handler.queue.where(KNOWN), harness.saved, caplog.messages) == (KNOWN, [], [])


def test_a_group_s_new_id_is_saved_and_taken_up_again(harness):
    harness.handler.on_migration(GROUP, -777)
    (saved,) = harness.saved
    with HandlerHarness([PING], telegram_bridges=(f"1 {GROUP}",)) as later:
        later.handler.restore(HandledBefore([], {}, {name: value.value for name, value in saved.state.items()}))
        later.write("salut", GUEST, -777)
        assert later.mesh_texts[0].channel == 1
        assert later.handler.queue.where(GROUP) == -777


def test_a_chat_shows_typing_while_a_command_takes_longer_than_a_second(harness):
    commands = harness.handler.commands
    harness.handler.on_update(harness.message("/ping", GUEST))
    start = harness.clock.monotonic()
    assert commands.deadline == start + TYPING_AFTER
    commands.on_deadline()
    assert harness.typing == []
    harness.clock.advance(TYPING_AFTER)
    commands.on_deadline()
    assert (harness.typing, commands.deadline) == ([Chat(GUEST)], start + TYPING_AFTER + TYPING_LASTS)
    harness.finish_commands()
    harness.clock.advance(TYPING_LASTS)
    commands.on_deadline()
    assert harness.typing == [Chat(GUEST)]


@pytest.mark.parametrize(
    ("language", "word"), [("fr", "inconnue"), ("en", "Unknown"), ("es", "Unknown"), ("", "Unknown")]
)
def test_each_person_is_answered_in_the_phone_s_language(harness, language, word):
    assert word in harness.write("/nothing", GUEST, language_code=language)[0].text


def test_a_status_is_in_its_writer_s_language(harness):
    harness.write("/send Kim salut", KNOWN, language_code="fr")
    harness.handler.on_mesh_event(DeliveryReport(harness.mesh_texts[0], DeliveryStatus.ACKNOWLEDGED))
    assert harness.texts() == ["✅ Reçu par Kim (KIM)."]


@pytest.mark.parametrize("settings", [{"telegram_commands": 2}])
def test_each_command_over_the_limit_is_refused_in_words(harness):
    answers = [harness.write("/ping", GUEST)[0].text for _ in range(4)]
    assert answers[:2] == ["pong", "pong"]
    assert all(answer.startswith("🚦") for answer in answers[2:])
    assert harness.write("/ping", ADMIN)[0].text == "pong"
