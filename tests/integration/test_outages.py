"""What the bot logs and does when its link, its sync or one of its threads fails: lines, levels and exit code."""

import logging
import socket

import pytest

from config import Settings
from main_bot import MeshBot
from meshbot.virtual_node.server import VirtualNode
from tests.support.bot import RunningBot
from tests.support.fake_clock import FakeClock
from tests.support.peer import Peer

LONGEST_WAIT = 6.0  # seconds to the next attempt at a node that refuses, jitter included
ALERT = "❌ Échec reconnexion TCP après 3 tentatives"


@pytest.fixture
def refusing_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def test_an_outage_is_one_error_and_its_later_attempts_are_quiet(refusing_port, tmp_path, caplog):
    clock = FakeClock()
    with RunningBot(refusing_port, tmp_path, clock, tcp_alert_after=60) as bot:
        for attempt in range(1, 31):
            bot.log.wait_for("nouvel essai dans", attempt)
            alerts = [record.levelno for record in caplog.records if record.message == ALERT]
            assert alerts == [] or clock.monotonic() >= 1060
            clock.advance(LONGEST_WAIT)
        bot.log.wait_for("nouvel essai dans", 31)
    assert [record.levelno for record in caplog.records if record.message == ALERT] == [logging.ERROR]
    attempts = [record.levelno for record in caplog.records if "🌐 Connexion TCP à" in record.message]
    assert attempts == sorted(attempts, reverse=True)
    assert attempts.count(logging.DEBUG) >= 15
    downs = [record.levelno for record in caplog.records if "nouvel essai dans" in record.message]
    assert (downs[0], set(downs[1:])) == (logging.WARNING, {logging.DEBUG})


def test_after_a_reported_reboot_the_same_connection_is_configured_and_synced(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        with RunningBot(server.getsockname()[1], tmp_path, tcp_probe_after=60) as bot:
            peer = Peer(server.accept()[0])
            peer.configure()
            bot.wait_ready()
            bot.log.wait_for("SYNC COMPLETE")
            peer.send(rebooted=True)
            peer.configure()
            bot.wait_ready(2)
            bot.log.wait_for("SYNC COMPLETE", 2)
        peer.close()


def test_a_sync_due_without_a_link_is_cancelled_without_an_error(tmp_path):
    clock = FakeClock()
    slow = {"tcp_pubkey_sync_delay": 15, "tcp_probe_after": 3600}
    with VirtualNode(nodes=3) as node, RunningBot(node.port, tmp_path, clock, **slow) as bot:
        bot.wait_ready()
        node.fault("refuse")
        node.fault("drop")
        bot.log.wait_for("Synchronisation des clés annulée: le lien 1 n'est plus")
        clock.advance(16)
        assert not bot.log.matching("Démarrage synchronisation|Cannot sync")


def test_a_failed_sync_is_one_error_line_and_the_bot_continues(tmp_path, caplog, clock, new_node):
    with new_node(nodes=3) as node, RunningBot(node.port, tmp_path, clock) as bot:
        manager, bot.bot.node_manager = bot.bot.node_manager, None
        bot.log.wait_for("⚠️ Erreur re-sync clés: .+")
        bot.bot.node_manager = manager
        node.fault("drop")
        bot.log.wait_for("SYNC COMPLETE")
    (level,) = [record.levelno for record in caplog.records if "Erreur re-sync" in record.message]
    assert level == logging.ERROR


def test_a_crashed_thread_ends_the_process_with_1_for_systemd(refusing_port, tmp_path, caplog):
    bot = MeshBot(Settings(tcp_host="127.0.0.1", tcp_port=refusing_port, data_dir=tmp_path))
    bot._tcp.tell("no event of a session")
    assert bot.run() == 1
    (crash,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert crash.message.startswith("💥 TCP-Watchdog: AttributeError")
    assert "🛑 Arrêt: AttributeError" in caplog.messages
