"""`meshbot status`, `say`, `log`… against the running bot."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

import pytest

import command_line
from meshbot import cli
from meshbot.cli import bot as bot_commands
from meshbot.control import ControlClient
from meshbot.control.follower import LogFollower
from meshbot.control.place import listen
from tests.support.bot import RunningBot

ENGLISH, FRENCH = {"LANG": "en_US.UTF-8"}, {"LANG": "fr_FR.UTF-8"}


@pytest.fixture
def bot(new_node, tmp_path, clock):
    with new_node(nodes=8, keys=6) as node, RunningBot(node.port, tmp_path, clock, language="en") as running:
        running.node = node
        running.wait_ready()
        yield running


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command; return its exit code and what it said."""
    language = os.environ.get("LANGUAGE")
    monkeypatch.setenv("MESHBOT_DATA_DIR", str(tmp_path))

    def run(*arguments, environ=ENGLISH):
        program = command_line.program(lambda _settings: 99, "1.2.3")
        code = cli.main(program, [str(each) for each in arguments], environ)
        told = capsys.readouterr()
        return code, told.out, told.err

    yield run
    monkeypatch.setenv("LANGUAGE", language or "")


def test_status_speaks_and_has_figures_for_scripts(bot, run):
    code, out, _err = run("status")
    assert (code, out.splitlines()[0].split(" for ")[0]) == (0, "🔗 link up")
    assert "lien établi" in run("status", environ=FRENCH)[1]
    code, out, _err = run("status", "--json")
    assert json.loads(out)["link"]["state"] == "ready"


def test_nodes_and_any_other_command_are_answered(bot, run):
    assert run("nodes")[1].startswith("📡")
    assert run("nodes", "two")[1] == "Which page? For example: /nodes 2\n"
    assert run("ask", "/ping")[1].startswith("🏓 pong")
    code, _out, err = run("ask", "fly", "high")
    assert (code, err) == (1, "❌ Unknown command /fly. /help lists mine.\n")


def test_what_is_said_is_followed_to_its_end(bot, run):
    user = bot.node.users[0]
    code, out, _err = run("say", f"!{user.num:08x}", "see", "you", "at", "five")
    assert code == 0
    assert out.splitlines()[0] == "⏳ The text waits to go on air."
    assert out.splitlines()[-1] == "✅ The recipient has acknowledged it."
    assert bot.node.wait_for(lambda sent: sent.text == "see you at five", 30.0).to == user.num
    code, out, _err = run("say", "--no-wait", "--json", "#0", "hello")
    assert (code, json.loads(out)["status"]) == (0, "queued")


def test_a_recipient_that_nobody_knows_is_an_error(bot, run):
    code, _out, err = run("say", "Nemo", "hello")
    assert (code, err) == (1, "❌ I know no node « Nemo ».\n")


def test_the_bot_reconnects_and_syncs_when_it_is_told(bot, run):
    assert run("sync")[0] == 0
    assert run("reconnect")[0] == 0
    bot.log.wait_for("Reconnexion TCP réussie")
    code, out, _err = run("reload")
    assert code == 0
    assert out


def test_the_log_ends_with_the_bot(new_node, tmp_path, clock, run):
    codes = SimpleQueue()
    with new_node(nodes=3) as node, RunningBot(node.port, tmp_path, clock) as running:
        running.wait_ready()
        reader = threading.Thread(target=lambda: codes.put(run("log")))
        reader.start()
        while not any(isinstance(each, LogFollower) for each in logging.getLogger().handlers):
            assert reader.is_alive()
            time.sleep(0.001)
        logging.getLogger("meshbot.test").info("👂 a line")
    reader.join(30)
    code, out, err = codes.get(timeout=30)
    assert code == 1
    assert "[INFO] 👂 a line" in out
    assert "No bot answers" in err


def test_without_a_bot_it_is_said_where_none_is(run, tmp_path):
    code, out, err = run("status")
    assert (code, out) == (1, "")
    assert err.startswith(f"❌ No bot answers ({tmp_path / 'meshbot.sock'}, ")
    assert "Aucun bot ne répond" in run("status", environ=FRENCH)[2]
    listen(tmp_path / "meshbot.sock").close()
    assert run("say", "0", "hello")[0] == 1


@pytest.mark.parametrize("wait", ["0", "-1", "soon", "nan", "1e9"])
def test_an_odd_wait_is_explained(run, wait):
    with pytest.raises(SystemExit) as ended:
        run("say", "0", "x", "--wait", wait)
    assert ended.value.code == 2


# -- what is there in the bot's place


@pytest.fixture
def instead(tmp_path):
    """Return what has something else than a bot listen where one would: each client gets this, and then nothing."""
    heard = listen(tmp_path / "meshbot.sock")
    heard.setblocking(True)  # noqa: FBT003 - the socket's own
    kept = []

    def speak(answer):
        def serve():
            with suppress(OSError):
                while True:
                    client, _ = heard.accept()
                    kept.append(client)
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True, name="instead").start()

    yield speak
    heard.shutdown(socket.SHUT_RDWR)
    heard.close()
    for client in kept:
        client.close()


@pytest.mark.parametrize("command", [("status",), ("log",), ("say", "0", "x"), ("reload", "--json")])
def test_a_bot_that_hangs_is_named_within_seconds(run, instead, monkeypatch, command):
    instead(b"")
    monkeypatch.setattr(ControlClient.__init__, "__defaults__", (0.1,))
    code, out, err = run(*command)
    assert (code, out) == (1, "")
    assert "it hangs. sudo systemctl restart meshbot" in err


@pytest.mark.parametrize("answer", [b"\xff\n", b"HTTP/1.1 400\n", b"[" * 60_000 + b"\n", b"[1]\n", b"7" * 9000 + b"\n"])
def test_another_program_s_answer_is_no_bot_s(run, instead, answer):
    instead(answer)
    code, out, err = run("status")
    assert (code, out) == (1, "")
    assert err.startswith("❌ No bot answers")


def test_a_work_without_an_end_is_given_up_in_words(run, instead, monkeypatch):
    instead(b'{"ok": true}\n')
    monkeypatch.setattr(bot_commands._print, "__defaults__", (0.1,))
    code, _out, err = run("ask", "/stats")
    assert (code, err) == (1, "❌ The bot has not finished within 0 s; its log may tell more.\n")


@pytest.mark.parametrize("command", ["status", "doctor", "check", "--help"])
def test_output_that_nobody_reads_has_no_traceback(bot, tmp_path, command):
    root = Path(__file__).parents[2]
    environ = {**os.environ, "MESHBOT_DATA_DIR": str(tmp_path), "MESHBOT_TCP_HOST": "127.0.0.1"}
    line = f"{sys.executable} main_bot.py {command} | true"
    done = subprocess.run(["/bin/sh", "-c", line], cwd=root, env=environ, capture_output=True, check=False)
    assert done.stderr == b""


def test_faults_in_the_settings_do_not_hide_the_running_bot(bot, run, tmp_path, monkeypatch):
    monkeypatch.setenv("MESHBOT_TCP_PORT", "0")
    code, out, err = run("status", "--socket", tmp_path / "meshbot.sock")
    assert (code, out[:5]) == (0, "🔗 lin"[:5])
    assert "`meshbot check` names" in err
    assert run("db", "check")[0] == 78
