"""The rules that keep imports going one way hold, and their check finds what breaks them."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_imports import violations

ROOT = Path(__file__).parents[2]


def test_imports_go_one_way():
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("path", "source", "wrong"),
    [
        ("meshbot/storage/a.py", "from meshbot.commands import HELP", "it stands above"),
        ("meshbot/sending/a.py", "from meshbot.nodes import X", "it stands beside it"),
        ("meshbot/commands/a.py", "from tcp_interface_manager import X", "it stands above"),
        ("meshbot/commands/a.py", "import config", "only assembly, command_line and main_bot read settings"),
        ("node_manager.py", "def f():\n    from config import X", "node_manager.py:2: node_manager may not import"),
        ("config.py", "def f():\n    from sqlalchemy import x", "config.py:2: config may not import sqlalchemy: only"),
        ("meshbot/demo/a.py", "import pubsub", "only meshbot.mesh_link may"),
        ("meshbot/demo/a.py", "from node_manager import NodeManager", "it stands above"),
        ("meshbot/demo/a.py", "import assembly", "it stands above"),
        ("meshbot/commands/builtin/a.py", "import httpx", "only meshbot.telegram_bot and meshbot.web may"),
        ("meshbot/web/a.py", "import meshbot.storage", "it stands beside it"),
        ("meshbot/settings/a.py", "import config", "only assembly, command_line and main_bot read settings"),
        ("meshbot/runtime/a.py", "import os, tests.support", "it is not part of the program"),
        ("meshbot/commands/a.py", "from meshbot.commands import builtin", "it stands above"),
        ("meshbot/commands/a.py", "from meshbot.sending.queue import X", "take it from meshbot.sending"),
        ("main_bot.py", "import meshbot.sending.queue", "take it from meshbot.sending"),
        ("assembly.py", "from meshbot.web.chat import X", "take it from meshbot.web"),
        ("newcomer.py", "", "it has no place in LAYERS"),
        ("meshbot/newcomer.py", "", "it has no place in LAYERS"),
    ],
)
def test_an_import_that_breaks_a_rule_is_found(tmp_path, path, source, wrong):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(source)
    (found,) = violations(tmp_path)
    assert wrong in found


def test_a_name_that_a_package_does_not_export_is_found(tmp_path):
    package = tmp_path / "meshbot" / "sending"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__all__ = ["SendQueue"]')
    (package / "queue.py").write_text("")
    (tmp_path / "assembly.py").write_text("from meshbot.sending import SendQueue\nfrom meshbot.sending import queue")
    assert violations(tmp_path) == [
        "assembly.py:2: assembly may not import meshbot.sending: its __all__ does not name queue"
    ]


def test_without_web_settings_the_http_client_is_not_loaded():
    program = "import main_bot, sys; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    "heavy", ["urllib3", "charset_normalizer", "sqlalchemy.dialects.postgresql", "pydantic_settings"]
)
def test_what_no_bot_at_rest_uses_is_not_loaded(heavy):
    program = f"import main_bot, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("main_bot.py", "from meshbot import demo, commands\nimport config, json"),
        (
            "meshbot/mesh_link/a.py",
            "import meshtastic.protobuf\nfrom meshbot.mesh_link import b\nfrom . import c",
        ),
        ("meshbot/commands/builtin/a.py", "from meshbot.commands.registry import Command\nfrom meshbot.text import x"),
        ("meshbot/telegram_bot/alerts/a.py", "import telegram"),
        ("tests/a.py", "import sqlalchemy, main_bot"),
        (".venv/lib/a.py", "import main_bot"),
    ],
)
def test_an_import_within_the_rules_is_accepted(tmp_path, path, source):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(source)
    assert violations(tmp_path) == []
