"""The command that has systemd check the settings as the service reads them."""

import pytest

from meshbot.installation.service_check import TAKEN, check_command
from tests.support.process import ROOT

UNIT = (ROOT / "meshbot.service").read_text(encoding="utf-8")


def properties(command):
    return [command[place + 1] for place, argument in enumerate(command) if argument == "-p"]


def test_the_service_s_user_environment_and_secrets_are_those_of_the_check():
    command = check_command(UNIT, {})
    assert command[0] == "systemd-run"
    assert command[-3:] == ["/opt/meshbot/venv/bin/python", "/opt/meshbot/program/main_bot.py", "check"]
    found = properties(command)
    for wanted in (
        "DynamicUser=yes",
        "User=meshbot",
        "StateDirectory=meshbot",
        "EnvironmentFile=-/etc/meshbot/meshbot.env",
        "LoadCredential=meshbot:/etc/meshbot/credentials",
    ):
        assert wanted in found


def test_what_would_touch_the_running_bot_is_left_out():
    names = {text.partition("=")[0] for text in properties(check_command(UNIT, {}))}
    assert names <= TAKEN
    assert not names & {"RuntimeDirectory", "Type", "Restart", "WatchdogSec", "ExecReload"}


def test_a_drop_in_counts_in_its_order():
    drop_in = (
        "[Unit]\nUser=no\n[Service]\nDynamicUser=no\nUser=kim\n# User=nobody\nExecStart=\nExecStart=-/bin/a \\\n --b\n"
    )
    command = check_command(UNIT + drop_in, {})
    assert [each for each in properties(command) if each.startswith(("User", "Dynamic"))] == [
        "DynamicUser=yes",
        "DynamicUser=no",
        "User=kim",
    ]
    assert command[command.index("--") + 1 :] == ["/bin/a", "--b", "check"]


def test_the_check_speaks_the_person_s_language():
    assert "--setenv=LANG=fr_FR.UTF-8" in check_command(UNIT, {"LANG": "fr_FR.UTF-8", "HOME": "/root"})


@pytest.mark.parametrize("unit", ["", "[Service]\n", "[Unit]\nExecStart=/bin/a\n"])
def test_without_a_program_there_is_no_check(unit):
    assert check_command(unit, {}) == []
