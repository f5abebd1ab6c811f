"""/trace: the words for each way, and for each reason why there is none."""

import pytest

from meshbot.commands.builtin.trace import trace_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Request
from meshbot.commands.roles import ANONYMOUS, AuthFailure, User
from meshbot.mesh_link.messages import Hop, TracerouteReply
from meshbot.mesh_link.packets import NodeRecord, RadioMetadata
from meshbot.sending.traceroute import TRACE_TIMEOUT, NoRoute, NoRouteError, TooSoonError
from tests.support.mesh_commands import ALICE, BOB, OWN, ZOE, MeshCommands
from tests.support.packet_records import packet


class Scripted:
    """A RouteTracer with a result of the test's choice."""

    def __init__(self, result):
        self.result = result
        self.asked = []
        self.for_strangers = []

    def trace(self, num, *, for_stranger=False):
        self.asked.append(num)
        self.for_strangers.append(for_stranger)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def mesh(tmp_path):
    with MeshCommands(tmp_path) as commands:
        commands.populate()
        yield commands


def ask(mesh, argument, result=None, reception=None, language="en"):
    command = trace_command(mesh.memory, Scripted(result), lambda: OWN)
    return command.run(Request("trace", argument, ALICE, reception or RadioMetadata(), translator(language), ()))


def test_trace_has_more_time_than_the_traceroute(mesh):
    assert mesh.trace.slow
    assert not mesh.trace.without_argument.slow
    assert mesh.trace.timeout > TRACE_TIMEOUT


def test_an_ambiguous_relay_is_shown_by_its_number_s_end(mesh):
    other = (ZOE & 0xFF) | 0x44440000
    reception = RadioMetadata(hops=1, relay=ZOE & 0xFF)
    assert ask(mesh, "", reception=reception) == "🧭 hops: 1, last relay: Zoé"
    mesh.memory.record(packet(other))
    assert ask(mesh, "", reception=reception) == "🧭 hops: 1, last relay: …ef"


def test_a_packet_without_hops_has_an_unknown_path(mesh):
    assert ask(mesh, "") == "🧭 unknown path"
    assert ask(mesh, "", reception=RadioMetadata(snr=1.0, relay=3)) == "🧭 unknown path, SNR 1.0 dB"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (TooSoonError(17), "ask again in 17 s"),
        (NoRouteError(NoRoute.NO_LINK), "No link to the radio"),
        (NoRouteError(NoRoute.BUSY), "too busy for a traceroute"),
        (NoRouteError(NoRoute.REFUSED), "refused"),
        (NoRouteError(NoRoute.NOT_RELAYED), "No answer from Zoé: nobody in reach"),
        (NoRouteError(NoRoute.TIMEOUT), "No answer from Zoé within 60 s"),
    ],
)
def test_every_reason_for_no_route_has_its_line(mesh, result, words):
    assert words in ask(mesh, "zoé", result)
    assert len(ask(mesh, "zoé", result, language="fr").encode()) <= 200


@pytest.mark.parametrize("is_stranger", [False, True])
def test_a_stranger_s_traceroute_is_counted_as_such(mesh, is_stranger):
    user = User("mesh:!1", auth_failure=AuthFailure.NOT_PKI, is_listed=False) if is_stranger else ANONYMOUS
    tracer = Scripted(TracerouteReply(1, ZOE, (Hop(ZOE, -12.75),), ()))
    command = trace_command(mesh.memory, tracer, lambda: OWN)
    command.run(Request("trace", "zoé", ALICE, RadioMetadata(), translator("en"), (), user=user))
    assert tracer.for_strangers == [is_stranger]


def test_a_route_without_its_way_back_says_so(mesh):
    result = TracerouteReply(1, ZOE, (Hop(ZOE, -12.75),), ())
    assert ask(mesh, "ZOE", result) == "🧭 Zoé, SNR in dB\n→ ZOE -13\n← not told"


def test_the_longest_way_fits_two_packets(mesh):
    mesh.manager.learn_from_node_database([NodeRecord(n, "", "😀") for n in range(1, 8)])
    way = tuple(Hop(n, -12.75) for n in range(1, 8))
    answer = ask(mesh, "zoé", TracerouteReply(1, ZOE, (*way, Hop(ZOE, -9.5)), (*way, Hop(OWN, -9.5))))
    assert len(answer.encode()) <= 380


@pytest.mark.parametrize(
    ("argument", "answer"),
    [
        ("Nobody at all", "I know no node « Nobody at all »."),
        ("MBOT", "That is me. /trace alone tells how you reach me."),
        ("b", "2 nodes match, which one?\n!20001ef0 Bob\n!20001ef1 Bob Martin"),
    ],
)
def test_an_unknown_node_causes_no_traceroute(mesh, argument, answer):
    tracer = Scripted(None)
    command = trace_command(mesh.memory, tracer, lambda: OWN)
    assert command.run(Request("trace", argument, BOB, RadioMetadata(), translator("en"), ())) == answer
    assert tracer.asked == []
