"""What the system knows of a connection, with real segments that are really dropped."""

import ctypes
import socket
import struct
import threading

import pytest

from meshbot.mesh_link import connecting
from meshbot.mesh_link.connecting import (
    FULL_ATTEMPT_EVERY,
    ROUND_TRIPS_FOR_REPAIR,
    Connecting,
    KnownAddress,
    tcp_info,
)
from tests.support.bot import RunningBot
from tests.support.configured import make_target
from tests.support.peer import Peer, full_backlog

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


def test_an_attempt_into_a_black_hole_is_short(monkeypatch):
    monkeypatch.setattr(connecting, "QUICK_ATTEMPT", 0.1)
    known = KnownAddress()
    with full_backlog() as (host, port):
        known.connected(host, 0.001)
        for _ in range(FULL_ATTEMPT_EVERY - 1):
            with pytest.raises(TimeoutError):
                Connecting(make_target(host, port, connect_timeout=600.0), known).run()
    assert known.attempt_timeout(600.0) == 600.0
    with socket.create_server(("127.0.0.1", 0)) as server:
        Connecting(make_target(*server.getsockname()), known).run().close()
    assert known.attempt_timeout(600.0) < 1.0


@pytest.mark.parametrize(
    ("round_trip", "longest", "expected"),
    [(0.0, 10.0, 2.0), (0.05, 10.0, 2.0), (1.5, 10.0, 6.0), (4.0, 10.0, 10.0), (0.05, 1.0, 1.0)],
)
def test_an_attempt_lasts_by_the_known_round_trip(round_trip, longest, expected):
    known = KnownAddress()
    assert known.attempt_timeout(longest) == longest
    known.connected("10.0.0.1", round_trip)
    assert known.attempt_timeout(longest) == expected


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
