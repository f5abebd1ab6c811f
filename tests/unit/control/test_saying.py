"""Whom an operator's text goes to, and what is told of its way."""

import pytest

from meshbot.commands.language import translator
from meshbot.commands.registry import UNKNOWN_RECEPTION, Platform, Request
from meshbot.control.protocol import Error, Query, RefusedError, Verb
from meshbot.control.saying import WORDS, outcome_of, outgoing
from meshbot.mesh_link.messages import BROADCAST_NUM, Channel
from meshbot.sending.outgoing import ControlOrigin, OutgoingText, decode_origin, encode_origin
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, OWN, record

ENGLISH = translator("en")
CHANNELS = (Channel(0, "LongFast"), Channel(2, "Amis"))
REQUEST = Request("say", "", None, UNKNOWN_RECEPTION, ENGLISH, (), platform=Platform.CONSOLE)


def say(to, text="hello", channels=CHANNELS, limit=400, **details):
    manager = make_node_manager(None, FakeClock())
    alice = record(ALICE, long_name="Alice", **details)
    manager.learn_from_node_database([alice])
    memory = make_memory(None, manager, FakeClock(), lambda: OWN)
    memory.learn_nodes([alice])
    message, notice = outgoing(Query(Verb.SAY, text, to), REQUEST, memory, channels, limit)
    return message(ControlOrigin(7), 99.0), notice


@pytest.mark.parametrize(
    ("to", "where"),
    [("Alice", (ALICE, 0)), ("2", (BROADCAST_NUM, 2)), ("#0", (BROADCAST_NUM, 0)), ("#amis", (BROADCAST_NUM, 2))],
)
def test_a_text_goes_to_a_node_or_a_channel(to, where):
    text, _notice = say(to)
    assert (text.to, text.channel) == where
    assert (text.text, text.origin, text.expires_at, text.want_ack) == ("hello", ControlOrigin(7), 99.0, True)


@pytest.mark.parametrize(
    ("to", "details", "error"),
    [
        ("Nobody", {}, Error.NO_RECIPIENT),
        ("5", {}, Error.NO_RECIPIENT),
        ("#nowhere", {}, Error.NO_RECIPIENT),
        ("Alice", {"unmessagable": True}, Error.NO_RECIPIENT),
        ("Alice", {"text": "é" * 201}, Error.TOO_LONG),
        ("Alice", {"text": "\u200b"}, Error.BAD_REQUEST),
    ],
)
def test_what_nobody_gets_is_refused(to, details, error):
    with pytest.raises(RefusedError) as refused:
        say(to, **details)
    assert refused.value.error is error


def test_before_the_channels_are_known_any_number_is_one():
    assert say("5", channels=None)[0].channel == 5


@pytest.mark.parametrize("status", DeliveryStatus)
def test_every_delivery_status_has_its_words_and_a_verdict(status):
    answer = outcome_of(DeliveryReport(OutgoingText("x", ALICE, want_ack=True), status), ENGLISH)
    assert answer["text"] == WORDS[status]
    good = {"acknowledged", "relayed", "accepted", "queued", "postponed"}
    assert answer["ok"] is (answer["status"] in good)
    assert ("error" in answer) is not answer["ok"]


def test_its_origin_survives_a_restart():
    assert decode_origin(encode_origin(ControlOrigin(0xFFFFFFFF))) == ControlOrigin(0xFFFFFFFF)
    assert decode_origin("control:") is None
