"""The delivery status of a text, shown on the message it came from."""

from __future__ import annotations

import pytest

from meshbot.commands.language import translator
from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.sending.outgoing import EchoOrigin, OutgoingText
from meshbot.sending.receipts import BUSY_CHANNEL, NO_LINK, DeliveryReport, DeliveryStatus
from meshbot.sending.retry_policy import POLICIES
from meshbot.telegram_bot import status
from meshbot.telegram_bot.models import Chat
from meshbot.telegram_bot.status import REASONS, WORD, chat_of, origin_of

TOPIC, PRIVATE = Chat(-1001234567890, 5), Chat(42)
ZOE = 0x20001EEF


def text(to=BROADCAST_NUM, chat=PRIVATE):
    """A text as it is restored after a restart: only what is needed here."""
    return OutgoingText("", to, origin=origin_of(chat, 77))


def messages(delivery_status, to=BROADCAST_NUM, name="Zoé", language="en", chat=PRIVATE, **details):
    return status.status_messages(
        DeliveryReport(text(to, chat=chat), delivery_status, **details), name, translator(language)
    )


def shown(delivery_status, to=BROADCAST_NUM, name="Zoé", language="en", **details):
    (message,) = messages(delivery_status, to, name, language, **details)
    return message.text


@pytest.mark.parametrize(
    ("chat", "to", "key"),
    [
        (PRIVATE, BROADCAST_NUM, "telegram:42:0:77"),
        (PRIVATE, ZOE, "telegram:42:0:77"),
        (TOPIC, ZOE, "telegram:-1001234567890:5:77"),
    ],
)
def test_a_status_is_one_silent_reply_that_can_wait(chat, to, key):
    assert key.startswith(WORD)
    sent = [message for each in DeliveryStatus for message in messages(each, to, chat=chat, ahead=10)]
    assert len(sent) == len(DeliveryStatus)
    assert {(each.chat, each.reply_to, each.silent, each.key, each.can_wait, each.reaction) for each in sent} == {
        (chat, 77, True, key, True, "")
    }


@pytest.mark.parametrize(
    ("delivery_status", "details", "emoji", "words"),
    [
        (DeliveryStatus.QUEUED, {"reason": NO_LINK}, "👀", []),
        (DeliveryStatus.POSTPONED, {"reason": "TX_QUEUE_FULL"}, "👀", []),
        (DeliveryStatus.ACCEPTED, {}, "👌", []),
        (DeliveryStatus.RELAYED, {}, "👍", []),
        (DeliveryStatus.UNANSWERED, {}, "🤷", []),
        (DeliveryStatus.ACKNOWLEDGED, {}, "👍", []),
        (DeliveryStatus.EXPIRED, {}, "👎", ["❌ Not sent: it waited too long."]),
        (DeliveryStatus.REFUSED, {"reason": "TOO_LARGE"}, "👎", ["❌ Not sent: too long for a packet."]),
        (DeliveryStatus.FAILED, {"reason": "NO_INTERFACE"}, "👎", ["❌ Not delivered: the node has no radio."]),
        (DeliveryStatus.QUEUE_FULL, {}, "👎", ["❌ Not sent: too many messages are waiting. Try again later."]),
        (DeliveryStatus.UNCONFIRMED, {}, "🤔", ["❔ Perhaps not sent: the node did not confirm it."]),
    ],
)
def test_a_group_gets_reactions_and_a_reply_only_for_failures(delivery_status, details, emoji, words):
    reaction, *replies = messages(delivery_status, chat=TOPIC, **details)
    assert (reaction.chat, reaction.reply_to, reaction.reaction, reaction.can_wait) == (TOPIC, 77, emoji, True)
    assert [reply.text for reply in replies] == words
    assert all((reply.reply_to, reply.reaction, reply.can_wait) == (77, "", True) for reply in replies)


@pytest.mark.parametrize("chat", [PRIVATE, TOPIC])
def test_a_short_wait_in_the_queue_is_not_shown(chat):
    assert messages(DeliveryStatus.QUEUED, chat=chat, ahead=9) == ()
    assert len(messages(DeliveryStatus.QUEUED, chat=chat, ahead=10)) == 1


@pytest.mark.parametrize(
    ("delivery_status", "details", "english"),
    [
        (DeliveryStatus.QUEUED, {"reason": NO_LINK}, "⏳ Waiting for the link to the node."),
        (DeliveryStatus.QUEUED, {"reason": BUSY_CHANNEL}, "⏳ Waiting for a less busy channel."),
        (DeliveryStatus.QUEUED, {"ahead": 12}, "⏳ Waiting behind 12 others."),
        (
            DeliveryStatus.POSTPONED,
            {"reason": "TX_QUEUE_FULL"},
            "⏳ Not sent yet: the node's queue is full. Trying again.",
        ),
        (DeliveryStatus.ACCEPTED, {}, "📡 Sent on channel 0."),
        (DeliveryStatus.RELAYED, {}, "✅ Sent on channel 0, and relayed by a neighbour."),
        (DeliveryStatus.UNANSWERED, {}, "❔ Sent on channel 0, but no neighbour was heard relaying it."),
        (DeliveryStatus.REFUSED, {"reason": "TOO_LARGE"}, "❌ Not sent: too long for a packet."),
        (DeliveryStatus.REFUSED, {"reason": "4711"}, "❌ Not sent: 4711."),
        (DeliveryStatus.EXPIRED, {}, "❌ Not sent: it waited too long."),
        (DeliveryStatus.UNCONFIRMED, {}, "❔ Perhaps not sent: the node did not confirm it."),
        (DeliveryStatus.QUEUE_FULL, {}, "❌ Not sent: too many messages are waiting. Try again later."),
    ],
)
def test_the_status_of_a_channel_s_text_in_words(delivery_status, details, english):
    assert shown(delivery_status, **details) == english


@pytest.mark.parametrize(
    ("delivery_status", "details", "english"),
    [
        (DeliveryStatus.ACKNOWLEDGED, {}, "✅ Acknowledged by Zoé."),
        (DeliveryStatus.ACKNOWLEDGED, {"name": ""}, "✅ Acknowledged by !20001eef."),
        (DeliveryStatus.RELAYED, {}, "🔁 Sent, and relayed by a neighbour; no acknowledgement by Zoé."),
        (DeliveryStatus.UNANSWERED, {}, "❔ Sent; no acknowledgement by Zoé."),
        (
            DeliveryStatus.FAILED,
            {"reason": "NO_CHANNEL"},
            "❌ Not delivered: the recipient cannot read it: its key or its channel is another.",
        ),
    ],
)
def test_the_status_of_a_direct_text_names_its_recipient(delivery_status, details, english):
    assert shown(delivery_status, ZOE, **details) == english


def test_a_name_in_braces_is_a_name():
    assert shown(DeliveryStatus.ACKNOWLEDGED, ZOE, name="{reason}") == "✅ Acknowledged by {reason}."


def test_every_reason_has_words_in_both_languages():
    assert set(REASONS) == set(POLICIES)
    french = translator("fr")
    assert all(french(words) != words for words in REASONS.values())


def test_every_status_has_words_in_french():
    for to in (BROADCAST_NUM, ZOE):
        assert all(shown(each, to, language="fr", ahead=10) != shown(each, to, ahead=10) for each in DeliveryStatus)


@pytest.mark.parametrize("chat", [PRIVATE, Chat(-5), TOPIC])
def test_an_origin_names_its_chat(chat):
    assert chat_of(origin_of(chat, 77)) == chat


@pytest.mark.parametrize("origin", [None, EchoOrigin(42)])
def test_a_text_of_another_origin_shows_nothing(origin):
    report = DeliveryReport(OutgoingText("", ZOE, origin=origin), DeliveryStatus.ACCEPTED)
    assert status.status_messages(report, "", translator("en")) == ()
