import os
import re
import signal
import subprocess
import sys

import pytest

from meshbot.virtual_node import FAULTS, VirtualNode
from meshbot.virtual_node.__main__ import obey
from tests.support.process import SIGNALLED
from tests.support.raw_client import PATIENCE, RawClient

COMMAND = [sys.executable, "-m", "meshbot.virtual_node", "--port", "0", "--nodes", "5"]


def start(*more):
    return subprocess.Popen(
        [*SIGNALLED, *COMMAND, *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
    )


def port_of(program):
    for line in program.stdout:
        if found := re.search(r"port (\d+)$", line.strip()):
            return int(found[1])
    raise AssertionError(program.stderr.read())


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_ends_it(signum):
    with start() as program:
        port = port_of(program)
        with RawClient(port) as client:
            assert client.configure()
            program.send_signal(signum)
            assert client.end() == "FIN"
        assert program.wait(PATIENCE) == 0
        assert program.stderr.read() == ""


def test_it_obeys_what_is_typed_and_ends_with_its_input():
    with start("--commands") as program:
        port = port_of(program)
        with RawClient(port) as client:
            client.configure()
            program.stdin.write("hello\n!drp\n!cut\n")
            program.stdin.flush()
            assert client.text() == "hello"
            assert client.end() == "FIN"
        output, errors = program.communicate(timeout=PATIENCE)
        assert (program.returncode, errors) == (0, "")
        assert "did you mean 'drop'" in output


def test_a_port_in_use_is_explained():
    with VirtualNode(nodes=2) as node:
        done = subprocess.run(
            [*COMMAND, "--port", str(node.port)], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert done.returncode == 69
    assert done.stderr.startswith(f"virtual_node: cannot listen on 127.0.0.1:{node.port}: Address already in use.")
    assert "Traceback" not in done.stderr


def test_wrong_arguments_are_explained():
    done = subprocess.run([*COMMAND, "--keys", "99"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (2, "virtual_node: keys=99: with nodes=5 it is a number from 0 to 4\n")


def test_it_is_the_firmware_and_has_the_room_that_were_asked_for():
    with start("--firmware", "2.8.0", "--capacity", "5", "--warm", "3", "--airtime", "preset") as program:
        with RawClient(port_of(program)) as client:
            infos = [message for message in client.configure() if message.HasField("metadata")]
        program.send_signal(signal.SIGTERM)
        assert program.wait(PATIENCE) == 0
    assert infos[0].metadata.firmware_version.startswith("2.8.0.")


def test_its_help_lists_every_fault():
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert all(re.search(rf"^{name} ", done.stdout, re.MULTILINE) for name in FAULTS)


def test_each_command_does_what_its_help_describes(capsys):
    with VirtualNode(nodes=5) as node:
        assert obey(node, "!silence connections=1")
        assert node.faults == ("mute",)
        obey(node, "!faults")
        assert "* mute" in capsys.readouterr().out
        obey(node, "!heal mute")
        assert node.faults == ()
        obey(node, "!nodes")
        assert len(capsys.readouterr().out.splitlines()) == 4
        speaker = node.users[2]
        obey(node, f"!say {speaker.short_name} salut")
        obey(node, "!all bonjour à tous")
        with RawClient(node.port) as client:
            client.configure()
            assert [client.text(), client.text()] == ["salut", "bonjour à tous"]
        old = node.num
        obey(node, "!upgrade seconds=0")
        node.wait_until(lambda: node.num != old)
        assert obey(node, "")
        assert not obey(node, "!quit")
        with pytest.raises(ValueError, match="write name=value"):
            obey(node, "!stall 5")


def test_an_empty_mesh_has_no_user_to_send_a_text():
    with VirtualNode(nodes=1) as node, pytest.raises(ValueError, match="nobody else lives"):
        obey(node, "hello")
