"""Which messages are questions, and where their answers go."""

import pytest

from meshbot.commands.filter import MessageFilter, ReturnPath, Verdict, return_path
from meshbot.commands.registry import parse
from meshbot.mesh_link.messages import BROADCAST_NUM, RadioMetadata, ReceivedText, TextMessage

OWN, ASKER, OTHER = 0x9999, 0x1234, 0x5678
NOW = 1_767_620_158.0
MAX_AGE = 300.0


def direct(text="/ping", packet_id=1, rx_time=0, **details):
    reception = RadioMetadata(rx_time=rx_time)
    return TextMessage(
        **{"packet_id": packet_id, "sender": ASKER, "to": OWN, "channel": 0, "text": text, "reception": reception}
        | details
    )


def channel(index, **details):
    return direct(to=BROADCAST_NUM, channel=index, **details)


@pytest.fixture
def message_filter():
    return MessageFilter([2], MAX_AGE, refuse_mqtt=False)


def check(message_filter, message, *, is_repeat=False, is_fresh=False):
    text = ReceivedText(message, OWN, is_repeat, is_fresh)
    return message_filter.check(text, NOW, is_command=parse(message.text) is not None)


def test_a_direct_command_is_a_question(message_filter):
    assert check(message_filter, direct()) is Verdict.ANSWER


def test_an_ordinary_text_is_no_question(message_filter):
    assert check(message_filter, direct("bonjour")) is Verdict.PLAIN


def test_a_text_of_our_own_is_no_question(message_filter):
    assert check(message_filter, direct(sender=OWN)) is Verdict.OWN


def test_a_text_to_another_node_is_no_question(message_filter):
    assert check(message_filter, direct(to=OTHER)) is Verdict.NOT_OURS


def test_a_channel_is_answered_only_if_it_is_listed(message_filter):
    assert check(message_filter, channel(2, packet_id=1)) is Verdict.ANSWER
    assert check(message_filter, channel(0, packet_id=2)) is Verdict.CHANNEL


def test_a_direct_command_on_any_channel_is_answered(message_filter):
    assert check(message_filter, direct(channel=5)) is Verdict.ANSWER


@pytest.mark.parametrize("text", ["/ping", "bonjour"])
def test_a_repeated_packet_is_answered_only_once(message_filter, text):
    assert check(message_filter, direct(text), is_repeat=True) is Verdict.REPEATED


def test_a_repeated_packet_for_another_node_is_not_ours(message_filter):
    assert check(message_filter, direct(to=OTHER), is_repeat=True) is Verdict.NOT_OURS


@pytest.mark.parametrize(
    ("age", "verdict"), [(MAX_AGE, Verdict.ANSWER), (MAX_AGE + 1, Verdict.STALE), (-3600, Verdict.ANSWER)]
)
def test_a_question_that_is_too_old_gets_no_answer(message_filter, age, verdict):
    assert check(message_filter, direct(rx_time=int(NOW - age))) is verdict


def test_a_question_by_mqtt_is_refused_by_the_setting():
    by_mqtt = RadioMetadata(via_mqtt=True)
    assert check(MessageFilter([], MAX_AGE, refuse_mqtt=False), direct(reception=by_mqtt)) is Verdict.ANSWER
    assert check(MessageFilter([], MAX_AGE, refuse_mqtt=True), direct(reception=by_mqtt)) is Verdict.MQTT
    assert check(MessageFilter([], MAX_AGE, refuse_mqtt=True), direct()) is Verdict.ANSWER


def test_a_question_without_a_time_is_fresh(message_filter):
    assert check(message_filter, direct(rx_time=0)) is Verdict.ANSWER


def test_an_answer_goes_back_to_the_asker_and_wants_an_acknowledgement():
    assert return_path(direct(channel=3, packet_id=7)) == ReturnPath(ASKER, 3, 7, want_ack=True)


def test_a_private_answer_to_a_channel_goes_to_the_asker():
    assert return_path(channel(2, packet_id=7), private=True) == ReturnPath(ASKER, 2, 7, want_ack=True)


def test_an_answer_on_a_channel_stays_on_it_without_acknowledgement():
    assert return_path(channel(2, packet_id=7)) == ReturnPath(BROADCAST_NUM, 2, 7, want_ack=False)


@pytest.mark.parametrize("rx_time", [NOW - 86400, NOW - MAX_AGE - 1, NOW + 86400])
def test_what_has_just_been_heard_is_fresh_whatever_the_clocks_say(message_filter, rx_time):
    message = direct(reception=RadioMetadata(rx_time=int(rx_time)))
    assert check(message_filter, message, is_fresh=True) is Verdict.ANSWER
