"""The real bot, its node in software, and other computers that answer slowly, well or not at all."""

import pytest

from meshbot.commands.builtin.bot import ERROR_ANSWERS, WAIT
from meshbot.web.errors import Fault
from tests.support.bot import RunningBot
from tests.support.meteo import completion, serve_chat, serve_meteo
from tests.support.web_server import WebServer, holds, says, status

PATIENCE = 30.0
SECRET = "sk-very-secret"


@pytest.fixture
def node(new_node):
    with new_node(nodes=12) as virtual_node:
        yield virtual_node


@pytest.fixture
def server():
    with WebServer() as web_server:
        serve_meteo(web_server)
        serve_chat(web_server)
        yield web_server


@pytest.fixture
def running(node, server, tmp_path, clock):
    url = f"{server.url}/v1"
    settings = {"weather_url": url, "geocoding_url": url, "bot_url": url, "bot_api_key": SECRET, "language": "en"}
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.wait_ready()
        yield bot


def answer(node, packet_id, text=""):
    """Wait for the answer to a packet that has this text in it."""
    return node.wait_for(lambda sent: sent.reply_id == packet_id and text in sent.text, PATIENCE).text


def test_the_weather_is_answered_over_the_mesh(running, node):
    question = node.hear_text(node.users[0].num, "/weather Lyon 1")
    assert answer(node, question) == "☂ Lyon, FR: 4°\nMon 5 light rain 3/11° 2.4mm 60%"


def test_without_internet_the_weather_says_so(running, node, server):
    server.behaviours["/v1/search"] = status(403)
    assert "refused to answer" in answer(node, node.hear_text(node.users[0].num, "/meteo Lyon"))
    running.log.wait_for(r"Service météo: refus \(HTTP 403\)")


def test_while_the_assistant_thinks_others_are_answered(running, node, server):
    server.behaviours["/v1/chat/completions"] = holds(says(completion("Lima.")))
    asker, *others = node.users[:9]
    slow = node.hear_text(asker.num, "/bot capital of Peru?")
    server.next_arrival()
    for user in others[:2]:
        assert "pong" in answer(node, node.hear_text(user.num, "/ping"))
    node.hear_text(others[0].num, "just talking")
    running.log.wait_for("MESSAGE BRUT: 'just talking'")
    assert "previous /bot" in answer(node, node.hear_text(asker.num, "/bot and of Chile?"))
    assert answer(node, slow, WAIT) == WAIT
    assert [sent for sent in node.transmitted if sent.text == "Lima."] == []
    server.release.set()
    assert answer(node, slow, "Lima") == "Lima."


def test_more_slow_questions_than_threads_leave_the_fast_ones_alone(running, node, server):
    server.behaviours["/v1/chat/completions"] = holds(says(completion("Lima.")))
    for user in node.users[: running.settings.command_slow_workers + 2]:
        node.hear_text(user.num, "/bot capital of Peru?")
    for _ in range(running.settings.command_slow_workers):
        server.next_arrival()
    assert "pong" in answer(node, node.hear_text(node.users[9].num, "/ping"))


def test_the_key_is_sent_and_never_logged(running, node, server):
    server.behaviours["/v1/chat/completions"] = status(401)
    question = node.hear_text(node.users[0].num, "/bot hello")
    assert answer(node, question) == ERROR_ANSWERS[Fault.REFUSED]
    assert server.next_arrival().headers["Authorization"] == f"Bearer {SECRET}"
    assert SECRET not in "\n".join(running.log.lines)


def test_without_a_server_there_is_no_such_command(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock, weather_url="", language="en") as bot:
        bot.wait_ready()
        for command in ("/bot", "/weather", "/rain"):
            text = answer(node, node.hear_text(node.users[0].num, f"{command} x"))
            assert text == f"Unknown command {command}. /help lists mine."
