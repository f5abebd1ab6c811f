"""Traceroutes: their interval, their answers by packet id, and every way they end."""

import threading
from itertools import count
from queue import SimpleQueue

import pytest

from meshbot.mesh_link.messages import Hop, TracerouteReply
from meshbot.mesh_link.packets import RoutingAnswer
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
        self.results = SimpleQueue()

    def trace(self, num=FAR):
        """Trace in a thread of its own; return the request that went to Mesh-Sender."""
        threading.Thread(target=self._trace, args=(num,), name="Test-Asker").start()
        return self.requests.get(timeout=PATIENCE)

    def _trace(self, num):
        try:
            self.results.put(self.tracer.trace(num))
        except NoRouteError as error:
            self.results.put(error.reason)

    def result(self):
        return self.results.get(timeout=PATIENCE)


@pytest.fixture
def bench():
    return Bench()


def answer(request, sender=FAR):
    return TracerouteReply(request.packet_id, sender, (Hop(sender, 6.0),), (Hop(OWN, 5.0),))


def test_the_answer_to_the_request_is_the_route(bench):
    request = bench.trace()
    assert request.to == FAR
    bench.tracer.traceroute_reply(answer(request))
    assert bench.result() == answer(request)


def test_answers_to_and_from_others_are_ignored(bench):
    request = bench.trace()
    bench.tracer.traceroute_reply(TracerouteReply(request.packet_id + 1, FAR, (), ()))
    bench.tracer.traceroute_reply(answer(request, sender=OTHER))
    bench.tracer.routing_answer(RoutingAnswer(request.packet_id, OWN, "NONE", is_own=True))
    bench.tracer.routing_answer(RoutingAnswer(request.packet_id + 1, OWN, "NO_CHANNEL", is_own=True))
    bench.tracer.routing_answer(RoutingAnswer(request.packet_id, OTHER, "NO_CHANNEL"))
    bench.tracer.routing_answer(RoutingAnswer(request.packet_id, OWN, "NO_CHANNEL"))
    bench.tracer.routing_answer(RoutingAnswer(request.packet_id, FAR, "MAX_RETRANSMIT"))
    bench.tracer.queue_status(QueueStatus(request.packet_id, 0))
    bench.tracer.queue_status(QueueStatus(request.packet_id + 1, 32))
    bench.tracer.client_warning(ClientWarning(request.packet_id + 1, "once every 30 seconds"))
    bench.tracer.traceroute_reply(answer(request))
    assert bench.result() == answer(request)


@pytest.mark.parametrize(
    ("refuse", "reason"),
    [
        (lambda tracer, num: tracer.queue_status(QueueStatus(num, 32)), NoRoute.REFUSED),
        (
            lambda tracer, num: tracer.routing_answer(RoutingAnswer(num, OWN, "NO_CHANNEL", is_own=True)),
            NoRoute.REFUSED,
        ),
        (lambda tracer, num: tracer.client_warning(ClientWarning(num, "once every 30 seconds")), NoRoute.REFUSED),
        (
            lambda tracer, num: tracer.routing_answer(RoutingAnswer(num, OWN, "MAX_RETRANSMIT", is_own=True)),
            NoRoute.NOT_RELAYED,
        ),
    ],
)
def test_a_refusal_ends_a_traceroute_at_once(bench, refuse, reason):
    refuse(bench.tracer, bench.trace().packet_id)
    assert bench.result() is reason


def test_silence_ends_a_traceroute_and_a_late_answer_is_ignored(bench):
    request = bench.trace()
    bench.clock.wait_parked(bench.clock.monotonic() + TRACE_TIMEOUT)
    bench.clock.advance(TRACE_TIMEOUT)
    assert bench.result() is NoRoute.TIMEOUT
    bench.tracer.traceroute_reply(answer(request))


def test_a_second_traceroute_too_soon_is_refused_with_the_seconds_left(bench):
    bench.tracer.traceroute_reply(answer(bench.trace()))
    bench.result()
    bench.clock.advance(10.5)
    with pytest.raises(TooSoonError) as refusal:
        bench.tracer.trace(FAR)
    assert refusal.value.seconds == 21
    bench.clock.advance(TRACE_EVERY - 10.5)
    bench.tracer.traceroute_reply(answer(bench.trace()))
    bench.result()


def test_two_traceroutes_in_flight_get_their_own_answers(bench):
    first = bench.trace()
    bench.clock.advance(TRACE_EVERY)
    second = bench.trace(OTHER)
    bench.tracer.traceroute_reply(answer(second, OTHER))
    assert bench.result().sender == OTHER
    bench.tracer.traceroute_reply(answer(first))
    assert bench.result().sender == FAR


def test_a_traceroute_that_could_not_be_sent_delays_no_other(bench):
    request = bench.trace()
    request.not_sent(request.packet_id, NoRoute.NO_LINK)
    assert bench.result() is NoRoute.NO_LINK
    bench.tracer.traceroute_reply(answer(bench.trace()))
    assert isinstance(bench.result(), TracerouteReply)


def test_a_stop_ends_every_traceroute_for_good(bench):
    bench.trace()
    bench.tracer.stop()
    assert bench.result() is NoRoute.NO_LINK
    with pytest.raises(NoRouteError):
        bench.tracer.trace(FAR)
    assert bench.requests.empty()
