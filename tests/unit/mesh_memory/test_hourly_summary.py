"""One line an hour, and what it counts."""

import logging

import pytest

from meshbot.mesh_link.statistics import LinkFigures
from meshbot.mesh_memory.hourly_summary import HOUR, HourlySummary
from tests.support.fake_clock import FakeClock

UP, DOWN = LinkFigures(ready_for=99.0, last_hour=2), LinkFigures(down_for=5.0)


class Hours:
    def __init__(self):
        self.clock = FakeClock()
        self.link = UP
        self.asked = []
        self.summary = HourlySummary(self.clock, lambda: self.link, self.heard, lambda: 3)

    def heard(self, within):
        self.asked.append(within)
        return 20

    def look(self, later):
        self.clock.advance(later)
        self.summary.look()


@pytest.fixture
def hours(caplog):
    caplog.set_level(logging.INFO)
    return Hours()


def test_an_hour_is_one_line_however_often_it_is_looked_at(hours, caplog):
    for _ in range(9):
        hours.look(HOUR / 4)
    assert len(caplog.messages) == 2


def test_it_tells_packets_nodes_link_and_queue(hours, caplog):
    for packet in range(127):
        hours.summary.take(packet)
    hours.look(HOUR)
    hours.link = DOWN
    hours.look(HOUR)
    assert caplog.messages == [
        "🕐 Dernière heure: 127 paquets de 20 nœuds; lien établi, 2 coupures; 3 envois en attente",
        "🕐 Dernière heure: 0 paquets de 20 nœuds; lien coupé, 0 coupures; 3 envois en attente",
    ]
    assert hours.asked == [HOUR, HOUR]


def test_a_machine_that_slept_makes_up_for_no_hours(hours, caplog):
    hours.look(10 * HOUR)
    hours.look(HOUR - 1)
    assert len(caplog.messages) == 1
    hours.look(1)
    assert len(caplog.messages) == 2
