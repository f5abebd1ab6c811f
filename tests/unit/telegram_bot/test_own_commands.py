"""/send, /id, /start: what only Telegram has."""

from __future__ import annotations

import pytest

from meshbot.commands.builtin.echo import EchoOptions, echo_command
from meshbot.mesh_link.packets import BROADCAST_NUM, NodeRecord
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from tests.support.fake_clock import FakeClock
from tests.support.telegram_bot import GROUP, KNOWN
from tests.support.telegram_handler import TelegramDesk

WILLIAM, VAISE, KIM = 0x2001, 0x2002, 0x2003
NODES = (
    NodeRecord(WILLIAM, "William", "WIL"),
    NodeRecord(VAISE, "William Vaise 1", "WV1"),
    NodeRecord(KIM, "Kim", "KIM"),
)


@pytest.fixture
def desk():
    with TelegramDesk(nodes=NODES, bridge_ttl=600, telegram_groups=(GROUP,)) as desk:
        yield desk


def sent(desk, argument):
    posts = desk.says(f"/send {argument}", KNOWN, name="Zoé")
    assert posts == []
    (message,) = desk.sent
    return message.to, message.channel, message.text


@pytest.mark.parametrize(
    ("argument", "to", "text"),
    [
        ("Kim bonjour", KIM, "Zoé: bonjour"),
        ("William salut", WILLIAM, "Zoé: salut"),
        ("William Vaise 1 salut", VAISE, "Zoé: salut"),
        ("william  vaise\n1 salut toi", VAISE, "Zoé: salut toi"),
        ("Kim\nbonjour\nà tous", KIM, "Zoé: bonjour\n| à tous"),
        ("WV1 1", VAISE, "Zoé: 1"),
        ("Kim Kim", KIM, "Zoé: Kim"),
    ],
)
def test_a_text_goes_to_the_node_that_the_longest_beginning_names(desk, argument, to, text):
    assert sent(desk, argument) == (to, 0, text)


@pytest.mark.parametrize("argument", ["2 salut", "#2 salut", "2\nsalut", "2  salut"])
def test_a_digit_is_a_channel(desk, argument):
    assert sent(desk, argument) == (BROADCAST_NUM, 2, "Zoé: salut")


def test_a_text_waits_for_the_radio_no_longer_than_one_of_the_bridge(desk):
    sent(desk, "Kim salut")
    assert desk.sent[0].expires_at == desk.clock.monotonic() + 600


@pytest.mark.parametrize("argument", ["", "Kim", "William Vaise 1", "3", "Kim \n"])
def test_who_says_nothing_is_told_how_to_ask(desk, argument):
    (answer,) = desk.says(f"/send {argument}", KNOWN)
    assert answer.text.startswith("Say what to whom?")
    assert desk.sent == []


def test_a_node_that_nobody_knows_is_named_by_the_first_word(desk):
    (answer,) = desk.says("/send Bernard salut à toi", KNOWN)
    assert answer.text == "I know no node « Bernard »."


def test_a_text_s_fate_is_shown_under_the_message(desk):
    desk.says("/send Kim salut", KNOWN)
    desk.desk.from_mesh(DeliveryReport(desk.sent[0], DeliveryStatus.ACKNOWLEDGED))
    (fate,) = desk.posts()
    assert (fate.chat.id, fate.text, fate.reply_to) == (KNOWN, "✅ Acknowledged by Kim (KIM).", 1)


@pytest.mark.parametrize(
    ("argument", "told"),
    [("7 salut", "our node has no such channel"), ("Kim salut", "its key or its channel is another")],
)
def test_a_channel_that_the_node_lacks_is_no_recipient_that_cannot_read(desk, argument, told):
    sent_to = sent(desk, argument)
    desk.desk.from_mesh(DeliveryReport(desk.sent[0], DeliveryStatus.REFUSED, reason="NO_CHANNEL"))
    assert told in desk.posts()[0].text, sent_to


def test_an_echo_s_fate_is_shown_under_the_message_too():
    said, options = [], EchoOptions(channel=2, limit=200, lifetime=120.0)
    echo = echo_command(FakeClock(), said.append, lambda: False, lambda _num: "?", options)
    with TelegramDesk([echo]) as desk:
        assert desk.says("/echo bonjour", KNOWN, name="Zoé") == []
        assert [message.text for message in said] == ["📣 Zoé (TG): bonjour"]
        desk.desk.from_mesh(DeliveryReport(said[0], DeliveryStatus.ACCEPTED))
        (fate,) = desk.posts()
    assert (fate.chat.id, fate.text, fate.reply_to) == (KNOWN, "📡 Sent.", 1)
