"""Who may run what, and the operator's commands: the real bot on a virtual node, measured at the node."""

import logging
import re

import pytest
from meshtastic.protobuf import admin_pb2, mesh_pb2, portnums_pb2

from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.runtime.incidents import NodeRebooted
from tests.support.bot import NOTICING, RunningBot
from tests.support.incidents import Listener
from tests.support.nodes import key
from tests.support.sample_commands import sample_commands

PATIENCE = 30.0
ADMIN = portnums_pb2.PortNum.ADMIN_APP
NEED_PROOF = ("/sync", "/reconnect", "/reboot", "/trust")
NEEDS_PROOF = "🔒 /{} needs a message encrypted with your public key."


@pytest.fixture
def node(new_node):
    with new_node(nodes=8, keys=6) as virtual_node:
        yield virtual_node


@pytest.fixture
def operator(node):
    return node.users[0].num


@pytest.fixture
def settings(node):
    """The first user is the operator, the second is known, the others are anybody."""
    ids = [f"!{user.num:08x}" for user in node.users]
    return {
        "admin_nodes": ids[:1],
        "known_nodes": ids[1:2],
        "answer_on_channels": (1,),
        "language": "en",
        "tcp_pubkey_sync_delay": 0.1,
    }


@pytest.fixture
def running(node, tmp_path, settings, clock):
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.wait_ready()
        bot.log.wait_for("Aucune clé à re-synchroniser|clés publiques re-synchronisées")
        yield bot


def reply(node, packet_id):
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)


def ask(node, who, question, **fields):
    return reply(node, node.hear_text(who, question, **fields)).text


def admin_messages(node):
    """The kinds of admin messages that the bot sent, set_time_only left out."""
    packets = [p.packet for p in node.received.packets if p.packet.decoded.portnum == ADMIN]
    kinds = [admin_pb2.AdminMessage.FromString(p.decoded.payload).WhichOneof("payload_variant") for p in packets]
    return [kind for kind in kinds if kind != "set_time_only"]


# -- roles


def test_the_documents_list_the_bot_s_own_commands(running):
    offline = [command.name for command in running.bot.commands if command.name not in {"weather", "rain"}]
    assert offline == [command.name for command in sample_commands()]


def test_help_lists_what_each_may_use_here(running, node):
    def listed(who, **fields):
        text = ask(node, node.users[who].num, "/help", **fields)
        return {word.rstrip(".") for word in text.split() if word.startswith("/")}

    admins, known_s, everybody_s = (
        {"/sync", "/reconnect", "/reboot", "/trust"},
        {"/echo", "/sys"},
        {"/help", "/ping", "/status"},
    )
    assert listed(0) >= everybody_s | known_s | admins
    known, anybody = listed(1), listed(2)
    assert known == listed(0, to=BROADCAST_NUM, channel=1)
    assert known >= everybody_s | known_s
    assert not known & admins
    assert anybody >= everybody_s
    assert not anybody & (known_s | admins)


def test_an_operator_s_number_without_the_key_s_proof_is_refused(running, node, operator):
    for command in NEED_PROOF:
        assert ask(node, operator, command, pki_encrypted=False) == NEEDS_PROOF.format(command[1:])
    assert ask(node, operator, "/reboot", via_mqtt=True) == "🔒 /reboot is not taken by MQTT."
    lines = running.log.matching(rf"⛔ /\w+ de 0x{operator:08x} refusée: message non chiffré")
    assert len(lines) == len(NEED_PROOF)
    assert (admin_messages(node), node.connections) == ([], 1)


def test_an_unlisted_user_is_refused_in_one_line(running, node):
    anybody = node.users[2].num
    assert ask(node, anybody, "/reboot") == "⛔ /reboot is not open to you."
    assert ask(node, anybody, "/echo bonjour") == "⛔ /echo is for nodes that I know."
    assert admin_messages(node) == []


def test_a_key_other_than_the_trusted_one_is_refused_and_warned_of(running, node, operator, caplog):
    assert running.bot.node_manager.confirm_key(operator, key(77))
    assert ask(node, operator, "/reboot").startswith("🔒 Your public key is not the one I trust")
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert any("refusée: chiffrée avec une autre clé publique que celle de confiance" in line for line in warnings)
    assert admin_messages(node) == []


def test_a_forged_node_info_does_not_lock_the_operator_out(running, node, operator):
    manager = running.bot.node_manager
    manager.confirm_key(operator, node.users[0].public_key)
    assert manager.public_key(operator) == node.users[0].public_key
    forged = node_info_of(node.users[0], key(78), node.num)
    node.hear(forged)
    running.log.wait_for("Autre clé publique pour")
    assert manager.pending_keys() == {operator: {key(78)}}
    assert ask(node, operator, "/sync").startswith("🔑 Keys put back:")


def node_info_of(user, public_key, to):
    info = mesh_pb2.User(id=f"!{user.num:08x}", long_name=user.long_name, short_name="X", public_key=public_key)
    packet = mesh_pb2.MeshPacket(to=to, id=4711)
    setattr(packet, "from", user.num)
    packet.decoded.portnum = portnums_pb2.PortNum.NODEINFO_APP
    packet.decoded.payload = info.SerializeToString()
    return packet


# -- limits


def test_beyond_the_limit_one_refusal_then_silence_for_that_user_alone(node, tmp_path, settings, operator, clock):
    with RunningBot(node.port, tmp_path, clock, **settings | {"rate_limit_commands": 1}) as bot:
        bot.wait_ready()
        talker, other = node.users[1].num, node.users[2].num
        packet_ids = [node.hear_text(talker, "/ping") for _ in range(3)]
        assert "pong" in ask(node, other, "/ping")
        for _ in range(2):
            assert "pong" in ask(node, operator, "/ping")
        # who has had the refusal comes after the others
        for packet_id in packet_ids[:2]:
            reply(node, packet_id)
        texts = [sent.text for sent in node.transmitted if sent.to == talker]
        assert sorted(text[:1] for text in texts) == ["🏓", "🚦"]
        assert {sent.reply_id for sent in node.transmitted if sent.to == talker} == set(packet_ids[:2])


def test_commands_by_mqtt_are_ignored_if_so_wished(node, tmp_path, settings, clock):
    with RunningBot(node.port, tmp_path, clock, **settings | {"refuse_mqtt": True}) as bot:
        bot.wait_ready()
        node.hear_text(node.users[2].num, "/ping", via_mqtt=True)
        bot.log.wait_for("relayé par MQTT")
        last = node.hear_text(node.users[2].num, "/ping")
        reply(node, last)
        assert [sent.reply_id for sent in node.transmitted] == [last]


# -- commands of the operator


def test_reconnect_answers_and_then_reconnects(running, node, operator):
    packet_id = node.hear_text(operator, "/reconnect")
    answer = reply(node, packet_id)
    assert (answer.text, answer.to) == ("🔄 I drop the link and take it anew.", operator)
    running.wait_ready(2)
    assert node.connections == 2
    assert [sent.reply_id for sent in node.transmitted] == [packet_id], "answered once"
    assert f"🛠️ /reconnect demandée par l'administrateur 0x{operator:08x}" in running.log.lines


def test_reboot_answers_then_reboots_the_node_and_the_bot_is_back(running, node, operator):
    listener = Listener()
    running.bot.incidents.listen(listener)
    answer = ask(node, operator, "/reboot")
    assert answer == "🔁 The node restarts; I am back as soon as it is."
    running.log.wait_for("🔁 Redémarrage du nœud demandé, dans 5 s")
    node.wait_until(lambda: admin_messages(node) == ["reboot_seconds"], PATIENCE)
    running.wait_ready(2)
    assert listener.wait_for(NodeRebooted).ordered
    assert "pong" in ask(node, operator, "/ping")


def test_sync_restores_missing_keys_and_reports_the_counts(running, node, operator):
    user = next(user for user in reversed(node.users) if user.public_key)
    running.bot.interface.nodesByNum[user.num]["user"].pop("publicKey")
    assert ask(node, operator, "/sync") == "🔑 Keys put back: 1; known: 7 for 8 nodes; in the radio: 7 of 7"
    assert running.bot.interface.nodesByNum[user.num]["user"]["publicKey"]


# -- what the operator reads


def test_status_shows_the_link_and_the_probe(node, tmp_path, settings, operator, clock):
    with RunningBot(node.port, tmp_path, clock, **settings | NOTICING) as running:
        running.wait_ready()
        node.wait_until(lambda: running.bot._link.figures().round_trip is not None, PATIENCE)
        node.fault("drop")
        node.wait_until(lambda: running.bot._link.figures().last_hour >= 1, PATIENCE)
        text = ask(node, operator, "/status")
    assert text.startswith("🔗 link up for ")
    assert re.search(r"; reconnections: \d in 1 h, \d in 24 h; last outage: ", text)
    assert "; probe: " in text
    assert "; queue: 0; keys in the radio: 7/7; firmware 2." in text


def test_keys_shows_all_keys_one_key_and_conflicts(running, node, operator):
    keyed, copy = node.users[1], node.users[2]
    assert ask(node, operator, "/keys") == "🔑 known: 7 for 8 nodes; in the radio: 7 of 7"
    assert ask(node, operator, f"/keys !{keyed.num:08x}").endswith("; radio: the same")
    assert "; message acknowledged " in ask(node, operator, f"/keys !{operator:08x}")
    running.bot.node_manager.confirm_key(copy.num, keyed.public_key)
    text = ask(node, operator, f"/keys {copy.num:08x}")
    assert f"; radio: another; ⚠️ the same as {keyed.long_name}: copied or stolen" in text


def test_sys_shows_this_machine(running, node, operator):
    text = ask(node, operator, "/sys")
    assert "MiB" in text
    assert "threads" in text


def test_echo_sends_a_known_node_s_text_on_the_channel(running, node):
    known = node.users[1]
    node.hear_text(known.num, "/echo bonjour à tous")
    sent = node.wait_for(lambda sent: sent.to == BROADCAST_NUM, PATIENCE)
    assert (sent.text, sent.channel) == (f"📣 {known.short_name}: bonjour à tous", 0)
    node.hear_text(known.num, "/echo ici", to=BROADCAST_NUM, channel=1)
    sent = node.wait_for(lambda sent: sent.channel == 1, PATIENCE)
    assert sent.text.endswith(": ici")
    answers = [sent.text for sent in node.transmitted if sent.to == known.num]
    assert answers == ["📣 I say it on channel 0."], "on a channel the echo itself is the answer"
