"""The failure detector against nodes in numbers: who lives is never accused, who is gone is noticed in time."""

from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.mesh_link.connecting import REPEATED_IN_VAIN
from meshbot.mesh_link.liveness import Liveness, Verdict
from tests.support.configured import make_times

DAY, HOUR = 86400.0, 3600.0
NOTICED_WITHIN = 20.0
# In a row: one more is one in 3,000 and takes 140 s, longer than any rule here waits
MOST_LOSSES = 4


class Node:
    """Answers each heartbeat at a time that `answer_at` gives it, inf for never; returns when it was accused."""

    def __init__(self, answer_at, first=0.0):
        self.answer_at = answer_at
        self.live = Liveness(make_times())
        self.live.begin(0.0, answers=True)
        self.live.guess(first)
        self.probes = 0
        # whether the system says that our bytes were repeated in vain
        self.unacknowledged = lambda now: False

    def accused(self, until, now=0.0):
        """Play until then; return when the link was declared dead, None if it was not."""
        answers = []
        while now < until:
            now = min([self.live.due(), *answers])
            # bytes are seen before a deadline, as in the shell
            for at in sorted(at for at in answers if at <= now):
                answers.remove(at)
                self.live.heard(at)
                self.live.answered(at)
            match self.live.check(now, unacknowledged=self.unacknowledged(now)):
                case Verdict.DEAD:
                    return now
                case Verdict.PROBE:
                    self.live.probed(now)
                    self.probes += 1
                    if (at := self.answer_at(now)) < inf:
                        answers.append(at)
        return None


def stalling(seconds, every):
    """Whose main loop stops for so long at the end of each period."""

    def answer_at(now):
        start = now - now % every
        begins = start + every - seconds
        return (now if now < begins else start + every) + 0.05

    return answer_at


def through_a_lossy_link(delay, loss, random):
    """TCP repeats what is lost, after 1.1 times the delay, then twice that; nothing overtakes."""
    arrived = 0.0

    def answer_at(now):
        nonlocal arrived
        arrival, wait = now + delay, 1.1 * delay
        for _ in range(MOST_LOSSES):
            if random.random() >= loss:
                break
            arrival, wait = arrival + wait, 2 * wait
        arrived = max(arrived, arrival)
        return arrived

    return answer_at


class LossyPath:
    """The same, with what the system knows of it: how often it has repeated what is under way."""

    def __init__(self, delay, loss, random):
        self._delay, self._loss, self._random = delay, loss, random
        self._arrived = 0.0
        self._under_way = []

    def answer_at(self, now):
        at, wait, repeated = now, max(0.2, 1.1 * self._delay), []
        for _ in range(MOST_LOSSES):
            if self._random.random() >= self._loss:
                break
            at, wait = at + wait, 2 * wait
            repeated.append(at)
        self._under_way.append((repeated, at + self._delay))
        self._arrived = max(self._arrived, at + self._delay)
        return self._arrived

    def unacknowledged(self, now):
        self._under_way = [each for each in self._under_way if each[1] > now]
        return any(sum(at <= now for at in repeated) >= REPEATED_IN_VAIN for repeated, _ in self._under_way)


def losing_answers(delay, loss, random):
    return lambda now: inf if random.random() < loss else now + delay


def test_a_quiet_node_that_answers_is_not_accused_in_a_day():
    node = Node(lambda now: now + 0.05)
    assert node.accused(DAY) is None
    assert node.probes > DAY / 6


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 10.0), st.floats(17, 600), st.floats(0, 60))
def test_a_node_that_stalls_up_to_10_s_is_not_accused(seconds, every, began):
    assert Node(stalling(seconds, every)).accused(began + 4 * HOUR, began) is None


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 10.0), st.floats(60, 600))
def test_after_any_such_stalls_its_end_is_still_noticed_in_20_s(seconds, every):
    node = Node(stalling(seconds, every))
    node.accused(4 * HOUR)
    gone = node.live.heard_at
    node.answer_at = lambda _now: inf
    assert node.accused(inf, gone) - node.live.heard_at <= NOTICED_WITHIN


@pytest.mark.parametrize("seed", range(20))
def test_a_slow_and_lossy_link_is_no_silence(seed):
    assert Node(through_a_lossy_link(4.0, 0.2, Random(seed)), first=4.0).accused(HOUR / 3) is None


@pytest.mark.parametrize("delay", [0.3, 0.5, 1.0, 4.0])
def test_what_a_slow_path_repeats_is_no_evidence_of_absence(delay):
    for seed in range(20):
        path = LossyPath(delay, 0.2, Random(seed))
        node = Node(path.answer_at, first=delay)
        node.unacknowledged = path.unacknowledged
        assert node.accused(HOUR) is None


@pytest.mark.parametrize("round_trip", [0.001, 0.05, 0.2])
def test_on_a_quick_path_it_is_and_decides_after_11_s(round_trip):
    node = Node(lambda now: now + round_trip if now < 1000 else inf)
    node.unacknowledged = lambda now: now - node.live.heard_at > 5 + 1.4
    assert node.accused(inf) - node.live.heard_at == pytest.approx(11.0, abs=0.1)


@pytest.mark.parametrize("seed", range(20))
def test_a_fifth_of_the_answers_lost_for_good_is_no_silence(seed):
    assert Node(losing_answers(4.0, 0.2, Random(seed)), first=4.0).accused(HOUR) is None
    assert Node(losing_answers(0.1, 0.2, Random(seed))).accused(HOUR) is None


def test_a_node_that_is_gone_is_noticed_in_17_s():
    node = Node(lambda now: now + 0.05 if now < 1000 else inf)
    assert node.accused(inf) - node.live.heard_at == pytest.approx(17.0)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 300), max_size=50))
def test_no_history_makes_a_link_wait_longer_than_the_specification(delays):
    delays = iter(delays)
    node = Node(lambda now: now + next(delays, inf))
    heard = 0.0
    while (at := node.accused(inf, heard)) is None:
        heard = at
    assert at - node.live.heard_at <= 120.0 + 1e-6


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=30))
def test_lateness_once_shown_is_allowed_for_good(delays):
    live = Liveness(make_times())
    live.begin(0.0, answers=True)
    now, waits = 0.0, []
    for delay in delays:
        now = live.due()
        live.check(now)
        live.heard(now + delay)
        now += delay
        waits.append(live.wait)
        live.begin(now, answers=True)
    assert waits == sorted(waits)
