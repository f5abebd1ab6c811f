"""When two numbers of one key are one node's, and when they are not."""

from dataclasses import replace

import pytest

from meshbot.nodes.identity import IN_USE_AFTER, REMEMBERED, SILENCE, Candidate, Change, Identities, number_of
from meshbot.storage.nodes import IdentityRow
from tests.support.nodes import ALICE, BOB, key

KEY = key(1)
NEW = number_of(KEY)
START = 1_000_000
PAIR = IdentityRow(ALICE, NEW, KEY, START)


@pytest.fixture
def identities():
    """Alice's key is known under both numbers; the bot has been listening for an hour."""
    found = Identities((), START - 3600)
    found.on_holders(KEY, (ALICE, NEW), START)
    return found


def joined(identities, at=START + SILENCE):
    identities.prove(NEW, KEY, at)
    identities.settle(at)
    assert identities.moved == {ALICE: NEW}
    return identities


def changes(identities):
    return [each.change for each in identities.take_changes()]


def test_the_number_is_what_zlib_makes_of_the_key():
    assert number_of(bytes(range(32))) == 0x91267E8A


def test_a_key_alone_joins_nothing(identities):
    identities.settle(START + 10**9)
    assert identities.numbers(NEW) == (NEW,)
    assert identities.moved == {}
    assert identities.is_upgrade(KEY, (ALICE, NEW))
    assert identities.candidate(NEW, START + SILENCE) == Candidate(ALICE, is_silent=True)
    assert identities.candidate(ALICE, START) is None


def test_a_proof_joins_a_silent_number(identities):
    joined(identities)
    assert identities.numbers(ALICE) == identities.numbers(NEW) == (NEW, ALICE)
    assert identities.candidate(NEW, START) is None
    assert changes(identities) == [Change.JOINED]
    assert identities.take_unsaved() == {(ALICE, NEW): replace(PAIR, proven_at=START + 120, joined_at=START + 120)}


def test_a_proof_counts_when_the_old_number_was_silent_long_enough(identities):
    identities.hear(ALICE, START)
    identities.prove(NEW, KEY, START + 10)
    identities.settle(START + 11)
    assert (identities.moved, identities.due) == ({}, START + SILENCE)
    identities.settle(START + SILENCE)
    assert identities.moved == {ALICE: NEW}


def test_a_proof_before_the_old_number_spoke_is_none(identities):
    identities.prove(NEW, KEY, START)
    identities.hear(ALICE, START + 1)
    identities.settle(START + 10_000)
    assert identities.moved == {}
    joined(identities, START + 10_000)


@pytest.mark.parametrize(
    ("num", "proven"), [(ALICE, KEY), (BOB, KEY), (NEW, key(2))], ids=["the old number", "another", "another key"]
)
def test_only_the_key_s_own_number_proves_it(identities, num, proven):
    identities.prove(num, proven, START + SILENCE)
    identities.settle(START + SILENCE)
    assert identities.moved == {}


def test_what_was_not_heard_before_the_start_is_unknown():
    identities = Identities((), START)
    identities.on_holders(KEY, (ALICE, NEW), START)
    identities.prove(NEW, KEY, START + 1)
    identities.settle(START + SILENCE - 1)
    assert identities.moved == {}
    identities.settle(START + SILENCE)
    assert identities.moved == {ALICE: NEW}


def test_an_old_number_that_speaks_again_is_a_node_of_its_own(identities):
    joined(identities)
    identities.hear(ALICE, START + 3 * SILENCE)
    assert identities.moved == {}
    assert identities.numbers(ALICE) == (ALICE,)
    assert not identities.is_upgrade(KEY, (ALICE, NEW))
    assert identities.candidate(NEW, START + 10**6) == Candidate(ALICE, is_silent=False)
    assert changes(identities) == [Change.JOINED, Change.PARTED]
    # and may move again
    joined(identities, START + 9 * SILENCE)


def test_packets_on_their_way_undo_nothing(identities):
    joined(identities)
    identities.hear(ALICE, START + 10)
    identities.hear(ALICE, START + 2 * SILENCE)
    assert identities.moved == {ALICE: NEW}


def test_an_old_number_in_use_is_contested_once(identities):
    identities.hear(ALICE, START + IN_USE_AFTER)
    assert changes(identities) == []
    for at in range(START + IN_USE_AFTER + 1, START + 100_000, 1000):
        identities.hear(ALICE, at)
        assert identities.candidate(NEW, at + 10**6) == Candidate(ALICE, is_silent=False)
    assert changes(identities) == [Change.CONTESTED]
    assert not identities.is_upgrade(KEY, (ALICE, NEW))


@pytest.mark.parametrize("order", [(ALICE, BOB, NEW), (NEW, ALICE, BOB)])
def test_of_two_old_numbers_none_is_joined(order):
    identities = Identities()
    identities.prove(NEW, KEY, START)
    for count in range(2, 4):
        identities.on_holders(KEY, order[:count], START)
    identities.settle(START + 10_000)
    assert identities.moved == {}
    assert not identities.is_upgrade(KEY, order)


def test_who_comes_third_does_not_undo_what_was_proven(identities):
    joined(identities)
    identities.on_holders(KEY, (ALICE, NEW, BOB), START)
    assert identities.moved == {ALICE: NEW}
    assert not identities.is_upgrade(KEY, (ALICE, NEW, BOB))


@pytest.mark.parametrize("left", [(ALICE,), (NEW,), ()])
def test_numbers_without_one_key_are_two_nodes(identities, left):
    joined(identities)
    identities.on_holders(KEY, left, START)
    assert identities.moved == {}
    # the same key again is no proof
    identities.on_holders(KEY, (ALICE, NEW), START)
    assert identities.moved == {}


def test_a_proof_may_come_before_the_old_number_is_known():
    identities = Identities()
    identities.prove(NEW, KEY, START)
    identities.on_holders(KEY, (NEW, ALICE), START + 10)
    identities.settle(START + 10)
    assert identities.moved == {ALICE: NEW}


def test_our_own_node_needs_no_proof_and_lends_its_number_to_nobody(identities):
    identities.know_own(NEW)
    identities.settle(START)
    assert identities.moved == {ALICE: NEW}
    identities.hear(ALICE, START + 10_000)
    assert identities.moved == {ALICE: NEW}
    identities.know_own(ALICE)
    identities.prove(NEW, KEY, START + 20_000)
    identities.settle(START + 30_000)
    assert identities.moved == {}
    assert not identities.is_upgrade(KEY, (ALICE, NEW))


def test_the_next_process_goes_on_where_this_one_ended(identities):
    row = next(iter(joined(identities).take_unsaved().values()))
    after = Identities([row], START + 500)
    assert after.moved == {}
    after.on_holders(KEY, (ALICE, NEW), START)
    assert after.moved == {ALICE: NEW}
    assert (after.take_changes(), after.is_unsaved) == ([], False)
    after.hear(ALICE, START + 1000)
    assert changes(after) == [Change.PARTED]


def test_a_row_of_another_key_counts_for_nothing():
    identities = Identities([replace(PAIR, public_key=key(2), joined_at=START)])
    identities.on_holders(KEY, (ALICE, NEW), START)
    assert identities.moved == {}


def test_what_was_met_before_the_rows_were_read_counts():
    early, stored = Identities((), START), Identities([replace(PAIR, heard_at=START - 1000)], START + 900)
    early.hear(ALICE, START + 5)
    early.prove(NEW, KEY, START + 200)
    stored.on_holders(KEY, (ALICE, NEW), START - 5000)
    stored.merge(early)
    stored.settle(START + 200)
    assert stored.moved == {ALICE: NEW}


def test_a_time_to_come_keeps_nobody_out(identities):
    """A clock that was ahead once has noted it."""
    identities.hear(ALICE, START + 10**8)
    identities.prove(NEW, KEY, START + 1000)
    identities.settle(START + 1000)
    assert identities.moved == {ALICE: NEW}


def test_what_is_remembered_is_bounded():
    identities = Identities()
    for num in range(2 * REMEMBERED):
        identities.hear(num, START)
        public_key = num.to_bytes(32, "big")
        identities.prove(number_of(public_key), public_key, START)
    assert len(identities._heard) == len(identities._proofs) == REMEMBERED


def test_a_replaced_database_gets_what_was_proven_or_contested(identities):
    identities.mark_all_unsaved()
    assert identities.take_unsaved() == {}
    joined(identities)
    identities.take_unsaved()
    identities.mark_all_unsaved()
    assert set(identities.take_unsaved()) == {(ALICE, NEW)}
