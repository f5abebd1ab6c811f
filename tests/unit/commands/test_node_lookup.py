"""Which node a user means: every command with a `<node>` asks in the same way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.commands.language import translator
from meshbot.commands.node_lookup import called, one_node, short_name_of
from meshbot.commands.registry import Request
from meshbot.mesh_link.packets import NodeRecord, RadioMetadata
from meshbot.mesh_memory.views import NodeView
from node_manager import NodeManager
from tests.support.configured import make_memory
from tests.support.fake_clock import FakeClock
from tests.support.mesh_commands import MeshCommands
from tests.support.sample_commands import sample_commands

NODES = [(0x20001EEF, "Alice Bellecour", "ALI"), (0x20001EF0, "Élodie Vaise", "ELO"), (0x000ABEEF, "Alice Vaise", "AV")]


def directory(nodes):
    manager = NodeManager(None, FakeClock())
    manager.learn_from_node_database([NodeRecord(num, long_name, short_name) for num, long_name, short_name in nodes])
    return make_memory(None, manager, FakeClock(), lambda: 0)


def asked(argument, language="en", command="info"):
    return Request(command, argument, 1, RadioMetadata(), translator(language), ())


@pytest.mark.parametrize("argument", ["elodie vaise", "ELO", "!20001ef0", "20001EF0", "0x20001ef0", "1ef0", "élod"])
def test_the_one_node_meant_is_returned(argument):
    found = one_node(asked(argument), directory(NODES))
    assert isinstance(found, NodeView)
    assert found.num == 0x20001EF0


def test_without_an_argument_the_answer_says_how_to_ask():
    answer = one_node(asked(""), directory(NODES))
    assert answer == "Which node? Its name, short name or the end of its id: /info 1eef"


def test_several_are_listed_by_id_and_name():
    assert one_node(asked("vaise"), directory(NODES)) == (
        "2 nodes match, which one?\n!20001ef0 Élodie Vaise\n!000abeef Alice Vaise"
    )


def test_a_long_list_is_cut_to_a_packet():
    crowd = directory([(number, f"Node {number:02}", "") for number in range(1, 30)])
    answer = one_node(asked("node"), crowd)
    assert answer.startswith("29 nodes match, which one?\n!00000001 Node 01\n")
    assert answer.splitlines()[-1] == f"+{29 - (len(answer.splitlines()) - 2)}"
    assert len(answer.encode()) <= 200


def test_an_unknown_node_is_quoted_shortened():
    assert one_node(asked("x" * 300), directory(NODES)) == f"I know no node « {'x' * 37}… »."


def test_a_node_is_called_by_its_name_else_by_its_id():
    nodes = directory([*NODES, (0xCAFE, "", "")])
    assert [called(nodes, num) for num in (0x20001EEF, 0xCAFE, 0xBEEF)] == ["Alice Bellecour", "!0000cafe", "!0000beef"]
    assert called(nodes, 0x20001EEF, 8) == "ALI"
    assert [short_name_of(nodes, num) for num in (0x20001EEF, 0xCAFE, 0xBEEF)] == ["ALI", "cafe", "beef"]


@pytest.mark.parametrize("name", ["info", "keys", "neighbors", "trace"])
def test_every_command_answers_the_same_to_an_unknown_node(tmp_path, name):
    with MeshCommands(tmp_path) as mesh:
        mesh.populate()
        (command,) = (each for each in sample_commands(mesh) if each.name == name)
        assert command.run(asked("zzz", "fr", name)) == "Je ne connais pas de nœud « zzz »."


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(1, 2**32 - 2), st.text(max_size=8), st.text(max_size=4))))
def test_any_text_gets_a_node_or_a_sentence(argument, nodes):
    found = one_node(asked(argument), directory(nodes))
    assert found
    assert isinstance(found, str | NodeView)


@given(st.lists(st.tuples(st.integers(1, 2**32 - 2), st.just("x"), st.just("y")), min_size=1, unique_by=lambda n: n[0]))
def test_a_whole_id_always_means_its_node(nodes):
    names = directory(nodes)
    for num, *_ in nodes:
        found = one_node(asked(f"!{num:08x}"), names)
        assert isinstance(found, NodeView)
        assert found.num == num
