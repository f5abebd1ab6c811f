"""Whether a command runs, what its user is answered, and what the log has."""

import logging

import pytest

from meshbot.commands.access import ANSWERS, Access, CommandPolicy
from meshbot.commands.rate_limit import RateLimiter
from meshbot.commands.registry import Command
from meshbot.commands.roles import AuthFailure, NodeList, Role, User
from meshbot.mesh_link.packets import BROADCAST_NUM, TextMessage
from meshbot.nodes import Candidate
from meshbot.persistence.replay_guard import KEPT
from tests.support.configured import make_roles, replay_guards
from tests.support.nodes import ALICE, BOB, key

PING = Command("ping", "", lambda _request: "pong")
ECHO = Command("echo", "", lambda _request: "", role=Role.KNOWN)
REBOOT = Command("reboot", "", lambda _request: "", role=Role.ADMIN)
STRANGER = 0x5678


class Nodes:
    """Alice's and Bob's names and keys are known."""

    is_loaded = True

    def public_key(self, num):
        return {ALICE: key(1), BOB: key(2)}.get(num)

    def is_named(self, num):
        return num in {ALICE, BOB}

    def is_vouched(self, _num):
        return True

    def is_newcomer(self, num):
        return num == BOB

    def numbers(self, num):
        return (num,)

    def candidate(self, num):
        return Candidate(ALICE, is_silent=False) if num == STRANGER else None

    def has_pending_key(self, _num):
        return False


class FirstHeard(Nodes):
    """The keys came in NODEINFO packets."""

    def is_vouched(self, _num):
        return False


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_key_that_came_by_air_makes_no_admin_unless_listed(is_listed):
    keys = frozenset({key(1)}) if is_listed else frozenset()
    roles = make_roles(admin_list=NodeList(frozenset({ALICE}), keys))
    access = Access(roles, FirstHeard(), RateLimiter(2, 300.0), *replay_guards())
    refusal = check(access, message(ALICE), REBOOT)
    assert (refusal is None) is is_listed
    assert is_listed or (refusal.level, refusal.answer) == (logging.WARNING, ANSWERS[AuthFailure.UNVERIFIED_KEY])
    assert check(access, message(ALICE, 2), PING) is None


@pytest.fixture
def access():
    return Access(make_roles(admins=frozenset({ALICE})), Nodes(), RateLimiter(2, 300.0), *replay_guards())


def message(sender, packet_id=1, **details):
    proof = {"pki_encrypted": True, "public_key": Nodes().public_key(sender) or b""}
    values = {"packet_id": packet_id, "sender": sender, "to": 0x9999, "channel": 0, "text": "/x"}
    return TextMessage(**(values | proof | details))


def check(access, asked, command, now=0.0):
    return access.check(access.user_of(asked), asked, command, now)


@pytest.mark.parametrize(
    ("sender", "command"),
    [(STRANGER, PING), (BOB, PING), (BOB, ECHO), (ALICE, PING), (ALICE, ECHO), (ALICE, REBOOT), (STRANGER, None)],
)
def test_a_user_with_the_role_may(access, sender, command):
    assert check(access, message(sender), command) is None


@pytest.mark.parametrize(
    ("sender", "command", "answer"),
    [
        (STRANGER, ECHO, "⛔ /{name} is for nodes that I know."),
        (STRANGER, REBOOT, "⛔ /{name} is not open to you."),
        (BOB, REBOOT, "⛔ /{name} is not open to you."),
    ],
)
def test_a_user_without_the_role_gets_one_line(access, sender, command, answer):
    refusal = check(access, message(sender), command)
    assert (refusal.answer, refusal.level) == (answer, logging.INFO)


@pytest.mark.parametrize("sender", [STRANGER, ALICE])
@pytest.mark.parametrize("command", [REBOOT])
def test_a_refusal_on_a_channel_has_no_answer(access, sender, command):
    assert check(access, message(sender, to=BROADCAST_NUM), command).answer == ""


@pytest.mark.parametrize(
    ("details", "answer", "reason"),
    [
        ({"pki_encrypted": False}, "🔒 /{name} needs a message encrypted", "usurpé"),
        ({"public_key": key(9)}, "🔒 Your public key is not the one I trust", "autre clé publique"),
    ],
)
def test_an_admin_without_proof_gets_a_line_and_the_log_a_warning(access, details, answer, reason):
    refusal = check(access, message(ALICE, **details), REBOOT)
    assert refusal.answer.startswith(answer)
    assert refusal.level == logging.WARNING
    assert reason in refusal.reason


def test_an_admin_without_proof_is_known_all_the_same(access):
    assert check(access, message(ALICE, pki_encrypted=False), ECHO) is None


def test_one_refusal_for_too_many_commands_then_silence(access):
    refusals = [check(access, message(BOB, number), PING, now=float(number)) for number in range(1, 5)]
    assert refusals[:2] == [None, None]
    assert refusals[2].answer.startswith("🚦")
    assert (refusals[3].answer, refusals[3].level) == ("", logging.DEBUG)


def test_who_claims_a_number_does_not_use_up_its_owner_s_commands():
    policy, command = CommandPolicy(RateLimiter(1, 300.0)), None
    owner, forger = (
        User("mesh:!00000001", Role.KNOWN),
        User("mesh:!00000001", Role.KNOWN, auth_failure=AuthFailure.NOT_PKI),
    )
    assert policy.check(forger, command, 0.0, is_public=False) is None
    assert policy.check(forger, command, 1.0, is_public=False) is not None
    assert policy.check(owner, command, 2.0, is_public=False) is None


def test_refused_and_unknown_commands_count(access):
    check(access, message(BOB, 1), REBOOT)
    check(access, message(BOB, 2), None)
    assert check(access, message(BOB, 3), PING).answer.startswith("🚦")


def test_an_admin_has_no_limit_without_proof_there_is_one(access):
    assert {check(access, message(ALICE, number), PING) for number in range(1, 20)} == {None}
    claims = [check(access, message(ALICE, number, pki_encrypted=False), PING) for number in range(20, 23)]
    assert claims[2].answer.startswith("🚦")
    assert check(access, message(ALICE, 30), REBOOT) is None


@pytest.mark.parametrize(
    ("sender", "details", "command"),
    [(STRANGER, {}, ECHO), (BOB, {}, REBOOT), (ALICE, {"pki_encrypted": False}, REBOOT)],
)
def test_a_recorded_packet_gets_its_refusal_once(access, sender, details, command):
    assert check(access, message(sender, 7, **details), command).answer
    assert (check(access, message(sender, 7, **details), command)).answer == ""


def test_a_forged_copy_keeps_no_admin_s_command_from_running(access):
    assert check(access, message(ALICE, 7, pki_encrypted=False), REBOOT).answer
    assert check(access, message(ALICE, 7), REBOOT) is None


def test_an_admin_command_runs_once_even_behind_a_flood_of_others(access):
    assert check(access, message(ALICE, 7), REBOOT) is None
    for number in range(2 * KEPT):
        check(access, message(STRANGER + number, 7), REBOOT)
    replayed = check(access, message(ALICE, 7), REBOOT)
    assert (replayed.answer, replayed.level) == ("", logging.WARNING)


def test_an_admin_command_without_packet_id_is_refused(access):
    assert check(access, message(ALICE, 0), REBOOT) is not None


@pytest.mark.parametrize("command", [PING, ECHO])
def test_everybody_s_command_runs_once_and_a_replay_counts_for_no_limit(access, command):
    assert check(access, message(ALICE, 7), command) is None
    for _ in range(5):
        assert check(access, message(ALICE, 7), command).reason == "commande déjà reçue, paquet rejoué"
    assert check(access, message(ALICE, 8), command) is None
    assert check(access, message(ALICE, 7), REBOOT) is None


def test_commands_without_a_packet_id_are_all_new(access):
    assert check(access, message(ALICE, 0), PING) is None
    assert check(access, message(ALICE, 0), PING) is None


def test_a_replay_gets_no_answer_after_thousands_of_other_commands(access):
    for sender in range(5000):
        assert check(access, message(sender + 1, 7), PING) is None
    assert check(access, message(1, 7), PING) is not None


def test_a_refused_command_does_not_enter_the_replay_memory(access):
    assert check(access, message(ALICE, 7, pki_encrypted=False), REBOOT) is not None
    assert check(access, message(ALICE, 7), REBOOT) is None


def test_a_proven_newcomer_is_answered_as_a_stranger_is(access):
    alice, bob = (access.user_of(message(sender)) for sender in (ALICE, BOB))
    assert (alice.is_newcomer, alice.is_stranger) == (False, False)
    assert (bob.auth_failure, bob.is_newcomer, bob.is_stranger) == (None, True, True)


def test_an_admin_whose_old_number_is_in_use_is_told_so(access):
    """The message proves the key that the new number announces."""

    class Upgraded(Nodes):
        def public_key(self, num):
            return key(1)

    access = Access(make_roles(admins=frozenset({ALICE})), Upgraded(), RateLimiter(2, 300.0), *replay_guards())
    asked = message(STRANGER, public_key=key(1))
    refusal = check(access, asked, REBOOT)
    assert refusal.answer.startswith("🔒 The old number of your node was heard lately.")
    assert access.user_of(asked).admin_auth_failure is AuthFailure.NEW_NUMBER
    # nobody else learns who is an admin
    assert access.user_of(message(STRANGER, public_key=key(2))).admin_auth_failure is None
