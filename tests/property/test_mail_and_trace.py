"""Whatever a user types behind /mail and /trace, and whatever a traceroute brings: an answer, no exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.commands.builtin.mail import recipient_of
from meshbot.commands.builtin.trace import trace_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Request
from meshbot.mesh_link.messages import RadioMetadata, TracerouteReply
from meshbot.mesh_link.packets import BadPacketError
from meshbot.mesh_link.payloads import MAX_RELAYS
from tests.support.mesh_commands import ALICE, OWN, MeshCommands
from tests.support.packet_records import message_in

LONGEST = 230  # characters of a packet
WORDS = st.sampled_from(
    ["send", "SEND", "del", "Bob", "Bob Martin", "zoé", "!20001eef", "1ef0", '"', "«", "»", "0", "1", "٣", "²", "\n"]
)
ARGUMENTS = st.one_of(
    st.text(max_size=LONGEST), st.lists(st.one_of(WORDS, st.text(max_size=9)), max_size=8).map(" ".join)
).map(str.strip)
ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5))
LISTS = st.one_of(ODD, st.lists(st.one_of(ODD, st.integers(-128, 127)), max_size=12))
ROUTES = st.fixed_dictionaries({}, optional={"route": LISTS, "snrTowards": LISTS, "routeBack": LISTS, "snrBack": LISTS})


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    with MeshCommands(tmp_path_factory.mktemp("data")) as commands:
        commands.populate()
        yield commands


@settings(max_examples=150)
@given(argument=ARGUMENTS, language=st.sampled_from(["fr", "en"]))
def test_any_argument_of_mail_gets_an_answer(mesh, argument, language):
    answer = mesh.mail.run(Request("mail", argument, ALICE, RadioMetadata(), translator(language), ()))
    assert answer
    assert len(answer.encode(errors="replace")) <= 620


@settings(max_examples=150, deadline=None)
@given(argument=ARGUMENTS, language=st.sampled_from(["fr", "en"]))
def test_any_argument_of_trace_gets_an_answer(mesh, argument, language):
    mesh.clock.advance(60)
    answer = mesh.trace.run(Request("trace", argument, ALICE, RadioMetadata(), translator(language), ()))
    assert 0 < len(answer.encode(errors="replace")) <= 300


@given(argument=ARGUMENTS)
def test_a_mail_s_text_is_the_end_of_the_argument(mesh, argument):
    name, _found, text = recipient_of(argument, mesh.memory.find_nodes)
    assert argument.endswith(text)
    assert name or not argument


@given(payload=st.one_of(ODD, ROUTES), sender=st.one_of(ODD, st.just(ALICE)), request_id=st.one_of(ODD, st.just(7)))
def test_any_traceroute_packet_is_a_route_or_nothing_or_malformed(mesh, payload, sender, request_id):
    decoded = {"portnum": "TRACEROUTE_APP", "requestId": request_id, "traceroute": payload}
    try:
        route = message_in({"from": sender, "to": OWN, "decoded": decoded})
    except BadPacketError:
        return
    if route is None:
        return
    assert isinstance(route, TracerouteReply)
    assert route.there[-1].num == sender
    assert max(len(route.there), len(route.back)) <= MAX_RELAYS + 1

    class Found:
        def trace(self, _num, *, for_stranger=False):
            return route

    command = trace_command(mesh.memory, Found(), lambda: OWN)
    assert command.run(Request("trace", "Bob", ALICE, RadioMetadata(), translator("en"), ())).startswith("🧭 Bob")
