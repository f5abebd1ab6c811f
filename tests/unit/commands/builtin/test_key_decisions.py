"""/keys verify, accept and reject, and /trust: what the operator decides about one key."""

from base64 import b64encode

import pytest

from meshbot.commands.builtin.key_decisions import Deciding, trust_command
from meshbot.commands.builtin.keys import keys_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Platform, Registry, Request, parse
from meshbot.commands.roles import Role, User
from meshbot.commands.teaching import taught_by
from meshbot.mesh_link.packets import RadioMetadata
from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.nodes.key_states import KeyDecision
from meshbot.nodes.radio_state import Outcome
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, key
from tests.support.sample_commands import SampleInterface, SampleKeys, keyed_nodes, no_lesson

ACCEPT, VERIFY, REJECT = KeyDecision.ACCEPT, KeyDecision.VERIFY, KeyDecision.REJECT
OPERATOR = "mesh:!20001eef"
NINE = fingerprint_of(key(9))


@pytest.fixture
def keys():
    return SampleKeys()


@pytest.fixture
def interface():
    return SampleInterface()


class Radio:
    """It takes everything; `taught` has each node with the decision."""

    def __init__(self):
        self.taught = []

    def teach(self, num, decision, _tr):
        self.taught.append((num, decision))
        return "The radio has it."


def commands_of(keys, interface, teach=no_lesson):
    deciding = Deciding(keys, keyed_nodes(), lambda: interface, teach)
    command = keys_command(
        keys, deciding.directory, deciding.interface_of, FakeClock(), tally=lambda: None, teach=teach
    )
    return Registry((command, trust_command(deciding)))


def ask_of(keys, interface, question, language="en", teach=no_lesson):
    name, argument = parse(question)
    command = commands_of(keys, interface, teach).find_for(name, argument)
    user = User(OPERATOR, Role.ADMIN)
    return command.run(Request(name, argument, ALICE, RadioMetadata(), translator(language), (), user=user))


@pytest.fixture
def ask(keys, interface):
    return lambda question, language="en": ask_of(keys, interface, question, language)


@pytest.mark.parametrize("command", ["/trust", "/keys accept", "/KEYS Accept"])
@pytest.mark.parametrize(
    "question", ["bruno", "BRU", "!20001ef0", "1ef0", f"bruno {NINE}", f"!20001ef0 {NINE[:4]}", "bruno AAkAAAAA…"]
)
def test_the_node_and_the_key_s_beginning_choose_the_only_key(ask, keys, command, question):
    assert ask(f"{command} {question}") == f"🔑 Bruno !20001ef0: {NINE} is trusted now."
    assert keys.decided == [(BOB, key(9), ACCEPT, OPERATOR)]


@pytest.mark.parametrize("digits", [NINE.replace(" ", ""), NINE.replace(" ", "-"), NINE[:7]])
def test_spaces_and_dashes_of_a_fingerprint_are_forgiven(ask, keys, digits):
    ask(f"/keys reject bruno {digits}")
    assert keys.decided == [(BOB, key(9), REJECT, OPERATOR)]


def test_a_decision_goes_into_the_present_interface(ask, keys, interface):
    ask("/trust bruno")
    assert keys.syncs == [(interface, False)]


@pytest.mark.parametrize(
    ("question", "told"),
    [("/trust", ACCEPT), ("/keys accept", ACCEPT), ("/keys verify", VERIFY), ("/keys reject", REJECT)],
)
def test_what_the_radio_says_of_a_decision_is_told(keys, question, told):
    radio = Radio()
    assert ask_of(keys, None, f"{question} bruno", teach=radio.teach).endswith(". The radio has it.")
    assert radio.taught == [(BOB, told)]


def test_without_a_link_a_key_is_trusted_all_the_same(keys):
    assert ask_of(keys, None, "/trust bruno").endswith("is trusted now.")
    assert (len(keys.decided), keys.syncs) == (1, [])


def test_another_beginning_decides_nothing_and_lists_the_candidates(ask, keys):
    assert ask("/trust bruno 1234") == f"Which one of Bruno !20001ef0? {NINE}"
    assert keys.decided == []


def test_of_several_keys_the_beginning_chooses(ask, keys):
    keys.pending[BOB] = {key(9), key(10)}
    assert ask("/trust bruno") == f"Which one of Bruno !20001ef0? {NINE}, {fingerprint_of(key(10))}"
    assert keys.decided == []
    assert fingerprint_of(key(10)) in ask(f"/trust bruno {fingerprint_of(key(10))[:9]}")
    assert keys.decided == [(BOB, key(10), ACCEPT, OPERATOR)]


def test_keys_that_begin_alike_are_told_apart_in_full(ask, keys):
    twin = key(9)[:-1] + b"\x02"
    keys.pending[BOB] = {key(9), twin}
    assert ask("/trust bruno AAkAAAAA…").startswith("Which one of Bruno !20001ef0?")
    ask(f"/trust bruno {b64encode(twin).decode()}")
    assert [each[:2] for each in keys.decided] == [(BOB, twin)]


def test_a_key_that_its_owner_has_given_is_accepted_unseen(ask, keys):
    ask(f"/keys accept alice {b64encode(key(77)).decode()}")
    assert keys.decided == [(ALICE, key(77), ACCEPT, OPERATOR)]


def test_verifying_takes_the_key_in_use_and_no_other(ask, keys):
    assert ask("/keys verify bruno") == f"✅ Bruno !20001ef0: {fingerprint_of(key(2))} is verified."
    assert keys.decided == [(BOB, key(2), VERIFY, OPERATOR)]
    assert ask(f"/keys verify bruno {NINE}").startswith("Which one of Bruno")
    assert len(keys.decided) == 1


def test_the_key_in_use_is_rejected_by_its_fingerprint_alone(ask, keys):
    begin = fingerprint_of(key(1))[:4]
    assert ask("/keys reject alice").endswith(f"/keys reject !20001eef {begin}")
    assert keys.decided == []
    assert ask(f"/keys reject alice {begin}").startswith("🚫 Alice")
    assert keys.decided == [(ALICE, key(1), REJECT, OPERATOR)]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("/trust", "Whose key? /keys accept <node> [its fingerprint]; /keys tells which wait."),
        ("/keys reject", "Whose key? /keys reject <node> [its fingerprint]; /keys tells which wait."),
        ("/keys verify", "Whose key have you compared? /keys verify <node> [its fingerprint]"),
        ("/trust alice", "No other key waits for Alice !20001eef."),
        ("/trust zzz", "I know no node « zzz »."),
        ("/trust zzz 1234", "I know no node « zzz 1234 »."),
        ("/trust c", "2 nodes match, which one?\n!20001ef1 Carole\n!20001ef2 Copie"),
    ],
)
def test_an_unclear_question_gets_an_answer_and_decides_nothing(ask, keys, question, answer):
    assert ask(question) == answer
    assert keys.decided == []


def test_a_node_called_as_another_and_its_key_is_asked_about(keys):
    nodes = keyed_nodes(("Bruno 6388", "BR2"))
    command = trust_command(Deciding(keys, nodes, lambda: None))
    request = Request("trust", "bruno 6388", ALICE, RadioMetadata(), translator("en"), (), user=User(OPERATOR))
    assert command.run(request).startswith("2 nodes match, which one?")
    assert keys.decided == []


def test_an_impossible_key_is_not_reported_as_trusted(ask, keys):
    keys.accepts = False
    assert ask("/trust bruno") == "⚠️ That key cannot be trusted."
    assert keys.syncs == []


@pytest.mark.parametrize("question", ["/trust bruno", "/keys verify bruno", "/keys ACCEPT bruno", "/keys reject"])
def test_decisions_are_for_admins(keys, question):
    assert commands_of(keys, None).find_for(*parse(question)).role is Role.ADMIN


def test_looking_at_keys_is_for_everyone(keys):
    assert commands_of(keys, None).find_for("keys", "verifying").role is Role.EVERYONE


def test_the_list_of_several_keys_fits_one_packet_in_french(ask, keys):
    keys.pending[BOB] = {key(number) for number in range(9, 13)}
    assert len(ask("/trust bruno", "fr").encode()) <= 200


def test_who_decided_is_told_to_admins_alone(keys, interface):
    keys.decided_by = "telegram:12"
    command = commands_of(keys, interface).find("keys")
    shown = [
        command.run(
            Request(
                "keys",
                "alice",
                ALICE,
                RadioMetadata(),
                translator("en"),
                (),
                user=User(OPERATOR, role),
                limit=900,
                platform=Platform.TELEGRAM,
            )
        )
        for role in (Role.ADMIN, Role.KNOWN)
    ]
    assert ["telegram:12" in each for each in shown] == [True, False]


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("decision", [ACCEPT, VERIFY])
def test_what_came_of_teaching_the_radio_is_told(outcome, decision, language):
    told = taught_by(lambda _num: outcome)(ALICE, decision, translator(language))
    assert len(told.encode()) <= 160
    assert ("⚠️" in told) == (outcome is not Outcome.HELD)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("outcome", Outcome)
def test_what_became_of_a_revoked_key_in_the_radio_is_told(outcome, language):
    told = taught_by(lambda _num: outcome)(ALICE, REJECT, translator(language))
    assert len(told.encode()) <= 110
    had_none = {Outcome.HELD, Outcome.NO_KEY, Outcome.DOUBTFUL, Outcome.PINNED}
    assert bool(told) == (outcome not in had_none)
    assert told.startswith("⚠️") == (outcome not in {*had_none, Outcome.FORGOTTEN})


def test_a_decision_that_the_radio_did_not_learn_can_be_repeated(keys):
    radio = Radio()
    deciding = Deciding(keys, keyed_nodes(), lambda: None, radio.teach)
    request = Request("trust", "alice", ALICE, RadioMetadata(), translator("en"), ())
    assert trust_command(deciding).run(request) == "No other key waits for Alice !20001eef. The radio has it."
    assert radio.taught == [(ALICE, ACCEPT)]
