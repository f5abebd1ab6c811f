"""The stock library as the judge: what it takes from a real node it must take from this one."""

import threading

import pytest
from meshtastic.protobuf import portnums_pb2
from meshtastic.tcp_interface import TCPInterface
from pubsub import pub

from meshbot.virtual_node import BROADCAST_NUM, VirtualNode
from tests.support.raw_client import PATIENCE

ON_BOTH = pytest.mark.parametrize("version", ["2.7.26", "2.8.0"])


@pytest.fixture
def version():
    return "2.7.26"


@pytest.fixture
def node(version):
    with VirtualNode(nodes=42, firmware_version=version) as node:
        yield node


@pytest.fixture
def interface(node):
    interface = TCPInterface("127.0.0.1", portNumber=node.port)
    yield interface
    interface.close()


class Inbox:
    """Collects the packets that the library publishes."""

    def __init__(self):
        self.packets = []
        self._changed = threading.Condition()
        pub.subscribe(self._on_packet, "meshtastic.receive")

    def _on_packet(self, packet, interface):
        with self._changed:
            self.packets.append(packet)
            self._changed.notify_all()

    def wait_for(self, wanted):
        with self._changed:
            assert self._changed.wait_for(lambda: any(wanted(p) for p in self.packets), PATIENCE), self.packets
            return next(packet for packet in self.packets if wanted(packet))


@pytest.fixture
def inbox():
    inbox = Inbox()
    yield inbox
    pub.unsubscribe(inbox._on_packet, "meshtastic.receive")


def is_routing(packet, request_id, sender=None):
    decoded = packet.get("decoded", {})
    return decoded.get("requestId") == request_id and "routing" in decoded and sender in {None, packet["from"]}


@ON_BOTH
def test_the_library_completes_its_configuration(node, interface, version):
    assert interface.myInfo.my_node_num == node.num
    assert interface.metadata.firmware_version.startswith(version)
    assert len(interface.nodes) == 42
    assert set(interface.nodesByNum) == {node.num, *(user.num for user in node.users)}
    assert len(interface.localNode.channels) == 8
    assert interface.localNode.channels[1].settings.name == "Entraide"
    assert interface.localNode.localConfig.lora.hop_limit == 3
    node.wait_until(lambda: node.configured)


def test_the_library_sees_each_user_with_name_key_and_position(node, interface):
    for user in node.users:
        known = interface.nodesByNum[user.num]
        assert (known["user"]["longName"], known["user"]["shortName"]) == (user.long_name, user.short_name)
        assert ("publicKey" in known["user"]) is bool(user.public_key)
        assert known["position"]["latitude"] == pytest.approx(user.latitude, abs=1e-6)


def test_without_nodes_the_library_gets_the_own_node_only(node):
    interface = TCPInterface("127.0.0.1", portNumber=node.port, noNodes=True)
    try:
        assert list(interface.nodesByNum) == [node.num]
        assert node.received.want_configs == (69420,)
    finally:
        interface.close()


def test_a_user_s_message_reaches_the_library(node, interface, inbox):
    packet_id = node.hear_text(node.users[0].num, "/help", rx_snr=6.25)
    packet = inbox.wait_for(lambda packet: packet.get("id") == packet_id)
    assert packet["decoded"]["text"] == "/help"
    assert (packet["from"], packet["to"], packet["fromId"]) == (node.users[0].num, node.num, node.users[0].node_id)
    assert (packet["pkiEncrypted"], packet["rxSnr"]) == (True, 6.25)
    assert interface.isConnected.is_set()


@ON_BOTH
def test_the_library_s_message_goes_on_air_and_is_acknowledged_twice(node, interface, inbox):
    sent = interface.sendText("réponse", node.users[0].num, wantAck=True, replyId=4711)
    transmission = node.wait_for(lambda transmission: transmission.packet.id == sent.id)
    assert (transmission.text, transmission.to, transmission.reply_id) == ("réponse", node.users[0].num, 4711)
    for sender in (node.num, node.users[0].num):
        ack = inbox.wait_for(lambda packet, sender=sender: is_routing(packet, sent.id, sender))
        assert ack["decoded"]["routing"]["errorReason"] == "NONE"


def test_the_library_gets_a_nak_for_a_missing_key(node, interface, inbox):
    keyless = next(user for user in node.users if not user.public_key)
    sent = interface.sendText("secret", keyless.num, wantAck=True)
    nak = inbox.wait_for(lambda packet: is_routing(packet, sent.id))
    assert nak["decoded"]["routing"]["errorReason"] == "PKI_SEND_FAIL_PUBLIC_KEY"
    assert nak["from"] == node.num


def test_the_library_s_first_heartbeat_gives_it_the_free_queue_slots(node, interface):
    node.wait_until(lambda: interface.queueStatus is not None, PATIENCE)
    assert (interface.queueStatus.free, interface.queueStatus.maxlen) == (16, 16)


def test_the_library_administers_the_node(node, interface, inbox):
    keyless = next(user for user in node.users if not user.public_key)
    interface.nodesByNum[keyless.num]["user"]["publicKey"] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    interface.localNode.addContactURL(interface.localNode.getContactURL(keyless.num))
    node.wait_until(lambda: node.node_info(keyless.num).user.public_key == bytes(range(32)), PATIENCE)
    interface.localNode.removeFavorite(keyless.num)
    node.wait_until(lambda: not node.node_info(keyless.num).is_favorite, PATIENCE)
    interface.localNode.setTime(1_700_000_000)
    interface.localNode.removeNode(keyless.num)
    node.wait_until(lambda: node.node_info(keyless.num) is None, PATIENCE)
    packet_id = node.hear_text(node.users[0].num, "quelle heure ?")
    assert inbox.wait_for(lambda packet: packet.get("id") == packet_id)["rxTime"] >= 1_700_000_000


def test_the_library_asks_for_metadata_and_gets_it(node, interface, inbox):
    interface.localNode.getMetadata()
    packet = inbox.wait_for(lambda packet: packet.get("decoded", {}).get("portnum") == "ADMIN_APP")
    assert packet["decoded"]["admin"]["getDeviceMetadataResponse"]["hwModel"] == "HELTEC_V3"
    assert packet["from"] == node.num


def test_the_library_meets_texts_on_channels_and_positions(node, interface, inbox):
    packet_id = node.hear_text(node.users[3].num, "bonjour à tous", to=BROADCAST_NUM, channel=1)
    packet = inbox.wait_for(lambda packet: packet.get("id") == packet_id)
    assert (packet["channel"], packet["to"]) == (1, BROADCAST_NUM)
    interface.sendPosition(45.76, 4.83, 200)
    node.wait_for(lambda sent: sent.packet.decoded.portnum == portnums_pb2.PortNum.POSITION_APP)


def test_the_library_notices_a_reset(node, interface):
    lost = threading.Event()

    def on_lost(interface):
        lost.set()

    pub.subscribe(on_lost, "meshtastic.connection.lost")
    # A reset before it is taken for a hiccup
    node.wait_until(lambda: node.received.heartbeats == 1, PATIENCE)
    node.wait_until(lambda: interface.queueStatus is not None, PATIENCE)
    node.fault("reset")
    assert lost.wait(PATIENCE)
    pub.unsubscribe(on_lost, "meshtastic.connection.lost")
