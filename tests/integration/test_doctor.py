"""`meshbot doctor`, beside a running bot and without one, on healthy and on faulty nodes."""

import json
import os
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue

import pytest
from meshtastic.protobuf import admin_pb2, config_pb2

import command_line
from meshbot import cli
from meshbot.control import ControlClient, NotAllowedError
from meshbot.control.place import listen
from meshbot.mesh_link.connecting import LinkTarget
from meshbot.mesh_link.own_node_client import OwnNodeClient
from tests.support.bot import RunningBot
from tests.support.web_server import WebServer, says

PROMISED = 10.0  # seconds on a healthy node
GROUP = -1001234567890


@pytest.fixture
def node(new_node, firmware):
    with new_node(nodes=42, firmware_version=firmware) as virtual_node:
        yield virtual_node


@pytest.fixture
def run(monkeypatch, capsys, tmp_path, clock):
    """Examine; return the exit code, the findings by step, and what was said of errors."""
    language = os.environ.get("LANGUAGE")

    def run(*arguments, environ=None, **settings):
        for name, value in {"tcp_host": "127.0.0.1", "data_dir": tmp_path, **settings}.items():
            monkeypatch.setenv(f"MESHBOT_{name.upper()}", str(value))
        program = replace(command_line.program(lambda _settings: 99, "1.2.3"), clock=clock)
        code = cli.main(program, ["doctor", *arguments], environ or {"LANG": "en_US.UTF-8"})
        return code, capsys.readouterr()

    yield run
    monkeypatch.setenv("LANGUAGE", language or "")


@pytest.fixture
def examine(run):
    def examine(**settings):
        code, told = run("--json", **settings)
        findings = {}
        for line in told.out.splitlines():
            each = json.loads(line)
            findings.setdefault(each["step"], []).append(each)
        return code, findings

    return examine


def verdicts(found):
    return [each["verdict"] for each in found]


def wrong(findings):
    return {step for step, found in findings.items() if "bad" in verdicts(found)}


def test_a_healthy_node_is_examined_in_time(examine, node, clock):
    began = clock.monotonic()
    code, found = examine(tcp_port=node.port)
    assert (code, wrong(found)) == (0, set())
    assert clock.monotonic() - began < PROMISED
    assert "42 nodes" in found["configuration"][0]["text"]
    assert verdicts(found["heartbeat"]) == ["good"]
    assert verdicts(found["running bot"]) == ["unknown"]
    assert "throws out" in found["running bot"][0]["text"]


def test_the_running_bot_is_asked_and_keeps_its_link(examine, node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock) as bot:
        bot.wait_ready()
        code, found = examine(tcp_port=node.port)
        assert (code, wrong(found)) == (0, set())
        assert not bot.log.matching("Lien TCP perdu")
    assert verdicts(found["TCP"]) == ["unknown"]
    assert found["link"][0]["text"].startswith("up for")
    assert "configuration" not in found
    assert verdicts(found["key"]) == ["good"]


def test_a_bot_with_other_settings_is_named(examine, node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock) as bot:
        bot.wait_ready()
        code, found = examine(tcp_port=node.port + 1)
        assert (code, wrong(found)) == (1, {"settings"})
        code, found = examine(tcp_port=node.port, tcp_host="localhost")
        assert (code, wrong(found)) == (0, set()), "a name and its address are one node"


def test_another_user_s_bot_keeps_its_node(examine, node, tmp_path, monkeypatch):
    def refuse(_paths):
        raise NotAllowedError("/run/meshbot/meshbot.sock")

    monkeypatch.setattr("meshbot.doctor.doctor.ControlClient", refuse)
    code, found = examine(tcp_port=node.port)
    assert (code, wrong(found)) == (0, set())
    assert found["running bot"][0]["cure"] == "sudo meshbot doctor"
    assert node.connections == 0


def test_the_running_bot_s_own_data_are_examined(examine, node, tmp_path, clock):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with RunningBot(node.port, elsewhere, clock) as bot:
        bot.wait_ready()
        (tmp_path / "meshbot.sock").symlink_to(elsewhere / "meshbot.sock")
        _code, found = examine(tcp_port=node.port)
    assert found["data_dir"][0]["text"].startswith(str(elsewhere))
    assert str(elsewhere / "meshbot.db") in found["database"][0]["text"]


def test_a_bot_that_hangs_is_found_and_keeps_its_node(examine, node, tmp_path, monkeypatch):
    monkeypatch.setattr(ControlClient.__init__, "__defaults__", (0.1,))
    with listen(tmp_path / "meshbot.sock"):
        code, found = examine(tcp_port=node.port)
    assert (code, wrong(found)) == (1, {"running bot"})
    assert found["running bot"][0]["cure"] == "sudo systemctl restart meshbot"
    assert node.connections == 0


@pytest.mark.parametrize(
    ("fault", "steps"),
    [("refuse", {"TCP", "link"}), ("mute", {"link"}), ("stall", {"configuration"})],
)
def test_each_fault_of_the_node_is_found_with_its_cure(examine, node, fault, steps):
    node.fault(fault)
    code, found = examine(tcp_port=node.port)
    assert (code, wrong(found)) == (1, steps)
    assert "fermé" not in str(found), "no word of another language"
    assert all(each["cure"] for step in steps for each in found[step] if each["verdict"] == "bad")


def test_a_managed_node_is_found(examine, node, clock):
    target = LinkTarget("127.0.0.1", node.port, connect_timeout=5.0, send_timeout=5.0, user_timeout=0.0)
    with OwnNodeClient(target, clock) as client:
        security = config_pb2.Config.FromString(client.settings().configs["security"])
        # the firmware takes it only where somebody else may administer the node
        security.security.is_managed = True
        security.security.admin_key.append(bytes(range(32)))
        client.send(admin_pb2.AdminMessage(set_config=security).SerializeToString())
        client.wait_for_reboot(15.0)
    code, found = examine(tcp_port=node.port)
    while "administration" not in found:
        # it reboots
        clock.get(SimpleQueue(), clock.monotonic() + 1.0)
        code, found = examine(tcp_port=node.port)
    assert (code, wrong(found)) == (1, {"administration"})


def test_a_name_that_is_unknown_stops_what_depends_on_it(examine):
    code, found = examine(tcp_host="no-such-node.local")
    assert (code, wrong(found)) == (1, {"name"})
    assert "libnss-mdns" in found["name"][0]["cure"]
    assert verdicts(found["TCP"]) == verdicts(found["link"]) == ["unknown"]


def test_people_read_it_in_their_language(run, node):
    code, told = run(tcp_port=node.port, environ={"LANG": "fr_FR.UTF-8"})
    assert code == 0
    assert "✓ lien" in told.out
    assert told.out.endswith("✅ Tout va bien.\n")
    code, told = run(tcp_port=node.port, tcp_host="no-such-node.invalid")
    assert code == 1
    assert "✗ name" in told.out
    assert "→ Set tcp_host" in told.out
    assert told.out.endswith("❌ 1 step is not well.\n")


def test_bad_settings_are_a_finding(run):
    code, told = run(tcp_port="x")
    assert (code, told.err) == (1, "")
    assert told.out.startswith("✗ settings")


class OddBot:
    """What answers at the control socket, whatever that is."""

    def __init__(self, folder, answer):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / "meshbot.sock"))
        self._socket.listen()
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)

    def _serve(self):
        with suppress(OSError):
            while True:
                with self._socket.accept()[0] as client:
                    client.recv(4096)
                    client.sendall(self._answer)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


def test_a_bot_that_refuses_keeps_its_node(examine, node, tmp_path):
    with OddBot(tmp_path, b'{"ok": false, "error": "too_many_clients", "text": "try again"}\n'):
        code, found = examine(tcp_port=node.port)
    assert (code, wrong(found)) == (1, {"running bot"})
    assert found["running bot"][0]["text"].endswith("refuses: try again")
    assert "link" not in found


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"[]\n"])
def test_what_is_no_bot_is_not_asked(examine, node, tmp_path, answer):
    with OddBot(tmp_path, answer):
        code, found = examine(tcp_port=node.port)
    assert (code, wrong(found)) == (0, set())


# -- Telegram


@pytest.fixture
def telegram(new_api):
    with new_api() as api:
        yield api


def settings_of(api, **more):
    return {"telegram_token": api.token, "telegram_base_url": api.base_url, "tcp_host": "no-such-node.invalid", **more}


def test_telegram_s_token_and_groups_are_examined(examine, telegram):
    telegram.group(GROUP, "Amis")
    _code, found = examine(**settings_of(telegram, telegram_groups=f"[{GROUP}, -1009]"))
    assert verdicts(found["Telegram"]) == ["good", "good", "bad"]
    assert "-1009" in found["Telegram"][2]["text"]


@pytest.mark.parametrize("answer", ["[" * 20_000, '{"result": 5}', '{"result": null}', "9" * 5000])
def test_what_is_no_telegram_is_told_from_one(examine, answer):
    token = "1:A"
    with WebServer() as server:
        server.behaviours[f"/bot{token}/getMe"] = says(answer.encode())
        code, found = examine(telegram_token=token, telegram_base_url=server.url, tcp_host="no-such-node.invalid")
    assert (code, found["Telegram"][0]["text"]) == (1, "no Telegram answers there")


def test_privacy_mode_is_a_fault_for_a_bridge_alone(examine, new_api):
    with new_api(privacy=True) as api:
        api.group(GROUP, "Amis")
        bridged = examine(**settings_of(api, telegram_bridges=f'["1 {GROUP}"]'))[1]["Telegram"]
        listed = examine(**settings_of(api, telegram_groups=f"[{GROUP}]", telegram_bridges="[]"))[1]["Telegram"]
    assert verdicts(bridged) == ["good", "bad"]
    assert "setprivacy" in bridged[1]["cure"]
    assert verdicts(listed) == ["good", "good"]


def test_a_refused_token_is_a_finding_that_does_not_tell_it(run, telegram):
    token = telegram.token.replace("A", "B")
    _code, told = run("--json", **settings_of(telegram, telegram_token=token))
    assert "@BotFather" in told.out
    assert token not in told.out + told.err
