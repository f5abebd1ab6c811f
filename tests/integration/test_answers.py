"""Who gets an answer, where, and how fast one follows another: measured at the node."""

import time

import pytest
from meshtastic.protobuf import admin_pb2, portnums_pb2

from meshbot.mesh_link.packets import BROADCAST_NUM
from tests.support.bot import RunningBot

PATIENCE = 30.0
ADMIN = portnums_pb2.PortNum.ADMIN_APP


@pytest.fixture
def node(new_node):
    with new_node(nodes=8) as virtual_node:
        yield virtual_node


@pytest.fixture
def running(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock, answer_on_channels=(1,), language="en") as bot:
        bot.wait_ready()
        yield bot


def reply(node, packet_id):
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)


def test_a_direct_question_is_answered_directly_and_threaded(running, node):
    asker = node.users[0]
    sent = reply(node, node.hear_text(asker.num, "/help"))
    assert (sent.to, sent.packet.want_ack) == (asker.num, True)
    assert sent.text.startswith("Commands: /help /ping /nodes ")
    assert sent.text.endswith(" /weather /rain. /help <command> tells more.")


def test_a_question_on_a_listed_channel_is_answered_there(running, node):
    sent = reply(node, node.hear_text(node.users[0].num, "/ping", to=BROADCAST_NUM, channel=1))
    assert (sent.to, sent.channel) == (BROADCAST_NUM, 1)


def test_other_channels_plain_texts_and_repetitions_get_no_answer(running, node):
    asker = node.users[0].num
    node.hear_text(asker, "/ping", to=BROADCAST_NUM, channel=0)
    node.hear_text(asker, "hello", to=BROADCAST_NUM, channel=1)
    node.hear_text(asker, "/unknown", to=BROADCAST_NUM, channel=1)
    first = node.hear_text(asker, "/ping", packet_id=77)
    node.hear_text(asker, "/ping", packet_id=77)
    # two workers answer: a later question may be answered before
    reply(node, first)
    last = node.hear_text(asker, "/help")
    reply(node, last)
    assert [sent.reply_id for sent in node.transmitted] == [first, last]


def test_an_unknown_command_in_a_direct_message_gets_help(running, node):
    sent = reply(node, node.hear_text(node.users[0].num, "/frobnicate"))
    assert sent.text == "Unknown command /frobnicate. /help lists mine."


def test_a_question_that_waited_too_long_in_the_node_is_not_answered(running, node):
    long_ago = 1_700_000_000
    node.hear_text(node.users[0].num, "/ping", rx_time=long_ago)
    running.log.wait_for("trop ancienne")
    assert reply(node, node.hear_text(node.users[0].num, "/help"))
    assert len(node.transmitted) == 1


def test_answers_are_apart_enough_for_the_node_to_send_each(running, node):
    packet_ids = [node.hear_text(user.num, "/ping") for user in node.users[:3]]
    times = [reply(node, packet_id).at for packet_id in packet_ids]
    assert all(later - earlier >= 2.2 for earlier, later in zip(sorted(times), sorted(times)[1:], strict=False))
    assert not any(packet.dropped for packet in node.received.packets)


def test_the_node_s_clock_is_set_after_ready(running, node):
    assert reply(node, node.hear_text(node.users[0].num, "/ping"))
    admin = [p.packet for p in node.received.packets if p.packet.decoded.portnum == ADMIN]
    message = admin_pb2.AdminMessage.FromString(admin[0].decoded.payload)
    assert abs(message.set_time_only - time.time()) < 3600
