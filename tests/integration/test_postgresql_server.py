"""The server that tests of PostgreSQL run on: one a run, and nothing of it stays."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.support.postgresql import TIMEOUT, Server, own_database
from tests.support.process import ROOT

RUN = """if True:
    import sys
    from tests.support.postgresql import Server
    print(Server.of_the_run().folder, flush=True)
    sys.stdin.read()
"""


def processes_in(folder):
    """Return what runs with this folder on its command line, guard included."""
    found = [each.info["cmdline"] or () for each in psutil.process_iter(["cmdline"])]
    return [line for line in found if any(str(folder) in word for word in line)]


def is_gone(folder):
    deadline, pause = time.monotonic() + TIMEOUT, threading.Event()
    while (folder.exists() or processes_in(folder)) and time.monotonic() < deadline:
        pause.wait(0.05)
    return not folder.exists() and not processes_in(folder)


@pytest.mark.parametrize("end", [signal.SIGKILL, None], ids=["killed", "ended"])
def test_a_test_run_leaves_no_server_however_it_ends(end):
    command, pipe = [sys.executable, "-c", RUN], subprocess.PIPE
    # else a worker's parent is taken for the test run
    alone = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    run = subprocess.Popen(command, cwd=ROOT, env=alone, stdin=pipe, stdout=pipe, text=True)
    with run:
        folder = Path(run.stdout.readline().strip())
        assert len(processes_in(folder)) >= 2
        if end is not None:
            run.send_signal(end)
    assert is_gone(folder)


def test_workers_share_one_server(postgresql):
    if "POSTGRESQL" in os.environ:
        pytest.skip("a server of the person's own")
    assert str(Server.of_the_run().folder).replace("/", "%2F") in postgresql
    assert own_database() == postgresql


def test_a_server_of_its_own_is_removed():
    server = Server.alone()
    server.remove()
    assert is_gone(server.folder)


def test_programs_that_others_may_not_reach_are_copied(monkeypatch):
    monkeypatch.setattr("tests.support.postgresql._may_run", lambda program: "site-packages" not in program.parts)
    server = Server.alone()
    try:
        server.stop()
        assert (server.folder / "pginstall" / "bin").is_dir()
    finally:
        server.remove()
