"""/trust: the operator accepts one key that differs from the trusted one."""

from base64 import b64encode

import pytest

from meshbot.commands.builtin.trust import trust_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Request, parse
from meshbot.commands.roles import Role
from meshbot.mesh_link.packets import RadioMetadata
from meshbot.nodes.radio_state import Outcome
from tests.support.nodes import ALICE, BOB, key
from tests.support.sample_commands import SampleInterface, SampleKeys, keyed_nodes


@pytest.fixture
def keys():
    return SampleKeys()


@pytest.fixture
def interface():
    return SampleInterface()


def ask_of(keys, interface, question, language="en", outcome=Outcome.HELD):
    command = trust_command(keys, keyed_nodes(), lambda: interface, lambda _num: outcome)
    name, argument = parse(question)
    return command.run(Request(name, argument, ALICE, RadioMetadata(), translator(language), ()))


@pytest.fixture
def ask(keys, interface):
    return lambda question, language="en": ask_of(keys, interface, question, language)


@pytest.mark.parametrize(
    "question", ["bruno", "BRU", "!20001ef0", "1ef0", "bruno AAkAAAAA…", "!20001ef0 AAk", "bruno A"]
)
def test_the_node_and_the_key_s_beginning_choose_the_only_key(ask, keys, question):
    assert ask(f"/trust {question}") == "🔑 Bruno !20001ef0: AAkAAAAA… is trusted now. The radio has it."
    assert keys.confirmed == [(BOB, key(9))]


def test_a_trusted_key_goes_into_the_present_interface(ask, keys, interface):
    ask("/trust bruno")
    assert keys.syncs == [(interface, False)]


def test_without_a_link_a_key_is_trusted_all_the_same(keys):
    answer = ask_of(keys, None, "/trust bruno", outcome=Outcome.NO_LINK)
    assert answer.endswith("is trusted now. ⚠️ The radio does not have it: no link; it gets it at the next one.")
    assert (keys.confirmed, keys.syncs) == ([(BOB, key(9))], [])


def test_another_beginning_trusts_nothing_and_lists_the_candidates(ask, keys):
    assert ask("/trust bruno AAoA") == "Which one of Bruno !20001ef0? AAkAAAAA…"
    assert keys.confirmed == []


def test_of_several_keys_the_beginning_chooses(ask, keys):
    keys.pending[BOB] = {key(9), key(10)}
    assert ask("/trust bruno") == "Which one of Bruno !20001ef0? AAkAAAAA…, AAoAAAAA…"
    assert keys.confirmed == []
    assert ask("/trust bruno AAo").startswith("🔑 Bruno !20001ef0: AAoAAAAA… is trusted")
    assert keys.confirmed == [(BOB, key(10))]


def test_keys_that_begin_alike_are_told_apart_in_full(ask, keys):
    twin = key(9)[:-1] + b"\x02"
    keys.pending[BOB] = {key(9), twin}
    assert ask("/trust bruno AAkAAAAA…").startswith("Which one of Bruno !20001ef0?")
    assert keys.confirmed == []
    ask(f"/trust bruno {b64encode(twin).decode()}")
    assert keys.confirmed == [(BOB, twin)]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("/trust", "Whose key? /trust <node> [how the key begins]; /keys tells which wait."),
        ("/trust alice", "No other key waits for Alice !20001eef."),
        ("/trust zzz", "I know no node « zzz »."),
        ("/trust zzz AAkA", "I know no node « zzz »."),
        ("/trust c", "2 nodes match, which one?\n!20001ef1 Carole\n!20001ef2 Copie"),
    ],
)
def test_an_unclear_question_gets_an_answer_and_trusts_nothing(ask, keys, question, answer):
    assert ask(question) == answer
    assert keys.confirmed == []


def test_an_impossible_key_is_not_reported_as_trusted(ask, keys):
    keys.accepts = False
    assert ask("/trust bruno") == "⚠️ That key cannot be trusted."
    assert keys.syncs == []


def test_trust_is_for_admins(keys):
    assert trust_command(keys, keyed_nodes(), lambda: None, lambda _num: Outcome.HELD).role is Role.ADMIN


def test_the_list_of_several_keys_fits_one_packet_in_french(ask, keys):
    keys.pending[BOB] = {key(number) for number in range(9, 13)}
    assert len(ask("/trust bruno", "fr").encode()) <= 200


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_outcome_has_its_words(keys, outcome, language):
    answer = ask_of(keys, None, "/trust bruno", language, outcome)
    assert len(answer.encode()) <= 200
    assert ("⚠️" in answer) == (outcome is not Outcome.HELD)
