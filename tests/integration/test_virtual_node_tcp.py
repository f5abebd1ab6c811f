import socket
import threading

import pytest

from meshbot.virtual_node import BROADCAST_NUM, VirtualNode
from tests.support.fake_clock import FakeClock
from tests.support.raw_client import PATIENCE, RawClient


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def node(clock):
    with VirtualNode(nodes=12, clock=clock) as node:
        yield node


@pytest.fixture
def client(node):
    with RawClient(node.port) as client:
        node.wait_until(lambda: node.connected)
        yield client


def hear(node, text="bonjour", **fields):
    return node.hear_text(node.users[0].num, text, **fields)


def test_a_client_is_accepted_configured_and_seen_to_leave(node):
    with RawClient(node.port) as client:
        client.configure()
        node.wait_until(lambda: node.configured)
        assert (node.connected, node.connections, node.received.want_configs) == (True, 1, (7,))
    node.wait_until(lambda: not node.connected)
    assert not node.configured


def test_a_new_client_evicts_the_older_one(node, client):
    client.configure()
    with RawClient(node.port) as newcomer:
        assert client.end() == "FIN"
        assert newcomer.configure()
        assert node.connections == 2


def test_of_several_clients_in_a_row_the_last_wins(node):
    clients = [RawClient(node.port) for _ in range(4)]
    try:
        assert [client.end() for client in clients[:-1]] == ["FIN"] * 3
        assert clients[-1].configure()
        assert node.connections == 4
    finally:
        for client in clients:
            client.socket.close()


def test_heartbeats_are_answered_before_a_configuration(client):
    status = client.heartbeat()
    assert (status.free, status.maxlen, status.res, status.mesh_packet_id) == (16, 16, 0, 0)


def test_noise_is_ignored_but_a_lone_start_byte_costs_a_frame(node, client):
    client.socket.sendall(b"\xc3" * 32 + b"GET / HTTP/1.1\r\n\x94\xc3\xff\xff" + b"\x94\xc3\x00\x02\xff\xff")
    client.heartbeat()
    client.socket.sendall(b"\x94")
    client.to_radio(heartbeat={})
    client.heartbeat()
    assert (node.received.heartbeats, node.received.malformed) == (2, 1)


def test_disconnect_makes_the_node_close_and_nothing_is_lost(node, client):
    client.configure()
    client.to_radio(disconnect=True)
    assert client.end() == "FIN"
    for text in ("one", "two"):
        hear(node, text)
    with RawClient(node.port) as again:
        again.configure()
        assert [again.text(), again.text()] == ["one", "two"]


def test_after_a_fin_without_disconnect_the_first_message_is_lost(node, client):
    client.configure()
    client.socket.close()
    node.wait_until(lambda: not node.connected)
    for text in ("lost", "kept", "kept too"):
        hear(node, text)
    with RawClient(node.port) as again:
        again.configure()
        assert [again.text(), again.text()] == ["kept", "kept too"]


def test_an_idle_client_is_closed_15_min_after_its_last_message(clock, node, client):
    client.configure()
    clock.advance(800)
    client.heartbeat()
    clock.advance(899)
    hear(node)
    assert client.text() == "bonjour"
    # No framed message, so it does not count
    client.socket.sendall(b"\xc3" * 100)
    clock.advance(2)
    assert client.end() == "FIN"


def test_a_packet_of_the_client_is_seen_and_waited_for(node, client):
    client.configure()
    found = []
    waiter = threading.Thread(target=lambda: found.append(node.wait_for(lambda sent: sent.text == "salut", PATIENCE)))
    waiter.start()
    client.to_radio(packet={"to": BROADCAST_NUM, "id": 5, "decoded": {"portnum": 1, "payload": b"salut"}})
    waiter.join(PATIENCE)
    assert [(sent.text, sent.to) for sent in found] == [("salut", BROADCAST_NUM)]
    assert node.wait_for(lambda sent: sent.text == "salut").text == "salut"


def test_a_wait_that_times_out_reports_what_was_seen(node):
    with pytest.raises(TimeoutError, match="last on air: nothing"):
        node.wait_for(lambda _sent: True, timeout=0.05)
    with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
        node.wait_until(lambda: False, timeout=0.05)


def test_drop_ends_the_connection_with_a_fin(node, client):
    client.configure()
    node.fault("drop")
    assert not node.connected
    assert client.end() == "FIN"


def test_reset_ends_the_connection_with_a_rst(node, client):
    client.configure()
    node.fault("reset")
    assert client.end() == "RST"


def test_refuse_keeps_the_client_and_later_accepts_on_its_port(node, client):
    node.fault("refuse")
    with pytest.raises(ConnectionRefusedError):
        RawClient(node.port)
    client.heartbeat()
    assert node.faults == ("refuse",)
    node.heal("refuse")
    with RawClient(node.port) as again:
        assert again.configure()


def test_reboot_drops_refuses_for_a_while_and_comes_back_empty(clock, node, client):
    client.configure()
    hear(node, "forgotten")
    assert client.text() == "forgotten"
    node.fault("reboot", seconds=5)
    assert client.end() == "FIN"
    with pytest.raises(ConnectionRefusedError):
        RawClient(node.port)
    clock.advance(5)
    with connected_again(node) as again:
        messages = again.configure()
        assert messages[0].my_info.reboot_count == 2


def connected_again(node):
    """Return a client of a node that may refuse yet; bounded by PATIENCE."""
    clients = []

    def accepted():
        try:
            clients.append(RawClient(node.port))
        except ConnectionRefusedError:
            return False
        return True

    node.wait_until(accepted, PATIENCE)
    return clients[0]


def test_a_reboot_that_the_client_asked_for_ends_its_connection(clock, node, client):
    client.configure()
    # An AdminMessage with reboot_seconds 5
    order = b"\x88\x06\x05"
    client.to_radio(packet={"to": node.num, "id": 9, "decoded": {"portnum": 6, "payload": order}})
    client.until(lambda message: message.queueStatus.mesh_packet_id == 9)
    clock.advance(5)
    assert client.end() == "FIN"


def test_a_mute_node_keeps_the_connection_and_sends_nothing(node, client):
    client.configure()
    node.fault("mute")
    client.to_radio(heartbeat={})
    client.to_radio(packet={"to": BROADCAST_NUM, "id": 5, "decoded": {"portnum": 1, "payload": b"unheard"}})
    node.wait_until(lambda: len(node.received.packets) == 1)
    assert client.silent()
    assert (node.connected, node.received.heartbeats, node.transmitted) == (True, 1, ())
    assert node.received.packets[0].dropped == "node is mute"
    with RawClient(node.port) as second:
        second.to_radio(want_config_id=1)
        assert second.silent()
    node.heal()
    with RawClient(node.port) as third:
        assert third.configure()


def test_mute_can_affect_the_current_connection_alone(node, client):
    client.configure()
    node.fault("mute", connections=1)
    client.to_radio(heartbeat={})
    assert client.silent()
    with RawClient(node.port) as second:
        assert second.configure()


def test_a_mute_node_takes_more_than_the_system_would_buffer(node, client):
    node.fault("mute")
    for _ in range(200):
        client.socket.sendall(b"\xc3" * 65_536)
    assert node.connected


def test_stall_stops_the_configuration_after_n_nodes(node, client):
    node.fault("stall", after=3)
    client.to_radio(want_config_id=1)
    client.until(lambda message: message.HasField("moduleConfig"))
    infos = 0
    while infos < 3:
        infos += client.until(lambda message: message.HasField("node_info"))[-1].HasField("node_info")
    client.to_radio(heartbeat={})
    assert client.silent()
    node.heal("stall")
    client.until(lambda message: message.config_complete_id == 1)


def test_accept_then_nothing_affects_new_connections_and_reads_nothing(node, client):
    node.fault("accept_then_nothing", connections=1)
    client.heartbeat()
    with RawClient(node.port) as second:
        node.wait_until(lambda: node.connections == 2)
        second.to_radio(want_config_id=1)
        assert second.silent()
        assert node.received.want_configs == ()
        with RawClient(node.port) as third:
            assert third.configure()


def test_clients_of_a_stuck_node_connect_and_are_served_later(node, client):
    client.configure()
    node.fault("stuck")
    with RawClient(node.port) as waiting:
        waiting.to_radio(want_config_id=3)
        assert waiting.silent()
        assert node.connections == 1
        node.heal("stuck")
        assert client.end() == "FIN"
        waiting.until(lambda message: message.config_complete_id == 3)


def test_a_black_hole_leaves_new_connections_hanging_and_answers_nothing(node, client):
    client.configure()
    node.fault("blackhole")
    with pytest.raises(TimeoutError):
        RawClient(node.port, timeout=0.5)
    client.to_radio(heartbeat={})
    assert client.silent()
    node.heal("blackhole")
    client.until(lambda message: message.HasField("queueStatus"))
    with RawClient(node.port) as again:
        assert again.configure()


def test_garbage_between_frames_costs_no_frame(node, client):
    node.fault("garbage", bytes=30)
    messages = client.configure()
    assert len(client.stream) > 30 * len(messages)
    assert sum(message.HasField("node_info") for message in messages) == 12


def test_a_frame_cut_in_two_pauses_in_its_middle(clock, node, client):
    client.configure()
    node.fault("cut_frame", pause=3)
    before = len(client.stream)
    hear(node, "coupé")
    # The first piece
    assert not client.silent(5)
    first = len(client.stream) - before
    assert client.silent()
    clock.advance(3)
    assert client.text() == "coupé"
    assert 0 < first < len(client.stream) - before


def test_a_truncated_frame_costs_frames_until_the_reader_resynchronises(node, client):
    client.configure()
    node.fault("truncated_frame")
    for text in ("torn", "swallowed", "three", "four", "five"):
        hear(node, text)
    assert client.text() in {"three", "four", "five"}
    assert client.broken == 1


def test_a_header_with_a_bogus_length_is_sent_before_a_frame(node, client):
    client.configure()
    node.fault("oversized", length=5000)
    hear(node)
    assert client.text() == "bonjour"
    assert b"\x94\xc3\x13\x88\x94\xc3" in client.stream


def test_a_slow_link_sends_at_its_rate(clock, node, client):
    node.fault("slow", rate=100)
    client.to_radio(want_config_id=1)
    node.wait_until(lambda: node.received.want_configs == (1,))
    assert client.silent()
    clock.advance(3)
    assert not client.silent(5)
    assert 200 <= len(client.stream) <= 300
    node.heal("slow")
    client.until(lambda message: message.config_complete_id == 1)


def test_a_rival_client_takes_the_link_and_is_not_counted(clock, node, client):
    client.configure()
    node.fault("rival_client", every=5)
    clock.advance(0.1)
    client.heartbeat()
    node.wait_until(lambda: advance_a_little(clock, 1) and not node.connected)
    assert client.end() == "FIN"
    assert node.connections == 1
    with RawClient(node.port) as again:
        assert again.configure()
        node.wait_until(lambda: advance_a_little(clock, 1) and not node.connected)
        assert again.end() == "FIN"
    node.heal("rival_client")


def advance_a_little(clock, seconds):
    clock.advance(seconds)
    return True


def test_a_client_that_does_not_read_gets_everything_later(clock):
    with VirtualNode(nodes=3000, clock=clock) as node, RawClient(node.port) as client:
        client.to_radio(want_config_id=1)
        node.wait_until(lambda: node.received.want_configs == (1,))
        hear(node, "meanwhile")
        assert sum(m.HasField("node_info") for m in client.until(lambda m: m.config_complete_id == 1)) == 3000
        assert client.text() == "meanwhile"


def test_a_port_that_is_taken_is_named(node):
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{node.port}: Address already in use"):
        VirtualNode(nodes=2, port=node.port).start()
    with pytest.raises(ValueError, match="port=70000"):
        VirtualNode(nodes=2, port=70_000)


def test_stopping_frees_the_port_ends_the_client_and_can_be_repeated(clock):
    node = VirtualNode(nodes=2, clock=clock)
    node.start()
    with RawClient(node.port) as client:
        node.wait_until(lambda: node.connected)
        node.stop()
        node.stop()
        assert client.end() == "FIN"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", node.port)) != 0
    with pytest.raises(RuntimeError, match="started once"):
        node.start()


def test_faults_may_be_set_before_the_start_and_wrong_ones_are_explained(clock):
    node = VirtualNode(nodes=2, clock=clock)
    node.fault("refuse")
    with pytest.raises(ValueError, match="did you mean 'refuse'"):
        node.fault("refus")
    with node:
        with pytest.raises(ConnectionRefusedError):
            RawClient(node.port)
        with pytest.raises(ValueError, match="did you mean 'refuse'"):
            node.fault("refus")
        node.heal()
        RawClient(node.port).socket.close()


def test_a_node_that_never_started_leaves_nothing_behind():
    node = VirtualNode(nodes=2)
    assert (node.connected, node.connections, node.port) == (False, 0, 0)
    node.stop()
