"""The program as systemd and an operator see it: log, signals, exit codes, files."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from meshbot.runtime.clock import SystemClock
from meshbot.storage.database import open_database
from meshbot.storage.outbox import OutboxStore
from meshbot.virtual_node.server import VirtualNode
from tests.support.process import PATIENCE, ROOT, SIGNALLED, BotProcess

QUICK = {
    "tcp_interface_cleanup_delay": 0.2,
    "tcp_stable_after": 0,
    "tcp_pubkey_sync_delay": 1,
}
# the specification's own commands, on a file in place of the journal
GREPS = {
    'grep -E "reconnexion|clés|pubkey|SYNC"': ["programmée dans 1s", "Démarrage synchronisation", "SYNC COMPLETE"],
    'grep -E "clés publiques|SYNC"': ["programmée dans 1s", "Démarrage synchronisation", "SYNC COMPLETE: 10"],
    'grep "SYNC COMPLETE" | tail -1': ["SYNC COMPLETE: 10 public keys synchronized to interface.nodes"],
}
CONTRACT = [
    r"\[INFO\] 🌐 Connexion TCP à 127\.0\.0\.1:\d+\.\.\.$",
    r"\[INFO\] 🔑 Synchronisation clés publiques programmée dans 1s\.\.\.$",
    r"\[INFO\] ✅ Connexion TCP établie$",
    r"\[INFO\] 🔑 Démarrage synchronisation clés publiques différée\.\.\.$",
    r"\[INFO\] 🔄 Starting public key synchronization to interface\.nodes\.\.\.$",
    r"\[INFO\]    Current interface\.nodes count: 12$",
    r"\[INFO\] ✅ SYNC COMPLETE: 10 public keys synchronized to interface\.nodes$",
    r"\[INFO\] ℹ️ Aucune clé à re-synchroniser$",
    r"\[INFO\] 📨 MESSAGE BRUT: '/help' \| from=0x[0-9a-f]{8} \| to=0x[0-9a-f]{8} \| broadcast=False$",
    r"\[WARNING\] ⚠️ SILENCE TCP: \d+s sans paquet \(max: \d+s\)$",
    r"\[INFO\] 🔄 Reconnexion TCP #1 à 127\.0\.0\.1:\d+\.\.\.$",
    r"\[INFO\] 🔑 Synchronisation clés publiques programmée dans 1s\.\.\.$",
    r"\[INFO\] ✅ Reconnexion TCP réussie \(background\)$",
]


@pytest.fixture
def node():
    with VirtualNode(nodes=12) as virtual_node:
        yield virtual_node


def shell(pipeline, journal):
    """What an operator's command prints, the journal at its input."""
    with journal.open() as lines:
        return subprocess.run(pipeline, check=True, shell=True, stdin=lines, capture_output=True, text=True).stdout


def start(node, folder, **settings):
    where = {"tcp_host": "127.0.0.1", "tcp_port": node.port, "data_dir": folder / "data"}
    return BotProcess(cwd=folder, **(where | QUICK | settings))


@pytest.fixture
def journal(node, tmp_path):
    """The log of a run with one question, one silence and one reconnection."""
    with start(node, tmp_path, tcp_probe_after=0.5, tcp_probe_timeout=0.5) as bot:
        bot.wait_for("Aucune clé à re-synchroniser")
        node.hear_text(node.users[0].num, "/help")
        bot.wait_for("MESSAGE BRUT")
        node.fault("mute")
        bot.wait_for("SILENCE TCP")
        node.heal()
        bot.wait_for("SYNC COMPLETE", 2)
        bot.signal(signal.SIGTERM)
        assert bot.wait() == 0
    file = tmp_path / "journal"
    file.write_text(bot.output + "\n", encoding="utf-8")
    return file


def test_the_contract_s_log_lines_come_in_order_and_are_found(journal):
    lines = iter(journal.read_text(encoding="utf-8").splitlines())
    for pattern in CONTRACT:
        assert any(re.search(pattern, line) for line in lines), f"{pattern} is missing or out of order"
    for command, expected in GREPS.items():
        assert all(text in shell(command, journal) for text in expected), command
    assert int(shell('grep "Reconnexion TCP" | wc -l', journal)) == 2, "an attempt and its success"


def test_each_line_has_time_and_level_and_nothing_else_is_printed(journal):
    for line in journal.read_text(encoding="utf-8").splitlines():
        assert re.match(r"\d\d:\d\d:\d\d \[(DEBUG|INFO|WARNING|ERROR|CRITICAL)\] ", line), line


def assert_stops(bot, number=signal.SIGTERM):
    bot.signal(number)
    assert bot.wait() == 0, bot.output
    assert "ne s'arrête pas" not in bot.output
    assert not bot.matching("Traceback|CRITICAL|ERROR"), bot.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_working_bot_cleanly_with_a_disconnect(node, tmp_path, number):
    with start(node, tmp_path) as bot:
        bot.wait_for("Connexion TCP établie")
        assert_stops(bot, number)
    node.wait_until(lambda: node.received.disconnects == 1)


def test_a_signal_ends_a_bot_that_connects_into_a_black_hole(node, tmp_path):
    node.fault("blackhole")
    with start(node, tmp_path) as bot:
        bot.wait_for("Connexion TCP à")
        assert_stops(bot)


@pytest.mark.parametrize("fault", ["stall", "accept_then_nothing", "mute"])
def test_a_signal_ends_a_bot_in_the_middle_of_a_configuration(node, tmp_path, fault):
    node.fault(fault)
    with start(node, tmp_path) as bot:
        node.wait_until(lambda: node.connections == 1, 30)
        assert_stops(bot)


def test_a_signal_ends_a_bot_whose_link_has_gone_silent(node, tmp_path):
    with start(node, tmp_path) as bot:
        bot.wait_for("Connexion TCP établie")
        node.fault("mute")
        assert_stops(bot)


def test_a_signal_ends_a_bot_that_waits_for_its_next_attempt(node, tmp_path):
    node.fault("refuse")
    with start(node, tmp_path) as bot:
        bot.wait_for("nouvel essai dans")
        assert_stops(bot)


def test_a_signal_ends_a_bot_with_a_command_running(node, tmp_path):
    with start(node, tmp_path, program="tests/support/slow_bot.py") as bot:
        bot.wait_for("Connexion TCP établie")
        node.hear_text(node.users[0].num, "/hang")
        bot.wait_for("hanging")
        assert_stops(bot)


def test_it_starts_without_a_node_and_logs_the_wait(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = {"tcp_host": "127.0.0.1", "tcp_port": unused.getsockname()[1], "data_dir": tmp_path}
        with BotProcess(cwd=tmp_path, **settings) as bot:
            bot.wait_for(r"⚠️ Connexion TCP impossible: .*refused; nouvel essai dans")
            bot.wait_for("🌐 Connexion TCP à", 2)
            assert_stops(bot)


def test_an_unknown_host_is_reported_and_retried(tmp_path):
    with BotProcess(cwd=tmp_path, tcp_host="node.invalid", data_dir=tmp_path) as bot:
        bot.wait_for(r"⚠️ Connexion TCP impossible: .*nouvel essai dans")
        assert_stops(bot)


def test_keys_survive_a_kill(node, tmp_path):
    with start(node, tmp_path) as bot:
        bot.wait_for("SYNC COMPLETE: 10")
        bot.signal(signal.SIGKILL)
        bot.wait()
    node.fault("forget_nodes")
    with start(node, tmp_path) as bot:
        bot.wait_for("✅ 9 clés publiques re-synchronisées")
        assert_stops(bot)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_queued_answers_survive_a_restart_and_are_sent_once(node, tmp_path, number):
    with start(node, tmp_path) as bot:
        bot.wait_for("Connexion TCP établie")
        node.fault("cut_at_text", packets=1)
        node.fault("refuse")
        questions = [node.hear_text(user.num, "/ping") for user in node.users[:3]]
        bot.wait_for("Lien TCP perdu")
        database = open_database(tmp_path / "data", SystemClock())
        node.wait_until(lambda: len(OutboxStore(database).load()) == 3, 30)
        database.close()
        bot.signal(number)
        bot.wait()
    node.heal()
    with start(node, tmp_path) as bot:
        bot.wait_for("📤 Base de données: 3 envois en attente repris")
        for packet_id in questions:
            node.wait_for(lambda sent, wanted=packet_id: sent.reply_id == wanted, 60)
        assert_stops(bot)
    assert sorted(sent.reply_id for sent in node.transmitted) == sorted(questions)
    assert not any(packet.dropped for packet in node.received.packets)


def test_bad_settings_are_all_reported_at_once_and_end_with_78(tmp_path):
    with BotProcess(cwd=tmp_path, tcp_port="abc", tcp_hots="x", send_interval=0.1) as bot:
        assert bot.wait() == 78
        assert len(bot.lines) == 3
        assert bot.matching("MESHBOT_TCP_HOTS.*MESHBOT_TCP_HOST")


def test_a_second_bot_on_the_same_data_ends_with_75(node, tmp_path):
    with start(node, tmp_path) as first:
        first.wait_for("Connexion TCP établie")
        with start(node, tmp_path) as second:
            assert second.wait() == 75
            assert second.matching(r"\[ERROR\] ❌ .* est déjà utilisé par un autre bot \(processus \d+\): arrêtez-le")
        assert_stops(first)
    with start(node, tmp_path) as third:
        third.wait_for("Connexion TCP établie")
        assert_stops(third)


def test_an_interrupt_during_the_imports_ends_without_output(tmp_path):
    (tmp_path / "assembly.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    program = tmp_path / "main_bot.py"
    program.write_text((ROOT / "main_bot.py").read_text())
    with BotProcess(cwd=tmp_path, program=str(program)) as bot:
        bot.wait_for("importing")
        bot.signal(signal.SIGINT)
        # A shell reports it as 130
        assert bot.wait() == -signal.SIGINT
        assert bot.lines == ["importing"]


def test_check_config_prints_the_settings_in_force(tmp_path):
    with BotProcess("--check-config", cwd=tmp_path, tcp_pubkey_sync_delay=20) as bot:
        assert bot.wait() == 0
        assert bot.matching(r"tcp_pubkey_sync_delay = 20  # MESHBOT_TCP_PUBKEY_SYNC_DELAY")


def test_a_data_folder_that_cannot_be_made_leaves_a_bot_that_answers(node, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with start(node, tmp_path, data_dir=tmp_path / "file" / "data") as bot:
        bot.wait_for("❌ Base de données")
        bot.wait_for("Connexion TCP établie")
        packet_id = node.hear_text(node.users[0].num, "/help")
        assert node.wait_for(lambda sent: sent.reply_id == packet_id, 30).text


def test_an_unreadable_file_of_node_names_is_reported_and_the_bot_connects(node, tmp_path):
    with start(node, tmp_path, node_names_file="n" * 300) as bot:
        bot.wait_for(r"\[ERROR\] ❌ n+ n'est pas importé \(.*File name too long.*\): corrigez-le ou retirez-le")
        bot.wait_for("Connexion TCP établie")


def test_a_signal_that_another_thread_catches_ends_the_process_as_well(tmp_path):
    with BotProcess(cwd=tmp_path, program="tests/support/signalled.py") as process:
        assert process.wait() == 0


def test_systemd_hears_ready_alive_and_stopping(node, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(30)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with start(node, tmp_path, env=env) as bot:
            heard = [notified.recv(4096).decode()]
            while heard.count("WATCHDOG=1") < 2 or not {"READY=1", "STATUS=Lien TCP prêt"} <= set(heard):
                heard.append(notified.recv(4096).decode())
            bot.signal(signal.SIGTERM)
            assert bot.wait() == 0
            while "STOPPING=1" not in heard:
                heard.append(notified.recv(4096).decode())


def test_a_stdout_that_nobody_reads_holds_up_neither_radio_nor_stop(node, tmp_path):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            pass
    os.set_blocking(writing, True)
    settings = {"TCP_HOST": "127.0.0.1", "TCP_PORT": node.port, "DATA_DIR": tmp_path / "data"}
    env = {**os.environ, **{f"MESHBOT_{name}": str(value) for name, value in settings.items()}}
    program = [*SIGNALLED, sys.executable, str(ROOT / "main_bot.py")]
    child = subprocess.Popen(program, cwd=tmp_path, env=env, stdout=writing, stderr=subprocess.STDOUT)
    try:
        node.wait_until(lambda: node.configured, PATIENCE)
        packet_id = node.hear_text(node.users[0].num, "/help")
        node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)
        child.send_signal(signal.SIGTERM)
        # the promise is 3 s of its own; this machine is shared
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.wait()
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize(("lang", "word"), [("fr_FR.UTF-8", "Il manque"), ("C.UTF-8", "is missing")])
def test_without_its_libraries_the_program_says_so_in_two_lines(tmp_path, lang, word):
    # -S: without the environment's libraries
    command = [sys.executable, "-S", str(ROOT / "main_bot.py")]
    environ = {"PATH": os.environ["PATH"], "LANG": lang}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert word in first
    assert "make setup" in second
