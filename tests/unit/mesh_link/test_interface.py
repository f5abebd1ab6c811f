"""The tamed interface's own bounds, over real sockets."""

import socket
import threading
from queue import SimpleQueue

import pytest
from meshtastic.protobuf import channel_pb2, mesh_pb2

from meshbot.mesh_link import interface as interface_module
from meshbot.mesh_link.interface import MeshTCPInterface
from meshbot.mesh_link.messages import BROADCAST_NUM, OwnNode
from meshbot.mesh_link.packet_router import PacketRouter, PacketTakers
from meshbot.runtime.clock import SystemClock
from tests.support.configured import make_target
from tests.support.peer import OWN, Peer, full_backlog

PATIENCE = 30.0
DISABLED = 5  # a LockdownStatus.State that the library does not know


class Listener:
    """Keeps what the interface reports."""

    def __init__(self):
        self.events = []
        self.ended = threading.Event()
        self.ready = threading.Semaphore(0)

    def accepted(self):
        self.events.append("accepted")

    def connected(self, *, answers_probes):
        self.events.append(f"connected {answers_probes}")
        self.ready.release()

    def fetched(self):
        self.events.append("fetched")

    def restarted(self):
        self.events.append("restarted")

    def client_warning(self, packet_id, text):
        self.events.append((packet_id, text))

    def renumbered(self, own):
        self.events.append(own)

    def queue_status(self, packet_id, result):
        self.events.append("status")

    def lost(self, failure):
        self.events.append(str(failure))
        self.ended.set()


@pytest.fixture
def black_hole():
    with full_backlog() as address:
        yield address


def interface_to(address, **bounds):
    return MeshTCPInterface(make_target(*address, **bounds), Listener(), lambda: 0.0, owner=object())


def test_a_connection_into_a_black_hole_gives_up_after_its_time(black_hole):
    interface = interface_to(black_hole, connect_timeout=0.2)
    with pytest.raises(OSError, match="timed out"):
        interface.connect()
    interface.close()


def test_a_connection_into_a_black_hole_can_be_cut_from_another_thread(black_hole):
    interface = interface_to(black_hole, connect_timeout=600)
    errors = []

    def connect():
        try:
            interface.connect()
        except OSError as exc:
            errors.append(exc)

    thread = threading.Thread(target=connect)
    thread.start()
    interface.cut("enough")
    thread.join(PATIENCE)
    assert len(errors) == 1
    interface.close()


def test_an_interface_that_was_cut_before_does_not_connect_at_all():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        interface = interface_to(server.getsockname())
        interface.cut("never mind")
        with pytest.raises(ConnectionAbortedError):
            interface.connect()
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def connected_pair():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    interface = interface_to(server.getsockname(), send_timeout=0.3)
    interface.connect()
    peer, _ = server.accept()
    server.close()
    return interface, peer


def test_a_peer_that_reads_nothing_ends_the_link_in_time():
    interface, peer = connected_pair()
    with pytest.raises(TimeoutError):
        # more than any socket buffer holds
        interface._writeBytes(b"x" * 2**26)
    assert interface._listener.ended.wait(PATIENCE)
    with pytest.raises(ConnectionError):
        interface.sendHeartbeat()
    interface.close()
    peer.close()


def test_a_blocked_send_is_released_by_a_cut():
    interface, peer = connected_pair()
    interface.socket.settimeout(600)
    errors = []

    def send():
        try:
            interface._writeBytes(b"x" * 2**26)
        except OSError as exc:
            errors.append(exc)

    thread = threading.Thread(target=send)
    thread.start()
    interface.cut("enough")
    thread.join(PATIENCE)
    assert len(errors) == 1
    interface.close()
    peer.close()


@pytest.mark.parametrize("seconds", [0, 7])
def test_the_kernel_bounds_how_long_our_bytes_stay_unacknowledged(seconds):
    with socket.create_server(("127.0.0.1", 0)) as server:
        interface = interface_to(server.getsockname(), user_timeout=seconds)
        interface.connect()
        assert interface.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == seconds * 1000
        assert interface.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        interface.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_a_node_is_reached_by_its_ipv6_address():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        interface = interface_to(server.getsockname()[:2])
        interface.connect()
        assert interface._listener.events == ["accepted"]
        interface.close()


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_an_impossible_host_name_is_an_error_of_the_connection(host):
    with pytest.raises(OSError, match=f"nom d'hôte impossible: {host}"):
        interface_to((host, 4403)).connect()


def test_sending_before_the_configuration_is_complete_fails_at_once():
    interface, peer = connected_pair()
    interface.myInfo = type("MyInfo", (), {"my_node_num": 1})()
    with pytest.raises(ConnectionError):
        interface.sendText("early", destinationId=2)
    interface.close()
    peer.close()


def test_closing_twice_sends_disconnect_once():
    interface, peer = connected_pair()
    interface.close()
    interface.close()
    peer.settimeout(PATIENCE)
    received = b""
    while data := peer.recv(4096):
        received += data
    assert received.count(b"\x94\xc3\x00\x02\x20\x01") == 1
    assert interface._listener.events[-1] == "fermé"
    peer.close()


@pytest.fixture
def linked():
    interface, sock = connected_pair()
    peer = Peer(sock)
    yield interface, peer
    interface.close()
    peer.close()


@pytest.mark.parametrize(("version", "answers"), [("2.7.6", True), ("2.7.5.1f2e", False), ("", False)])
def test_ready_needs_the_completion_and_knows_whether_probes_are_answered(linked, version, answers):
    interface, peer = linked
    peer.configure(version=version)
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    assert interface._listener.events == ["accepted", f"connected {answers}"]


def test_our_number_alone_suffices_to_be_ready(linked):
    interface, peer = linked
    peer.configure(own=OWN + 1)
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    assert interface.own_num == OWN


def test_our_number_changes_as_soon_as_the_node_tells_another(linked):
    interface, peer = linked
    peer.configure()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    peer.send(my_info=mesh_pb2.MyNodeInfo(my_node_num=0xABC))
    peer.close()
    assert interface._listener.ended.wait(PATIENCE)
    assert interface.own_num == 0xABC
    assert interface._listener.events == ["accepted", "connected True", OwnNode(0xABC), "fermé par le nœud"]


@pytest.mark.parametrize("impossible", [0, 0xFFFFFFFF])
def test_an_impossible_number_is_not_taken_for_ours(linked, impossible):
    interface, peer = linked
    peer.configure()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    peer.send(my_info=mesh_pb2.MyNodeInfo(my_node_num=impossible))
    peer.close()
    assert interface._listener.ended.wait(PATIENCE)
    assert interface.own_num == OWN


def test_a_configuration_without_our_number_ends_the_link(linked):
    interface, peer = linked
    peer.send(config_complete_id=peer.want_config_id())
    assert interface._listener.ended.wait(PATIENCE)
    assert interface._listener.events == ["accepted", "configuration sans notre propre nœud"]


def test_a_locked_node_is_recognised_by_what_it_holds_back(linked):
    interface, peer = linked
    peer.configure_locked()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    assert interface.is_redacted
    peer.send(lockdown_status=mesh_pb2.LockdownStatus(state="LOCKED", lock_reason="needs_auth"))
    peer.close()
    assert interface._listener.ended.wait(PATIENCE)
    assert interface._listener.events[-1] == "fermé par le nœud"


def test_a_locked_node_without_a_number_is_named(linked):
    interface, peer = linked
    peer.configure_locked(own=0)
    assert interface._listener.ended.wait(PATIENCE)
    assert interface._listener.events[-1] == "configuration sans notre propre nœud: il est verrouillé (lockdown)"


@pytest.mark.parametrize("locked", [False, True])
def test_a_lock_that_changes_asks_for_a_new_configuration(linked, locked):
    interface, peer = linked
    (peer.configure_locked if locked else peer.configure)()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    peer.send(lockdown_status=mesh_pb2.LockdownStatus(state=DISABLED if locked else "LOCKED"))
    assert interface._listener.ended.wait(PATIENCE)
    assert interface._listener.events[-1] == "le verrouillage du nœud (lockdown) a changé"


def test_a_node_that_is_not_locked_stays_connected(linked):
    interface, peer = linked
    peer.configure()
    peer.send(lockdown_status=mesh_pb2.LockdownStatus(state=DISABLED))
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    peer.close()
    assert interface._listener.ended.wait(PATIENCE)
    assert interface._listener.events[-1] == "fermé par le nœud"


def cut(message, texts):
    """A message's bytes with each of these texts in it cut inside a character."""
    payload = message.SerializeToString()
    for text in texts:
        whole = text.encode()
        assert whole in payload
        payload = payload.replace(whole, whole[:-1] + b"\xc3")
    return payload


def test_names_cut_inside_a_character_are_read_and_said_once_a_node(linked, caplog):
    interface, peer = linked
    request = peer.want_config_id()
    user = mesh_pb2.User(id="!0000abcd", long_name="Relais de la Montx", short_name="Mtx", public_key=bytes(range(32)))
    named = cut(mesh_pb2.FromRadio(node_info=mesh_pb2.NodeInfo(num=0xABCD, user=user)), ["Relais de la Montx", "Mtx"])
    air = mesh_pb2.MeshPacket(**{"from": 0xABCE}, to=BROADCAST_NUM, id=7)
    air.decoded.portnum = 4
    air.decoded.payload = cut(mesh_pb2.User(id="!0000abce", long_name="Chez Zoéx", public_key=bytes(32)), ["Chez Zoéx"])
    settings = channel_pb2.ChannelSettings(name="Entraidex")
    channel = cut(mesh_pb2.FromRadio(channel=channel_pb2.Channel(index=1, settings=settings)), ["Entraidex"])
    peer.send(my_info=mesh_pb2.MyNodeInfo(my_node_num=OWN))
    peer.send_payloads(named, named, channel)
    peer.send(config_complete_id=request)
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    peer.send(packet=air)
    peer.close()
    assert interface._listener.ended.wait(PATIENCE)
    (record,) = interface.take_records()
    assert (record.long_name, record.short_name, record.public_key) == ("Relais de la Mont", "Mt", bytes(range(32)))
    assert interface.nodesByNum[0xABCE]["user"]["longName"] == "Chez Zoé"
    assert interface.localNode.channels[0].settings.name == "Entraide"
    said = [line.split(":")[0] for line in caplog.messages if line.startswith("⚠️ Texte coupé")]
    assert said == [f"⚠️ Texte coupé de {who}" for who in ("!0000abcd", "canal 1", "!0000abce")]


def test_a_second_configuration_does_not_revive_an_ended_link(linked):
    interface, peer = linked
    request = peer.want_config_id()
    complete = mesh_pb2.FromRadio(config_complete_id=request)
    my_info = mesh_pb2.FromRadio(my_info=mesh_pb2.MyNodeInfo(my_node_num=OWN))
    own_node = mesh_pb2.FromRadio(node_info=mesh_pb2.NodeInfo(num=OWN, user=mesh_pb2.User(id=f"!{OWN:08x}")))
    peer.send_together(complete, my_info, own_node, complete)
    assert interface._listener.ended.wait(PATIENCE)
    assert interface._listener.events == ["accepted", "configuration sans notre propre nœud"]


def test_a_node_info_without_an_id_is_its_sender_s(linked, caplog):
    interface, peer = linked
    peer.configure()
    packet = mesh_pb2.MeshPacket(**{"from": 0xABCE}, to=BROADCAST_NUM, id=7)
    packet.decoded.portnum = 4
    packet.decoded.payload = mesh_pb2.User(long_name="Zoé", public_key=bytes(32)).SerializeToString()
    peer.send(packet=packet)
    peer.close()
    assert interface._listener.ended.wait(PATIENCE)
    assert interface.nodes["!0000abce"]["user"]["longName"] == "Zoé"
    assert not [line for line in caplog.messages if "illisible" in line or "Texte coupé" in line]


@pytest.fixture
def texts(linked):
    """The texts that come over the linked interface."""
    interface, _peer = linked
    texts = SimpleQueue()
    router = PacketRouter(SystemClock(), PacketTakers(texts=(texts.put,)), interface.owner)
    router.start(SimpleQueue())
    yield texts
    router.stop()
    assert router.join(PATIENCE)


def test_a_packet_right_behind_the_configuration_comes_with_our_nodes_number(linked, texts):
    _interface, peer = linked
    peer.configure()
    packet = mesh_pb2.MeshPacket(to=OWN, decoded=mesh_pb2.Data(portnum="TEXT_MESSAGE_APP", payload=b"/help"))
    setattr(packet, "from", 5)
    peer.send_together(mesh_pb2.FromRadio(packet=packet), mesh_pb2.FromRadio(rebooted=True))
    first = texts.get(timeout=PATIENCE)
    assert (first.own_num, first.message.text) == (OWN, "/help")


def test_a_reboot_on_the_same_connection_is_reported_then_ready_again(linked):
    interface, peer = linked
    peer.configure()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    peer.send(rebooted=True)
    peer.configure()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    assert interface._listener.events == ["accepted", "connected True", "restarted", "connected True"]


def test_a_message_that_the_library_cannot_handle_is_logged_and_skipped(linked, caplog, capfd):
    interface, peer = linked
    bad = mesh_pb2.MeshPacket(to=OWN, decoded=mesh_pb2.Data(portnum="NODEINFO_APP", payload=b""))
    setattr(bad, "from", 5)
    anonymous = mesh_pb2.MeshPacket(to=OWN, decoded=mesh_pb2.Data(portnum="TEXT_MESSAGE_APP", payload=b"x"))
    undecodable = mesh_pb2.MeshPacket(to=OWN, decoded=mesh_pb2.Data(portnum="POSITION_APP", payload=b"\xff\xff"))
    setattr(undecodable, "from", 5)
    for packet in (bad, anonymous, undecodable):
        peer.send(packet=packet)
    peer.configure()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    assert len([r for r in caplog.records if "illisible" in r.message]) == 1, "at most once a minute"
    assert capfd.readouterr() == ("", ""), "the library's own prints stay out of the journal"


def test_a_client_warning_is_reported_with_the_packet_it_is_about(linked):
    interface, peer = linked
    peer.send(clientNotification=mesh_pb2.ClientNotification(message="about no packet"))
    peer.send(clientNotification=mesh_pb2.ClientNotification(duplicated_public_key=mesh_pb2.DuplicatedPublicKey()))
    peer.send(clientNotification=mesh_pb2.ClientNotification(reply_id=7, message="once every 30 seconds"))
    peer.configure()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    assert interface._listener.events[1:] == [
        (0, "about no packet"),
        (0, "duplicated public key"),
        (7, "once every 30 seconds"),
        "connected True",
    ]


def test_the_node_database_is_handed_over_as_downloaded_and_once(linked):
    interface, peer = linked
    peer.configure()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    assert [record.num for record in interface.take_records()] == [OWN]
    assert interface.take_records() == []


def test_a_received_packet_is_not_kept_with_its_node(linked, texts):
    interface, peer = linked
    peer.configure()
    packet = mesh_pb2.MeshPacket(to=OWN, rx_snr=5.5, decoded=mesh_pb2.Data(portnum="TEXT_MESSAGE_APP", payload=b"x"))
    setattr(packet, "from", 5)
    other = mesh_pb2.MeshPacket()
    other.CopyFrom(packet)
    setattr(other, "from", 6)
    peer.send(packet=packet)
    peer.send(packet=other)
    # once the second one is received, the first has been handled
    for _ in range(2):
        assert texts.get(timeout=PATIENCE).message.text == "x"
    assert interface.nodesByNum[5]["snr"] == 5.5
    assert "lastReceived" not in interface.nodesByNum[5]


def test_senders_of_packets_fill_no_memory(linked, texts, monkeypatch):
    interface, peer = linked
    peer.configure()
    assert interface._listener.ready.acquire(timeout=PATIENCE)
    monkeypatch.setattr(interface_module, "NEWCOMERS_KEPT", 5)
    # each configuration begins new maps
    peer.send(rebooted=True)
    peer.configure()
    decoded = mesh_pb2.Data(portnum="TEXT_MESSAGE_APP", payload=b"x")
    for num in range(100, 120):
        packet = mesh_pb2.MeshPacket(to=OWN, id=num, decoded=decoded)
        setattr(packet, "from", num)
        peer.send(packet=packet)
        assert texts.get(timeout=PATIENCE).message.sender == num
    assert OWN in interface.nodesByNum
    assert len(interface.nodesByNum) <= 1 + 6
