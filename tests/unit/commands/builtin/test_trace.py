"""/trace: the words for each way, and for each reason why there is none."""

import pytest

from meshbot.commands.builtin.trace import trace_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Request
from meshbot.mesh_link.packets import NodeRecord, RadioMetadata
from meshbot.mesh_link.route_payload import Hop, TracerouteReply
from meshbot.sending.traceroute import TRACE_TIMEOUT, NoRoute, NoRouteError, TooSoonError
from tests.support.mesh_commands import ALICE, BOB, OWN, ZOE, MeshCommands
from tests.support.packet_records import packet


class Scripted:
    """A RouteTracer that says what it is told to."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.asked = []

    def trace(self, num):
        self.asked.append(num)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def mesh(tmp_path):
    with MeshCommands(tmp_path) as commands:
        commands.populate()
        yield commands


def ask(mesh, argument, outcome=None, reception=None, language="en"):
    command = trace_command(mesh.memory, Scripted(outcome), lambda: OWN)
    return command.run(Request("trace", argument, ALICE, reception or RadioMetadata(), translator(language), ()))


def test_the_command_has_more_time_than_the_traceroute_and_bars_nobody(mesh):
    assert mesh.trace.slow
    assert not mesh.trace.alone.slow
    assert mesh.trace.timeout > TRACE_TIMEOUT


def test_a_relay_that_could_be_two_nodes_is_told_by_its_number_s_end(mesh):
    other = (ZOE & 0xFF) | 0x44440000
    reception = RadioMetadata(hops=1, relay=ZOE & 0xFF)
    assert ask(mesh, "", reception=reception) == "🧭 hops: 1, last relay: Zoé"
    mesh.memory.hear(packet(other))
    assert ask(mesh, "", reception=reception) == "🧭 hops: 1, last relay: …ef"


def test_a_packet_that_tells_nothing_has_an_unknown_path(mesh):
    assert ask(mesh, "") == "🧭 unknown path"
    assert ask(mesh, "", reception=RadioMetadata(snr=1.0, relay=3)) == "🧭 unknown path, SNR 1.0 dB"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (TooSoonError(17), "ask again in 17 s"),
        (NoRouteError(NoRoute.NO_LINK), "No link to the radio"),
        (NoRouteError(NoRoute.BUSY), "too busy for a traceroute"),
        (NoRouteError(NoRoute.REFUSED), "refused"),
        (NoRouteError(NoRoute.UNHEARD), "No answer from Zoé: nobody in reach"),
        (NoRouteError(NoRoute.SILENT), "No answer from Zoé within 60 s"),
    ],
)
def test_every_reason_for_no_route_has_its_line(mesh, outcome, words):
    assert words in ask(mesh, "zoé", outcome)
    assert len(ask(mesh, "zoé", outcome, language="fr").encode()) <= 200


def test_a_way_that_the_firmware_does_not_tell_back_is_said(mesh):
    outcome = TracerouteReply(1, ZOE, (Hop(ZOE, -12.75),), ())
    assert ask(mesh, "ZOE", outcome) == "🧭 Zoé, SNR in dB\n→ ZOE -13\n← not told"


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
def test_a_silly_argument_asks_nobody_on_air(mesh, argument, answer):
    tracer = Scripted(None)
    command = trace_command(mesh.memory, tracer, lambda: OWN)
    assert command.run(Request("trace", argument, BOB, RadioMetadata(), translator("en"), ())) == answer
    assert tracer.asked == []
