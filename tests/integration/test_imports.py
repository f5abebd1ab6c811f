"""The rules that keep imports going one way hold, and their check finds what breaks them."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_imports import wrongs

ROOT = Path(__file__).parents[2]


def test_imports_go_one_way():
    assert wrongs(ROOT) == []


@pytest.mark.parametrize(
    ("path", "source", "wrong"),
    [
        ("storage/a.py", "import commands.help", "storage may not import commands: it stands above"),
        ("commands/a.py", "from tcp_interface_manager import X", "it stands beside it"),
        (
            "config.py",
            "def f():\n    from sqlalchemy import x",
            "config.py:2: config may not import sqlalchemy: only storage",
        ),
        ("demo/a.py", "import pubsub", "only mesh_link may"),
        ("commands/a.py", "import httpx", "only web may"),
        ("web/a.py", "import mesh_link.text", "web may not import mesh_link: it stands beside it"),
        ("config_sources.py", "import config", "config_sources may not import config: it stands above"),
        ("runtime/a.py", "import os, tests.support", "it is not part of the program"),
        ("newcomer.py", "", "newcomer has no place in LAYERS"),
    ],
)
def test_an_import_that_breaks_a_rule_is_found(tmp_path, path, source, wrong):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(source)
    (found,) = wrongs(tmp_path)
    assert wrong in found


def test_a_bot_that_asks_no_other_computer_does_not_load_what_that_takes():
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
        ("main_bot.py", "import demo, commands, config, json"),
        ("mesh_link/a.py", "import meshtastic.protobuf.mesh_pb2\nfrom mesh_link import b\nfrom . import c"),
        ("tests/a.py", "import sqlalchemy, main_bot"),
        (".venv/lib/a.py", "import main_bot"),
    ],
)
def test_an_import_within_the_rules_is_accepted(tmp_path, path, source):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(source)
    assert wrongs(tmp_path) == []
