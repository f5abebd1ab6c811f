"""The rules that keep imports going one way hold, and their check finds what breaks them."""

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
        ("runtime/a.py", "import os, tests.support", "it is not part of the program"),
        ("newcomer.py", "", "newcomer has no place in LAYERS"),
    ],
)
def test_an_import_that_breaks_a_rule_is_found(tmp_path, path, source, wrong):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(source)
    (found,) = wrongs(tmp_path)
    assert wrong in found


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
