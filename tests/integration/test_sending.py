"""The real bot over the virtual node: each NAK by name, links cut around a confirmation, a busy channel."""

import random

import pytest
from meshtastic.protobuf import portnums_pb2, telemetry_pb2

from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from tests.support.bot import UNHURRIED, RunningBot

PATIENCE = 60.0
TEXT = portnums_pb2.PortNum.TEXT_MESSAGE_APP
TRACEROUTE = portnums_pb2.PortNum.TRACEROUTE_APP


@pytest.fixture
def node(new_node):
    with new_node(nodes=12) as virtual_node:
        yield virtual_node


@pytest.fixture
def running(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock, answer_on_channels=(1,), **UNHURRIED) as bot:
        bot.wait_ready()
        yield bot


def ask(node, asker=0, question="/ping", **fields):
    return node.hear_text(node.users[asker].num, question, **fields)


def answered(node, packet_id):
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)


def ids_on_air(node, packet_id):
    """The ids under which an answer went on air, in order."""
    return [sent.packet.id for sent in node.transmitted if sent.reply_id == packet_id]


def texts(node):
    return [sent.text for sent in node.transmitted if sent.text]


# -- refusals


@pytest.mark.parametrize("reason", ["RATE_LIMIT_EXCEEDED", "TX_QUEUE_FULL"])
def test_a_packet_refused_before_air_is_retried_under_a_new_id(running, node, reason):
    if reason == "TX_QUEUE_FULL":
        node.fault("tx_queue_full")
    else:
        node.fault("nak", reason=reason, packets=1)
    packet_id = ask(node)
    running.log.wait_for(rf"📤 Réponse à 0x\w+ remise à plus tard \({reason}: .*; nouvel essai dans 5 s\)")
    node.heal()
    answered(node, packet_id)
    tried = [p.packet.id for p in node.received.packets if p.packet.decoded.reply_id == packet_id]
    assert len(set(tried)) == 2
    assert ids_on_air(node, packet_id) == tried[1:]


@pytest.mark.parametrize(
    ("reason", "remote", "words"),
    [
        ("TOO_LARGE", 0, "refusée par le nœud"),
        ("NOT_AUTHORIZED", 0, "refusée par le nœud"),
        ("BAD_REQUEST", 1, "non remise"),
        ("MAX_RETRANSMIT", 0, "non remise"),
    ],
)
def test_a_final_error_is_logged_and_the_next_answer_goes_out(running, node, reason, remote, words):
    node.fault("nak", reason=reason, remote=remote, packets=1)
    ask(node)
    running.log.wait_for(rf"📤 Réponse à 0x\w+ {words} \({reason}: .+\)")
    answered(node, ask(node, 1))
    assert not running.log.matching("nouvel essai")


def test_a_receiver_without_our_key_gets_the_answer_again(running, node):
    node.fault("nak", reason="PKI_UNKNOWN_PUBKEY", remote=1, packets=1)
    packet_id = ask(node)
    running.log.wait_for("PKI_UNKNOWN_PUBKEY: .*nouvel essai dans 15 s")
    running.log.wait_for("acquittée par le destinataire")
    assert len(set(ids_on_air(node, packet_id))) == 2


def test_an_answer_that_no_neighbour_relays_is_not_repeated(running, node):
    node.fault("unheard")
    packet_id = ask(node)
    running.log.wait_for("MAX_RETRANSMIT: personne ne l'a acquittée")
    assert len(ids_on_air(node, packet_id)) == 1


# -- confirmations that do not come


def test_a_lost_status_neither_repeats_nor_delays_an_acknowledged_answer(running, node):
    node.fault("lose_status", packets=1)
    asked = [ask(node), ask(node, 1)]
    for packet_id in asked:
        answered(node, packet_id)
    assert [len(ids_on_air(node, packet_id)) for packet_id in asked] == [1, 1]
    assert not running.log.matching("sans confirmation")


def test_a_broadcast_s_lost_status_delays_and_repeats_nothing(running, node):
    node.fault("lose_status", packets=1)
    first = ask(node, to=BROADCAST_NUM, channel=1)
    answered(node, first)
    second = ask(node, 1)
    answered(node, second)
    running.log.wait_for("📤 Réponse à 0xffffffff acceptée par le nœud")
    assert (len(ids_on_air(node, first)), len(ids_on_air(node, second))) == (1, 1)


@pytest.mark.parametrize("kept", [0, 1])
def test_a_cut_before_the_confirmation_loses_and_repeats_no_answer(running, node, kept):
    node.fault("cut_at_text", packets=3, status_kept=kept)
    packet_ids = [ask(node, n) for n in range(5)]
    for packet_id in packet_ids:
        answered(node, packet_id)
    running.log.wait_for("acquittée par le destinataire", 5)
    assert [len(ids_on_air(node, packet_id)) for packet_id in packet_ids] == [1] * 5


def test_a_text_lost_in_a_cut_goes_again_after_the_others(running, node):
    node.fault("cut_at_text", packets=1, taken=0)
    lost = ask(node)
    running.wait_ready(2)
    other = ask(node, 1)
    assert answered(node, other).at < answered(node, lost).at
    running.log.wait_for("acquittée par le destinataire", 2)
    assert (len(ids_on_air(node, lost)), len(ids_on_air(node, other))) == (1, 1)


def test_a_rebooted_node_gets_what_it_had_not_confirmed(running, node):
    node.fault("cut_at_text", packets=1, taken=0)
    node.fault("refuse")
    packet_id = ask(node)
    running.log.wait_for("⚠️ Lien TCP perdu")
    node.fault("reboot", seconds=0.5)
    node.heal()
    answered(node, packet_id)
    running.log.wait_for("acquittée par le destinataire")
    assert len(ids_on_air(node, packet_id)) == 1


# -- a busy channel, and other kinds


def hear_load(node, percent):
    metrics = telemetry_pb2.Telemetry(device_metrics=telemetry_pb2.DeviceMetrics(channel_utilization=percent))
    port = portnums_pb2.PortNum.TELEMETRY_APP
    packet_id = random.getrandbits(32) | 1
    node.hear(data_packet(node.num, BROADCAST_NUM, port, metrics.SerializeToString(), packet_id))


def test_on_a_busy_channel_only_direct_answers_go(running, node):
    hear_load(node, 31.0)
    running.log.wait_for("📶 Canal occupé à plus de 25 %")
    on_channel = ask(node, to=BROADCAST_NUM, channel=1)
    running.bot._sender.tell(OutgoingText("bridged", BROADCAST_NUM, 1, priority=Priority.BRIDGE))
    direct = ask(node, 1)
    answered(node, direct)
    assert ids_on_air(node, on_channel) == []
    hear_load(node, 12.0)
    running.log.wait_for("📶 Canal de nouveau libre")
    node.wait_for(lambda sent: sent.text == "bridged", PATIENCE)
    # dropped at the door: its answer would have come too late
    assert ids_on_air(node, on_channel) == []


def test_an_echo_that_a_busy_channel_held_is_answered(running, node):
    hear_load(node, 31.0)
    running.log.wait_for("📶 Canal occupé à plus de 25 %")
    packet_id = ask(node, question="/echo bonjour")
    assert answered(node, packet_id).text.startswith("📶 Canal occupé")
    answer = node.wait_for(lambda sent: sent.text.startswith("❌ Votre /echo"), PATIENCE)
    assert (answer.to, answer.reply_id) == (node.users[0].num, 0)
    assert not [text for text in texts(node) if "bonjour" in text]


def test_on_a_busy_channel_a_traceroute_is_refused(running, node):
    hear_load(node, 25.5)
    running.log.wait_for("📶 Canal occupé à plus de 25 %")
    # the node database is learnt behind READY, on a thread of its own
    node.wait_until(lambda: running.bot.memory.node(node.users[1].num) is not None, PATIENCE)
    packet_id = ask(node, question=f"/trace {node.users[1].node_id}")
    assert answered(node, packet_id).text == "📶 Le canal est trop occupé pour un traceroute. Réessayez plus tard."
    assert [sent for sent in node.transmitted if sent.packet.decoded.portnum == TRACEROUTE] == []


def test_a_mail_of_three_parts_arrives_in_order(running, node):
    text = "mot " * 120
    to = node.users[0].num
    running.bot._sender.tell(OutgoingText(text, to, want_ack=True, priority=Priority.MAIL))
    running.log.wait_for("📤 Lettre à 0x\\w+ acquittée")
    assert [text[:5] for text in texts(node)] == ["(1/3)", "(2/3)", "(3/3)"]
    assert "".join(text[6:] for text in texts(node)) == text
