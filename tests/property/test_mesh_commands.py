"""Whatever is asked of the mesh commands, whatever is known: an answer that can be sent."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assembly import mesh_commands
from meshbot.commands.language import translator
from meshbot.commands.registry import Request
from meshbot.mesh_link.packets import RadioMetadata
from meshbot.text import split_text
from node_manager import NodeManager
from tests.support.configured import make_memory
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, record
from tests.support.packet_records import packet
from tests.support.town import ASKER, EmptyTown, Town

PACKET = 200
MOST_PARTS = 3
WORDS = [
    "alice",
    "AL",
    "!20001eef",
    "1eef",
    "0",
    "-1",
    "1",
    "24",
    "99999999999",
    "²",
    "top",
    "histo",
    "channel",
    "é" * 90,
]
ARGUMENTS = st.text(max_size=220) | st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
NAMES = [command.name for command in mesh_commands(None, None)]
NODE_NAMES = st.text(max_size=40)


@pytest.fixture(scope="module")
def towns(tmp_path_factory):
    """A town, a mesh of which nothing is known, and one of which nothing can be kept."""
    clock = FakeClock()
    without = make_memory(None, NodeManager(None, clock), clock, lambda: 0)
    with Town(tmp_path_factory.mktemp("town")) as town, EmptyTown(tmp_path_factory.mktemp("empty")) as empty:
        yield [(town.memory, town.clock), (empty.memory, empty.clock), (without, clock)]


def answer(memory, clock, name, argument, language, sender=ASKER):
    commands = mesh_commands(memory, clock)
    command = next(command for command in commands if command.name == name)
    return command.run(Request(name, argument, sender, RadioMetadata(), translator(language), commands))


def assert_can_be_sent(text):
    assert text.strip()
    parts = split_text(text, PACKET)
    assert len(parts) <= MOST_PARTS
    assert all(len(part.encode()) <= PACKET for part in parts)


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(
    argument=ARGUMENTS,
    which=st.integers(0, 2),
    language=st.sampled_from(["fr", "en"]),
    sender=st.sampled_from([ASKER, 1]),
)
def test_any_argument_gets_an_answer_that_can_be_sent(towns, name, argument, which, language, sender):
    assert_can_be_sent(answer(*towns[which], name, argument.strip(), language, sender))


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=60)
@given(long_name=NODE_NAMES, short_name=NODE_NAMES, hw_model=NODE_NAMES, role=NODE_NAMES)
def test_nodes_of_any_name_give_a_sendable_answer(name, long_name, short_name, hw_model, role):
    clock = FakeClock()
    manager = NodeManager(None, clock)
    memory = make_memory(None, manager, clock, lambda: BOB)
    details = {"short_name": short_name, "hw_model": hw_model, "role": role, "latitude": 45.0, "longitude": 4.0}
    manager.learn_from_nodeinfos([record(num, long_name=long_name, **details) for num in (ALICE, BOB, ASKER)])
    for num in (ALICE, BOB, ASKER):
        memory.record(packet(num))
    for argument in ("", "!20001eef", long_name, "top"):
        assert_can_be_sent(answer(memory, clock, name, argument.strip(), "fr"))
