"""Custody of the radio's keys: whose key is asked for, whose is taught, and what is never done."""

from dataclasses import replace

import pytest

from meshbot.mesh_link.messages import NodeRecord
from meshbot.nodes.ask_limits import ASKS_AHEAD, ASKS_AN_HOUR
from meshbot.nodes.custody import ASK_TIMEOUT, CURE_EVERY, UNSERVED_LIMIT
from meshbot.nodes.custody_records import KEPT, RECENT
from meshbot.nodes.custody_steps import (
    AddContact,
    CureEnded,
    Introduce,
    KeepNote,
    RadioKey,
    RadioLost,
    RemoveFavourite,
    RemoveNode,
)
from meshbot.nodes.lessons import TAUGHT_A_DAY, TAUGHT_AHEAD, TAUGHT_FOR_MESSAGES
from meshbot.nodes.radio_state import Loss, Outcome, tally
from meshbot.storage import DAY, HOUR, CustodyRow, OwnRadioRow
from tests.support.configured import make_node_manager
from tests.support.custody import ALICE, BRUNO, CAROLE, OWN_NUM, Bench, after, key, trusted
from tests.support.fake_clock import FakeClock

KEY, OTHER = key(1), key(2)
MANY = range(0x30000000, 0x30000050)


@pytest.fixture
def bench():
    """Alice has written lately, her key is trusted, and the radio has lost it."""
    bench = Bench(trust={ALICE: trusted(ALICE, KEY)})
    bench.talk(ALICE)
    return bench


def with_many(**changes):
    bench = Bench(trust={num: trusted(num, KEY[:31] + bytes([num & 0xFF])) for num in MANY}, **changes)
    bench.talk(*MANY)
    return bench


def kinds(bench):
    return [type(each).__name__ for each in bench.done]


# -- ahead of time


def test_nothing_is_done_while_the_radio_has_the_keys(bench):
    bench.keys[ALICE] = KEY
    bench.ready({ALICE})
    bench.wait(HOUR)
    assert bench.done == []
    assert bench.custody.deadline == float("inf")


def test_a_lost_key_is_asked_for_first(bench):
    bench.present[ALICE] = KEY
    bench.ready()
    assert bench.asked() == [ALICE]
    assert bench.taught() == []
    assert bench.outcomes() == {ALICE: Outcome.HELD}


def test_a_node_that_does_not_answer_is_taught(bench):
    bench.ready()
    bench.wait(ASK_TIMEOUT - 1)
    assert bench.taught() == []
    bench.wait(1)
    assert bench.keys == {ALICE: KEY}
    assert bench.favourites == set()
    assert kinds(bench) == ["AskNode", "KeepNote", "AddContact", "RadioKey", "RemoveFavourite", "CureEnded"]


def test_one_node_is_cured_in_ten_seconds():
    bench = with_many(present={num: KEY[:31] + bytes([num & 0xFF]) for num in MANY})
    bench.ready()
    bench.wait(4 * CURE_EVERY - 1)
    assert len(bench.asked()) == 4


def test_an_hour_has_a_limited_number_of_questions():
    bench = with_many(present={num: KEY[:31] + bytes([num & 0xFF]) for num in MANY})
    bench.ready()
    bench.wait(HOUR - 1)
    assert len(bench.asked()) == ASKS_AHEAD
    bench.wait(ASKS_AHEAD * CURE_EVERY)
    assert len(bench.asked()) == len(MANY)


def test_messages_that_wait_have_questions_of_their_own():
    bench = with_many(present={num: KEY[:31] + bytes([num & 0xFF]) for num in MANY})
    bench.trust |= {num: trusted(num, KEY) for num in range(1, ASKS_AN_HOUR)}
    bench.ready()
    bench.wait(ASKS_AHEAD * CURE_EVERY)
    for num in range(1, ASKS_AN_HOUR):
        bench.do(bench.custody.cure(num, bench.at, lacks=True))
    assert len(bench.asked()) == ASKS_AN_HOUR
    assert bench.asked()[-1] == ASKS_AN_HOUR - ASKS_AHEAD > 0


def test_who_wrote_last_is_cured_first(bench):
    bench.trust[BRUNO] = trusted(BRUNO, OTHER)
    bench.at = after(5 * HOUR)
    bench.talk(BRUNO)
    bench.ready()
    bench.wait(CURE_EVERY)
    assert bench.asked() == [BRUNO, ALICE]


def test_who_has_not_written_for_a_month_is_left_alone(bench):
    bench.at = after(RECENT + DAY)
    bench.ready()
    bench.wait(HOUR)
    assert bench.done == []


def test_a_node_with_a_role_or_a_letter_is_cured(bench):
    bench.trust[BRUNO] = trusted(BRUNO, OTHER)
    bench.ready({BRUNO})
    bench.wait(CURE_EVERY)
    assert bench.asked() == [ALICE, BRUNO]


def test_a_node_that_never_wrote_is_left_alone():
    bench = Bench(trust={ALICE: trusted(ALICE, KEY)})
    bench.ready()
    assert bench.done == []


def test_a_key_in_doubt_is_neither_asked_for_nor_taught(bench):
    bench.trust[ALICE] = trusted(ALICE, KEY, doubtful=True)
    bench.ready({ALICE})
    bench.wait(HOUR)
    assert bench.done == []


def test_a_key_that_came_into_doubt_meanwhile_is_not_taught(bench):
    bench.commits = False
    bench.ready()
    bench.wait(ASK_TIMEOUT)
    bench.trust[ALICE] = trusted(ALICE, KEY, doubtful=True)
    bench.do(bench.custody.noted(ALICE, bench.at))
    assert bench.taught() == []
    assert bench.outcomes() == {ALICE: Outcome.DOUBTFUL}


def test_a_radio_without_a_region_asks_nobody(bench):
    bench.region = 0
    bench.ready()
    assert bench.asked() == []
    assert bench.taught() == [ALICE]


def test_the_wait_is_over_as_soon_as_the_node_is_heard(bench):
    bench.ready()
    bench.do(bench.custody.introduced(ALICE, KEY, bench.at))
    assert bench.outcomes() == {ALICE: Outcome.HELD}


def test_a_wrong_key_that_comes_by_itself_is_no_end(bench):
    bench.keys[ALICE] = KEY
    bench.ready()
    bench.do(bench.custody.introduced(BRUNO, OTHER, bench.at))
    assert bench.of(CureEnded) == []
    bench.wait(HOUR)
    assert bench.taught() == []


def test_an_introduction_without_a_key_is_none(bench):
    bench.ready()
    bench.do(bench.custody.introduced(ALICE, b"", bench.at))
    assert bench.outcomes() == {}


def test_a_node_that_answers_with_another_key_is_not_taught(bench):
    bench.present[ALICE] = OTHER
    bench.ready()
    bench.wait(HOUR)
    assert bench.taught() == []
    assert bench.outcomes() == {ALICE: Outcome.PINNED}


# -- another key in the radio


def test_another_key_in_the_radio_is_replaced_if_an_operator_verified_ours(bench):
    bench.trust[ALICE], bench.keys = trusted(ALICE, KEY, verified=True), {ALICE: OTHER}
    bench.ready()
    assert bench.keys == {ALICE: KEY}
    assert [each for each in kinds(bench) if each not in {"RadioKey", "CureEnded"}] == [
        "KeepNote", "RemoveNode", "AddContact", "RemoveFavourite",
    ]  # fmt: skip


def test_another_key_in_the_radio_stays_if_nobody_verified_ours(bench):
    bench.keys = {ALICE: OTHER}
    bench.ready({ALICE})
    bench.wait(HOUR)
    assert bench.done == []


def test_a_favourite_of_the_operators_stays_one(bench):
    bench.trust[ALICE], bench.keys = trusted(ALICE, KEY, verified=True), {ALICE: OTHER}
    bench.favourites = {ALICE}
    bench.ready()
    assert bench.keys == {ALICE: KEY}
    assert bench.favourites == {ALICE}
    assert bench.of(RemoveFavourite) == []
    assert bench.row(ALICE).stays_favourite is None


# -- what is kept before


def test_nothing_is_taught_before_the_note_is_committed(bench):
    bench.commits = False
    bench.ready()
    bench.wait(ASK_TIMEOUT)
    assert len(bench.of(KeepNote)) == 1
    assert bench.records.take_changes().rows[ALICE].stays_favourite is False
    bench.wait(HOUR)
    assert bench.taught() == []
    assert bench.outcomes() == {ALICE: Outcome.NOT_KEPT}
    assert bench.row(ALICE).stays_favourite is None


def test_a_note_that_is_not_kept_leaves_the_earlier_one(bench):
    # the radio has forgotten a favourite of its operator's in a removal that a lost link interrupted
    bench.trust[ALICE] = trusted(ALICE, KEY, verified=True)
    bench.records.note(ALICE, stays_favourite=True)
    bench.commits = False
    bench.ready()
    bench.wait(HOUR)
    assert bench.taught() == []
    assert bench.row(ALICE).stays_favourite is True


def test_a_favourite_that_introduced_itself_meanwhile_gets_its_mark_back(bench):
    # the radio has forgotten it in a removal that a lost link interrupted, and learnt its key by air since
    bench.trust[ALICE], bench.keys = trusted(ALICE, KEY, verified=True), {ALICE: KEY}
    bench.records.note(ALICE, stays_favourite=True)
    bench.ready()
    assert bench.favourites == {ALICE}
    assert bench.of(RemoveFavourite) == []
    assert bench.row(ALICE).stays_favourite is None


def test_without_a_database_nothing_is_taught(bench):
    bench.can_note = False
    bench.restart()
    bench.ready()
    bench.wait(HOUR)
    assert bench.asked() == [ALICE]
    assert bench.taught() == []
    assert bench.outcomes() == {ALICE: Outcome.NOT_KEPT}


def test_a_crash_between_teaching_and_the_mark_is_repaired(bench):
    bench.answers = False
    bench.ready()
    bench.wait(ASK_TIMEOUT)
    bench.apply(bench.of(AddContact)[0])
    assert bench.favourites == {ALICE}
    bench.restart()
    bench.answers = True
    bench.ready()
    assert bench.favourites == set()
    assert bench.keys == {ALICE: KEY}
    assert bench.row(ALICE).stays_favourite is None


def test_a_mark_that_the_radio_did_not_take_off_is_repaired(bench):
    bench.answers = False
    bench.ready()
    bench.wait(HOUR)
    bench.apply(bench.of(AddContact)[0])
    assert bench.outcomes() == {ALICE: Outcome.NO_ANSWER}
    bench.answers = True
    bench.ready()
    assert bench.favourites == set()


def test_a_node_whose_mark_was_taken_off_at_ready_is_no_favourite(bench):
    bench.favourites, bench.keys = {ALICE}, {ALICE: KEY}
    bench.records.note(ALICE, stays_favourite=False)
    bench.ready()
    assert bench.favourites == set()
    # the radio forgets it again, with the same link
    del bench.keys[ALICE]
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    bench.wait(ASK_TIMEOUT)
    assert (bench.taught(), bench.favourites) == ([ALICE], set())


def test_a_favourite_lost_between_removal_and_teaching_comes_back(bench):
    bench.trust[ALICE], bench.keys = trusted(ALICE, KEY, verified=True), {ALICE: OTHER}
    bench.favourites, bench.answers = {ALICE}, False
    bench.ready()
    bench.apply(bench.of(RemoveNode)[0])
    bench.restart()
    bench.answers = True
    bench.ready()
    assert (bench.keys, bench.favourites) == ({ALICE: KEY}, {ALICE})
    assert bench.row(ALICE).stays_favourite is None


@pytest.mark.parametrize("removed", [False, True])
def test_a_lesson_that_a_crash_cut_is_given_at_ready(bench, removed):
    bench.trust[ALICE], bench.keys = trusted(ALICE, KEY, verified=True), {ALICE: OTHER}
    bench.answers = False
    bench.ready()
    if removed:
        bench.apply(bench.of(RemoveNode)[0])
    bench.restart()
    bench.answers = True
    bench.ready()
    assert (bench.keys, bench.favourites) == ({ALICE: KEY}, set())
    assert bench.row(ALICE).stays_favourite is None


def test_a_note_of_what_never_happened_touches_no_favourite(bench):
    bench.favourites = {ALICE}
    bench.keys = {ALICE: KEY}
    bench.records.keep(CustodyRow(ALICE, stays_favourite=True))
    bench.ready()
    assert bench.favourites == {ALICE}
    assert bench.done == []
    assert bench.row(ALICE).stays_favourite is None


def test_a_mark_without_our_key_is_the_operators(bench):
    # the process ended between the note and the teaching, and the operator has marked the node since
    bench.favourites = {ALICE}
    bench.records.note(ALICE, stays_favourite=False)
    bench.ready()
    bench.wait(HOUR)
    assert (bench.keys, bench.favourites) == ({ALICE: KEY}, {ALICE})
    assert bench.row(ALICE).stays_favourite is None


def test_a_removal_without_an_answer_forgets_no_favourite(bench):
    bench.trust[ALICE], bench.keys = trusted(ALICE, KEY, verified=True), {ALICE: OTHER}
    bench.favourites, bench.answers = {ALICE}, False
    bench.ready()
    bench.apply(bench.of(RemoveNode)[0])
    bench.wait(HOUR)
    assert bench.outcomes() == {ALICE: Outcome.NO_ANSWER}
    bench.answers = True
    bench.ready()
    assert (bench.keys, bench.favourites) == ({ALICE: KEY}, {ALICE})


def test_the_lost_link_ends_what_was_begun(bench):
    bench.ready()
    bench.do(bench.custody.lost())
    assert bench.outcomes() == {ALICE: Outcome.NO_LINK}
    bench.wait(HOUR)
    assert bench.taught() == []


def test_a_link_lost_before_the_note_is_kept_leaves_none(bench):
    bench.commits = False
    bench.ready()
    bench.wait(ASK_TIMEOUT)
    bench.do(bench.custody.lost())
    assert bench.of(KeepNote)
    assert bench.row(ALICE).stays_favourite is None


# -- revoked keys


@pytest.fixture
def stolen():
    """A bench whose radio has Alice's key, which an operator has revoked."""
    bench = Bench(keys={ALICE: KEY}, revoked={(ALICE, KEY)})
    bench.records.restore({}, bench.state().own)
    return bench


@pytest.mark.parametrize("marked", [(), (ALICE,)])
def test_a_revoked_key_is_forgotten_at_the_operators_word(stolen, marked):
    stolen.revoked, stolen.favourites = set(), set(marked)
    stolen.ready()
    stolen.revoked = {(ALICE, KEY)}
    stolen.do(stolen.custody.teach(ALICE, stolen.at))
    assert (stolen.keys, stolen.outcomes()) == ({}, {ALICE: Outcome.FORGOTTEN})
    assert RadioKey(ALICE, b"") in stolen.done
    # the operator's mark comes back with the next key
    stolen.trust[ALICE] = trusted(ALICE, OTHER, verified=True)
    stolen.do(stolen.custody.teach(ALICE, stolen.at))
    assert (stolen.keys, stolen.favourites) == ({ALICE: OTHER}, set(marked))


def test_a_revoked_key_gives_way_to_the_trusted_one(stolen):
    stolen.trust[ALICE] = trusted(ALICE, OTHER)
    stolen.ready()
    assert stolen.keys == {ALICE: OTHER}
    assert stolen.favourites == set()


def test_a_revoked_key_is_forgotten_at_ready_once_a_day(stolen):
    for _ in range(3):
        stolen.keys = {ALICE: KEY}
        stolen.ready()
        stolen.wait(HOUR)
    assert len(stolen.of(RemoveNode)) == 1
    stolen.wait(DAY)
    stolen.ready()
    assert stolen.keys == {}


def test_a_forgotten_favourite_is_no_news_at_each_ready(stolen):
    stolen.favourites = {ALICE}
    stolen.ready()
    assert stolen.row(ALICE).stays_favourite is True
    before = len(stolen.done)
    stolen.ready()
    assert stolen.done[before:] == []


@pytest.mark.parametrize("obstacle", [Outcome.MANAGED, Outcome.LOCKED])
def test_a_radio_that_takes_no_orders_keeps_a_revoked_key(stolen, obstacle):
    stolen.obstacle = obstacle
    stolen.ready()
    assert stolen.done == []
    stolen.do(stolen.custody.teach(ALICE, stolen.at))
    assert (stolen.keys, stolen.outcomes()) == ({ALICE: KEY}, {ALICE: obstacle})


# -- limits


@pytest.mark.parametrize("obstacle", [Outcome.MANAGED, Outcome.LOCKED, Outcome.OLD_FIRMWARE])
def test_a_radio_that_takes_no_keys_is_only_helped_by_asking(bench, obstacle):
    bench.obstacle = obstacle
    bench.records.keep(CustodyRow(BRUNO, stays_favourite=False))
    bench.favourites = {BRUNO}
    bench.ready()
    bench.wait(HOUR)
    assert bench.asked() == [ALICE]
    assert bench.outcomes() == {ALICE: obstacle}
    assert bench.favourites == {BRUNO}


def test_a_day_has_a_limited_number_of_lessons_over_restarts():
    bench = with_many(region=0)
    for _ in range(3):
        bench.restart()
        bench.ready()
        bench.wait(2 * HOUR)
        bench.keys.clear()
    assert len(bench.taught()) == TAUGHT_AHEAD
    for num in MANY:
        bench.do(bench.custody.cure(num, bench.at, lacks=True))
    assert len(bench.taught()) == TAUGHT_FOR_MESSAGES
    for num in MANY[30:]:
        bench.do(bench.custody.teach(num, bench.at))
    assert len(bench.taught()) == TAUGHT_A_DAY
    assert bench.outcomes()[MANY[-1]] is Outcome.DAY_FULL
    bench.wait(DAY)
    bench.do(bench.custody.teach(MANY[-1], bench.at))
    assert len(bench.taught()) == TAUGHT_A_DAY + 1


def test_a_clock_that_is_set_back_begins_no_new_day():
    bench = with_many(region=0)
    bench.ready()
    bench.wait(2 * HOUR)
    bench.at = after(-2 * DAY, bench.at)
    bench.keys.clear()
    bench.ready()
    bench.wait(2 * HOUR)
    assert len(bench.taught()) == TAUGHT_AHEAD


def test_a_node_is_taught_ahead_of_time_once_a_day(bench):
    for _ in range(3):
        bench.ready()
        bench.wait(HOUR)
        bench.keys.clear()
    assert bench.taught() == [ALICE]
    bench.wait(DAY)
    bench.ready()
    bench.wait(HOUR)
    assert bench.taught() == [ALICE, ALICE]


# -- on demand


def test_a_message_that_waits_has_its_recipient_cured_at_once():
    bench = with_many()
    bench.trust[ALICE], bench.present = trusted(ALICE, KEY), {ALICE: KEY}
    bench.ready()
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    assert bench.asked()[-1] == ALICE
    assert bench.outcomes() == {ALICE: Outcome.HELD}


def test_what_the_radio_says_it_lacks_it_lacks(bench):
    bench.keys = {ALICE: KEY}
    bench.ready()
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    assert RadioKey(ALICE, b"") in bench.done
    bench.wait(ASK_TIMEOUT)
    assert bench.taught() == [ALICE]


def test_an_unreadable_message_teaches_nothing_that_the_radio_has(bench):
    bench.keys = {ALICE: KEY}
    bench.ready()
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=False))
    bench.wait(ASK_TIMEOUT)
    assert bench.asked() == [ALICE]
    assert bench.outcomes() == {ALICE: Outcome.NO_ANSWER}


def test_a_node_that_was_just_asked_is_taught_without_asking_again(bench):
    bench.present[ALICE] = KEY
    bench.ready()
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    assert bench.asked() == [ALICE]
    assert bench.taught() == [ALICE]


def test_teaching_right_after_ready_waits_until_the_radio_is_known(bench):
    bench.do(bench.custody.teach(ALICE, bench.at))
    assert bench.done == []
    bench.ready()
    assert bench.taught() == [ALICE]
    assert bench.outcomes() == {ALICE: Outcome.HELD}


def test_teaching_ends_with_a_link_that_is_lost_first(bench):
    bench.do(bench.custody.teach(ALICE, bench.at))
    bench.do(bench.custody.lost())
    assert bench.outcomes() == {ALICE: Outcome.NO_LINK}


def test_a_message_right_after_ready_is_served_once_the_radio_is_known(bench):
    bench.do(bench.custody.cure(CAROLE, bench.at, lacks=True))
    assert bench.done == []
    bench.trust[CAROLE], bench.present[CAROLE] = trusted(CAROLE, OTHER), OTHER
    bench.ready()
    assert CAROLE in bench.asked()
    assert bench.outcomes()[CAROLE] is Outcome.HELD


def test_a_radio_whose_nodes_have_not_come_is_neither_judged_nor_taught(bench):
    bench.nodes, bench.obstacle = 0, Outcome.UNSEEN
    unseen = replace(bench.state(), is_whole=False)
    bench.do(bench.custody.ready(unseen, {ALICE}, bench.at))
    assert bench.done == []
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    bench.wait(ASK_TIMEOUT)
    assert bench.asked() == [ALICE]
    assert bench.outcomes() == {ALICE: Outcome.UNSEEN}
    assert bench.records.own is None


def test_a_stranger_is_neither_asked_nor_taught(bench):
    bench.ready()
    bench.do(bench.custody.cure(CAROLE, bench.at, lacks=True))
    assert CAROLE not in bench.asked()
    assert bench.outcomes()[CAROLE] is Outcome.NO_KEY
    assert bench.custody.deadline < float("inf")


def test_forged_messages_of_all_nodes_make_a_limited_number_of_questions():
    bench = with_many()
    bench.ready()
    bench.nodes = 1
    bench.ready()
    for num in MANY:
        bench.do(bench.custody.cure(num, bench.at, lacks=True))
    assert len(bench.asked()) <= ASKS_AN_HOUR + 1


def test_two_messages_make_one_cure(bench):
    bench.ready()
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    bench.wait(HOUR)
    assert bench.asked() == bench.taught() == [ALICE]


# -- unreadable packets


def test_an_unreadable_packet_to_us_has_its_sender_asked_once_an_hour():
    bench = Bench(trust={ALICE: trusted(ALICE, KEY)}, present={ALICE: KEY})
    bench.ready()
    for _ in range(5):
        bench.do(bench.custody.unreadable(ALICE, bench.at))
        bench.wait(600)
    assert bench.asked() == [ALICE]
    bench.wait(HOUR)
    bench.do(bench.custody.unreadable(ALICE, bench.at))
    assert bench.asked() == [ALICE, ALICE]


def test_an_unreadable_packet_of_a_stranger_does_nothing(bench):
    bench.ready()
    bench.do(bench.custody.unreadable(CAROLE, bench.at))
    assert CAROLE not in bench.asked()


def test_a_flood_of_unreadable_packets_is_bounded():
    bench = with_many()
    bench.records.rows.clear()
    bench.ready()
    for num in MANY:
        bench.do(bench.custody.unreadable(num, bench.at))
    assert len(bench.asked()) == ASKS_AN_HOUR
    bench.wait(HOUR - 1)
    assert len(bench.taught()) == TAUGHT_AHEAD


# -- the operator


def test_an_operators_key_is_taught_at_once(bench):
    bench.trust[ALICE], bench.keys = trusted(ALICE, KEY, verified=True), {ALICE: OTHER}
    bench.keys.clear()
    bench.ready()
    bench.do(bench.custody.teach(ALICE, bench.at))
    assert bench.keys == {ALICE: KEY}
    assert bench.outcomes() == {ALICE: Outcome.HELD}
    assert bench.done[-1].taught


def test_an_operators_key_that_the_radio_has_is_not_taught(bench):
    bench.keys = {ALICE: KEY}
    bench.ready()
    bench.do(bench.custody.teach(ALICE, bench.at))
    assert bench.done == [CureEnded(ALICE, Outcome.HELD)]


def test_an_operator_is_told_that_the_radio_refused(bench):
    bench.answers = False
    bench.ready()
    bench.do(bench.custody.teach(ALICE, bench.at))
    bench.do(bench.custody.answered(bench.of(AddContact)[0].packet_id, "NOT_AUTHORIZED", bench.at))
    bench.do(bench.custody.answered(bench.of(RemoveFavourite)[0].packet_id, "NONE", bench.at))
    assert bench.outcomes() == {ALICE: Outcome.REFUSED}


def test_an_operator_is_told_that_the_radio_was_silent(bench):
    bench.answers = False
    bench.ready()
    bench.do(bench.custody.teach(ALICE, bench.at))
    bench.wait(60)
    assert bench.outcomes() == {ALICE: Outcome.NO_ANSWER}


def test_an_operator_who_decides_again_meanwhile_is_not_told_of_success(bench):
    bench.answers = False
    bench.ready()
    bench.do(bench.custody.teach(ALICE, bench.at))
    bench.trust[ALICE] = trusted(ALICE, OTHER, verified=True)
    bench.do(bench.custody.teach(ALICE, bench.at))
    for each in (AddContact, RemoveFavourite):
        bench.do(bench.custody.answered(bench.of(each)[0].packet_id, "NONE", bench.at))
    assert bench.outcomes() == {ALICE: Outcome.NO_ANSWER}


# -- the radio's own loss


def test_the_first_ready_is_no_loss(bench):
    bench.ready()
    assert bench.of(RadioLost) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"own_key": OTHER}, "key"), ({"nodes": 19}, "nodes"), ({"region": 0}, "region")],
)
def test_a_loss_is_reported_once(bench, changes, what):
    bench.keys[ALICE] = KEY
    bench.ready()
    for name, value in changes.items():
        setattr(bench, name, value)
    for _ in range(3):
        bench.restart()
        bench.ready()
    [lost] = bench.of(RadioLost)
    assert [name for name in ("key", "nodes", "region") if getattr(lost.loss, name)] == [what]
    assert len(bench.of(Introduce)) == (what != "region")


def test_under_another_number_our_node_is_asked_for_a_minute(bench):
    bench.ready()
    bench.own_num = OWN_NUM + 1
    for _ in range(2):
        bench.ready()
        bench.wait(120)
    # Its firmware drops those within a minute of another NODEINFO
    assert (len(bench.of(Introduce)), bench.of(RadioLost)) == (6, [])


@pytest.mark.parametrize("nodes", [20, 40, 3000])
def test_half_of_the_nodes_and_more_are_no_loss(bench, nodes):
    bench.ready()
    bench.nodes = nodes
    bench.ready()
    assert bench.of(RadioLost) == []


def test_our_node_is_broadcast_at_most_hourly(bench):
    for number in range(6):
        bench.own_key = key(number)
        bench.ready()
        bench.wait(1200)
    assert len(bench.of(RadioLost)) == 5
    assert len(bench.of(Introduce)) == 2


def test_after_a_loss_everybody_who_wrote_is_asked():
    bench = with_many(present={num: KEY[:31] + bytes([num & 0xFF]) for num in MANY})
    bench.keys = dict(bench.present)
    bench.ready()
    bench.keys, bench.nodes = {}, 1
    bench.ready()
    bench.wait(len(MANY) * CURE_EVERY)
    assert len(bench.asked()) == len(MANY) > ASKS_AN_HOUR
    assert bench.keys == bench.present


# -- what is kept


def test_what_is_kept_is_bounded():
    bench = Bench()
    for number in range(KEPT + 50):
        bench.at = after(number)
        bench.talk(0x40000000 + number)
    assert len(bench.records.rows) == KEPT
    assert 0x40000000 not in bench.records.rows


def test_messages_of_one_hour_are_written_once():
    bench = Bench()
    for _ in range(10):
        bench.talk(ALICE)
        bench.at = after(60, bench.at)
    assert bench.records.take_changes().rows == {ALICE: bench.row(ALICE)}
    bench.talk(ALICE)
    assert bench.records.take_changes() is None


def test_the_tally_tells_held_lacking_and_different():
    found = tally({ALICE: KEY, BRUNO: KEY, CAROLE: KEY}, {ALICE: KEY, BRUNO: OTHER, OWN_NUM: OTHER})
    assert (found.held, found.lacking, found.different, found.trusted) == (1, 1, 1, 3)


# -- what the bot knows of a node


def manager(*records):
    found = make_node_manager(None, FakeClock())
    found.learn_from_node_database(records)
    return found


def test_a_node_is_taught_under_its_name_cut_for_firmware():
    name = "é" * 30
    found = manager(NodeRecord(ALICE, name, "ÉÉÉ", "HELTEC_V3", "CLIENT_MUTE", KEY)).trusted_key(ALICE).contact
    assert (found.long_name, found.short_name) == ("é" * 19, "ÉÉ")
    assert (found.hw_model, found.role, found.public_key) == ("HELTEC_V3", "CLIENT_MUTE", KEY)


def test_a_node_without_a_name_is_taught_under_the_firmwares():
    found = manager(NodeRecord(ALICE, public_key=KEY)).trusted_key(ALICE).contact
    assert (found.long_name, found.short_name) == ("Meshtastic 1eef", "1eef")


def test_a_node_without_a_key_is_not_taught():
    assert manager(NodeRecord(ALICE, "Alice")).trusted_key(ALICE) is None


def test_a_key_that_waits_makes_doubt_unless_an_operator_decides():
    found = manager(NodeRecord(ALICE, "Alice", public_key=KEY))
    found.learn_from_nodeinfo(NodeRecord(ALICE, "Alice", public_key=OTHER))
    assert found.trusted_key(ALICE).doubtful
    found.confirm_key(ALICE, KEY)
    assert (found.trusted_key(ALICE).doubtful, found.trusted_key(ALICE).verified) == (False, True)


def test_a_shared_key_is_in_doubt_whoever_verified_it():
    found = manager(NodeRecord(ALICE, "Alice", public_key=KEY), NodeRecord(BRUNO, "Bruno", public_key=KEY))
    found.confirm_key(ALICE, KEY)
    assert found.trusted_key(ALICE).doubtful
    assert found.trusted_key(BRUNO).doubtful


# -- bounds and odd moments


def test_what_was_said_before_a_lesson_is_old_at_its_end(bench):
    bench.ready()
    bench.answers = False
    bench.wait(ASK_TIMEOUT)
    (lesson,) = bench.of(AddContact)
    bench.apply(lesson)
    bench.do(bench.custody.answered(lesson.packet_id, "NONE", bench.at))
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    assert bench.custody._keys == bench.keys == {ALICE: KEY}


def test_more_unreadable_packets_than_questions_teach_nobody():
    bench = with_many(present={num: KEY[:31] + bytes([num & 0xFF]) for num in MANY})
    bench.records = type(bench.records)()
    bench.restart()
    bench.ready()
    for num in MANY:
        bench.do(bench.custody.unreadable(num, bench.at))
    assert len(bench.asked()) == ASKS_AN_HOUR < len(MANY)
    assert set(bench.outcomes()) == set(bench.asked())


def test_an_unreadable_packet_of_an_unknown_node_ends_nothing(bench):
    bench.ready()
    assert bench.custody.unreadable(CAROLE, bench.at) == []


def test_a_second_key_by_air_is_not_the_radios(bench):
    bench.keys[ALICE] = KEY
    bench.ready()
    bench.do(bench.custody.introduced(ALICE, OTHER, bench.at))
    assert bench.custody._keys == {ALICE: KEY}


def test_a_key_that_comes_by_itself_is_told_to_who_waits(bench):
    bench.ready()
    bench.obstacle = Outcome.MANAGED
    bench.do(bench.custody.lost())
    bench.ready()
    bench.wait(HOUR)
    assert bench.outcomes() == {ALICE: Outcome.MANAGED}
    bench.do(bench.custody.introduced(ALICE, KEY, bench.at))
    assert bench.outcomes() == {ALICE: Outcome.HELD}


def test_a_message_makes_its_nodes_cure_one_that_is_waited_for(bench):
    bench.records.restore({}, replace(bench.state().own, day=bench.at.wall // DAY, taught=TAUGHT_AHEAD))
    bench.ready()
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=True))
    bench.wait(ASK_TIMEOUT)
    assert bench.taught() == [ALICE]


def test_as_many_nodes_as_fit_are_wanted_before_ready(bench):
    for num in MANY:
        bench.do(bench.custody.cure(num, bench.at, lacks=True))
    bench.ready()
    bench.wait(HOUR)
    assert len([num for num in bench.outcomes() if num in MANY]) == UNSERVED_LIMIT < len(MANY)


def test_an_operators_wish_before_ready_outlives_a_message(bench):
    bench.do(bench.custody.teach(ALICE, bench.at))
    bench.do(bench.custody.cure(ALICE, bench.at, lacks=False))
    bench.ready()
    assert (bench.asked(), bench.taught()) == ([], [ALICE])


def test_an_operators_node_is_taught_before_others(bench):
    bench.trust |= {num: trusted(num, KEY[:31] + bytes([num & 0xFF])) for num in (BRUNO, CAROLE)}
    bench.region, bench.answers = 0, False
    bench.ready()
    bench.do(bench.custody.cure(BRUNO, bench.at, lacks=True))
    bench.do(bench.custody.teach(CAROLE, bench.at))
    bench.wait(HOUR)
    assert bench.taught() == [ALICE, CAROLE, BRUNO]


def test_a_clock_set_back_over_midnight_keeps_count(bench):
    bench.ready()
    bench.records.count_taught(ALICE, bench.at.wall)
    bench.records.count_taught(ALICE, bench.at.wall - DAY)
    assert bench.records.taught_on(bench.at.wall) == 2


def test_the_oldest_with_a_note_are_not_forgotten(bench):
    bench.records.note(BRUNO, stays_favourite=True)
    bench.at = after(DAY)
    bench.talk(*range(1, KEPT + 1))
    assert len(bench.records.rows) <= KEPT
    assert bench.row(BRUNO).stays_favourite is True


def test_what_an_earlier_process_kept_replaces_nothing_newer(bench):
    bench.records.restore({ALICE: CustodyRow(ALICE, dm_at=1, taught_at=7)}, None)
    assert bench.row(ALICE) == CustodyRow(ALICE, dm_at=bench.at.wall, taught_at=7)


@pytest.mark.parametrize(("before", "now"), [((3, KEY), (0, KEY)), ((40, b""), (40, KEY))])
def test_a_small_mesh_and_a_key_first_seen_are_no_loss(before, now):
    rows = [OwnRadioRow(OWN_NUM, public_key, 3, nodes) for nodes, public_key in (before, now)]
    assert not Loss(*rows)
