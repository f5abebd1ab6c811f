"""/trust: an operator's word for one key that waits."""

from base64 import b64encode

import pytest

from meshbot.commands.builtin.trust import trust_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Request, parse
from meshbot.commands.roles import Role
from meshbot.mesh_link.packets import RadioMetadata
from tests.support.nodes import ALICE, BOB, key
from tests.support.sample_commands import SampleKeys, keyed_nodes


@pytest.fixture
def ring():
    return SampleKeys()


@pytest.fixture
def trusted():
    return []


@pytest.fixture
def ask(ring, trusted):
    def trust(num, public_key):
        trusted.append((num, public_key))
        return True

    command = trust_command(ring, keyed_nodes(), trust)

    def ask(question):
        name, argument = parse(question)
        return command.run(Request(name, argument, ALICE, RadioMetadata(), translator("en"), ()))

    return ask


@pytest.mark.parametrize(
    "question", ["bruno", "BRU", "!20001ef0", "1ef0", "bruno AAkAAAAA…", "!20001ef0 AAk", "bruno A"]
)
def test_the_only_key_that_waits_is_meant_by_the_node_and_by_how_it_begins(ask, trusted, question):
    assert ask(f"/trust {question}") == "🔑 Bruno !20001ef0: AAkAAAAA… is trusted now."
    assert trusted == [(BOB, key(9))]


def test_another_beginning_trusts_nothing_and_tells_what_waits(ask, trusted):
    assert ask("/trust bruno AAoA") == "Which one of Bruno !20001ef0? AAkAAAAA…"
    assert trusted == []


def test_of_several_the_beginning_chooses(ask, ring, trusted):
    ring.pending[BOB] = {key(9), key(10)}
    assert ask("/trust bruno") == "Which one of Bruno !20001ef0? AAkAAAAA…, AAoAAAAA…"
    assert trusted == []
    assert ask("/trust bruno AAo").startswith("🔑 Bruno !20001ef0: AAoAAAAA… is trusted")
    assert trusted == [(BOB, key(10))]


def test_keys_that_begin_alike_are_told_apart_by_the_whole_of_them(ask, ring, trusted):
    twin = key(9)[:-1] + b"\x02"
    ring.pending[BOB] = {key(9), twin}
    assert ask("/trust bruno AAkAAAAA…").startswith("Which one of Bruno !20001ef0?")
    assert trusted == []
    ask(f"/trust bruno {b64encode(twin).decode()}")
    assert trusted == [(BOB, twin)]


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
def test_what_cannot_be_done_is_said_and_not_done(ask, trusted, question, answer):
    assert ask(question) == answer
    assert trusted == []


def test_a_key_that_the_book_refuses_is_not_said_to_be_trusted(ring):
    command = trust_command(ring, keyed_nodes(), lambda _num, _key: False)
    request = Request("trust", "bruno", ALICE, RadioMetadata(), translator("en"), ())
    assert command.run(request) == "⚠️ That key cannot be trusted."


def test_it_is_for_admins(ring):
    assert trust_command(ring, keyed_nodes(), lambda _num, _key: True).role is Role.ADMIN


def test_what_several_waiting_keys_tell_fits_one_packet_in_french(ring):
    ring.pending[BOB] = {key(number) for number in range(9, 13)}
    request = Request("trust", "bruno", ALICE, RadioMetadata(), translator("fr"), ())
    assert len(trust_command(ring, keyed_nodes(), lambda _num, _key: True).run(request).encode()) <= 200
