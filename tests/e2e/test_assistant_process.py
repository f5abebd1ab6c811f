"""The program with an assistant: its end in the middle of a question, and its key."""

import signal

import pytest

from meshbot.virtual_node.server import VirtualNode
from tests.support.meteo import completion
from tests.support.process import BotProcess
from tests.support.web_server import WebServer, holds, says

SECRET = "sk-very-secret"
WITHIN = 20.0  # seconds; the server holds its answer for longer


@pytest.fixture
def server():
    with WebServer() as web_server:
        web_server.behaviours["/v1/chat/completions"] = holds(says(completion("Lima.")))
        yield web_server


def test_a_stop_waits_for_no_assistant_and_logs_no_key(server, tmp_path):
    with (
        VirtualNode(nodes=4) as node,
        BotProcess(
            cwd=tmp_path,
            tcp_host="127.0.0.1",
            tcp_port=node.port,
            data_dir=tmp_path / "data",
            bot_url=f"{server.url}/v1/",
            bot_api_key=SECRET,
            log_level="DEBUG",
        ) as bot,
    ):
        bot.wait_for("Connexion TCP établie")
        node.hear_text(node.users[0].num, "/bot capital of Peru?")
        server.next_arrival()
        bot.signal(signal.SIGTERM)
        assert bot.wait(WITHIN) == 0
        assert not server.release.is_set()
        assert "send_request_headers" in bot.output
        assert SECRET not in bot.output


def test_check_config_masks_the_key(tmp_path):
    with BotProcess("--check-config", cwd=tmp_path, bot_api_key=SECRET) as bot:
        assert bot.wait() == 0
        assert 'bot_api_key = "***"  # MESHBOT_BOT_API_KEY' in bot.lines
        assert SECRET not in bot.output


def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(tmp_path):
    with BotProcess("--check-config", cwd=tmp_path, bot_api_key=f"{SECRET} é", bot_url="http://user:pw@host") as bot:
        assert bot.wait() == 78
        assert (
            "bot_api_key (MESHBOT_BOT_API_KEY) : *** refusé ; permis : une clé sans espace ni accent, ou rien"
            in bot.output
        )
        assert "bot_url (MESHBOT_BOT_URL) : 'http://***@host' refusé" in bot.output
        assert SECRET not in bot.output
