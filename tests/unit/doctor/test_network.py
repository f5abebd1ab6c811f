"""The way to the node: names, routes, ports, and who else of this machine is connected."""

import socket

import pytest

from meshbot.doctor import network
from meshbot.doctor.findings import Verdict


@pytest.fixture
def port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_name_gives_its_addresses_and_an_address_itself():
    found = []
    assert network.name("127.0.0.1", found.extend).verdict is Verdict.GOOD
    assert network.name("localhost", found.extend).verdict is Verdict.GOOD
    assert found[0] == "127.0.0.1"
    assert {"127.0.0.1", "::1"} & set(found[1:])


@pytest.mark.parametrize(
    ("host", "cure"),
    [("no-such-node.local", "libnss-mdns"), ("no-such-node.invalid", "tcp_host"), ("-x", "tcp_host"), ("", "tcp_host")],
)
def test_an_unknown_name_comes_with_its_cure(host, cure):
    found = network.name(host, list)
    assert found.verdict is Verdict.BAD
    assert cure in found.cure


def test_a_port_accepts_or_refuses(port):
    assert network.tcp("127.0.0.1", port).verdict is Verdict.GOOD
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert network.tcp("127.0.0.1", unused.getsockname()[1]).verdict is Verdict.BAD


def test_a_route_is_the_system_s():
    assert network.route("127.0.0.1", 4403).verdict is Verdict.GOOD
    assert network.route("::1%nothing", 4403).verdict is Verdict.BAD


def test_connections_of_this_machine_to_the_node_are_counted(port):
    assert network.others_from_here(["127.0.0.1"], port) == 0
    with socket.create_connection(("127.0.0.1", port)):
        assert network.others_from_here(["127.0.0.1"], port) == 1
        assert network.others_from_here(["127.0.0.2", "::1"], port) == 0
    assert network.others(1, is_bot_connected=True).verdict is Verdict.GOOD
    assert network.others(1, is_bot_connected=False).verdict is Verdict.BAD


def test_an_address_of_version_6_is_read_as_the_kernel_writes_it(tmp_path):
    (tmp_path / "proc/net").mkdir(parents=True)
    line = "0: {}:D431 {}:1133 01 0:0 0:0 0 0 0 0 1"
    mapped, own = "0000000000000000FFFF00000100A8C0", "000080FE00000000FF005450B6AD1DFE"
    text = "head\n" + line.format(own, mapped) + "\n" + line.format(own, own) + "\n"
    (tmp_path / "proc/net/tcp6").write_text(text)
    assert network.others_from_here(["192.168.0.1"], 0x1133, tmp_path) == 1
    assert network.others_from_here(["fe80::5054:ff:fe1d:adb6%eth0"], 0x1133, tmp_path) == 1
