"""The real bot under systemd's watchdog: a stalled disk harms no radio, a stuck radio side ends the process."""

import shutil
import socket
import threading
from unittest import mock

import pytest

from meshbot.runtime import supervisor
from meshbot.runtime.incidents import NodeRebooted
from meshbot.virtual_node.server import VirtualNode
from tests.support.bot import RunningBot
from tests.support.waiting import PATIENCE

INTERVAL = 0.1  # seconds; systemd would restart the bot after two
ENOUGH = 10  # intervals


class Systemd:
    """The socket that systemd listens on."""

    def __init__(self, ear):
        self._ear = ear

    def wait_fed(self, times):
        """Wait until systemd has been fed that often."""
        while times:
            times -= self._ear.recv(4096) == b"WATCHDOG=1"

    def is_fed_within(self, seconds):
        """Whether it is fed once more in that time."""
        self._ear.settimeout(seconds)
        try:
            self.wait_fed(1)
        except TimeoutError:
            return False
        finally:
            self._ear.settimeout(PATIENCE)
        return True


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "CHECK_EVERY", INTERVAL / 4)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(int(2e6 * INTERVAL)))
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(PATIENCE)
        yield Systemd(ear)


@pytest.fixture
def node():
    with VirtualNode(nodes=3) as virtual_node:
        yield virtual_node


@pytest.fixture
def released():
    event = threading.Event()
    yield event
    event.set()


def test_a_disk_that_stalls_gets_no_healthy_radio_side_killed(node, tmp_path, systemd, released):
    real = shutil.disk_usage

    def stalled(path):
        assert released.wait(PATIENCE)
        return real(path)

    with mock.patch("shutil.disk_usage", stalled), RunningBot(node.port, tmp_path) as bot:
        bot.wait_ready()
        bot.log.wait_for("❌ Ne répond plus: Housekeeping, qui attend le disque; la radio continue")
        systemd.wait_fed(ENOUGH)
        packet_id = node.say(node.users[0].num, "/help")
        assert node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)
        released.set()
        assert len(bot.log.matching("Ne répond plus")) == 1


def test_a_stuck_thread_of_the_radio_side_is_not_fed_for(node, tmp_path, systemd, released):
    def listener(incident):
        """Keep the thread that reports."""
        if isinstance(incident, NodeRebooted):
            assert released.wait(PATIENCE)

    with RunningBot(node.port, tmp_path) as bot:
        bot.bot.incidents.listen(listener)
        bot.wait_ready()
        systemd.wait_fed(ENOUGH)
        node.fault("reboot", seconds=0.1)
        bot.log.wait_for("❌ Ne répond plus: TCP-Watchdog; systemd va relancer le bot")
        while systemd.is_fed_within(INTERVAL):
            pass
        assert not systemd.is_fed_within(ENOUGH * INTERVAL)
        released.set()
