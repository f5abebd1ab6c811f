"""Traceroutes: one in a while, matched by id, over soon whatever happens."""

import threading
from itertools import count
from queue import SimpleQueue

import pytest

from meshbot.mesh_link.packets import RoutingAnswer
from meshbot.mesh_link.route_payload import Hop, TracerouteReply
from meshbot.mesh_link.session import ClientWarning, QueueStatus
from meshbot.sending.traceroute import TRACE_TIMEOUT, NoRoute, NoRouteError, TooSoonError, Tracer
from tests.support.fake_clock import FakeClock

TRACE_EVERY = 31.0  # seconds: the radio's 30, and a little

FAR, OTHER, OWN = 0x1234, 0x5678, 0x9999
PATIENCE = 30.0  # real seconds: only a failure waits so long


class Bench:
    def __init__(self):
        self.clock = FakeClock()
        self.requests = SimpleQueue()
        self.tracer = Tracer(self.clock, self.requests.put, count(1).__next__)
        self.outcomes = SimpleQueue()

    def trace(self, num=FAR):
        """Trace in a thread of its own; return the request that went to Mesh-Sender."""
        threading.Thread(target=self._trace, args=(num,), name="Test-Asker").start()
        return self.requests.get(timeout=PATIENCE)

    def _trace(self, num):
        try:
            self.outcomes.put(self.tracer.trace(num))
        except NoRouteError as error:
            self.outcomes.put(error.reason)

    def outcome(self):
        return self.outcomes.get(timeout=PATIENCE)


@pytest.fixture
def bench():
    return Bench()


def answer(request, sender=FAR):
    return TracerouteReply(request.packet_id, sender, (Hop(sender, 6.0),), (Hop(OWN, 5.0),))


def test_the_answer_to_the_request_is_the_route(bench):
    request = bench.trace()
    assert request.to == FAR
    bench.tracer.route_heard(answer(request))
    assert bench.outcome() == answer(request)


def test_answers_to_others_questions_and_from_others_are_not_it(bench):
    request = bench.trace()
    bench.tracer.route_heard(TracerouteReply(request.packet_id + 1, FAR, (), ()))
    bench.tracer.route_heard(answer(request, sender=OTHER))
    bench.tracer.routing_answer(RoutingAnswer(request.packet_id, OWN, "NONE"))
    bench.tracer.routing_answer(RoutingAnswer(request.packet_id + 1, OWN, "NO_CHANNEL"))
    bench.tracer.queue_status(QueueStatus(request.packet_id, 0))
    bench.tracer.queue_status(QueueStatus(request.packet_id + 1, 32))
    bench.tracer.objection(ClientWarning(request.packet_id + 1, "once every 30 seconds"))
    bench.tracer.route_heard(answer(request))
    assert bench.outcome() == answer(request)


@pytest.mark.parametrize(
    ("tell", "reason"),
    [
        (lambda tracer, num: tracer.queue_status(QueueStatus(num, 32)), NoRoute.REFUSED),
        (lambda tracer, num: tracer.routing_answer(RoutingAnswer(num, OWN, "NO_CHANNEL")), NoRoute.REFUSED),
        (lambda tracer, num: tracer.objection(ClientWarning(num, "once every 30 seconds")), NoRoute.REFUSED),
        (lambda tracer, num: tracer.routing_answer(RoutingAnswer(num, OWN, "MAX_RETRANSMIT")), NoRoute.UNHEARD),
    ],
)
def test_a_refusal_ends_it_at_once(bench, tell, reason):
    tell(bench.tracer, bench.trace().packet_id)
    assert bench.outcome() is reason


def test_silence_ends_it_in_its_time_and_a_late_answer_harms_nobody(bench):
    request = bench.trace()
    bench.clock.wait_parked(bench.clock.monotonic() + TRACE_TIMEOUT)
    bench.clock.advance(TRACE_TIMEOUT)
    assert bench.outcome() is NoRoute.SILENT
    bench.tracer.route_heard(answer(request))


def test_a_second_one_too_soon_is_refused_with_the_seconds_left(bench):
    bench.tracer.route_heard(answer(bench.trace()))
    bench.outcome()
    bench.clock.advance(10.5)
    with pytest.raises(TooSoonError) as refusal:
        bench.tracer.trace(FAR)
    assert refusal.value.seconds == 21
    bench.clock.advance(TRACE_EVERY - 10.5)
    bench.tracer.route_heard(answer(bench.trace()))
    bench.outcome()


def test_two_under_way_get_each_their_own(bench):
    first = bench.trace()
    bench.clock.advance(TRACE_EVERY)
    second = bench.trace(OTHER)
    bench.tracer.route_heard(answer(second, OTHER))
    assert bench.outcome().sender == OTHER
    bench.tracer.route_heard(answer(first))
    assert bench.outcome().sender == FAR


def test_one_that_could_not_be_sent_takes_nobody_s_turn(bench):
    request = bench.trace()
    request.not_sent(request.packet_id, NoRoute.NO_LINK)
    assert bench.outcome() is NoRoute.NO_LINK
    bench.tracer.route_heard(answer(bench.trace()))
    assert isinstance(bench.outcome(), TracerouteReply)


def test_the_end_releases_who_waits_and_nobody_waits_again(bench):
    bench.trace()
    bench.tracer.stop()
    assert bench.outcome() is NoRoute.NO_LINK
    with pytest.raises(NoRouteError):
        bench.tracer.trace(FAR)
    assert bench.requests.empty()
