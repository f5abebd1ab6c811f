"""The thread Mesh-Sender, over an interface in memory and a clock that the test moves."""

import logging
from datetime import UTC, datetime
from itertools import count
from math import inf
from queue import SimpleQueue

import pytest

from meshbot.mesh_link.messages import LoraSettings
from meshbot.mesh_link.packets import RoutingAnswer
from meshbot.mesh_link.session import QueueStatus
from meshbot.sending.admission import ANSWERS_TO_STRANGERS, WAITING_LIMITS
from meshbot.sending.air_budget import Account
from meshbot.sending.channel_load import LOAD_VALID
from meshbot.sending.outgoing import EchoOrigin, OutgoingText, Priority
from meshbot.sending.queue import CONFIRM_TIMEOUT
from meshbot.sending.queued_text import SETTLE_TIME, PartState
from meshbot.sending.receipts import BUSY_CHANNEL, NO_AIR, NO_LINK, DeliveryStatus
from meshbot.sending.sender import AfterAnswer, ChannelLoad, LinkChange, MeshSender, RestoredQueue
from meshbot.sending.traceroute import NoRoute, RouteRequest
from tests.support.configured import make_send_queue
from tests.support.fake_clock import EPOCH, FakeClock

INTERVAL = 2.2
ASKER = 0x1234
EU_868, LONG_SLOW = 3, 1


class Radio:
    """A whole SendingInterface: keeps what it is given, or fails like a link that has gone."""

    def __init__(self):
        self.texts = []
        self.times = []
        self.routes = []
        self.broken = False
        self.channels = range(8)

    def has_channel(self, index):
        return index in self.channels

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
        self.rows = {}
        self.reports = []
        queue = make_send_queue(INTERVAL, 200, count(1).__next__)
        self.sender = MeshSender(self.clock, queue, lambda: self.interface, self.rows.update, self)

    def on_delivery_report(self, report):
        self.reports.append(report)

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


def test_each_packet_goes_to_the_present_interface(bench):
    bench.tell(LinkChange(up=True), answer("a"), answer("b"))
    bench.confirm(bench.radio.texts[0])
    bench.interface = Radio()
    bench.clock.advance(INTERVAL)
    assert [packet.text for packet in bench.interface.texts] == ["b"]


def test_a_new_link_sets_the_node_s_clock(bench):
    bench.tell(LinkChange(up=True))
    assert bench.radio.times == [int(EPOCH.timestamp())]


def test_a_wall_clock_in_the_past_does_not_go_to_the_node(bench, monkeypatch):
    monkeypatch.setattr(bench.clock, "now", lambda: datetime(1970, 1, 1, tzinfo=UTC))
    bench.tell(LinkChange(up=True))
    assert bench.radio.times == []


def test_a_wall_clock_jump_reaches_the_node_within_a_minute(bench):
    bench.tell(LinkChange(up=True))
    bench.clock.advance(300)
    assert len(bench.radio.times) == 1, "no jump, no time to send"
    bench.clock.jump(3600)
    bench.clock.advance(60)
    assert bench.radio.times[1] - bench.radio.times[0] == 3600 + 360


def test_without_a_link_the_clock_is_not_watched(bench):
    bench.tell(LinkChange(up=True), LinkChange(up=False))
    bench.clock.jump(3600)
    bench.clock.advance(600)
    assert len(bench.radio.times) == 1


def test_a_time_that_cannot_be_sent_harms_nothing(bench):
    bench.radio.broken = True
    bench.tell(LinkChange(up=True))
    assert bench.radio.times == []


def test_a_link_that_has_just_gone_gets_no_time(bench):
    bench.interface = None
    bench.tell(LinkChange(up=True))
    assert bench.radio.times == []


def test_an_answer_that_expires_is_logged(bench, caplog):
    bench.tell(answer(expires_at=bench.clock.monotonic() + 120))
    bench.clock.advance(120)
    assert "📤 Réponse à 0x00001234 expirée avant l'envoi" in caplog.messages


@pytest.mark.parametrize(
    ("priority", "name"), [(Priority.MAIL, "Lettre"), (Priority.BRIDGE, "Transmission"), (Priority.ALERT, "Alerte")]
)
def test_other_kinds_have_their_names_in_the_log(bench, caplog, priority, name):
    bench.tell(answer(priority=priority, expires_at=bench.clock.monotonic() + 1))
    bench.clock.advance(1)
    assert f"📤 {name} à 0x00001234 expirée avant l'envoi" in caplog.messages


def test_answers_turned_away_are_logged_once_a_minute(bench, caplog):
    bench.tell(*(answer() for _ in range(WAITING_LIMITS[Priority.ANSWER] + 5)))
    assert len(bench.sender._queue) == WAITING_LIMITS[Priority.ANSWER]
    bench.clock.advance(60)
    bench.tell(answer())
    lines = [line for line in caplog.messages if "Trop d'envois" in line]
    assert lines == [f"⚠️ Trop d'envois en attente: {count} refusés" for count in (1, 5)]


def test_a_refusal_is_logged_with_its_name_and_meaning(bench, caplog):
    bench.tell(LinkChange(up=True), answer())
    bench.tell(QueueStatus(bench.radio.texts[0].packet_id, 7))
    line = "📤 Réponse à 0x00001234 refusée par le nœud"
    assert f"{line} (TOO_LARGE: texte trop long pour un paquet)" in caplog.messages


def test_a_postponed_answer_is_logged_with_the_wait(bench, caplog):
    caplog.set_level(logging.INFO)
    bench.tell(LinkChange(up=True), answer())
    bench.tell(QueueStatus(bench.radio.texts[0].packet_id, 32))
    reason = "TX_QUEUE_FULL: file d'émission du nœud pleine; nouvel essai dans 5 s"
    assert f"📤 Réponse à 0x00001234 remise à plus tard ({reason})" in caplog.messages
    bench.clock.advance(5)
    assert bench.texts() == ["bonjour", "bonjour"]


def test_an_answer_that_does_not_arrive_is_logged_with_its_reason(bench, caplog):
    bench.tell(LinkChange(up=True), answer(want_ack=True))
    (packet,) = bench.radio.texts
    bench.confirm(packet)
    bench.tell(RoutingAnswer(packet.packet_id, ASKER, "NO_ROUTE"))
    line = "📤 Réponse à 0x00001234 non remise (NO_ROUTE: aucun chemin vers le destinataire)"
    assert line in caplog.messages


def test_success_is_logged_at_debug_level_only(bench, caplog):
    caplog.set_level(logging.INFO)
    bench.tell(LinkChange(up=True), answer(want_ack=True))
    (packet,) = bench.radio.texts
    bench.confirm(packet)
    bench.tell(RoutingAnswer(packet.packet_id, ASKER, "NONE"))
    assert caplog.messages == []


# -- actions after an answer


@pytest.fixture
def done():
    return []


def action(bench, done, reply_id=77):
    return AfterAnswer(ASKER, reply_id, lambda: done.append(bench.clock.monotonic()), bench.clock.monotonic() + 10.0)


def test_an_action_waits_for_the_confirmation_of_its_answer(bench, done):
    bench.tell(LinkChange(up=True), action(bench, done), OutgoingText("so be it", ASKER, reply_id=77))
    assert bench.texts() == ["so be it"]
    assert done == []
    bench.confirm(bench.radio.texts[0])
    assert done == [bench.clock.monotonic()]


def test_an_action_without_confirmation_runs_after_ten_seconds(bench, done):
    asked = bench.clock.monotonic()
    bench.tell(action(bench, done), OutgoingText("so be it", ASKER, reply_id=77))
    bench.clock.advance(9.9)
    assert done == []
    bench.clock.advance(0.1)
    assert done == [asked + 10.0]


def test_the_sender_counts_what_waits_for_the_radio(bench):
    bench.tell(OutgoingText("a", ASKER), OutgoingText("b", ASKER))
    assert bench.sender.waiting == 2


# -- delivery reports


def test_each_status_of_a_text_is_reported(bench):
    bench.tell(LinkChange(up=True), answer("a", want_ack=True, origin=EchoOrigin(1)), answer("b"))
    (packet,) = bench.radio.texts
    bench.confirm(packet)
    bench.tell(RoutingAnswer(packet.packet_id, ASKER, "NONE"))
    bench.clock.advance(INTERVAL)
    bench.confirm(bench.radio.texts[1])
    reports = [(report.message.origin, report.status) for report in bench.reports]
    assert [report for report in reports if report[0]] == [
        (EchoOrigin(1), DeliveryStatus.ACCEPTED),
        (EchoOrigin(1), DeliveryStatus.ACKNOWLEDGED),
    ]
    assert reports[-1] == (None, DeliveryStatus.ACCEPTED)


def test_waiting_for_the_link_or_the_channel_is_reported(bench):
    bench.tell(LinkChange(up=True))
    bench.tell(*(answer(f"{n}", origin=EchoOrigin(n), priority=Priority.BRIDGE) for n in range(2)))
    bench.tell(ChannelLoad(60.0))
    bench.tell(LinkChange(up=False))
    reports = [(report.message.origin, report.status, report.reason) for report in bench.reports]
    assert reports == [
        *((EchoOrigin(n), DeliveryStatus.QUEUED, BUSY_CHANNEL) for n in range(2)),
        *((EchoOrigin(n), DeliveryStatus.QUEUED, NO_LINK) for n in range(2)),
    ]


def test_a_text_turned_away_is_reported(bench):
    bench.tell(*(answer(origin=EchoOrigin(1)) for _ in range(WAITING_LIMITS[Priority.ANSWER] + 2)))
    statuses = [report.status for report in bench.reports]
    assert statuses == [DeliveryStatus.QUEUED] * WAITING_LIMITS[Priority.ANSWER] + [DeliveryStatus.QUEUE_FULL] * 2


# -- a busy channel


def test_a_busy_channel_is_logged_when_it_begins_and_ends(bench, caplog):
    caplog.set_level(logging.INFO)
    bench.tell(LinkChange(up=True), *(ChannelLoad(percent) for percent in (10, 31, 40, 26)))
    bench.tell(answer("held", priority=Priority.BRIDGE))
    assert bench.texts() == []
    bench.tell(ChannelLoad(20), ChannelLoad(19))
    assert bench.texts() == ["held"]
    assert [line for line in caplog.messages if "📶" in line] == [
        "📶 Canal occupé à plus de 25 %: seuls partent les accusés de /mail et les réponses à un numéro prouvé",
        "📶 Canal de nouveau libre: tout ce qui attend part",
    ]


# -- what is saved


def test_each_change_is_handed_over_to_be_saved(bench):
    bench.tell(answer())
    assert [row.state for row in bench.rows.values()] == [PartState.WAITING]
    bench.tell(LinkChange(up=True))
    assert [row.state for row in bench.rows.values()] == [PartState.SENT]
    bench.confirm(bench.radio.texts[0])
    assert list(bench.rows.values()) == [None]


def test_saved_times_are_wall_times(bench):
    bench.tell(answer())
    (row,) = bench.rows.values()
    assert (row.created, row.expires_at) == (EPOCH.timestamp(), EPOCH.timestamp() + 120)


@pytest.mark.parametrize("link_up", [True, False])
def test_a_wall_clock_jump_has_all_rows_saved_again(bench, link_up):
    bench.tell(LinkChange(up=link_up), answer("a"), answer("b", priority=Priority.MAIL))
    before = dict(bench.rows)
    bench.clock.jump(86_400)
    bench.clock.advance(60)
    assert {row_id: row.created - before[row_id].created for row_id, row in bench.rows.items()} == {
        1: 86_400,
        2: 86_400,
    }


def test_saved_texts_go_out_once_the_link_has_settled(bench):
    bench.tell(answer("left", want_ack=True))
    rows = dict(bench.rows)
    again = Bench()
    again.sender.start(again.crashed)
    again.clock.wait_parked(inf)
    again.tell(RestoredQueue(tuple(rows.values())), LinkChange(up=True))
    again.clock.advance(SETTLE_TIME - 0.1)
    assert again.texts() == []
    again.clock.advance(0.2)
    assert again.texts() == ["left"]
    again.sender.stop()
    assert again.sender.join(30)


# -- traceroutes


def keep(unsent):
    return lambda packet_id, reason: unsent.append((packet_id, reason))


def test_a_traceroute_goes_at_once_beside_the_texts_that_wait(bench):
    unsent = []
    bench.tell(LinkChange(up=True), answer("a"), answer("b"), RouteRequest(77, ASKER, keep(unsent)))
    assert bench.radio.routes == [(77, ASKER)]
    assert bench.texts() == ["a"]
    assert unsent == []


def test_a_traceroute_that_cannot_go_is_reported_and_not_kept(bench):
    unsent = []
    bench.interface = None
    bench.tell(RouteRequest(77, ASKER, keep(unsent)))
    bench.interface, bench.radio.broken = bench.radio, True
    bench.tell(RouteRequest(78, ASKER, keep(unsent)))
    bench.radio.broken = False
    bench.tell(LinkChange(up=True))
    assert unsent == [(77, NoRoute.NO_LINK), (78, NoRoute.NO_LINK)]
    assert bench.radio.routes == []


def test_a_traceroute_goes_only_while_the_channel_is_not_busy(bench):
    unsent = []
    bench.tell(LinkChange(up=True), ChannelLoad(25.1), RouteRequest(77, ASKER, keep(unsent)))
    assert (bench.radio.routes, unsent) == ([], [(77, NoRoute.BUSY)])
    bench.tell(ChannelLoad(25.0), RouteRequest(78, ASKER, keep(unsent)))
    assert (bench.radio.routes, len(unsent)) == ([(78, ASKER)], 1)


def test_a_stranger_s_traceroute_waits_for_no_more_than_strangers_air(bench):
    unsent = []
    stranger, other = Account.STRANGERS, Account.EVERYTHING
    bench.tell(LinkChange(up=True), RouteRequest(77, ASKER, keep(unsent), for_stranger=True))
    spent = {each: bench.sender._queue.air._spending[each].spent(bench.clock.monotonic()) for each in (stranger, other)}
    assert spent[stranger] == spent[other] > 0
    bench.tell(RouteRequest(78, ASKER, keep(unsent)))
    assert bench.sender._queue.air._spending[stranger].spent(bench.clock.monotonic()) == spent[stranger]


def test_with_enough_answers_to_strangers_waiting_no_further_one_is_in_time(bench):
    stranger = {"for_stranger": True, "expires_at": inf}
    for number in range(ANSWERS_TO_STRANGERS - 1):
        bench.tell(answer(f"{number}", **stranger))
    assert bench.sender.answer_at(for_stranger=True, despite_load=True) < inf
    bench.tell(answer("the last", **stranger))
    assert bench.sender.answer_at(for_stranger=True, despite_load=True) == inf
    assert bench.sender.answer_at(for_stranger=False, despite_load=True) < inf


def test_on_a_busy_channel_only_what_goes_despite_it_is_in_time(bench):
    assert bench.sender.answer_at(for_stranger=True, despite_load=False) < inf
    bench.tell(LinkChange(up=True), ChannelLoad(90.0))
    held_until = bench.sender.answer_at(for_stranger=True, despite_load=False)
    assert held_until == bench.clock.monotonic() + LOAD_VALID
    assert bench.sender.answer_at(for_stranger=True, despite_load=True) < held_until


# -- what others cannot say, and the hour's budget


def test_powerless_routing_answers_are_logged_once_an_hour(bench, caplog):
    bench.tell(LinkChange(up=True), answer(want_ack=True))
    (packet,) = bench.radio.texts
    forged = RoutingAnswer(packet.packet_id, 0xBAD, "DUTY_CYCLE_LIMIT")
    bench.tell(forged, forged, forged)
    lines = [line for line in caplog.messages if "🎭" in line]
    assert lines == [
        "🎭 1 accusé(s) de routage de qui ne peut les donner, sans effet: dernier, DUTY_CYCLE_LIMIT de 0x00000bad"
    ]
    assert len(bench.sender._queue) == 1


def test_an_exhausted_hour_is_logged_and_what_waits_goes_later(bench, caplog):
    lora = LoraSettings(region=EU_868, preset=LONG_SLOW)
    bridged = [answer("x" * 200, priority=Priority.BRIDGE, origin=EchoOrigin(number)) for number in range(40)]
    bench.tell(LinkChange(up=True, lora=lora), *bridged)
    for _ in bridged:
        bench.confirm(bench.radio.texts[-1])
        bench.clock.advance(INTERVAL)
    told = [report.message.origin.asker for report in bench.reports if report.reason == NO_AIR]
    assert told == list(range(len(bench.texts()), len(bridged)))
    sent = len(bench.texts())
    assert 5 < sent < len(bridged)
    lines = [line for line in caplog.messages if "📡" in line]
    assert lines == ["📡 Temps d'émission de l'heure épuisé (transmissions; 360 s en tout): ce qui reste attend"]
    bench.tell(answer("pong"))
    assert bench.texts()[-1] == "pong", "the rest is for answers"
