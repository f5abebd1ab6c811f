"""What our own node warns of is logged and reported once an hour, whatever figures it holds."""

import logging

from meshbot.mesh_link.messages import ClientWarning
from meshbot.mesh_link.node_warnings import REPORTED_EVERY, NodeWarnings
from meshbot.runtime.incidents import NodeWarning
from tests.support.fake_clock import FakeClock


def test_a_warning_is_logged_and_reported_once_an_hour(caplog):
    clock, reported = FakeClock(), []
    warnings = NodeWarnings(clock, reported.append)
    for text in ("Duty cycle exceeded, 5 mins", "Duty cycle exceeded, 4 mins", "Your key is\nknown to others", "", " "):
        warnings.take(ClientWarning(0, text))
    assert reported == [NodeWarning("Duty cycle exceeded, 5 mins"), NodeWarning("Your key is known to others")]
    lines = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert lines == [(logging.WARNING, f"📻 Notre nœud prévient: {each.text}") for each in reported]
    clock.advance(REPORTED_EVERY)
    warnings.take(ClientWarning(7, "Duty cycle exceeded, 3 mins"))
    assert reported[2:] == [NodeWarning("Duty cycle exceeded, 3 mins")]


def test_what_a_mesh_can_make_it_say_fills_no_memory():
    reported = []
    warnings = NodeWarnings(FakeClock(), reported.append)
    for number in range(500):
        warnings.take(ClientWarning(0, "x" * number))
    assert len(warnings._reported) <= 50
