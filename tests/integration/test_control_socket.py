"""The running bot, asked through its control socket: over a real socket, on a virtual node."""

import contextlib
import errno
import json
import logging
import os
import random
import re
import selectors
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import pytest

import assembly
import config
from meshbot.commands.language import translator
from meshbot.commands.registry import Command
from meshbot.control import place
from meshbot.control.client import ControlClient, NoBotError, serving
from meshbot.control.connection import IDLE, OUT_LIMIT, STALLED
from meshbot.control.desk import Desk, DeskParts
from meshbot.control.place import SERVICE_FOLDER, ServedNode, listen
from meshbot.control.protocol import LONGEST_LINE, Verb
from meshbot.control.server import CLIENTS, ControlServer
from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.runtime.clock import SystemClock
from meshbot.runtime.service import PING
from tests.support.bot import RunningBot
from tests.support.configured import make_limits

PATIENCE = 30.0
LONG = Command("long", "", lambda _request: "long " * 20_000)


@pytest.fixture
def node(new_node):
    with new_node(nodes=8, keys=6) as virtual_node:
        yield virtual_node


@pytest.fixture
def bot(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock, language="en") as running:
        running.wait_ready()
        yield running


@pytest.fixture
def path(bot):
    return bot.settings.data_dir / "meshbot.sock"


@pytest.fixture
def ask(path):
    def ask(verb, **fields):
        with ControlClient([path], PATIENCE) as client:
            return list(client.ask(verb, **fields))

    return ask


@contextlib.contextmanager
def connected(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(path))
        with sock.makefile("rb") as answers:
            yield sock, answers


def answer_to(path, data):
    with connected(path) as (sock, answers):
        # it may have answered and closed before
        with contextlib.suppress(BrokenPipeError):
            sock.sendall(data)
        return json.loads(answers.readline())


# -- what can be asked


def test_status_is_the_running_bot_in_figures(ask, bot, node):
    [status] = ask(Verb.STATUS)
    assert status["ok"]
    assert (status["host"], status["port"], status["link"]["state"]) == ("127.0.0.1", node.port, "ready")
    own = status["node"]
    assert (own["id"], own["nodes"], own["region"]) == (f"!{bot.bot.interface.own_num:08x}", 8, "EU_868")
    assert (own["duty_cycle"], own["is_managed"]) == (10, False)
    assert status["database"] == {"kind": "sqlite", "works": True}
    assert status["keys"]["trusted"] == bot.bot.node_manager.counts().keys > 0


def test_a_command_is_answered_as_its_operator(ask):
    [listing] = ask(Verb.COMMAND, text="/help")
    assert "/reboot" in listing["text"]
    assert ask(Verb.COMMAND, text="ping")[0]["text"].startswith("🏓 pong, 🔗 link up")
    assert ask(Verb.COMMAND, text="/my")[0]["text"].startswith("You ask without a node")
    [unknown] = ask(Verb.COMMAND, text="/fly")
    assert (unknown["ok"], unknown["error"]) == (False, "unknown_command")


def test_an_answer_is_in_the_language_that_the_asker_names(ask):
    assert ask(Verb.COMMAND, text="/fly", language="fr")[0]["text"].startswith("Commande inconnue")
    assert "lien établi" in ask(Verb.COMMAND, text="/ping", language="fr")[0]["text"]


def test_a_text_to_a_node_is_followed_to_its_acknowledgement(ask, node):
    user = node.users[0]
    queued, *_, last = ask(Verb.SAY, to=f"!{user.num:08x}", text="hello")
    assert (queued["status"], queued["more"]) == ("queued", True)
    assert (last["status"], last["ok"], last["id"]) == ("acknowledged", True, queued["id"])
    sent = node.wait_for(lambda each: each.text == "hello", PATIENCE)
    assert (sent.to, sent.packet.id) == (user.num, last["packet_ids"][0])


def test_a_text_to_a_channel_goes_to_all_on_it(ask, node):
    ask(Verb.SAY, to="#1", text="to all")
    sent = node.wait_for(lambda each: each.text == "to all", PATIENCE)
    assert (sent.to, sent.packet.channel) == (BROADCAST_NUM, 1)


def test_who_does_not_wait_gets_the_number_at_once(ask, node):
    [queued] = ask(Verb.SAY, to="0", text="later", wait=False)
    assert "more" not in queued
    node.wait_for(lambda each: each.text == "later", PATIENCE)


def test_a_reconnection_is_done_when_it_is_asked_for(ask, bot):
    assert ask(Verb.RECONNECT)[0]["ok"]
    bot.log.wait_for("Reconnexion TCP réussie")


def test_a_sync_without_a_link_says_so(ask, node, bot):
    assert ask(Verb.SYNC)[0]["text"].startswith("🔑")
    node.fault("refuse")
    node.fault("drop")
    bot.log.wait_for("Lien TCP perdu")
    assert ask(Verb.SYNC)[0]["error"] == "no_link"


def test_a_reload_says_what_holds_and_what_waits_for_a_restart(bot, ask):
    bot.written = bot.settings.model_copy(update={"mail_ttl": 90, "tcp_port": 1})
    answer = ask(Verb.RELOAD)[0]
    assert answer == {"ok": True, "text": "⚙️ In force now: mail_ttl\n⚠️ These wait for a restart: tcp_port"}
    assert bot.bot.memory.mailbox._mail_ttl == 90


def test_a_command_s_time_limit_is_the_one_in_force(bot, ask, monkeypatch):
    assert ask(Verb.COMMAND, text="/ping")[0]["ok"]
    bot.written = bot.settings.model_copy(update={"command_timeout": 7})
    assert ask(Verb.RELOAD)[0]["ok"]
    assert ask(Verb.COMMAND, text="/ping")[0]["ok"]
    executor = next(each for each in bot.bot.supervisor.services if each.name == "Control")._desk._executor
    assert executor._limits.timeout == 7


def test_how_long_a_text_may_be_is_the_setting_in_force(bot, ask):
    bot.written = bot.settings.model_copy(update={"telegram_max_bytes": 40})
    assert ask(Verb.RELOAD)[0]["ok"]
    assert ask(Verb.SAY, to="0", text="x" * 41)[0]["error"] == "too_long"


def test_a_fault_in_what_is_asked_is_an_answer_and_ends_nobody(bot, ask, monkeypatch):
    monkeypatch.setattr(type(bot.bot.node_manager), "counts", lambda _self: {}["gone"])
    assert ask(Verb.STATUS)[0] == {
        "ok": False,
        "error": "failed",
        "text": "The bot could not do that; its log says why.",
    }
    bot.log.wait_for("❌ Socket de commande: KeyError: 'gone'")
    monkeypatch.undo()
    assert ask(Verb.STATUS)[0]["ok"]


def test_a_reload_of_bad_settings_is_refused_with_their_problems(bot, ask, monkeypatch):
    monkeypatch.setattr(bot.bot.reloader, "_load", lambda: config.load(environ={"MESHBOT_TCP_PORT": "0"}))
    answer = ask(Verb.RELOAD)[0]
    assert (answer["ok"], answer["error"]) == (False, "failed")
    assert "tcp_port (MESHBOT_TCP_PORT)" in answer["text"]


def test_the_log_is_followed_line_by_line_without_secrets(path):
    with ControlClient([path], PATIENCE) as client:
        answers = client.ask(Verb.LOG)
        with ControlClient([path], PATIENCE) as other:  # its answer says that the first request was taken
            other.last(Verb.STATUS)
        logging.getLogger("meshbot.test").info("👂 %s", "/login hunter2")
        answer = next(each for each in answers if "👂" in each["text"])
    assert (answer["level"], answer["text"][8:]) == ("INFO", " [INFO] 👂 /login ***")


def test_nobody_follows_the_log_when_the_last_one_has_left(path, bot):
    handlers = list(logging.getLogger().handlers)
    with ControlClient([path], PATIENCE) as client:
        client._socket.sendall(b'{"verb": "log"}\n{"verb": "status"}\n')
        with ControlClient([path], PATIENCE) as other:
            other.last(Verb.STATUS)
        assert len(logging.getLogger().handlers) == len(handlers) + 1
    with ControlClient([path], PATIENCE) as other:
        while len(logging.getLogger().handlers) > len(handlers):
            other.last(Verb.STATUS)


# -- who asks, and how much


def test_the_socket_is_for_owner_and_group_and_goes_with_the_bot(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock) as running:
        running.wait_ready()
        assert stat.S_IMODE((tmp_path / "meshbot.sock").stat().st_mode) == 0o660
        assert json.loads((tmp_path / "meshbot.json").read_text())["port"] == node.port
    assert not (tmp_path / "meshbot.sock").exists()
    assert not (tmp_path / "meshbot.json").exists()
    with pytest.raises(NoBotError):
        ControlClient([tmp_path / "meshbot.sock"])


def test_a_bot_without_a_socket_lives_on(node, tmp_path, clock):
    with listen(tmp_path / "meshbot.sock"), RunningBot(node.port, tmp_path, clock) as running:
        running.wait_ready()
        running.log.wait_for("Socket de commande .* indisponible .un autre bot y répond")


def test_a_socket_that_somebody_removes_comes_back(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock) as running:
        running.wait_ready()
        path = running.settings.data_dir / "meshbot.sock"
        path.unlink()
        running.log.wait_for("Socket de commande .*: de nouveau là")
        assert answer_to(path, b'{"verb": "status"}\n')["ok"]
    assert not path.exists()


def test_what_stands_in_the_socket_s_place_stays(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock) as running:
        running.wait_ready()
        path = running.settings.data_dir / "meshbot.sock"
        path.unlink()
        with listen(path):
            pass
    assert path.is_socket()


@contextlib.contextmanager
def serving_thread(folder, clock, new_selector):
    """Run the thread Control alone."""
    parts = DeskParts(
        clock,
        [LONG],
        make_limits,
        {"en": translator("en")},
        "en",
        None,
        tuple,
        bool,
        dict,
        bool,
        lambda: 400,
        lambda: 60.0,
    )
    crashed = SimpleQueue()
    server = ControlServer(clock, folder / "meshbot.sock", ServedNode(1, "node", 4403), Desk(parts), new_selector)
    server.start(crashed)
    until((folder / "meshbot.json").exists)
    try:
        yield server
    finally:
        server.stop()
        assert server.join(PATIENCE)
    assert crashed.empty()


@pytest.fixture
def server(tmp_path):
    """In real time, of which no client uses up much."""
    with serving_thread(tmp_path, SystemClock(), selectors.DefaultSelector):
        yield tmp_path / "meshbot.sock"


@pytest.fixture
def patient_server(tmp_path, clock):
    """Its clients' time is moved."""
    with serving_thread(tmp_path, clock, clock.new_selector):
        yield tmp_path / "meshbot.sock"


def until(true):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_thousand_odd_lines_get_an_answer_each(server, caplog):
    chance = random.Random(11)
    pieces = [b'{"verb": "status"', b'"say"', b"{", b"}", b"[", b"null", b"\xff\x00", b'"to": "', b"1e999", b"\\ud800"]
    with connected(server) as (sock, answers):
        for _ in range(1000):
            line = b"".join(chance.choices(pieces, k=chance.randrange(1, 8))).replace(b"\n", b"")
            sock.sendall(line + b"\n")
            assert json.loads(answers.readline())["ok"] in {True, False}
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def test_a_line_that_is_too_long_ends_the_connection(path):
    with connected(path) as (sock, answers):
        sock.sendall(b"x" * LONGEST_LINE)
        assert json.loads(answers.readline())["error"] == "too_long"
        assert answers.readline() == b""


def test_what_is_asked_in_one_breath_is_answered_in_order(path):
    with connected(path) as (sock, answers):
        sock.sendall(b'{"verb": "command", "text": "/ping"}\n{"verb": "fly"}\n{"verb": "status"}')
        sock.shutdown(socket.SHUT_WR)
        found = [json.loads(line) for line in answers]
    assert [each["ok"] for each in found] == [True, False, True]
    assert found[0]["text"].startswith("🏓")
    assert "link" in found[2]


def test_more_clients_than_there_is_room_for_are_turned_away(server):
    with contextlib.ExitStack() as stack:
        for _ in range(CLIENTS):
            sock, answers = stack.enter_context(connected(server))
            sock.sendall(b'{"verb": "status"}\n')
            answers.readline()
        assert answer_to(server, b"")["error"] == "too_many_clients"
    assert answer_to(server, b'{"verb": "status"}\n')["ok"]


def test_without_descriptors_the_thread_waits_for_the_next_ping(tmp_path, monkeypatch):
    def refuse(_self):
        tries.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    tries = []
    with serving_thread(tmp_path, SystemClock(), selectors.DefaultSelector) as server, monkeypatch.context() as patched:
        patched.setattr(socket.socket, "accept", refuse)
        with connected(tmp_path / "meshbot.sock") as (sock, answers):
            until(lambda: tries)
            # each makes a turn of the thread
            for number in range(20):
                server.tell(number)
            until(server._inbox.empty)
            assert len(tries) == 1
            patched.undo()
            server.tell(PING)
            sock.sendall(b'{"verb": "status"}\n')
            assert json.loads(answers.readline())["ok"]


def test_who_asks_nothing_is_let_go(patient_server, clock):
    began = clock.monotonic()
    with connected(patient_server) as (_sock, answers):
        assert answers.readline() == b""
    assert IDLE <= clock.monotonic() - began < IDLE + 1


def test_who_stops_reading_is_let_go(patient_server, clock):
    with connected(patient_server) as (sock, _answers):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        began = clock.monotonic()
        with contextlib.suppress(OSError):
            for _ in range(4):
                sock.sendall(b'{"verb": "command", "text": "/long"}\n')
        until(lambda: clock.monotonic() >= began + STALLED)
        received = 0
        with contextlib.suppress(OSError):
            while data := sock.recv(65536):
                received += len(data)
    assert received < OUT_LIMIT + 2 * len(LONG.run(None))


def test_who_breaks_off_in_the_middle_disturbs_nobody(path, bot):
    for _ in range(50):
        with connected(path) as (sock, _answers):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(b'{"verb": "command", "text": "/nodes"}\n{"verb": "lo')
    # those that have gone may have all places for a moment
    until(lambda: answer_to(path, b'{"verb": "status"}\n')["ok"])
    assert not bot.log.matching("💥")


# -- a bot that starts beside another


def test_a_bot_that_starts_recognises_the_one_that_serves_its_node(path, node, monkeypatch, bot):
    assert serving([path], "127.0.0.1", node.port).port == node.port
    assert serving([path], "127.0.0.1", node.port + 1) is None
    monkeypatch.setattr(place, "SERVICE_FOLDER", path.parent)
    found = assembly.serving_bot(bot.settings, environ={})
    assert (found.host, found.port) == ("127.0.0.1", node.port)
    assert assembly.serving_bot(bot.settings, environ={"RUNTIME_DIRECTORY": str(SERVICE_FOLDER)}) is None


# -- the container


@pytest.mark.parametrize("answer", [b"\xff\n", b"[]\n", b"[" * 60_000 + b"\n", b"1" * 1_100_000])
def test_what_is_no_bot_is_told_from_one(tmp_path, answer):
    def serve():
        with contextlib.suppress(OSError), listening.accept()[0] as sock:
            sock.settimeout(PATIENCE)
            sock.recv(4096)
            sock.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "odd.sock"))
        listening.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        with ControlClient([tmp_path / "odd.sock"]) as client, pytest.raises(NoBotError, match="no bot of this kind"):
            client.last(Verb.STATUS)
        thread.join()


def test_the_container_s_health_check_asks_the_bot(server, tmp_path):
    text = (Path(__file__).parents[2] / "Containerfile").read_text(encoding="utf-8").replace("\\\n", "")
    command = json.loads(re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", text, re.MULTILINE)[1])
    check = [part.replace("/var/lib/meshbot", str(tmp_path)) for part in command]
    assert subprocess.run(check, check=False, timeout=PATIENCE).returncode == 0
    absent = [part.replace("/var/lib/meshbot", str(tmp_path / "absent")) for part in command]
    done = subprocess.run(absent, check=False, timeout=PATIENCE, capture_output=True)
    assert done.returncode == 1


# -- other users


# Who is turned away may find the connection closed before it has asked
ASK = """
import contextlib, socket, sys
bot = socket.socket(socket.AF_UNIX)
bot.settimeout(20)
bot.connect(sys.argv[1])
with contextlib.suppress(BrokenPipeError):
    bot.sendall(b'{"verb": "status"}' + bytes([10]))
print(bot.makefile().readline())
"""
SYSTEM_PYTHON = Path("/usr/bin/python3")  # which every user may run
STRANGER, OPERATORS = 65534, 64999


@pytest.fixture
def open_folder():
    """A folder that everybody may enter, as /run/meshbot."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(
    os.geteuid() != 0 or not SYSTEM_PYTHON.exists(), reason="another user is needed: root alone has one"
)
def test_the_socket_s_group_may_ask_and_nobody_else(open_folder):
    def ask_as(*groups):
        command = [SYSTEM_PYTHON, "-S", "-c", ASK, open_folder / "meshbot.sock"]
        return subprocess.run(
            command, user=STRANGER, group=STRANGER, extra_groups=groups, capture_output=True, text=True, check=False
        )

    with serving_thread(open_folder, SystemClock(), selectors.DefaultSelector):
        path = open_folder / "meshbot.sock"
        assert "PermissionError" in ask_as().stderr
        os.chown(path, 0, OPERATORS)
        # the file lets them in, and the bot, which runs in another group, does not
        assert json.loads(ask_as(OPERATORS).stdout)["error"] == "not_allowed"
        os.chown(path, 0, 0)
        assert json.loads(ask_as(os.getegid()).stdout)["ok"]
