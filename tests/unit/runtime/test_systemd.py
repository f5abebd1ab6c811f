import os
import socket
import uuid

import pytest

from meshbot.runtime.systemd import notify, watchdog_interval


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.bind(str(tmp_path / "notify"))
        yield sock


def environment(sock):
    return {"NOTIFY_SOCKET": sock.getsockname()}


def test_systemd_hears_each_assignment(systemd):
    assert notify("READY=1", "STATUS=✅ connecté", environ=environment(systemd))
    assert systemd.recv(1000).decode() == "READY=1\nSTATUS=✅ connecté"


def test_systemd_hears_on_an_abstract_socket():
    name = f"meshbot-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.bind(f"\0{name}")
        assert notify("WATCHDOG=1", environ={"NOTIFY_SOCKET": f"@{name}"})
        assert sock.recv(1000) == b"WATCHDOG=1"


def test_a_status_cannot_smuggle_another_assignment(systemd):
    assert notify("STATUS=a\nMAINPID=1", environ=environment(systemd))
    assert systemd.recv(1000) == b"STATUS=a MAINPID=1"


def test_text_that_is_no_unicode_is_sent_escaped(systemd):
    assert notify("STATUS=\udcff", environ=environment(systemd))
    assert systemd.recv(1000) == b"STATUS=\\udcff"


@pytest.mark.parametrize(
    "address", ["", "relative", "vsock:2:1234", "/nonexistent/notify", "/" + "x" * 200, "@nobody", "/a\0b", "/\udcff"]
)
def test_without_a_listener_nothing_is_sent_and_nothing_raised(address):
    assert notify("READY=1", environ={"NOTIFY_SOCKET": address}) is False
    assert notify("READY=1", environ={}) is False


def test_a_full_socket_does_not_block(systemd):
    sent = 0
    while notify("STATUS=" + "x" * 1000, environ=environment(systemd)):
        sent += 1
        assert sent < 100_000
    assert sent > 0


def test_the_watchdog_is_fed_twice_as_often_as_systemd_asks():
    assert watchdog_interval({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}) == 30.0
    assert watchdog_interval({"WATCHDOG_USEC": "3000000"}) == 1.5


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"},
    ],
)
def test_without_a_watchdog_for_this_process_there_is_no_interval(environ):
    assert watchdog_interval(environ) is None
