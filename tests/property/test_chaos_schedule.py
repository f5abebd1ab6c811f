"""The schedule of faults: the same for the same seed, and over many rounds all that it can draw."""

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos import catalogue, schedule
from chaos.catalogue import NODE_RANGES, NOT_DRAWN, OF_A_VICTIM, Part
from chaos.faults import TELEGRAM
from chaos.schedule import Deed, Ending, Moment, ready_within, round_of, rounds, smaller
from meshbot.virtual_node.faults import FAULTS, complete

SEEDS = st.text(max_size=8)
NUMBERS = st.integers(0, 10**6)
MANY = [round_of("many", number) for number in range(6000)]


@given(SEEDS, NUMBERS)
def test_a_seed_and_a_number_make_one_round(seed, number):
    assert round_of(seed, number) == round_of(seed, number)


@given(SEEDS, NUMBERS)
def test_the_virtual_node_takes_each_fault_that_is_drawn(seed, number):
    for fault in round_of(seed, number).faults:
        if fault.part is Part.NODE:
            complete(fault.name, {name: value for name, value in fault.values if name != "victim"})


@given(SEEDS, NUMBERS)
def test_what_happens_in_a_round_happens_while_its_faults_last(seed, number):
    one = round_of(seed, number)
    times = [act.at for act in one.acts]
    assert times == sorted(times)
    assert all(0 <= at <= one.lasts <= schedule.LONGEST for at in (*times, one.ending_at))
    assert one.lasts < ready_within(one) < 120


@given(SEEDS, NUMBERS)
def test_a_smaller_round_has_less_of_what_the_round_has(seed, number):
    one = round_of(seed, number)
    size = (len(one.acts), len(one.faults), one.ending is not Ending.NOTHING)
    for less in smaller(one):
        smaller_size = (len(less.acts), len(less.faults), less.ending is not Ending.NOTHING)
        assert smaller_size != size
        assert all(a <= b for a, b in zip(smaller_size, size, strict=True))
        assert {*less.acts, *less.faults} <= {*one.acts, *one.faults}


@given(SEEDS, st.integers(1, 5))
def test_lanes_share_the_rounds_among_them(seed, lanes):
    numbers = [one.number for lane in range(lanes) for one in islice(rounds(seed, lane, lanes), 4)]
    assert sorted(numbers) == list(range(4 * lanes))


def test_each_fault_of_the_node_is_drawn_or_excused():
    assert set(NODE_RANGES) | set(NOT_DRAWN) == set(FAULTS)
    assert not set(NODE_RANGES) & set(NOT_DRAWN)
    assert all(NOT_DRAWN.values())
    assert set(NODE_RANGES) >= OF_A_VICTIM


def test_each_fault_of_telegram_can_be_switched_on():
    assert set(catalogue.TELEGRAM_FAULTS) == set(TELEGRAM) | {"offline"}


@pytest.mark.parametrize(("kind", "of_round"), [(Moment, "moment"), (Ending, "ending")])
def test_every_moment_and_ending_comes(kind, of_round):
    assert {getattr(one, of_round) for one in MANY} == set(kind)


def test_every_deed_comes():
    assert {act.deed for one in MANY for act in one.acts} == set(Deed)


def test_every_fault_comes_at_every_moment_and_with_most_others():
    kinds = {(kind.part, kind.name) for kind in catalogue.kinds()}
    at = {(fault.part, fault.name, one.moment) for one in MANY for fault in one.faults}
    assert {(part, name) for part, name, _ in at} == kinds
    assert len(at) == len(kinds) * len(Moment)
    pairs = Counter(frozenset((f.part, f.name) for f in one.faults) for one in MANY if len(one.faults) == 2)
    assert len(pairs) > 0.9 * len(kinds) * (len(kinds) - 1) / 2


def test_an_operator_who_reconnects_shortens_the_wait():
    waits = {one.asks_to_reconnect: ready_within(one) for one in MANY if one.lasts > 3.9 and not one.faults}
    assert waits[True] < waits[False]
