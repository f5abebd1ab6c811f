"""The service under a real systemd, from its installation to its removal."""

import os
import re
import subprocess

import pytest

from meshbot.virtual_node.server import VirtualNode
from tests.systemd.machine import LONGEST, ROOT, Machine

# Libraries are fetched, a watchdog is waited for
pytestmark = pytest.mark.timeout(LONGEST)
SUITES = os.environ.get("SUITES", "bookworm trixie").split()
SETTINGS = "/etc/meshbot/meshbot.toml"


@pytest.fixture(scope="module", params=SUITES)
def machine(request, tmp_path_factory):
    """A Debian with the service, which has no node."""
    with Machine(request.param, tmp_path_factory.mktemp("machine"), previous=previous(tmp_path_factory)) as one:
        one.run(f"mkdir -p /etc/meshbot && printf 'tcp_host = \"127.0.0.1\"\\ntcp_port = 9\\n' > {SETTINGS}")
        one.run("cd /previous && python3 -B -m meshbot.installation install --no-pictures", timeout=LONGEST)
        one.run("echo kept > /var/lib/meshbot/mark")
        one.updated = one.run("cd /src && python3 -B -m meshbot.installation update", timeout=LONGEST)
        yield one


def previous(tmp_path_factory):
    """Return the files of the release before: PREVIOUS, the last tag, or without one the state of 20 merges ago."""

    def git(*arguments):
        done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    commit = os.environ.get("PREVIOUS") or git("describe", "--tags", "--abbrev=0") or git("rev-parse", "HEAD~20")
    folder = tmp_path_factory.mktemp("previous")
    archive = subprocess.run(["git", "-C", ROOT, "archive", commit], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    assert (folder / "meshbot/installation").is_dir(), f"{commit} has no installer: PREVIOUS=… names another"
    return folder


@pytest.fixture
def pid(machine):
    machine.wait_for("systemctl is-active meshbot", "active")
    machine.wait_for("systemctl show meshbot -p SubState --value", "running")
    return int(machine.shown("MainPID"))


def restarted(machine, pid):
    """Wait until another process runs."""
    other = f'[ "$p" != {pid} ] && [ "$p" != 0 ] && systemctl is-active meshbot'
    machine.wait_for(f"p=$(systemctl show meshbot -p MainPID --value); {other} | grep -x active", "active")


def test_an_update_keeps_data_and_settings_and_brings_the_unit(machine, pid):
    assert machine.run("cat /var/lib/meshbot/mark") == "kept"
    assert "tcp_port = 9" in machine.run(f"cat {SETTINGS}")
    assert machine.shown("Restart") == "always"
    version = int(re.search(r"systemd (\d+)", machine.run("systemctl --version"))[1])
    assert machine.shown("Type") == ("notify-reload" if version >= 253 else "notify")
    assert "✅" in machine.updated
    assert "L'unité systemd" not in machine.run(f"journalctl _PID={pid} --no-pager -o cat")


def test_the_service_starts_without_a_node_and_says_so(machine, pid):
    assert machine.shown("StatusText")
    assert "Connexion TCP impossible" in machine.journal()


def test_its_exposure_stays_below_two(machine):
    said = machine.run("systemd-analyze security meshbot --no-pager | tail -1")
    assert float(re.search(r"([\d.]+) OK", said)[1]) <= 2.0


@pytest.mark.parametrize("signal", ["KILL", "TERM", "INT", "SEGV"])
def test_no_signal_to_its_process_ends_it_for_good(machine, pid, signal):
    machine.run(f"kill -{signal} {pid}")
    restarted(machine, pid)


def test_a_stopped_process_is_replaced_by_the_watchdog(machine):
    machine.run("mkdir -p /run/systemd/system/meshbot.service.d")
    machine.run("printf '[Service]\\nWatchdogSec=5\\n' > /run/systemd/system/meshbot.service.d/quick.conf")
    machine.run("systemctl daemon-reload && systemctl restart meshbot")
    pid = int(machine.shown("MainPID"))
    machine.run(f"kill -STOP {pid}")
    restarted(machine, pid)
    machine.run("rm -r /run/systemd/system/meshbot.service.d; systemctl daemon-reload; systemctl restart meshbot")


@pytest.mark.parametrize(
    "command", ["systemctl reload meshbot", "kill -HUP $(systemctl show meshbot -p MainPID --value)"]
)
def test_a_reload_keeps_process_and_link(machine, command):
    with VirtualNode(nodes=3) as node:
        machine.run(f"sed -i 's/^tcp_port = .*/tcp_port = {node.port}/' {SETTINGS} && systemctl restart meshbot")
        node.wait_until(lambda: node.connections == 1, 60)
        pid = machine.shown("MainPID")
        machine.wait_for(f"journalctl _PID={pid} --no-pager -o cat", "Connexion TCP établie")
        machine.run(f"echo 'mail_ttl = {60 + len(command)}' >> {SETTINGS}; {command}")
        machine.wait_for(f"journalctl _PID={pid} --no-pager -o cat", "Réglages relus: mail_ttl")
        machine.run(f"echo 'mail_ttl = ' >> {SETTINGS}; {command}")
        machine.wait_for(f"journalctl _PID={pid} --no-pager -o cat", "Réglages refusés, rien n'a changé")
        assert (machine.shown("MainPID"), machine.shown("ActiveState")) == (pid, "active")
        assert (node.connections, node.received.disconnects) == (1, 0)
    machine.run(f"sed -i '/^mail_ttl/d; s/^tcp_port = .*/tcp_port = 9/' {SETTINGS} && systemctl restart meshbot")


def test_bad_settings_leave_it_stopped_until_they_are_mended(machine, pid):
    machine.run(f"echo 'tcp_prt = 1' >> {SETTINGS}; systemctl restart meshbot", check=False)
    machine.wait_for("systemctl is-active meshbot", "failed")
    assert machine.shown("ExecMainStatus") == "78"
    said = machine.run("meshbot check --service; echo $?", check=False, lang="fr_FR.UTF-8")
    assert "réglage inconnu" in said
    assert said.endswith("78")
    machine.run(f"sed -i /^tcp_prt/d {SETTINGS}; systemctl start meshbot")


def test_a_secret_reaches_the_bot_as_a_credential_and_no_output(machine, pid):
    secret = "123456:AAsecret"
    machine.run(f"(umask 077; echo {secret} > /etc/meshbot/credentials/telegram_token); systemctl restart meshbot")
    assert 'telegram_token = "***"  # credential telegram_token' in machine.run("meshbot check --service")
    pid = machine.shown("MainPID")
    assert secret not in machine.run(f"cat /proc/{pid}/environ; journalctl --no-pager")
    machine.run("rm /etc/meshbot/credentials/telegram_token; systemctl restart meshbot")


def test_a_check_of_the_service_leaves_the_running_bot_its_folders(machine, pid):
    machine.run("meshbot check --service")
    machine.run("meshbot status")
    machine.run(f"kill -TERM {pid}")
    restarted(machine, pid)
    assert machine.run("cat /var/lib/meshbot/mark") == "kept"


def test_a_removal_leaves_settings_and_data_and_a_purge_nothing(machine, pid):
    machine.run("meshbot service remove", timeout=LONGEST)
    assert machine.run("systemctl is-active meshbot", check=False) == "inactive"
    assert machine.run("cat /var/lib/meshbot/mark") == "kept"
    machine.run("cd /src && python3 -B -m meshbot.installation remove --purge")
    assert (
        machine.run(
            "ls -d /etc/meshbot /var/lib/meshbot /var/lib/private/meshbot /opt/meshbot 2>/dev/null", check=False
        )
        == ""
    )
