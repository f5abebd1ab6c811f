"""The program with a Telegram side, as an operator meets it: no output has the token, whatever goes wrong."""

import signal
import subprocess
import sys

import pytest

from meshbot.virtual_node.server import VirtualNode
from tests.support import bot_api_faults as faults
from tests.support.bot_api import TOKEN, BotApi
from tests.support.process import ROOT, BotProcess
from tests.support.telegram_bot import GUEST, no_token_in, telegram_settings


@pytest.fixture
def api():
    with BotApi() as server:
        yield server


@pytest.fixture
def node():
    with VirtualNode(nodes=5, keys=4) as virtual_node:
        yield virtual_node


def variables(api, node, level, **settings):
    values = telegram_settings(api, tcp_host="127.0.0.1", tcp_port=node.port, data_dir="data", **settings)
    lists = {name: ",".join(map(str, value)) for name, value in values.items() if isinstance(value, tuple)}
    return values | lists | {"log_level": level}


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_the_token_is_in_no_line_at_any_level(api, node, tmp_path, level):
    guest = api.user(GUEST, "Gus")
    with BotProcess(cwd=tmp_path, **variables(api, node, level)) as bot:
        bot.wait_for("📲 Telegram: @mesh_test_bot")
        guest.says("/ping")
        api.wait_for("🏓", guest)
        for fault in (faults.page(502), faults.not_json, faults.resets):
            with api.trouble(fault) as trouble:
                guest.says("/ping")
                api.wait_until(lambda trouble=trouble: trouble.met)
        with api.trouble(faults.unauthorized()):
            guest.says("/ping")
            bot.wait_for("refuse le jeton")
        bot.signal(signal.SIGTERM)
        assert bot.wait() == 0
        no_token_in(bot.output)


def test_the_settings_are_shown_without_the_token(tmp_path):
    shown = subprocess.run(
        [sys.executable, str(ROOT / "main_bot.py"), "--check-config"],
        env={"MESHBOT_TELEGRAM_TOKEN": TOKEN, "MESHBOT_TELEGRAM_USERS": "5 admin", "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert 'telegram_token = "***"  # MESHBOT_TELEGRAM_TOKEN' in shown.stdout
    assert 'telegram_users = ["5 admin"]  # MESHBOT_TELEGRAM_USERS' in shown.stdout
    no_token_in(shown.stdout + shown.stderr)


def test_without_a_token_the_library_is_not_loaded(tmp_path):
    program = (
        "import sys; from config import Settings; from main_bot import MeshBot; MeshBot(Settings()); "
        "sys.exit('telegram' in sys.modules or 'meshbot.telegram_bot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, timeout=60, check=True)


def test_a_signal_ends_it_in_time_while_telegram_hangs(api, node, tmp_path):
    with api.trouble(faults.hangs), BotProcess(cwd=tmp_path, **variables(api, node, "INFO")) as bot:
        api.wait_until(lambda: api.counts["getMe"])
        bot.signal(signal.SIGTERM)
        assert bot.wait() == 0
        assert bot.matching("ne s'arrête pas") == []
