"""The thread Mesh-Sender, over an interface in memory and a clock that the test moves."""

import logging
from datetime import UTC, datetime
from itertools import count
from math import inf
from queue import SimpleQueue

import pytest

from mesh_link.outbox import CONFIRM_TIMEOUT, Outbox, OutgoingText
from mesh_link.packets import RoutingAnswer
from mesh_link.sender import WAITING_LIMIT, LinkChange, MeshSender
from mesh_link.session import QueueStatus
from mesh_link.tracer import RouteRequest
from tests.support.fake_clock import EPOCH, FakeClock

INTERVAL = 2.2
ASKER = 0x1234


class Radio:
    """A whole SendingInterface: keeps what it is given, or fails like a link that has gone."""

    def __init__(self):
        self.texts = []
        self.times = []
        self.routes = []
        self.broken = False

    def send_text_packet(self, packet):
        self._check()
        self.texts.append(packet)

    def send_route_request(self, packet_id, to):
        self._check()
        self.routes.append((packet_id, to))

    def send_time(self, seconds):
        self._check()
        self.times.append(seconds)

    def _check(self):
        if self.broken:
            raise ConnectionError("link lost")


class Bench:
    def __init__(self):
        self.clock = FakeClock()
        self.radio = Radio()
        self.interface = self.radio
        self.crashed = SimpleQueue()
        self.sender = MeshSender(self.clock, Outbox(INTERVAL, 200, count(1).__next__), lambda: self.interface)

    def tell(self, *messages):
        for message in messages:
            self.sender.tell(message)
        self.clock.advance(0)  # until all is done

    def confirm(self, packet):
        self.tell(QueueStatus(packet.packet_id, 0))

    def texts(self):
        return [packet.text for packet in self.radio.texts]


@pytest.fixture
def bench():
    bench = Bench()
    bench.sender.start(bench.crashed)
    bench.clock.wait_parked(inf)
    yield bench
    bench.sender.stop()
    assert bench.sender.join(30)
    assert bench.crashed.empty()


def answer(text="bonjour", **details):
    return OutgoingText(text, ASKER, **details)


def test_an_answer_goes_at_once_when_the_link_is_up(bench):
    bench.tell(LinkChange(up=True), answer())
    assert bench.texts() == ["bonjour"]


def test_an_answer_waits_for_the_link(bench):
    bench.tell(answer())
    assert bench.texts() == []
    bench.tell(LinkChange(up=True))
    assert bench.texts() == ["bonjour"]


def test_the_second_answer_goes_an_interval_after_the_first_was_confirmed(bench):
    bench.tell(LinkChange(up=True), answer("a"), answer("b"))
    bench.confirm(bench.radio.texts[0])
    bench.clock.advance(INTERVAL - 0.1)
    assert bench.texts() == ["a"]
    bench.clock.advance(0.1)
    assert bench.texts() == ["a", "b"]


def test_an_unconfirmed_answer_goes_again_under_its_id(bench):
    bench.tell(LinkChange(up=True), answer())
    bench.clock.advance(CONFIRM_TIMEOUT)
    first, second = bench.radio.texts
    assert first == second


def test_a_failed_write_keeps_the_answer_for_the_next_link(bench):
    bench.radio.broken = True
    bench.tell(LinkChange(up=True), answer())
    bench.interface = Radio()
    bench.tell(LinkChange(up=False), LinkChange(up=True))
    bench.clock.advance(INTERVAL)
    assert [packet.text for packet in bench.interface.texts] == ["bonjour"]


def test_an_interface_that_has_just_gone_keeps_the_answer(bench):
    bench.interface = None
    bench.tell(LinkChange(up=True), answer())
    bench.interface = bench.radio
    bench.tell(LinkChange(up=True))
    bench.clock.advance(INTERVAL)
    assert bench.texts() == ["bonjour"]


def test_the_interface_is_asked_for_at_each_packet(bench):
    bench.tell(LinkChange(up=True), answer("a"), answer("b"))
    bench.confirm(bench.radio.texts[0])
    bench.interface = Radio()
    bench.clock.advance(INTERVAL)
    assert [packet.text for packet in bench.interface.texts] == ["b"]


def test_a_new_link_tells_the_node_the_time(bench):
    bench.tell(LinkChange(up=True))
    assert bench.radio.times == [int(EPOCH.timestamp())]


def test_a_clock_that_has_not_been_set_teaches_no_node(bench, monkeypatch):
    monkeypatch.setattr(bench.clock, "now", lambda: datetime(1970, 1, 1, tzinfo=UTC))
    bench.tell(LinkChange(up=True))
    assert bench.radio.times == []


def test_a_wall_clock_that_was_put_right_is_told_to_the_node_within_a_minute(bench):
    bench.tell(LinkChange(up=True))
    bench.clock.advance(300)
    assert len(bench.radio.times) == 1, "no jump, nothing to tell"
    bench.clock.jump(3600)
    bench.clock.advance(60)
    assert bench.radio.times[1] - bench.radio.times[0] == 3600 + 360


def test_without_a_link_the_clock_is_not_watched(bench):
    bench.tell(LinkChange(up=True), LinkChange(up=False))
    bench.clock.jump(3600)
    bench.clock.advance(600)
    assert len(bench.radio.times) == 1


def test_a_time_that_cannot_be_told_harms_nothing(bench):
    bench.radio.broken = True
    bench.tell(LinkChange(up=True))
    assert bench.radio.times == []


def test_a_link_that_has_just_gone_is_told_no_time(bench):
    bench.interface = None
    bench.tell(LinkChange(up=True))
    assert bench.radio.times == []


def test_an_answer_that_expires_is_said(bench, caplog):
    bench.tell(answer(expires_at=bench.clock.monotonic() + 120))
    bench.clock.advance(120)
    assert "📤 Réponse à 0x00001234 expirée avant l'envoi" in caplog.messages


def test_beyond_a_hundred_waiting_packets_the_newest_are_refused_and_said_once_a_minute(bench, caplog):
    bench.tell(*(answer() for _ in range(WAITING_LIMIT + 5)))
    assert len(bench.sender._outbox) == WAITING_LIMIT
    bench.clock.advance(60)
    bench.tell(answer())
    said = [line for line in caplog.messages if "Trop de réponses" in line]
    assert said == [f"⚠️ Trop de réponses en attente: {count} refusées" for count in (1, 5)]


def test_a_refusal_is_said_with_its_number(bench, caplog):
    bench.tell(LinkChange(up=True), answer())
    bench.tell(QueueStatus(bench.radio.texts[0].packet_id, 39))
    assert "📤 Réponse à 0x00001234 refusée par le nœud (39)" in caplog.messages


def test_an_answer_that_does_not_arrive_is_said_with_its_reason(bench, caplog):
    bench.tell(LinkChange(up=True), answer(want_ack=True))
    (packet,) = bench.radio.texts
    bench.confirm(packet)
    bench.tell(RoutingAnswer(packet.packet_id, ASKER, "NO_CHANNEL"))
    assert "📤 Réponse à 0x00001234 non remise (NO_CHANNEL)" in caplog.messages


def test_what_goes_well_is_said_only_to_debuggers(bench, caplog):
    caplog.set_level(logging.INFO)
    bench.tell(LinkChange(up=True), answer(want_ack=True))
    (packet,) = bench.radio.texts
    bench.confirm(packet)
    bench.tell(RoutingAnswer(packet.packet_id, ASKER, "NONE"))
    assert caplog.messages == []


def test_a_traceroute_goes_at_once_beside_the_texts_that_wait(bench):
    unsent = []
    bench.tell(LinkChange(up=True), answer("a"), answer("b"), RouteRequest(77, ASKER, unsent.append))
    assert bench.radio.routes == [(77, ASKER)]
    assert bench.texts() == ["a"]
    assert unsent == []


def test_a_traceroute_that_cannot_go_is_told_and_not_kept(bench):
    unsent = []
    bench.interface = None
    bench.tell(RouteRequest(77, ASKER, unsent.append))
    bench.interface, bench.radio.broken = bench.radio, True
    bench.tell(RouteRequest(78, ASKER, unsent.append))
    bench.radio.broken = False
    bench.tell(LinkChange(up=True))
    assert unsent == [77, 78]
    assert bench.radio.routes == []
