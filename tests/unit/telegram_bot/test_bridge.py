"""Texts between channels and chats, and how each side shows them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from meshbot.commands.language import translator
from meshbot.mesh_link.packets import BROADCAST_NUM, NodeRecord, RadioMetadata, TextMessage
from meshbot.sending.outgoing import Priority, TelegramOrigin
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from meshbot.telegram_bot.bridge import (
    REMEMBERED,
    Bridge,
    BridgeRule,
    TextOnly,
    clean_name,
    clean_text,
    mesh_name,
)
from meshbot.telegram_bot.models import Chat
from tests.support.mesh_commands import MeshCommands

OWN, ZOE, EVE = 0x9999, 0x1111, 0x2222
GROUP, TOPIC, OTHER = Chat(-100), Chat(-100, 5), Chat(-200)
ENGLISH = translator("en")
FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e007f"
FAMILY = "👨\u200d👩\u200d👧"


def is_command(message):
    return not message.is_notice and message.text.split()[:1] in (["/ping"], ["/help"])


class Sides:
    """A bridge, with short calls for both sides."""

    def __init__(self, *rules, limit=400):
        rules = rules or ((1, GROUP),)
        self.bridge = Bridge([BridgeRule(*rule) for rule in rules], limit, is_command)
        self.packet_ids, self.message_ids = count(5000), count(70)

    def receive(
        self, text, sender=ZOE, channel=1, to=BROADCAST_NUM, packet_id=None, name="Zoé Dupont (ZOE)", **details
    ):
        packet_id = next(self.packet_ids) if packet_id is None else packet_id
        message = TextMessage(packet_id, sender, to, channel, text, **details)
        return self.bridge.to_telegram(message, name, OWN)

    def write(self, text, chat=GROUP, author="Léa", message_id=None, **details):
        message_id = next(self.message_ids) if message_id is None else message_id
        return self.bridge.to_mesh(chat, message_id, author, text, ENGLISH, **details)

    def accept(self, message, *packet_ids):
        return self.bridge.on_report(DeliveryReport(message, DeliveryStatus.ACCEPTED, packet_ids=packet_ids))


@pytest.fixture
def sides():
    return Sides()


# -- from the mesh


def test_an_alert_crosses_whatever_it_begins_with(sides):
    (message,) = sides.receive("/help: au feu", is_notice=True)
    assert message.text == "Zoé Dupont (ZOE): /help: au feu"


def test_a_mesh_text_is_sent_with_its_sender_s_name(sides):
    (message,) = sides.receive("bonjour\nà tous 🎉")
    assert (message.chat, message.text, message.reply_to) == (GROUP, "Zoé Dupont (ZOE): bonjour\n| à tous 🎉", None)


@pytest.mark.parametrize(
    "details",
    [
        {"channel": 0},
        {"to": OWN},
        {"to": EVE},
        {"sender": OWN},
        {"text": "/ping"},
        {"text": " /help nodes"},
        {"text": " \n\x00"},
    ],
)
def test_other_mesh_texts_are_not_bridged(sides, details):
    assert sides.receive(**({"text": "bonjour"} | details)) == []


def test_a_text_received_again_by_mqtt_is_sent_once(sides):
    assert len(sides.receive("a", packet_id=7)) == 1
    assert sides.receive("a", packet_id=7, reception=RadioMetadata(via_mqtt=True)) == []
    assert len(sides.receive("a", packet_id=7, sender=EVE)) == 1


def test_packets_without_id_are_never_duplicates(sides):
    messages = [sides.receive("a", packet_id=0)[0] for _ in range(2)]
    assert [message.key for message in messages] == ["", ""]


def test_packets_of_two_senders_with_one_id_are_two_messages(sides):
    first, second = sides.receive("a", packet_id=7), sides.receive("b", packet_id=7, sender=EVE)
    assert first[0].key != second[0].key


@pytest.mark.parametrize(
    ("name", "shown"), [("Zoé: oui. Léa", "Zoé oui. Léa"), ("/start", "start"), ("\n", "!00001111")]
)
def test_a_node_s_name_cannot_imitate_another_line(sides, name, shown):
    assert sides.receive("a", name=name)[0].text == f"{shown}: a"


# -- to the mesh


def test_a_chat_message_is_sent_with_its_author_s_name(sides):
    message = sides.write("bonjour\nà tous 🎉", message_id=77)
    assert (message.text, message.to, message.channel) == ("Léa: bonjour\n| à tous 🎉", BROADCAST_NUM, 1)
    assert (message.priority, message.want_ack, message.reply_id) == (Priority.BRIDGE, True, 0)
    assert message.origin == TelegramOrigin(-100, None, 77)


@pytest.mark.parametrize(
    ("text", "details"),
    [("a", {"chat": OTHER}), ("a", {"chat": TOPIC})],
)
def test_other_chat_messages_are_not_bridged(sides, text, details):
    assert sides.write(text, **details) is None


def test_a_repeated_or_edited_message_is_not_sent_again(sides):
    assert sides.write("a", message_id=7) is not None
    assert sides.write("a, corrected", message_id=7) is None


@pytest.mark.parametrize(
    ("author", "signed"),
    [
        ("/reboot", "reboot: a"),
        ("Zoé: oui. Léa", "Zoé oui. Léa: a"),
        ("", "Telegram: a"),
        ("Maximiliane-Charlotte", "Maximiliane-Charl…: a"),
    ],
)
def test_an_author_s_name_is_short_and_cannot_imitate_a_command(sides, author, signed):
    assert sides.write("a", author=author).text == signed


def test_a_text_that_is_too_long_is_refused_with_the_excess():
    sides = Sides(limit=40)
    assert sides.write("x" * 34).text == "Léa: " + "x" * 34
    assert sides.write("x" * 35) == "✂️ Not sent: 1 bytes too long for the mesh, which takes 40 with your name."


def test_what_has_no_text_stays_with_a_reason(sides):
    assert sides.write(" \x00") == TextOnly("📝 Only text crosses to the mesh; this stays here.")


@pytest.mark.parametrize("text", ["/!\\ Verglas", "/route fermée", "/", "/ ping", "/pingu", "//", "/ping@midi"])
def test_a_text_with_a_slash_that_is_no_command_crosses_both_ways(sides, text):
    assert sides.write(text).text == f"Léa: {text}"
    assert sides.receive(text)[0].text == f"Zoé Dupont (ZOE): {text}"


# -- no loops


@pytest.mark.parametrize("received", ["Léa: bonjour à tous", " Léa: bonjour à tous\n", "(1/2) Léa: bonjour à"])
def test_our_text_repeated_by_another_bridge_is_not_sent_to_the_chat(sides, received):
    sides.write("bonjour à tous")
    assert sides.receive(received, sender=EVE) == []
    assert len(sides.receive("bonjour à tous", sender=EVE)) == 1


def test_the_same_text_on_another_channel_is_no_repetition():
    sides = Sides((1, GROUP), (2, OTHER))
    sides.write("bonjour à tous")
    for text in ("Léa: bonjour à tous", "(1/2) Léa: bonjour à"):
        assert len(sides.receive(text, sender=EVE, channel=2)) == 1


def test_our_message_repeated_by_a_user_is_not_sent_to_the_mesh(sides):
    (message,) = sides.receive("bonjour\nà tous")
    assert sides.write(message.text) is None


# -- replies


def test_a_reply_to_a_mesh_text_answers_its_packet(sides):
    (message,) = sides.receive("bonjour", packet_id=0xABC)
    sides.bridge.on_sent(message, 501)
    assert sides.write("salut", reply_to=501).reply_id == 0xABC


def test_a_mesh_reply_to_any_part_is_a_reply_in_the_chat(sides):
    message = sides.write("bonjour", message_id=77)
    sides.accept(message, 11, 12)
    assert [sides.receive("salut", reply_id=part)[0].reply_to for part in (11, 12, 13)] == [77, 77, None]
    assert sides.write("encore", reply_to=77).reply_id == 11


def test_a_mesh_reaction_is_shown_as_a_reply(sides):
    (message,) = sides.receive("bonjour", packet_id=0xABC)
    sides.bridge.on_sent(message, 501)
    (reaction,) = sides.receive("👍", sender=EVE, name="Eve", reply_id=0xABC)
    assert (reaction.text, reaction.reply_to) == ("Eve: 👍", 501)


def test_a_reply_to_a_forgotten_message_is_an_ordinary_text(sides):
    (message,) = sides.receive("bonjour", packet_id=0xABC)
    sides.bridge.on_sent(message, 501)
    for n in range(REMEMBERED):
        sides.bridge.on_sent(sides.receive("x", packet_id=n + 1)[0], 1000 + n)
    message = sides.write("salut", reply_to=501)
    assert (message.text, message.reply_id) == ("Léa: salut", 0)


# -- several of them


def test_a_mesh_text_is_sent_to_all_chats_of_its_channel():
    sides = Sides((1, GROUP), (1, TOPIC), (2, OTHER))
    assert [message.chat for message in sides.receive("a")] == [GROUP, TOPIC]
    assert [message.chat for message in sides.receive("a", channel=2)] == [OTHER]


def test_the_channel_s_other_chats_show_a_text_once_it_is_accepted():
    sides = Sides((1, GROUP), (1, OTHER))
    message = sides.write("bonjour")
    queued = DeliveryReport(message, DeliveryStatus.QUEUED)
    assert sides.bridge.on_report(queued) == []
    (message,) = sides.accept(message, 11)
    assert (message.chat, message.text) == (OTHER, "Léa: bonjour")
    sides.bridge.on_sent(message, 301)
    assert sides.write("salut", chat=OTHER, reply_to=301).reply_id == 11


def test_a_text_to_one_node_is_shown_in_no_other_chat():
    sides = Sides((1, GROUP), (1, OTHER))
    assert sides.accept(replace(sides.write("bonjour"), to=ZOE), 11) == []


def test_a_chat_of_two_channels_replies_on_the_right_one():
    sides = Sides((1, GROUP), (2, GROUP))
    (message,) = sides.receive("a", channel=2, packet_id=0xABC)
    assert message.text == "[2] Zoé Dupont (ZOE): a"
    sides.bridge.on_sent(message, 501)
    reply = sides.write("b", reply_to=501)
    assert (reply.channel, reply.reply_id) == (2, 0xABC)
    assert sides.write("c").channel == 1


def test_a_rule_given_twice_counts_once():
    assert len(Sides((1, GROUP), (1, GROUP)).receive("a")) == 1


@pytest.mark.parametrize(
    ("long_name", "short_name", "shown"),
    [("Zoé Dupont", "ZOE", "Zoé Dupont (ZOE)"), ("", "ZOE", "ZOE"), ("Zoé", "", "Zoé"), ("", "", "!00001111")],
)
def test_a_node_is_called_by_its_names(long_name, short_name, shown):
    mesh = MeshCommands()
    mesh.manager.learn_from_node_database([NodeRecord(ZOE, long_name, short_name)])
    assert mesh_name(ZOE, mesh.memory) == shown


def test_an_unknown_node_is_called_by_its_id():
    assert mesh_name(ZOE, MeshCommands().memory) == "!00001111"


# -- names and texts


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("bonjour", "bonjour"),
        ("  bonjour \n", "bonjour"),
        ("a\nb\r\nc", "a\n| b\n| c"),
        ("a\n\n \nb", "a\n| b"),
        ("hi\nZoé: I quit", "hi\n| Zoé: I quit"),
        ("hi\u2028Zoé: I quit", "hi\n| Zoé: I quit"),
        ("hi\x0bZoé: I quit\x85Bob: me too", "hi\n| Zoé: I quit\n| Bob: me too"),
        ("a\tb\x00\x07\x1b[31m", "a b[31m"),
        ("abc\u202edef\u2066\u200b\ufeff", "abcdef"),
        (f"👍🏽 ❤️ {FAMILY} {FLAG}", f"👍🏽 ❤️ {FAMILY} {FLAG}"),
        ("\u200d\n\u200b \n", ""),
        ("half \ud83d", "half ?"),
        ("", ""),
    ],
)
def test_a_cleaned_text_keeps_lines_and_emoji_and_marks_continued_lines(text, cleaned):
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Zoé", "Zoé"),
        ("Zoé\nBob: hi", "Zoé Bob hi"),
        ("Zoé: I agree. Bob", "Zoé I agree. Bob"),
        ("Zoé\uff1a I agree", "Zoé I agree"),
        ("/reboot now", "reboot now"),
        ("!.#@ ping", "ping"),
        ("👍 Zoé", "👍 Zoé"),
        ("/:/", ""),
        ("\u202e\u200b", ""),
        ("\u200d/\u200dreboot", "reboot"),
        ("\u200d", ""),
        ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopq…"),
    ],
)
def test_a_cleaned_name_is_one_line_without_colon_or_command_prefix(name, cleaned):
    assert clean_name(name, 20) == cleaned
