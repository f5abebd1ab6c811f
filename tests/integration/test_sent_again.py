"""The real bot over the virtual node: users' nodes send again, and 2.8 hands over what it remembers of them."""

import hashlib

import pytest
from meshtastic.protobuf import mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.nodes import weak_keys
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from tests.support.bot import UNHURRIED, RunningBot

PATIENCE = 60.0
PortNum = portnums_pb2.PortNum
FIRMWARE = ("2.7.26", "2.8.0")


@pytest.fixture(params=FIRMWARE)
def node(request, new_node):
    with new_node(nodes=24, firmware_version=request.param) as virtual_node:
        yield virtual_node


@pytest.fixture
def neighbours(node):
    """The users whom nobody relays, with a key."""
    return [user for user in node.users if user.public_key and not user.hops]


@pytest.fixture
def running(node, neighbours, tmp_path, clock):
    settings = {**UNHURRIED, "admin_nodes": (neighbours[0].node_id,), "language": "en"}
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.wait_ready()
        yield bot


def answers(node, packet_id):
    return [sent.text for sent in node.transmitted if sent.reply_id == packet_id]


def test_a_question_during_the_node_s_reboot_is_answered_once(running, node, neighbours):
    node.fault("reboot", seconds=5.0)
    packet_id = node.hear_text(neighbours[0].num, "/ping")
    node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)
    node.wait_until(lambda: node.delivery(packet_id).error == "NONE", PATIENCE)
    assert node.delivery(packet_id).transmissions == 2
    assert len(answers(node, packet_id)) == 1
    running.log.wait_for("Reconnexion TCP réussie")


def test_a_question_repeated_after_a_reboot_is_answered_once(running, node, neighbours):
    node.fault("unheard")
    packet_id = node.hear_text(neighbours[0].num, "/ping")
    node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)
    node.fault("reboot", seconds=2.0)
    running.wait_ready(2)
    node.wait_until(lambda: node.delivery(packet_id).error == "MAX_RETRANSMIT", PATIENCE)
    asked = node.hear_text(neighbours[1].num, "/ping")
    node.wait_for(lambda sent: sent.reply_id == asked, PATIENCE)
    assert len({sent.packet.id for sent in node.transmitted if sent.reply_id == packet_id}) == 1


def test_what_2_8_remembers_of_a_node_is_not_heard_again(running, node, neighbours, clock):
    user = neighbours[1]
    telemetry = telemetry_pb2.Telemetry(time=5, environment_metrics={"temperature": 21.5})
    status = mesh_pb2.StatusMessage(status="Au refuge")
    for port, message in ((PortNum.TELEMETRY_APP, telemetry), (PortNum.NODE_STATUS_APP, status)):
        packet = data_packet(
            user.num, BROADCAST_NUM, port, message.SerializeToString(), port, rx_rssi=-80, hop_start=3, hop_limit=3
        )
        node.hear(packet)
    memory, start = running.bot.memory, clock.now().timestamp()
    node.wait_until(lambda: memory.node(user.num).last_heard >= start - 60, PATIENCE)
    node.fault("reboot", seconds=20.0, forget_recent=0)
    running.wait_ready(2)
    assert clock.now().timestamp() > start + 20
    asked = node.hear_text(neighbours[0].num, "/ping")
    node.wait_for(lambda sent: sent.reply_id == asked, PATIENCE)
    node.wait_until(lambda: memory.node(neighbours[0].num).last_heard >= start + 20, PATIENCE)
    assert memory.node(user.num).last_heard < start + 10


@pytest.mark.parametrize("question", ["/trust", "/keys accept"])
def test_who_accepts_a_weak_key_is_warned(running, node, neighbours, monkeypatch, question):
    user, weak = neighbours[1], bytes(range(32))
    monkeypatch.setattr(weak_keys, "HASHES", frozenset({hashlib.sha256(weak).digest()}))
    packet = mesh_pb2.MeshPacket(to=BROADCAST_NUM, id=0x1234, rx_snr=5.0, rx_rssi=-80, hop_start=3, hop_limit=3)
    setattr(packet, "from", user.num)
    packet.decoded.portnum = PortNum.NODEINFO_APP
    packet.decoded.payload = mesh_pb2.User(
        id=user.node_id, long_name=user.long_name, public_key=weak
    ).SerializeToString()
    node.hear(packet)
    running.log.wait_for("Autre clé publique pour ")
    asked = node.hear_text(neighbours[0].num, f"{question} {user.node_id}")
    node.wait_for(lambda sent: sent.reply_id == asked, PATIENCE)
    node.wait_until(lambda: "its private key is public" in "".join(answers(node, asked)), PATIENCE)
