"""The demo as a visitor sees it: at a terminal, and without one."""

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from meshbot.demo.stage import FAULTS
from tests.support.process import ROOT, SIGNALLED

PATIENCE = 60.0


class Terminal:
    """`main_bot.py --demo` at a pseudo terminal."""

    def __init__(self):
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [*SIGNALLED, sys.executable, str(ROOT / "main_bot.py"), "--demo"], stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self.screen = ""

    def type(self, line):
        os.write(self._master, f"{line}\n".encode())

    def wait_for(self, pattern, count=1):
        deadline = time.monotonic() + PATIENCE
        while len(re.findall(pattern, self.screen)) < count:
            assert time.monotonic() < deadline, f"{count} × {pattern!r} not in:\n{self.screen}"
            if select.select([self._master], [], [], 1.0)[0]:
                self.screen += os.read(self._master, 65536).decode(errors="replace")

    def end(self):
        """Return the exit code; what is printed meanwhile is read, or the program would wait for us."""
        while self._process.poll() is None:
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.screen += os.read(self._master, 65536).decode(errors="replace")
                # The terminal's other end is closed
                except OSError:
                    break
        return self._process.wait(PATIENCE)

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_a_visitor_asks_injects_a_fault_lists_nodes_and_quits(terminal):
    terminal.wait_for("Connexion TCP établie")
    terminal.type("/help")
    terminal.wait_for(r"📻 bot → vous : Commandes : /help /ping")
    terminal.type("!nodes")
    terminal.wait_for(r"\n  ![0-9a-f]{8} ", 41)
    terminal.type("!keys")
    terminal.wait_for(r"🔑 \d+ clés notées par le bot")
    terminal.type("!cut")
    terminal.wait_for(r"Reconnexion TCP réussie")
    terminal.type("!nonsense")
    terminal.wait_for("Commande inconnue : !nonsense")
    terminal.type("!quit")
    assert terminal.end() == 0, terminal.screen


def test_without_a_terminal_the_tour_plays_every_fault_and_exits_0():
    tour = subprocess.run(
        [sys.executable, str(ROOT / "main_bot.py"), "--demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert tour.returncode == 0, tour.stdout + tour.stderr
    for reason in ("fermé par le nœud", "SILENCE TCP", "Connection refused", "configuration incomplète"):
        assert reason in tour.stdout, "a fault without effect shows nothing"
    results = re.findall(r"^✅ .* : de retour en [\d.]+ s, /help répondu, clés à jour$", tour.stdout, re.MULTILINE)
    assert len(results) == 1 + len(FAULTS)
