"""meshbot.service as systemd itself reads it, and as the program and the documents rely on it."""

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

import config
from meshbot.installation.layout import Layout

UNIT = Path(__file__).parents[2] / "meshbot.service"


@pytest.fixture
def service():
    parser = ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str
    parser.read(UNIT, encoding="utf-8")
    return parser["Service"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path, service):
    installed = tmp_path / UNIT.name
    # the interpreter's path is the one thing that a machine without an installation cannot have
    installed.write_text(UNIT.read_text(encoding="utf-8").replace(service["ExecStart"], "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", installed], capture_output=True, text=True, timeout=60, check=False
    )
    if "Failed to" in done.stderr and "manager" in done.stderr:
        pytest.skip(f"systemd-analyze cannot work here: {done.stderr.strip()}")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_restarts_for_ever_but_not_on_bad_settings(service):
    assert service["RestartPreventExitStatus"] == str(config.EXIT_CONFIG)
    assert service["Restart"] == "always"
    assert "StartLimitIntervalSec=0" in UNIT.read_text(encoding="utf-8").splitlines()


def test_the_unit_runs_what_the_installer_installs(service):
    python, program = map(Path, service["ExecStart"].split())
    assert python == Layout().venv / "bin" / "python"
    assert program == Layout().program / "main_bot.py"
    assert Path(service["WorkingDirectory"]) == Layout().home


def test_the_unit_is_of_type_notify_with_a_state_directory(service):
    assert service["Type"] == "notify"
    assert service["StateDirectory"] == service["RuntimeDirectory"] == "meshbot"
    # who may not use the socket still sees whose node it is
    assert service["RuntimeDirectoryMode"] == "0755"
    assert int(service["WatchdogSec"]) > 0
    assert int(service["TimeoutStopSec"]) >= 3, "the bot's own limit"


def test_the_unit_s_address_families_reach_node_journal_and_dns(service):
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"}
