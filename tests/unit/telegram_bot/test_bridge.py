"""What crosses between channels and chats, and how it looks on the other side."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from meshbot.commands.language import translator
from meshbot.mesh_link.packets import BROADCAST_NUM, NodeRecord, RadioMetadata, TextMessage
from meshbot.sending.outgoing import Priority, TelegramOrigin
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from meshbot.telegram_bot.bridge import NO_TEXT_SAID_EVERY, REMEMBERED, Bridge, BridgeRule, mesh_name
from meshbot.telegram_bot.models import Chat
from tests.support.mesh_commands import MeshCommands

OWN, ZOE, EVE = 0x9999, 0x1111, 0x2222
GROUP, TOPIC, OTHER = Chat(-100), Chat(-100, 5), Chat(-200)
NOW = 1000.0


class Sides:
    """A bridge, and both sides' short words."""

    def __init__(self, *rules, limit=400):
        rules = rules or ((1, GROUP),)
        self.bridge = Bridge([BridgeRule(*rule) for rule in rules], limit, translator("en"))
        self.packet_ids, self.message_ids = count(5000), count(70)

    def heard(self, text, sender=ZOE, channel=1, to=BROADCAST_NUM, packet_id=None, name="Zoé Dupont (ZOE)", **details):
        packet_id = next(self.packet_ids) if packet_id is None else packet_id
        message = TextMessage(packet_id, sender, to, channel, text, **details)
        return self.bridge.to_telegram(message, name, OWN)

    def written(self, text, chat=GROUP, author="Léa", now=NOW, message_id=None, **details):
        message_id = next(self.message_ids) if message_id is None else message_id
        return self.bridge.to_mesh(chat, message_id, author, text, now, **details)

    def accept(self, message, *packet_ids):
        return self.bridge.accepted(DeliveryReport(message, DeliveryStatus.ACCEPTED, packet_ids=packet_ids))


@pytest.fixture
def sides():
    return Sides()


# -- from the mesh


def test_a_channel_s_text_is_posted_under_its_sender_s_name(sides):
    (post,) = sides.heard("bonjour\nà tous 🎉")
    assert (post.chat, post.text, post.reply_to) == (GROUP, "Zoé Dupont (ZOE): bonjour\n| à tous 🎉", None)


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
def test_what_is_not_for_the_chat_stays(sides, details):
    assert sides.heard(**({"text": "bonjour"} | details)) == []


def test_a_text_that_comes_again_over_mqtt_is_posted_once(sides):
    assert len(sides.heard("a", packet_id=7)) == 1
    assert sides.heard("a", packet_id=7, reception=RadioMetadata(via_mqtt=True)) == []
    assert len(sides.heard("a", packet_id=7, sender=EVE)) == 1


def test_packets_without_id_cannot_be_told_apart(sides):
    posts = [sides.heard("a", packet_id=0)[0] for _ in range(2)]
    assert [post.key for post in posts] == ["", ""]


def test_another_s_packet_with_the_same_id_does_not_change_a_post(sides):
    first, second = sides.heard("a", packet_id=7), sides.heard("b", packet_id=7, sender=EVE)
    assert first[0].key != second[0].key


@pytest.mark.parametrize(
    ("name", "shown"), [("Zoé: oui. Léa", "Zoé oui. Léa"), ("/start", "start"), ("\n", "!00001111")]
)
def test_a_node_s_name_can_fake_nothing(sides, name, shown):
    assert sides.heard("a", name=name)[0].text == f"{shown}: a"


# -- to the mesh


def test_a_chat_s_text_goes_on_its_channel_under_its_author_s_name(sides):
    message = sides.written("bonjour\nà tous 🎉", message_id=77)
    assert (message.text, message.to, message.channel) == ("Léa: bonjour\n| à tous 🎉", BROADCAST_NUM, 1)
    assert (message.priority, message.want_ack, message.reply_id) == (Priority.BRIDGE, True, 0)
    assert message.origin == TelegramOrigin(-100, None, 77)


@pytest.mark.parametrize(
    ("text", "details"),
    [("a", {"chat": OTHER}), ("a", {"chat": TOPIC}), ("/ping", {}), (" /send x", {})],
)
def test_what_is_not_for_the_channel_stays(sides, text, details):
    assert sides.written(text, **details) is None


def test_an_update_that_comes_again_or_edits_is_not_sent_again(sides):
    assert sides.written("a", message_id=7) is not None
    assert sides.written("a, corrected", message_id=7) is None


@pytest.mark.parametrize(
    ("author", "spoken"),
    [
        ("/reboot", "reboot: a"),
        ("Zoé: oui. Léa", "Zoé oui. Léa: a"),
        ("", "Telegram: a"),
        ("Maximiliane-Charlotte", "Maximiliane-Charl…: a"),
    ],
)
def test_an_author_s_name_is_short_and_can_fake_nothing(sides, author, spoken):
    assert sides.written("a", author=author).text == spoken


def test_what_is_too_long_is_refused_with_the_number_of_bytes_over():
    sides = Sides(limit=40)
    assert sides.written("x" * 34).text == "Léa: " + "x" * 34
    assert sides.written("x" * 35) == "✂️ Not sent: 1 bytes too long for the mesh, which takes 40 with your name."


def test_that_only_text_crosses_is_said_once_an_hour_in_each_chat():
    sides = Sides((1, GROUP), (1, TOPIC))
    assert sides.written("") == "📝 Only text crosses to the mesh; this stays here."
    assert sides.written("", now=NOW + NO_TEXT_SAID_EVERY - 1) is None
    assert sides.written("", chat=TOPIC) is not None
    assert sides.written("", now=NOW + NO_TEXT_SAID_EVERY) is not None


# -- no loops


@pytest.mark.parametrize("heard_as", ["Léa: bonjour à tous", " Léa: bonjour à tous\n", "(1/2) Léa: bonjour à"])
def test_our_text_repeated_by_another_bridge_is_not_posted(sides, heard_as):
    sides.written("bonjour à tous")
    assert sides.heard(heard_as, sender=EVE) == []
    assert len(sides.heard("bonjour à tous", sender=EVE)) == 1


def test_the_same_words_on_another_channel_are_no_repetition():
    sides = Sides((1, GROUP), (2, OTHER))
    sides.written("bonjour à tous")
    for text in ("Léa: bonjour à tous", "(1/2) Léa: bonjour à"):
        assert len(sides.heard(text, sender=EVE, channel=2)) == 1


def test_our_post_repeated_by_somebody_is_not_sent_back(sides):
    (post,) = sides.heard("bonjour\nà tous")
    assert sides.written(post.text) is None


# -- replies


def test_a_reply_to_a_mesh_text_answers_its_packet(sides):
    (post,) = sides.heard("bonjour", packet_id=0xABC)
    sides.bridge.posted(post, 501)
    assert sides.written("salut", reply_to=501).reply_id == 0xABC


def test_a_reply_to_a_telegram_text_is_shown_as_one_whichever_part_it_answers(sides):
    message = sides.written("bonjour", message_id=77)
    sides.accept(message, 11, 12)
    assert [sides.heard("salut", reply_id=part)[0].reply_to for part in (11, 12, 13)] == [77, 77, None]
    assert sides.written("encore", reply_to=77).reply_id == 11


def test_an_emoji_put_on_a_text_is_a_reply_too(sides):
    (post,) = sides.heard("bonjour", packet_id=0xABC)
    sides.bridge.posted(post, 501)
    (reaction,) = sides.heard("👍", sender=EVE, name="Eve", reply_id=0xABC)
    assert (reaction.text, reaction.reply_to) == ("Eve: 👍", 501)


def test_a_reply_to_what_is_no_longer_known_is_a_text_like_any_other(sides):
    (post,) = sides.heard("bonjour", packet_id=0xABC)
    sides.bridge.posted(post, 501)
    for n in range(REMEMBERED):
        sides.bridge.posted(sides.heard("x", packet_id=n + 1)[0], 1000 + n)
    message = sides.written("salut", reply_to=501)
    assert (message.text, message.reply_id) == ("Léa: salut", 0)


# -- several of them


def test_a_channel_s_text_goes_to_all_its_chats_topics_among_them():
    sides = Sides((1, GROUP), (1, TOPIC), (2, OTHER))
    assert [post.chat for post in sides.heard("a")] == [GROUP, TOPIC]
    assert [post.chat for post in sides.heard("a", channel=2)] == [OTHER]


def test_the_other_chats_of_a_channel_see_what_one_says_once_it_is_sent():
    sides = Sides((1, GROUP), (1, OTHER))
    message = sides.written("bonjour")
    queued = DeliveryReport(message, DeliveryStatus.QUEUED)
    assert sides.bridge.accepted(queued) == []
    (post,) = sides.accept(message, 11)
    assert (post.chat, post.text) == (OTHER, "Léa: bonjour")
    sides.bridge.posted(post, 301)
    assert sides.written("salut", chat=OTHER, reply_to=301).reply_id == 11


def test_what_is_sent_to_one_node_is_shown_in_no_other_chat():
    sides = Sides((1, GROUP), (1, OTHER))
    assert sides.accept(replace(sides.written("bonjour"), to=ZOE), 11) == []


def test_a_chat_of_two_channels_tells_them_apart_and_answers_on_the_right_one():
    sides = Sides((1, GROUP), (2, GROUP))
    (post,) = sides.heard("a", channel=2, packet_id=0xABC)
    assert post.text == "[2] Zoé Dupont (ZOE): a"
    sides.bridge.posted(post, 501)
    reply = sides.written("b", reply_to=501)
    assert (reply.channel, reply.reply_id) == (2, 0xABC)
    assert sides.written("c").channel == 1


def test_a_rule_given_twice_counts_once():
    assert len(Sides((1, GROUP), (1, GROUP)).heard("a")) == 1


@pytest.mark.parametrize(
    ("long_name", "short_name", "shown"),
    [("Zoé Dupont", "ZOE", "Zoé Dupont (ZOE)"), ("", "ZOE", "ZOE"), ("Zoé", "", "Zoé"), ("", "", "!00001111")],
)
def test_a_node_is_called_by_its_names(long_name, short_name, shown):
    mesh = MeshCommands()
    mesh.manager.learn_from_node_database([NodeRecord(ZOE, long_name, short_name)])
    assert mesh_name(ZOE, mesh.memory) == shown


def test_a_node_that_nobody_knows_is_called_by_its_id():
    assert mesh_name(ZOE, MeshCommands().memory) == "!00001111"
