"""Where the control socket is, and who may use it."""

import os
import socket
import stat
from pathlib import Path

import pytest

from meshbot.control.place import (
    Peer,
    ServedNode,
    address_of,
    candidates,
    is_allowed,
    listen,
    peer_of,
    read_node,
    socket_path,
    write_node,
)

NOBODY_S_PID = 2**22 + 1  # beyond what the kernel gives


def test_the_service_listens_in_its_runtime_directory():
    environ = {"RUNTIME_DIRECTORY": "/run/meshbot:/run/other"}
    assert socket_path(Path("data"), environ) == Path("/run/meshbot/meshbot.sock")
    assert socket_path(Path("data"), {}) == Path("data/meshbot.sock")
    assert candidates(Path("data"), {}) == [Path("data/meshbot.sock"), Path("/run/meshbot/meshbot.sock")]


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        (Peer(1, 0, frozenset({0})), True),
        (Peer(1, 500, frozenset({9})), True),
        (Peer(1, 1000, frozenset({1000, 600})), True),
        (Peer(1, 1000, frozenset({1000})), False),
    ],
)
def test_root_the_bot_s_user_and_its_group_may_ask(peer, allowed):
    assert is_allowed(peer, uid=500, gid=600) is allowed


def test_the_kernel_vouches_for_who_is_at_the_other_end():
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
    assert {os.getegid(), *os.getgroups()} <= peer.groups


@pytest.mark.parametrize("folder", ["short", "/".join(["long"] * 40)])
def test_the_socket_is_for_its_owner_and_group_alone(tmp_path, folder):
    path = tmp_path / folder / "meshbot.sock"
    path.parent.mkdir(parents=True)
    with listen(path) as server, socket.socket(socket.AF_UNIX) as client, address_of(path) as address:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        client.connect(address)
        server.accept()[0].close()


def test_a_killed_bot_s_socket_is_replaced_a_living_one_s_not(tmp_path):
    path = tmp_path / "meshbot.sock"
    listen(path).close()
    assert path.exists()
    with listen(path), pytest.raises(OSError, match="un autre bot"):
        listen(path)


def test_no_file_but_a_socket_is_removed(tmp_path):
    path = tmp_path / "meshbot.sock"
    path.write_text("somebody's")
    with pytest.raises(OSError, match="in use"):
        listen(path)
    assert path.read_text() == "somebody's"


def test_who_may_not_ask_still_reads_whose_node_it_is(tmp_path):
    path, node = tmp_path / "meshbot.sock", ServedNode(os.getpid(), "10.0.0.7", 4403)
    write_node(path, node)
    assert stat.S_IMODE((tmp_path / "meshbot.json").stat().st_mode) == 0o644
    assert read_node(path) == node
    write_node(path, ServedNode(NOBODY_S_PID, "10.0.0.7", 4403))
    assert read_node(path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1e400}', '{"pid": 1}'])
def test_an_odd_file_tells_of_no_bot(tmp_path, text):
    (tmp_path / "meshbot.json").write_text(text)
    assert read_node(tmp_path / "meshbot.sock") is None
