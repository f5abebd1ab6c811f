"""The demo as a visitor sees it: at a terminal, and without one."""

import re
import subprocess
import sys

import pytest

from meshbot.demo.stage import FAULTS
from tests.support.process import ROOT
from tests.support.terminal import Terminal


@pytest.fixture
def terminal():
    terminal = Terminal(sys.executable, str(ROOT / "main_bot.py"), "--demo")
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
