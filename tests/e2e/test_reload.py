"""SIGHUP on the real program: settings are read again, the link stays; only its terminal's end stops it."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshbot.virtual_node.server import VirtualNode
from tests.support.process import PATIENCE, ROOT, SIGNALLED, BotProcess


@pytest.fixture
def node():
    with VirtualNode(nodes=3) as virtual_node:
        yield virtual_node


@pytest.fixture
def ear(tmp_path):
    """The socket on which systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(PATIENCE)
        yield sock


def wait_for_notice(ear, wanted):
    while wanted not in (text := ear.recv(4096).decode()).splitlines():
        pass
    return text


def write_settings(folder, **settings):
    lines = {"rate_limit_commands": 0} | settings
    (folder / "meshbot.toml").write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))


def test_a_reload_changes_what_it_may_and_keeps_the_link(node, ear, tmp_path):
    write_settings(tmp_path, log_level='"INFO"', admin_nodes="[]", tcp_alert_after=1)
    where = {"tcp_host": "127.0.0.1", "tcp_port": node.port, "data_dir": tmp_path / "data"}
    with BotProcess(cwd=tmp_path, env={"NOTIFY_SOCKET": str(tmp_path / "notify")}, **where) as bot:
        bot.wait_for("Connexion TCP établie")
        write_settings(tmp_path, log_level='"INFO"', admin_nodes='["!00000005"]', tcp_alert_after=2)
        wait_for_notice(ear, "READY=1")
        bot.signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in wait_for_notice(ear, "RELOADING=1")
        wait_for_notice(ear, "READY=1")
        bot.wait_for(r"Réglages relus: admin_nodes$")
        bot.wait_for(r"attendent un redémarrage: tcp_alert_after ")
        write_settings(tmp_path, log_level='"LOUD"')
        bot.signal(signal.SIGHUP)
        bot.wait_for(r"log_level \(meshbot\.toml\) : 'LOUD' refusé")
        bot.wait_for("Réglages refusés, rien n'a changé")
        bot.signal(signal.SIGTERM)
        assert bot.wait() == 0
        assert not bot.matching("Traceback|Reconnexion TCP"), bot.output
    assert (node.connections, node.received.disconnects) == (1, 1)


def test_a_bot_by_hand_leaves_the_node_to_the_service_s(node, tmp_path):
    # the service's folder, in a file system that these processes alone see
    private = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && mkdir /run/meshbot && exec "$@"', "sh"]
    if subprocess.run([*private, "true"], capture_output=True, check=False).returncode:
        pytest.skip("may not make a file system of its own")
    env, port = {"RUNTIME_DIRECTORY": "/run/meshbot"}, node.port
    service = BotProcess(
        cwd=tmp_path, by=private, env=env, tcp_host="127.0.0.1", tcp_port=port, data_dir=tmp_path / "service"
    )
    with service:
        service.wait_for("Connexion TCP établie")
        beside = ["nsenter", f"--mount=/proc/{service.pid}/ns/mnt", f"--wdns={tmp_path}"]
        by_hand = {"cwd": tmp_path, "by": beside, "tcp_port": port, "data_dir": tmp_path / "by_hand"}
        # a name of the same machine
        with BotProcess(tcp_host="localhost", **by_hand) as other:
            other.wait_for(rf"Le bot du service sert déjà le nœud 127.0.0.1:{port} \(processus {service.pid}\)")
            assert other.wait() == 75
        assert not service.matching("Lien TCP perdu"), service.output
        assert not (tmp_path / "by_hand").exists()
    assert node.connections == 1


def test_a_hang_up_stops_only_a_program_whose_terminal_has_gone():
    ours, theirs = pty.openpty()
    command = [*SIGNALLED, "setsid", "--ctty", sys.executable, str(ROOT / "tests/support/hung_up.py")]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environ, stdin=theirs, stderr=subprocess.PIPE, text=True) as process:
        os.close(theirs)
        assert process.stderr.readline() == "started\n"
        process.send_signal(signal.SIGHUP)
        assert process.stderr.readline() == "reload\n"
        os.close(ours)
        assert process.stderr.readline() == "stop\n"
        assert process.wait(PATIENCE) == 0


def test_a_hangup_while_it_starts_does_not_end_it(node, tmp_path):
    with BotProcess(cwd=tmp_path, tcp_host="127.0.0.1", tcp_port=node.port, data_dir=tmp_path / "data") as bot:
        status = Path(f"/proc/{bot.pid}/status")
        deadline = time.monotonic() + PATIENCE
        # SIGHUP is the first of the signals that are caught
        while not int(re.search(r"SigCgt:\s*(\w+)", status.read_text())[1], 16) & 1:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        bot.signal(signal.SIGHUP)
        bot.wait_for("Connexion TCP établie")
        bot.signal(signal.SIGTERM)
        assert bot.wait() == 0


def test_hangups_without_end_neither_keep_it_from_ending_nor_kill_it(node, tmp_path):
    with BotProcess(cwd=tmp_path, tcp_host="127.0.0.1", tcp_port=node.port, data_dir=tmp_path / "data") as bot:
        bot.wait_for("Connexion TCP établie")
        bot.signal(signal.SIGTERM)
        # until nobody is there any more
        while bot.is_running:
            bot.signal(signal.SIGHUP)
            time.sleep(0.001)
        assert bot.wait() == 0
