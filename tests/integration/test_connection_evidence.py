"""What the system knows of a connection, with real segments that are really dropped."""

import ctypes
import socket
import struct
import threading

import pytest

from meshbot.mesh_link.connecting import ROUND_TRIPS_FOR_REPAIR, Connecting, KnownAddress, tcp_info
from tests.support.bot import RunningBot
from tests.support.configured import make_target
from tests.support.peer import Peer

PATIENCE = 30.0
SO_ATTACH_FILTER = 26
DROP_ALL = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # one instruction of BPF: keep 0 bytes


def drop_segments(sock):
    """Let the system drop what comes for this socket, unacknowledged, as if its machine were gone."""
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(DROP_ALL)))


@pytest.fixture
def pair():
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = Connecting(make_target(*server.getsockname(), user_timeout=7.0), KnownAddress()).run()
        theirs, _ = server.accept()
        with ours, theirs:
            yield ours, theirs


def test_a_peer_that_reads_nothing_still_acknowledges(pair):
    ours, _theirs = pair
    ours.sendall(b"anybody?")
    threading.Event().wait(0.1)
    assert not tcp_info(ours).is_repeating


def test_bytes_repeated_in_vain_are_seen_within_seconds(pair):
    ours, theirs = pair
    drop_segments(theirs)
    ours.sendall(b"anybody?")
    assert not tcp_info(ours).is_repeating
    for _ in range(int(PATIENCE / 0.1)):
        if tcp_info(ours).is_repeating:
            return
        threading.Event().wait(0.1)
    pytest.fail("never seen")


def test_the_round_trip_is_in_seconds(pair):
    ours, _theirs = pair
    assert 0 < tcp_info(ours).round_trip < 1
    # far below what would lengthen the limit that was set
    assert ROUND_TRIPS_FOR_REPAIR * tcp_info(ours).round_trip < 7
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


def test_of_a_closed_socket_nothing_is_known(pair):
    ours, _theirs = pair
    ours.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        tcp_info(ours)


def test_a_node_whose_machine_is_gone_is_dead_at_the_first_miss(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        times = {"tcp_probe_after": 0.5, "tcp_probe_timeout": 2.5}
        with RunningBot(server.getsockname()[1], tmp_path, **times) as bot:
            accepted = server.accept()[0]
            peer = Peer(accepted)
            peer.configure()
            bot.wait_ready()
            drop_segments(accepted)
            bot.log.wait_for(r"⚠️ SILENCE TCP: [34]s sans paquet \(max: 3s\)")
        peer.close()
