"""The real bot and the virtual node over TCP: after every fault, by name, it answers again and nothing is left over."""

import pytest
from meshtastic.protobuf import portnums_pb2

from tests.support.bot import NOTICING, READY, RunningBot

PATIENCE = 30.0
TEXT = portnums_pb2.PortNum.TEXT_MESSAGE_APP
LOST = r"⚠️ (Lien TCP perdu|Connexion TCP impossible)"


@pytest.fixture
def node(new_node, firmware):
    with new_node(nodes=12, firmware_version=firmware) as virtual_node:
        yield virtual_node


@pytest.fixture
def running(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock) as bot:
        bot.wait_ready()
        bot.log.wait_for("SYNC COMPLETE")
        yield bot


def answer(node, question="/help", asker=0):
    packet_id = node.hear_text(node.users[asker].num, question)
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)


def assert_back(running, node, times):
    """The link was READY `times` times in all, the bot answers on it, and the keys follow."""
    running.wait_ready(times)
    assert "/help" in answer(node).text
    running.log.wait_for("SYNC COMPLETE", times)


@pytest.mark.parametrize("fault", ["drop", "reset"])
def test_a_closed_connection_is_replaced(running, node, fault):
    node.fault(fault)
    assert_back(running, node, 2)


@pytest.mark.parametrize(
    ("fault", "firmware"), [("mute", "2.7.26"), ("blackhole", "2.7.26"), ("stuck", "2.8.0")], indirect=["firmware"]
)
def test_a_silent_link_is_noticed_and_replaced(node, tmp_path, fault, clock):
    with RunningBot(node.port, tmp_path, clock, **NOTICING) as bot:
        bot.wait_ready()
        ready = len(bot.log.matching(READY))
        node.fault(fault)
        bot.log.wait_for(r"⚠️ SILENCE TCP: 17s sans paquet \(max: 17s\)")
        node.heal()
        bot.wait_ready(ready + 1)
        assert "/help" in answer(node).text


def test_a_node_that_refuses_is_asked_until_it_accepts(running, node):
    node.fault("refuse")
    node.fault("drop")
    running.log.wait_for("🔄 Reconnexion TCP #2")
    node.heal()
    assert_back(running, node, 2)


def test_a_rebooting_node_is_found_again(running, node):
    node.fault("reboot", seconds=1.0)
    assert_back(running, node, 2)


@pytest.mark.parametrize(
    ("fault", "params", "firmware"),
    [
        ("stall", {"after": 3}, "2.8.0"),
        ("accept_then_nothing", {}, "2.7.26"),
        ("mute", {}, "2.8.0"),
        ("stuck", {}, "2.7.26"),
    ],
    indirect=["firmware"],
)
def test_a_node_that_accepts_and_sends_nothing_is_tried_again(running, node, fault, params):
    node.fault(fault, **params)
    node.fault("drop")
    running.log.wait_for("Connexion TCP impossible: configuration incomplète")
    node.heal()
    assert_back(running, node, 2)


def test_a_node_that_swallows_connections_is_tried_until_it_answers(node, tmp_path, clock):
    node.fault("blackhole")
    with RunningBot(node.port, tmp_path, clock, tcp_connect_timeout=0.5) as bot:
        bot.log.wait_for("Connexion TCP impossible")
        node.heal()
        assert_back(bot, node, 1)


@pytest.mark.parametrize("firmware", ["2.7.26"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "params"),
    [
        ("garbage", {"bytes": 64}),
        ("garbage", {"bytes": 7, "start_byte": 1}),
        ("cut_frame", {"pause": 0.1}),
        ("oversized", {"length": 4096}),
        ("slow", {"rate": 20000.0}),
        ("echo", {}),
    ],
)
def test_a_corrupt_stream_neither_ends_the_link_nor_loses_a_question(running, node, fault, params):
    node.fault(fault, **params)
    assert "/help" in answer(node).text
    assert "pong" in answer(node, "/ping").text
    assert len(running.log.matching("✅ (Connexion|Reconnexion)")) == 1


@pytest.mark.parametrize("firmware", ["2.8.0"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "params"),
    [("garbage", {}), ("cut_frame", {"pause": 0.01}), ("oversized", {}), ("slow", {"rate": 50000.0})],
)
def test_a_configuration_arrives_through_a_corrupt_stream(node, tmp_path, fault, params, clock):
    node.fault(fault, **params)
    with RunningBot(node.port, tmp_path, clock) as bot:
        bot.wait_ready()
        assert len(bot.bot.interface.nodes) == 12


def test_a_rival_client_is_named_and_the_bot_recovers_after_it(running, node):
    node.fault("rival_client", every=0.3)
    running.log.wait_for("Lien TCP perdu", 2)
    node.heal()
    running.wait_ready(3)
    assert "/help" in answer(node).text


def test_three_faults_in_a_row_are_attributed_to_another_client(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock, tcp_stable_after=60) as bot:
        bot.wait_ready()
        node.fault("rival_client", every=0.3)
        bot.log.wait_for("⚠️ 3 liens perdus de suite: un autre client")


def test_a_full_transmit_queue_holds_the_answer_back_until_there_is_room(running, node):
    node.fault("tx_queue_full")
    packet_id = node.hear_text(node.users[0].num, "/ping")
    running.log.wait_for("📨")
    node.wait_until(lambda: any(p.packet.decoded.portnum == TEXT for p in node.received.packets), PATIENCE)
    node.heal()
    assert node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE).text


@pytest.mark.parametrize("reason", ["NO_ROUTE", "TOO_LARGE", "MAX_RETRANSMIT"])
def test_a_refused_answer_is_reported_and_the_next_one_goes(running, node, reason):
    node.fault("nak", reason=reason, packets=1)
    node.hear_text(node.users[0].num, "/ping")
    running.log.wait_for(r"📤 Réponse à 0x\w+ (refusée par le nœud|non remise)")
    assert "/help" in answer(node).text


def test_keys_that_the_node_forgot_are_put_back_into_the_interface(running, node):
    known = len(running.bot.interface.nodes)
    running.log.wait_for("ℹ️ Aucune clé à re-synchroniser")
    node.fault("forget_nodes")
    node.fault("drop")
    running.wait_ready(2)
    assert known > len(running.bot.interface.nodes)
    keyed = sum(1 for user in node.users if user.public_key)
    running.log.wait_for(rf"✅ {keyed} clés publiques re-synchronisées")
    assert len(running.bot.interface.nodes) >= keyed


def test_questions_asked_without_a_link_are_answered_when_it_is_back(running, node):
    node.fault("refuse")
    node.fault("drop")
    running.log.wait_for(LOST)
    packet_ids = [node.hear_text(node.users[0].num, "/ping") for _ in range(3)]
    node.heal()
    for packet_id in packet_ids:
        node.wait_for(lambda sent, wanted=packet_id: sent.reply_id == wanted, PATIENCE)
    answered = [sent.reply_id for sent in node.transmitted]
    assert sorted(answered) == sorted(packet_ids)


def test_without_heartbeat_answers_silence_takes_the_specified_time(node, tmp_path, clock):
    node.fault("old_firmware", version="2.7.5")
    with RunningBot(
        node.port, tmp_path, clock, tcp_probe_after=0.2, tcp_probe_timeout=0.2, tcp_silent_timeout=3
    ) as bot:
        bot.wait_ready()
        bot.log.wait_for(r"⚠️ SILENCE TCP: 3s sans paquet \(max: 3s\)")


def test_a_requested_reconnection_comes_at_once_and_counts_as_no_loss(running, node):
    running.bot._reconnect_tcp_interface()
    assert_back(running, node, 2)
    assert not running.log.matching("liens perdus de suite")
