"""Which messages are questions, and where their answers go."""

import pytest

from meshbot.commands.filter import REMEMBERED, MessageFilter, ReturnPath, Verdict, return_path
from meshbot.mesh_link.packets import BROADCAST_NUM, RadioMetadata, TextMessage

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
def gate():
    return MessageFilter([2], MAX_AGE, refuse_mqtt=False)


def judge(gate, message):
    return gate.judge(message, OWN, NOW)


def test_a_direct_command_is_a_question(gate):
    assert judge(gate, direct()) is Verdict.ANSWER


def test_ordinary_text_is_not(gate):
    assert judge(gate, direct("bonjour")) is Verdict.PLAIN


def test_what_we_sent_ourselves_is_not(gate):
    assert judge(gate, direct(sender=OWN)) is Verdict.OWN


def test_what_goes_to_another_node_is_not(gate):
    assert judge(gate, direct(to=OTHER)) is Verdict.NOT_OURS


def test_a_channel_is_answered_only_if_it_is_listed(gate):
    assert judge(gate, channel(2, packet_id=1)) is Verdict.ANSWER
    assert judge(gate, channel(0, packet_id=2)) is Verdict.CHANNEL


def test_a_direct_command_on_any_channel_is_answered(gate):
    assert judge(gate, direct(channel=5)) is Verdict.ANSWER


def test_the_same_packet_is_answered_once(gate):
    assert [judge(gate, direct()) for _ in range(3)] == [Verdict.ANSWER, Verdict.REPEATED, Verdict.REPEATED]


def test_the_same_id_from_another_sender_is_another_packet(gate):
    judge(gate, direct())
    assert judge(gate, direct(sender=OTHER)) is Verdict.ANSWER


def test_packets_without_id_cannot_repeat(gate):
    assert [judge(gate, direct(packet_id=0)) for _ in range(2)] == [Verdict.ANSWER, Verdict.ANSWER]


def test_a_packet_is_remembered_while_a_thousand_others_come(gate):
    for packet_id in range(1, REMEMBERED + 1):
        judge(gate, direct(packet_id=packet_id))
    assert judge(gate, direct(packet_id=1)) is Verdict.REPEATED


def test_a_repeated_packet_is_remembered_anew(gate):
    for packet_id in (1, *range(2, REMEMBERED + 1), 1, REMEMBERED + 1):
        judge(gate, direct(packet_id=packet_id))
    assert judge(gate, direct(packet_id=1)) is Verdict.REPEATED
    assert judge(gate, direct(packet_id=2)) is Verdict.ANSWER


@pytest.mark.parametrize(
    ("age", "verdict"), [(MAX_AGE, Verdict.ANSWER), (MAX_AGE + 1, Verdict.STALE), (-3600, Verdict.ANSWER)]
)
def test_a_question_that_is_too_old_gets_no_answer(gate, age, verdict):
    assert judge(gate, direct(rx_time=int(NOW - age))) is verdict


def test_what_came_by_mqtt_is_refused_if_so_wished():
    by_mqtt = RadioMetadata(via_mqtt=True)
    assert judge(MessageFilter([], MAX_AGE, refuse_mqtt=False), direct(reception=by_mqtt)) is Verdict.ANSWER
    assert judge(MessageFilter([], MAX_AGE, refuse_mqtt=True), direct(reception=by_mqtt)) is Verdict.MQTT
    assert judge(MessageFilter([], MAX_AGE, refuse_mqtt=True), direct()) is Verdict.ANSWER


def test_a_question_without_a_time_is_fresh(gate):
    assert judge(gate, direct(rx_time=0)) is Verdict.ANSWER


def test_an_answer_goes_back_to_the_asker_and_wants_an_acknowledgement():
    assert return_path(direct(channel=3, packet_id=7)) == ReturnPath(ASKER, 3, 7, want_ack=True)


def test_a_private_answer_to_a_channel_goes_to_the_asker():
    assert return_path(channel(2, packet_id=7), private=True) == ReturnPath(ASKER, 2, 7, want_ack=True)


def test_an_answer_on_a_channel_stays_on_it_without_acknowledgement():
    assert return_path(channel(2, packet_id=7)) == ReturnPath(BROADCAST_NUM, 2, 7, want_ack=False)
