"""What an operator decides about keys, and the states that come of it."""

import hashlib

import pytest

from meshbot.nodes import weak_keys
from meshbot.nodes.identity import SILENCE, number_of
from meshbot.nodes.key_import import ImportResult, KeyEntry, import_keys
from meshbot.nodes.key_states import KeyDecision, KeyState
from meshbot.nodes.operator_trust import OperatorTrust
from meshbot.runtime.incidents import KeyChangeSource
from meshbot.storage.nodes import KeyRow, KeyStatus, NodeRow, Snapshot
from tests.support.nodes import ALICE, BOB, CAROL, key
from tests.unit.nodes.test_trust import IMPORT, LATER, NODEDB, NODEINFO, OPERATOR, keys_of, learn


@pytest.fixture
def trust():
    return OperatorTrust(Snapshot())


ACCEPT, VERIFY, REJECT = KeyDecision.ACCEPT, KeyDecision.VERIFY, KeyDecision.REJECT


def decide(trust, seed, decision, num=ALICE, now=LATER, by="mesh:!00000001"):
    return trust.decide(num, key(seed), decision, by, now)


def revoked(trust, num=ALICE):
    return [row.public_key for row in trust.keys_of(num).revoked]


def test_a_verified_key_outranks_the_radio(trust):
    learn(trust, key(1), NODEINFO, long_name="Alice")
    assert decide(trust, 1, VERIFY) == (
        "🔑 Clé publique de Alice (!20001eef) vérifiée par mesh:!00000001: 5972 7626 7151 2390 7779 5174"
    )
    assert trust.trusted[ALICE] == KeyRow(
        ALICE, key(1), OPERATOR, KeyStatus.TRUSTED, 10, LATER, decided_by="mesh:!00000001"
    )
    learn(trust, key(2), NODEDB)
    assert keys_of(trust) == (1, [2])


@pytest.mark.parametrize("decision", KeyDecision)
def test_only_a_known_key_is_verified_or_rejected(trust, decision):
    learn(trust, key(1), NODEDB)
    trust.take_unsaved()
    line = decide(trust, 5, decision)
    assert (line is not None) == (decision is ACCEPT)
    assert bool(trust.take_unsaved()) == (decision is ACCEPT)


def test_an_accepted_key_replaces_the_trusted_one(trust):
    learn(trust, key(1), NODEDB)
    learn(trust, key(2), NODEINFO)
    trust.take_incidents()
    assert decide(trust, 2, ACCEPT) is not None
    assert keys_of(trust) == (2, [])
    assert [(each.source, each.new) for each in trust.take_incidents()] == [
        (KeyChangeSource.OPERATOR, "1489 6247 9011 2739 4611 7919")
    ]


@pytest.mark.parametrize("source", [NODEINFO, NODEDB, IMPORT])
def test_a_rejected_key_comes_back_without_a_word(trust, source):
    learn(trust, key(1), NODEINFO, long_name="Alice")
    learn(trust, key(2), NODEINFO)
    decide(trust, 2, REJECT)
    trust.take_incidents()
    trust.take_unsaved()
    assert learn(trust, key(2), source, long_name="Mallory") is None
    assert (keys_of(trust), revoked(trust)) == ((1, []), [key(2)])
    assert trust.take_incidents() == []
    assert trust.nodes[ALICE].long_name == "Alice"
    assert not trust.take_unsaved()


def test_a_revoked_key_proves_nothing_and_is_not_learnt_again(trust):
    learn(trust, key(1), NODEDB)
    decide(trust, 1, REJECT)
    for source in (NODEINFO, NODEDB, IMPORT):
        learn(trust, key(1), source)
    assert (trust.trusted, trust.keyed(), trust.keys_of(ALICE).state) == ({}, [], None)
    assert revoked(trust) == [key(1)]


def test_after_a_revoked_key_every_other_one_waits_for_the_operator(trust):
    learn(trust, key(1), NODEDB)
    decide(trust, 1, REJECT)
    trust.take_incidents()
    assert "après une clé révoquée" in learn(trust, key(2), NODEDB)
    assert keys_of(trust) == (None, [2])
    assert [(each.source, each.old) for each in trust.take_incidents()] == [(KeyChangeSource.NODE, "")]
    decide(trust, 2, ACCEPT)
    assert (keys_of(trust), revoked(trust)) == ((2, []), [key(1)])


def test_a_revoked_key_under_another_number_waits_too(trust):
    learn(trust, key(1), NODEDB)
    decide(trust, 1, REJECT)
    learn(trust, key(1), NODEINFO, num=BOB)
    assert keys_of(trust, BOB) == (None, [1])


def test_rejecting_an_imitation_leaves_its_owner_alone(trust):
    learn(trust, key(1), NODEDB)
    learn(trust, key(2), NODEDB, num=BOB)
    learn(trust, key(2), NODEINFO)
    decide(trust, 2, REJECT)
    learn(trust, key(2), NODEINFO, num=BOB)
    learn(trust, key(2), NODEINFO, num=CAROL)
    assert (keys_of(trust), keys_of(trust, BOB), keys_of(trust, CAROL)) == ((1, []), (2, []), (2, []))


def test_an_accepted_key_is_no_longer_revoked(trust):
    learn(trust, key(1), NODEDB)
    decide(trust, 1, REJECT)
    decide(trust, 1, ACCEPT)
    assert (keys_of(trust), revoked(trust)) == ((1, []), [])
    learn(trust, key(1), NODEDB)
    assert trust.trusted[ALICE].source is OPERATOR


def test_states_say_where_a_key_comes_from_and_what_speaks_against_it(trust):
    for num, (seed, source) in enumerate([(1, NODEDB), (2, NODEINFO), (3, IMPORT), (4, OPERATOR), (9, NODEDB)], 1):
        learn(trust, key(seed), source, num=num)
    learn(trust, key(9), NODEINFO, num=6)
    learn(trust, key(7), NODEINFO, num=1)
    learn(trust, key(8), NODEINFO, num=2)
    decide(trust, 8, REJECT, num=2)
    states = [trust.keys_of(num).state for num in range(1, 8)]
    assert states == ["learnt", "seen", "imported", "verified", "duplicate", "duplicate", None]
    assert trust.states() == {
        "learnt": 1, "seen": 1, "imported": 1, "verified": 1, "duplicate": 2, "changed": 1, "revoked": 1
    }  # fmt: skip


def test_a_weak_key_is_a_duplicate_and_named_once(trust, monkeypatch):
    monkeypatch.setattr(weak_keys, "HASHES", frozenset({hashlib.sha256(key(1)).digest()}))
    assert learn(trust, key(1), NODEINFO).startswith("⚠️ Clé publique faible chez !20001eef, 5972 7626")
    assert learn(trust, key(1), NODEINFO) is None
    assert (trust.keys_of(ALICE).state, trust.keys_of(ALICE).is_weak) == (KeyState.DUPLICATE, True)


def test_the_firmware_s_list_of_weak_keys_is_whole():
    assert len(weak_keys.HASHES) == 24
    assert {len(each) for each in weak_keys.HASHES} == {32}
    assert not weak_keys.is_weak(b"")


def test_an_acknowledgement_is_kept_with_the_trusted_key(trust):
    assert not trust.acknowledged(ALICE, None, 50)
    learn(trust, key(1), NODEDB)
    assert trust.acknowledged(ALICE, None, 50)
    assert not trust.acknowledged(ALICE, None, 60)
    assert trust.take_unsaved().keys[ALICE, key(1)].acked_at == trust.trusted[ALICE].acked_at == 60
    assert trust.acknowledged(ALICE, None, 60 + 3600)
    learn(trust, key(2), OPERATOR)
    assert trust.trusted[ALICE].acked_at is None


def test_decisions_made_before_the_database_was_read_hold(trust):
    learn(trust, key(1), NODEINFO)
    learn(trust, key(2), NODEINFO)
    early = OperatorTrust(Snapshot())
    learn(early, key(2), NODEINFO)
    decide(early, 2, REJECT)
    trust.merge(early, LATER)
    assert (keys_of(trust), revoked(trust)) == ((1, []), [key(2)])


def test_revoked_keys_outlive_a_restart(trust):
    learn(trust, key(1), NODEDB)
    decide(trust, 1, REJECT)
    again = OperatorTrust(Snapshot(nodes=trust.nodes, revoked={ALICE: list(trust.revoked.of(ALICE))}))
    assert learn(again, key(1), NODEDB) is None
    assert again.trusted == {}


def test_a_report_under_a_revoked_key_renames_nobody(trust):
    learn(trust, key(1), NODEINFO, long_name="Alice")
    decide(trust, 1, REJECT)
    learn(trust, key(1), NODEINFO, long_name="Mallory")
    assert trust.nodes[ALICE].long_name == "Alice"


# -- files


def imported(trust, state):
    entry = KeyEntry(NodeRow(ALICE, "Alice"), key(1), state, "an operator")
    return dict(import_keys(trust, [entry], LATER))


def test_a_file_does_not_revoke_the_key_in_use(trust):
    learn(trust, key(1), NODEDB)
    assert imported(trust, KeyState.REVOKED) == {ImportResult.REVOKED: [ALICE]}
    assert (keys_of(trust), revoked(trust)) == ((1, []), [])


def test_a_key_that_waited_elsewhere_is_not_trusted_here(trust):
    assert imported(trust, KeyState.CHANGED) == {ImportResult.KEPT_OUT: [ALICE]}
    assert trust.trusted == trust.pending == {}


# -- an admin's first key


@pytest.fixture
def guarded():
    """Alice is in admin_nodes."""
    return OperatorTrust(Snapshot(), admins=frozenset({ALICE}))


def sources(trust):
    return [each.source for each in trust.take_incidents()]


def test_an_admins_first_key_by_air_is_reported_and_vouched_by_verifying(guarded):
    line = learn(guarded, key(1), NODEINFO, long_name="Alice")
    assert line.startswith(
        "⚠️ Première clé publique de Alice (!20001eef), de admin_nodes: 5972 7626 7151 2390 7779 5174"
    )
    assert sources(guarded) == [KeyChangeSource.FIRST]
    # the radio has learnt it from the same packet
    learn(guarded, key(1), NODEDB, now=LATER)
    assert not guarded.is_vouched(ALICE)
    decide(guarded, 1, VERIFY, now=LATER + 1)
    assert guarded.is_vouched(ALICE)
    assert sources(guarded) == [KeyChangeSource.OPERATOR]


@pytest.mark.parametrize("source", [NODEDB, IMPORT, OPERATOR])
def test_an_admins_first_key_by_a_better_way_is_vouched(guarded, source):
    assert learn(guarded, key(1), source) is None
    assert guarded.is_vouched(ALICE)
    assert sources(guarded) == []


@pytest.mark.parametrize("source", [NODEINFO, NODEDB])
def test_a_new_number_vouches_no_more_than_the_old_one(guarded, source):
    learn(guarded, key(1), source)
    new = number_of(key(1))
    assert guarded.prove(new, key(1), 500, 500) == []
    guarded.settle(500 + SILENCE)
    assert guarded.identities.numbers(new) == (new, ALICE)
    assert guarded.is_vouched(new) is (source is NODEDB)


def test_what_was_met_before_the_database_is_reported_once(guarded):
    meanwhile = OperatorTrust(Snapshot(), admins=frozenset({ALICE}))
    learn(meanwhile, key(1), NODEINFO)
    assert sources(meanwhile) == [KeyChangeSource.FIRST]
    guarded.merge(meanwhile, LATER)
    assert sources(guarded) == []
    assert not guarded.is_vouched(ALICE)


def test_the_line_about_a_key_of_many_nodes_stays_short(trust):
    for num in range(1, 301):
        learn(trust, key(1), NODEINFO, num)
    (line,) = trust.shared_key_lines()
    assert line.endswith("chez !00000001, !00000002, !00000003, !00000004 et 296 autres: copie ou usurpation")


# -- a number taken in advance


@pytest.mark.parametrize("source", [NODEINFO, NODEDB, IMPORT])
def test_another_key_under_the_number_of_a_known_key_is_ignored(trust, source):
    learn(trust, key(1), NODEDB, long_name="Alice")
    new = number_of(key(1))
    lines = [learn(trust, key(seed), source, new, long_name="Eve") for seed in (2, 3)]
    assert lines[0].endswith(
        "le numéro qu'aura Alice (!20001eef) avec le firmware 2.8: ignorée, c'est sans doute une usurpation"
    )
    assert lines[1] is None
    assert (keys_of(trust, new), trust.take_incidents(), new in trust.nodes) == ((None, []), [], False)
    # its owner has it with the first packet after its upgrade
    assert learn(trust, key(1), NODEINFO, new, long_name="Alice") is None
    assert keys_of(trust, new) == (1, [])
    assert trust.prove(new, key(1), 500, 500) == []
    trust.settle(500 + SILENCE)
    assert trust.identities.numbers(new) == (new, ALICE)


def test_the_number_of_a_forgotten_key_is_free_again(trust):
    learn(trust, key(1), NODEDB)
    trust.evict([ALICE])
    new = number_of(key(1))
    assert learn(trust, key(2), NODEINFO, new) is None
    assert keys_of(trust, new) == (2, [])
