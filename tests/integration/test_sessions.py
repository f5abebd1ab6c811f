"""Sessions that hang, restart or end unexpectedly, under the real manager; only standard library faults are patched."""

import socket
import threading
from unittest import mock

from tests.support.bot import RunningBot


def test_name_resolution_that_hangs_is_abandoned_and_the_next_attempt_goes_on(tmp_path, clock, new_node):
    released, real = threading.Event(), socket.getaddrinfo
    hanging = iter([True])

    def getaddrinfo(*args, **kwargs):
        if next(hanging, False):
            released.wait(60)
        return real(*args, **kwargs)

    with new_node(nodes=3) as node, mock.patch("socket.getaddrinfo", getaddrinfo):
        with RunningBot(node.port, tmp_path, clock, tcp_connect_timeout=3, tcp_close_timeout=0.2) as bot:
            bot.log.wait_for("⚠️ Session TCP 1 ne se ferme pas: abandonnée")
            bot.wait_ready()
            released.set()
            node.wait_until(lambda: node.configured)
        assert node.connections == 1, "the abandoned session must not take the node's only place"


def test_name_resolution_that_always_hangs_costs_a_bounded_number_of_threads(tmp_path, clock):
    released = threading.Event()

    def getaddrinfo(*_args, **_kwargs):
        released.wait(60)
        raise socket.gaierror("released")

    patch = mock.patch("socket.getaddrinfo", getaddrinfo)
    with patch, RunningBot(9, tmp_path, clock, tcp_connect_timeout=0.1, tcp_close_timeout=0.1) as bot:
        bot.log.wait_for("4 sessions bloquées")
        hanging = [t for t in threading.enumerate() if t.name.startswith("TCP-Session")]
        assert len(hanging) == 4
        released.set()


def test_a_bot_whose_name_resolution_hangs_stops_all_the_same(tmp_path, clock):
    released = threading.Event()

    def getaddrinfo(*_args, **_kwargs):
        released.wait(60)
        raise socket.gaierror("released")

    with mock.patch("socket.getaddrinfo", getaddrinfo):
        with RunningBot(9, tmp_path, clock) as bot:
            bot.log.wait_for("Connexion TCP à")
        assert bot.exit_code == 0
        bot.bot._database.close()  # as the end of the process does: a stuck thread might be using it
        released.set()
