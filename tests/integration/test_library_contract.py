"""What the link relies on in the library, one fact a test: an upgrade that changes one fails here.

The facts about `nodes` are in test_library_nodes_contract.py.
"""

import importlib.metadata
import inspect
import queue
import threading

import pytest
from meshtastic import BROADCAST_NUM
from meshtastic.mesh_interface import MeshInterface
from meshtastic.protobuf import mesh_pb2, portnums_pb2
from meshtastic.stream_interface import StreamInterface
from meshtastic.tcp_interface import TCPInterface
from pubsub import pub

from meshbot.mesh_link.firmware import XEDDSA_SIGNED, SignaturePolicy, read, signature_policy
from meshbot.virtual_node.server import VirtualNode
from tests.support.configured import make_target

PATIENCE = 30.0


class Recorder(TCPInterface):
    """The stock interface without a socket: what it would write is kept."""

    def __init__(self):
        self.written = []
        self.calls = []
        super().__init__("nowhere.invalid", connectNow=False)

    def _writeBytes(self, b):
        self.written.append(bytes(b))

    def _startHeartbeat(self):
        self.calls.append("heartbeat")

    def _waitConnected(self, timeout=30.0):
        self.calls.append("wait")

    def sent(self):
        return [mesh_pb2.ToRadio.FromString(frame[4:]) for frame in self.written]


@pytest.fixture
def published():
    """Return the next message below `meshtastic` on a given topic."""
    messages = queue.SimpleQueue()

    def listen(topic=pub.AUTO_TOPIC, **kwargs):
        messages.put((topic.getName(), kwargs, threading.current_thread().name))

    def next_on(name):
        while (message := messages.get(timeout=PATIENCE))[0] != name:
            pass
        return message

    pub.subscribe(listen, "meshtastic")
    yield next_on
    pub.unsubscribe(listen, "meshtastic")


def configured():
    interface = Recorder()
    interface._startConfig()
    for message in (
        mesh_pb2.FromRadio(my_info=mesh_pb2.MyNodeInfo(my_node_num=1)),
        mesh_pb2.FromRadio(node_info=mesh_pb2.NodeInfo(num=1)),
        mesh_pb2.FromRadio(config_complete_id=interface.configId),
    ):
        interface._handleFromRadio(message.SerializeToString())
    return interface


def text_packet(sender=2, packet_id=7):
    packet = mesh_pb2.MeshPacket(id=packet_id, to=1, decoded=mesh_pb2.Data(portnum="TEXT_MESSAGE_APP", payload=b"hi"))
    setattr(packet, "from", sender)
    return packet


def test_the_version_is_the_one_whose_source_was_read():
    assert importlib.metadata.version("meshtastic") == "2.7.11"


def test_an_interface_made_without_connecting_has_neither_socket_nor_running_thread():
    interface = Recorder()
    assert interface.socket is None
    assert not interface._rxThread.is_alive()
    assert interface._rxThread.daemon


def test_the_reader_thread_runs_the_subclass_own_reader():
    ran = threading.Event()

    class Own(Recorder):
        def _StreamInterface__reader(self):
            ran.set()

    interface = Own()
    interface._rxThread.start()
    assert ran.wait(PATIENCE)


def test_a_configuration_request_starts_with_empty_new_dictionaries_and_a_fresh_id():
    interface = Recorder()
    interface._startConfig()
    first = interface.nodes, interface.nodesByNum, interface.configId
    interface._startConfig()
    assert (interface.myInfo, interface.nodes, interface.nodesByNum) == (None, {}, {})
    assert interface.nodes is not first[0]
    assert [m.want_config_id for m in interface.sent()] == [first[2], interface.configId]


def test_only_the_completion_of_our_own_request_counts(published):
    interface = Recorder()
    interface._startConfig()
    other = mesh_pb2.FromRadio(config_complete_id=(interface.configId + 1) % 2**32)
    interface._handleFromRadio(other.SerializeToString())
    assert not interface.isConnected.is_set()
    own = mesh_pb2.FromRadio(config_complete_id=interface.configId)
    interface._handleFromRadio(own.SerializeToString())
    assert interface.isConnected.is_set()
    assert interface.calls == ["heartbeat"]
    assert published("meshtastic.connection.established")


def test_the_completion_alone_makes_it_connected_though_no_own_node_came():
    interface = Recorder()
    interface._startConfig()
    interface._handleFromRadio(mesh_pb2.FromRadio(config_complete_id=interface.configId).SerializeToString())
    assert interface.myInfo is None
    assert interface.isConnected.is_set(), "so READY needs evidence of its own"


def test_a_reboot_notice_downloads_everything_again_on_the_same_connection():
    interface = configured()
    interface._handleFromRadio(mesh_pb2.FromRadio(rebooted=True).SerializeToString())
    assert not interface.isConnected.is_set()
    assert interface.sent()[-1].want_config_id == interface.configId
    assert interface.nodes == {}


def test_the_end_of_the_reader_is_published_and_clears_the_connection(published):
    interface = configured()
    interface._disconnected()
    assert published("meshtastic.connection.lost")
    assert not interface.isConnected.is_set()


def test_a_heartbeat_has_nonce_0_which_costs_no_air_time():
    interface = configured()
    interface.sendHeartbeat()
    heartbeat = interface.sent()[-1]
    assert heartbeat.WhichOneof("payload_variant") == "heartbeat"
    assert heartbeat.heartbeat.nonce == 0


def test_disconnect_is_one_framed_message_while_there_is_a_socket():
    interface = configured()
    interface._sendDisconnect()
    assert interface.sent()[-1].disconnect
    assert interface.written[-1][:2] == b"\x94\xc3"


def test_a_packet_keeps_our_id_and_gets_the_configured_hop_limit():
    interface = configured()
    interface.localNode.localConfig.lora.hop_limit = 5
    packet = mesh_pb2.MeshPacket(id=99, decoded=mesh_pb2.Data(portnum="TEXT_MESSAGE_APP", payload=b"x"))
    interface._sendPacket(packet, destinationId=BROADCAST_NUM, wantAck=True)
    sent = interface.sent()[-1].packet
    assert (sent.id, sent.to, sent.hop_limit, sent.want_ack) == (99, BROADCAST_NUM, 5, True)
    assert "wait" in interface.calls, "_sendPacket waits for the connection unless that is overridden"


def test_data_for_our_own_node_is_sent_without_waiting():
    interface = configured()
    interface.sendData(b"x", 1, portnums_pb2.PortNum.ADMIN_APP)
    assert "wait" not in interface.calls
    assert interface.sent()[-1].packet.to == 1


def test_a_packet_is_published_below_receive_on_the_publishing_thread(published):
    interface = configured()
    interface._handleFromRadio(mesh_pb2.FromRadio(packet=text_packet()).SerializeToString())
    _, kwargs, thread = published("meshtastic.receive.text")
    assert kwargs["interface"] is interface
    assert kwargs["packet"]["decoded"]["text"] == "hi"
    assert (kwargs["packet"]["from"], kwargs["packet"]["id"], thread) == (2, 7, "publishing")


def test_a_listener_is_held_weakly():
    class Listener:
        def listen(self, packet, interface):
            raise AssertionError("dropped objects must not be called")

    pub.subscribe(Listener().listen, "meshtastic.receive")
    pub.sendMessage("meshtastic.receive", packet={}, interface=None)


def test_a_node_info_without_an_id_raises_before_anything_is_published():
    interface = configured()
    packet = mesh_pb2.MeshPacket(to=1, decoded=mesh_pb2.Data(portnum="NODEINFO_APP", payload=b""))
    setattr(packet, "from", 5)
    with pytest.raises(KeyError):
        interface._handlePacketFromRadio(packet)


def test_a_queue_status_has_a_handler_and_no_topic():
    assert "sendMessage" not in inspect.getsource(MeshInterface._handleQueueStatusFromRadio)


def test_joining_the_reader_at_the_end_has_no_bound_of_the_library():
    assert "self._rxThread.join()" in inspect.getsource(StreamInterface.close), "why close() is our own"


def test_the_stock_library_reconnects_behind_our_back_when_the_node_closes():
    with VirtualNode(nodes=3) as node:
        interface = TCPInterface("127.0.0.1", portNumber=node.port)
        try:
            # Unread bytes would make it a RST
            node.wait_until(lambda: node.received.heartbeats > 0, PATIENCE)
            node.fault("drop")
            node.wait_until(lambda: node.connections == 2, PATIENCE)
            assert interface.isConnected.is_set(), "and says nothing of it"
        finally:
            interface.close()


def test_the_subclass_cannot_reconnect_by_itself():
    from meshbot.mesh_link.interface import MeshTCPInterface  # noqa: PLC0415 - what the facts above are for

    class Listener:
        def __init__(self):
            self.ended = threading.Event()

        def accepted(self): ...
        def connected(self, *, answers_probes): ...

        def fetched(self): ...
        def restarted(self): ...
        def queue_status(self, packet_id, result): ...
        def lost(self, failure):
            self.failure = failure
            self.ended.set()

    with VirtualNode(nodes=3) as node:
        listener = Listener()
        interface = MeshTCPInterface(make_target("127.0.0.1", node.port), listener, lambda: 0.0)
        interface.connect()
        node.wait_until(lambda: node.configured, PATIENCE)
        node.fault("drop")
        assert listener.ended.wait(PATIENCE)
        interface.close()
        assert (str(listener.failure), node.connections) == ("fermé par le nœud", 1)


def test_a_published_packet_carries_its_message_with_fields_the_library_lacks(published):
    packet = text_packet()
    packet.MergeFromString(b"\xb0\x01\x01")
    interface = configured()
    interface._handlePacketFromRadio(mesh_pb2.MeshPacket.FromString(packet.SerializeToString()))
    _topic, values, _thread = published("meshtastic.receive.text")
    assert read(values["packet"]["raw"], XEDDSA_SIGNED) == 1


def test_a_security_config_keeps_fields_the_library_lacks():
    interface = configured()
    config = mesh_pb2.FromRadio.FromString(b"\x2a\x06\x42\x04\x20\x01\x48\x02")
    assert config.config.security.is_managed
    interface._handleFromRadio(config.SerializeToString())
    assert signature_policy(interface.localNode.localConfig.security) is SignaturePolicy.STRICT


def test_a_message_of_an_unknown_kind_is_passed_over():
    interface = configured()
    interface._handleFromRadio(b"\x9a\x01\x02\x08\x01")
    assert interface.isConnected.is_set()
