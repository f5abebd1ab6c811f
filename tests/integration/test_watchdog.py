"""The real bot under systemd's watchdog: a stalled disk harms no radio, a stuck radio side ends the process."""

import shutil
import socket
import threading
import time
from unittest import mock

import pytest
from meshtastic import publishingThread

from config import Settings
from main_bot import MeshBot
from meshbot.commands import Command, Job
from meshbot.commands.executor import LOST_WORKERS_LIMIT
from meshbot.mesh_link import ReaderBeat
from meshbot.mesh_link.pubkey_sync import LONGEST_SYNC
from meshbot.runtime import supervisor
from meshbot.runtime.clock import SystemClock
from meshbot.runtime.incidents import NodeRebooted
from meshbot.runtime.watchdog import Watchdog
from meshbot.virtual_node.server import VirtualNode
from tcp_interface_manager import ABANDONED_LIMIT
from tests.support.bot import RunningBot
from tests.support.fake_clock import FakeClock
from tests.support.waiting import PATIENCE

# Seconds; systemd would restart the bot after two
INTERVAL = 30.0
LOOKS = 5


class MovedClock(SystemClock):
    """The machine's clock, which a test moves ahead."""

    ahead = 0.0

    def monotonic(self):
        return super().monotonic() + self.ahead

    def get(self, inbox, deadline):
        return super().get(inbox, deadline - self.ahead)


class Watched:
    """A running bot on a moved clock, and the socket that systemd listens on."""

    def __init__(self, ear):
        self._ear = ear
        self.clock = MovedClock()
        # the first one at the start
        self._looks = 1

    def look(self):
        """Have the supervisor look once more at its services."""
        self._looks += 1
        self.clock.ahead += INTERVAL

    def wait_fed(self):
        while self._ear.recv(4096) != b"WATCHDOG=1":
            pass

    def is_fed(self):
        """Whether something waits to be read by systemd."""
        self._ear.settimeout(0)
        try:
            return self._ear.recv(4096) == b"WATCHDOG=1" or self.is_fed()
        except BlockingIOError:
            return False

    def wait_answered(self, bot):
        """Wait until the radio side has answered the last look's pings."""
        end = time.monotonic() + PATIENCE
        while any(service.pings_answered < self._looks for service in bot.bot.supervisor.services[1:]):
            assert time.monotonic() < end
            threading.Event().wait(0.01)


@pytest.fixture
def watched(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "CHECK_EVERY", 0.02)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(int(2e6 * INTERVAL)))
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(PATIENCE)
        yield Watched(ear)


@pytest.fixture
def node():
    with VirtualNode(nodes=3) as virtual_node:
        yield virtual_node


@pytest.fixture
def released():
    event = threading.Event()
    yield event
    event.set()


def test_a_disk_that_stalls_gets_no_healthy_radio_side_killed(node, tmp_path, watched, released):
    real = shutil.disk_usage

    def stalled(path):
        assert released.wait(PATIENCE)
        return real(path)

    patch = mock.patch("shutil.disk_usage", stalled)
    with patch, RunningBot(node.port, tmp_path, watched.clock, tcp_probe_after=3600) as bot:
        bot.wait_ready()
        watched.wait_fed()
        for _ in range(LOOKS):
            watched.wait_answered(bot)
            watched.look()
            watched.wait_fed()
        packet_id = node.hear_text(node.users[0].num, "/help")
        assert node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)
        lines = bot.log.matching("Ne répond plus")
        assert lines == ["❌ Ne répond plus: Housekeeping, qui attend le disque; la radio continue"]
        released.set()


def test_a_stuck_thread_of_the_radio_side_is_not_fed_for(node, tmp_path, watched, released):
    stuck = threading.Event()

    def listener(incident):
        """Keep the thread that reports a restart."""
        if isinstance(incident, NodeRebooted):
            stuck.set()
            assert released.wait(PATIENCE)

    with RunningBot(node.port, tmp_path, watched.clock, tcp_probe_after=3600) as bot:
        bot.bot.incidents.listen(listener)
        bot.wait_ready()
        watched.wait_fed()
        watched.wait_answered(bot)
        node.fault("reboot", seconds=0.1)
        assert stuck.wait(PATIENCE)
        watched.look()
        watched.wait_fed()
        for number in range(1, 3):
            watched.look()
            bot.log.wait_for("❌ Ne répond plus: TCP-Watchdog; systemd va relancer le bot", number)
        assert not watched.is_fed()
        released.set()


def test_the_library_s_hung_thread_ends_the_bot_with_its_name(node, tmp_path, watched, released, monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC")
    bot = RunningBot(node.port, tmp_path, watched.clock, tcp_probe_after=3600)
    with bot:
        bot.wait_ready()
        publishingThread.queueWork(lambda: released.wait(PATIENCE))
        end = time.monotonic() + PATIENCE
        while bot.exit_code is None and time.monotonic() < end:
            watched.look()
            threading.Event().wait(0.05)
        released.set()
        code, bot.exit_code = bot.exit_code, 0  # an end of its own is wanted here
    assert code == 1
    assert bot.log.matching("Arrêt: HungThreadError: publishing")
    assert bot.log.matching("Ne répond plus: publishing; le bot s'arrête")


def test_a_reader_stuck_in_a_packet_is_told_from_one_that_waits():
    class Interface:
        reader_turns, reader_waits = 5, True

    interface = Interface()
    beat = ReaderBeat(lambda: interface)
    watchdog = Watchdog(None, [beat])
    assert not any(watchdog.look(float(second)) for second in range(200))
    interface.reader_waits = False
    assert str(next(filter(None, (watchdog.look(200.0 + second) for second in range(200))))) == "stream reader"


class Session:
    """One that hangs until it is told to end."""

    alive = True

    def ended(self):
        return not self.alive


@pytest.fixture
def bot(tmp_path):
    return MeshBot(Settings(data_dir=tmp_path, telegram_token="123456:abc"))


def answers(bot, name):
    """Whether the watchdog gets an answer from what bears that name."""
    watchdog = bot.supervisor._watchdog
    (thread,) = (pulse.thread for pulse in (*watchdog._watched, *watchdog._disk_users) if pulse.thread.name == name)
    before = thread.pings_answered
    thread.tell(None)
    return thread.pings_answered > before


def test_sessions_that_all_hang_are_noticed(bot):
    sessions = [Session() for _ in range(ABANDONED_LIMIT)]
    bot._tcp._abandoned = sessions[1:]
    assert answers(bot, "TCP-Session")
    bot._tcp._abandoned = sessions
    assert not answers(bot, "TCP-Session")
    sessions[0].alive = False
    assert answers(bot, "TCP-Session")


def test_a_key_sync_that_hangs_is_noticed(bot, released):
    assert answers(bot, "TCP-PubkeySync")
    clock = bot._pubkey_sync._clock = FakeClock()
    begun = threading.Event()
    bot._pubkey_sync._sync = lambda: begun.set() or released.wait(PATIENCE)
    bot._pubkey_sync.schedule(1, 0)
    assert begun.wait(PATIENCE)
    clock._now += LONGEST_SYNC + 1
    assert not answers(bot, "TCP-PubkeySync")
    released.set()
    bot._pubkey_sync.stop()
    assert answers(bot, "TCP-PubkeySync")


@pytest.mark.parametrize("side", ["Mesh-Dispatcher", "Telegram"])
def test_commands_that_all_hang_are_noticed_on_either_side(bot, side):
    assert answers(bot, "Commands")
    (thread,) = (each for each in bot.supervisor.services if each.name == side)
    executor = thread._handler.commands.executor if side == "Telegram" else thread._executor
    command = Command("hang", "", str, slow=True)
    executor._lost = {Job(None, None, command) for _ in range(LOST_WORKERS_LIMIT)}
    assert not answers(bot, "Commands")
