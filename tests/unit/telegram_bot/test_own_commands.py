"""The commands that only Telegram has."""

from __future__ import annotations

import pytest

from meshbot.commands.builtin.echo import EchoOptions, echo_command
from meshbot.mesh_link.messages import Channel
from meshbot.mesh_link.packets import BROADCAST_NUM, NodeRecord
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from tests.support.fake_clock import FakeClock
from tests.support.telegram_bot import GROUP, KNOWN
from tests.support.telegram_handler import HandlerHarness

WILLIAM, VAISE, KIM = 0x2001, 0x2002, 0x2003
NODES = (
    NodeRecord(WILLIAM, "William", "WIL"),
    NodeRecord(VAISE, "William Vaise 1", "WV1"),
    NodeRecord(KIM, "Kim", "KIM"),
)


@pytest.fixture
def harness():
    with HandlerHarness(nodes=NODES, bridge_ttl=600, telegram_groups=(GROUP,)) as harness:
        yield harness


def sent(harness, argument):
    messages = harness.write(f"/send {argument}", KNOWN, name="Zoé")
    assert messages == []
    (message,) = harness.mesh_texts
    return message.to, message.channel, message.text


@pytest.mark.parametrize(
    ("argument", "to", "text"),
    [
        ("Kim bonjour", KIM, "Zoé: bonjour"),
        ("William salut", WILLIAM, "Zoé: salut"),
        ("Vaise 1 salut", VAISE, "Zoé: salut"),
        ("vaise\n1 salut toi", VAISE, "Zoé: salut toi"),
        ("!00002002 salut", VAISE, "Zoé: salut"),
        ("Kim\nbonjour\nà tous", KIM, "Zoé: bonjour\n| à tous"),
        ("WV1 1", VAISE, "Zoé: 1"),
        ("Kim Kim", KIM, "Zoé: Kim"),
    ],
)
def test_the_longest_beginning_that_names_a_node_is_the_recipient(harness, argument, to, text):
    assert sent(harness, argument) == (to, 0, text)


@pytest.mark.parametrize("argument", ["William Vaise 1 salut", "william  vaise\n1 salut toi", "William Vaise salut"])
def test_a_name_that_begins_with_another_s_is_asked_about(harness, argument):
    (answer,) = harness.write(f"/send {argument}", KNOWN)
    assert answer.text.startswith("2 nodes match, which one?")
    assert "!00002001 William" in answer.text
    assert harness.mesh_texts == []


@pytest.mark.parametrize("name", ["Kim", "2003", "!00002003", "Amis", "#Amis"])
def test_nobody_gets_a_text_by_a_name_that_begins_with_another_s(name):
    mallory = NodeRecord(0x66600666, f"{name} salut toi", f"{name} salut")
    with HandlerHarness(nodes=(*NODES, mallory), bridge_ttl=600) as harness:
        harness.channels = (Channel(0, "LongFast"), Channel(1, "Amis"))
        messages = harness.write(f"/send {name} salut toi", KNOWN, name="Zoé")
        assert [text.to for text in harness.mesh_texts] == {"!00002003": [KIM], "#Amis": [BROADCAST_NUM]}.get(name, [])
        assert bool(messages) != bool(harness.mesh_texts)


@pytest.mark.parametrize("argument", ["2 salut", "#2 salut", "2\nsalut", "2  salut"])
def test_a_digit_is_a_channel(harness, argument):
    assert sent(harness, argument) == (BROADCAST_NUM, 2, "Zoé: salut")


def test_a_sent_text_expires_as_a_bridged_one(harness):
    sent(harness, "Kim salut")
    assert harness.mesh_texts[0].expires_at == harness.clock.monotonic() + 600


@pytest.mark.parametrize("argument", ["", "Kim", "William Vaise 1", "3", "Kim \n"])
def test_send_without_text_answers_with_its_usage(harness, argument):
    (answer,) = harness.write(f"/send {argument}", KNOWN)
    assert answer.text.startswith("Say what to whom?")
    assert harness.mesh_texts == []


def test_nothing_is_sent_to_a_node_that_takes_no_messages():
    router = NodeRecord(KIM, "Kim", "KIM", hw_model="TBEAM", role="ROUTER")
    with HandlerHarness(nodes=[router]) as harness:
        (answer,) = harness.write("/send Kim salut", KNOWN)
        assert (answer.text, harness.mesh_texts) == (
            "Kim takes no messages (router, sensor, tracker): not sent.",
            [],
        )


def test_an_unknown_node_is_named_by_its_first_word(harness):
    (answer,) = harness.write("/send Bernard salut à toi", KNOWN)
    assert answer.text == "I know no node « Bernard »."


def test_a_text_s_delivery_status_is_a_reply_to_the_command(harness):
    harness.write("/send Kim salut", KNOWN)
    harness.handler.on_mesh_event(DeliveryReport(harness.mesh_texts[0], DeliveryStatus.ACKNOWLEDGED))
    (reply,) = harness.messages()
    assert (reply.chat.id, reply.text, reply.reply_to) == (KNOWN, "✅ Acknowledged by Kim (KIM).", 1)


@pytest.mark.parametrize(
    ("argument", "reason"),
    [("7 salut", "our node has no such channel"), ("Kim salut", "its key or its channel is another")],
)
def test_a_missing_channel_and_an_unreadable_text_have_different_reasons(harness, argument, reason):
    sent_to = sent(harness, argument)
    harness.handler.on_mesh_event(DeliveryReport(harness.mesh_texts[0], DeliveryStatus.REFUSED, reason="NO_CHANNEL"))
    assert reason in harness.messages()[0].text, sent_to


def test_an_echo_s_delivery_status_is_a_reply_to_the_command():
    sent_texts, options = [], EchoOptions(channel=2, text_limit=lambda _text: 200, lifetime=120.0)
    echo = echo_command(FakeClock(), sent_texts.append, lambda: False, lambda _num: "?", lambda: options)
    with HandlerHarness([echo]) as harness:
        assert harness.write("/echo bonjour", KNOWN, name="Zoé") == []
        assert [message.text for message in sent_texts] == ["📣 Zoé (TG): bonjour"]
        harness.handler.on_mesh_event(DeliveryReport(sent_texts[0], DeliveryStatus.ACCEPTED))
        (reply,) = harness.messages()
    assert (reply.chat.id, reply.text, reply.reply_to) == (KNOWN, "📡 Sent on channel 2.", 1)


def test_send_says_that_a_name_was_just_taken(harness):
    harness.mesh.manager.learn_from_nodeinfo(NodeRecord(KIM, "Carole", "CAR"))
    (answer,) = harness.write("/send Carole bonjour", KNOWN)
    assert answer.text == "⚠️ !00002003 has had this name for less than a day; before: Kim."
    assert harness.mesh_texts[0].to == KIM
