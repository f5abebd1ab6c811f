"""The bench's trial in small: answers through link faults of every kind."""

from bench.answers_kept import FAULTS, answers_kept
from tests.support.autojump import AutojumpClock


def test_through_link_faults_no_answer_is_lost_or_sent_twice():
    with AutojumpClock() as clock:
        kept = answers_kept(commands=60, faults=len(FAULTS), seed=7, clock=clock, new_selector=clock.new_selector)
    assert kept.taken >= 60
    assert kept.links > 1
    assert (kept.lost, kept.sent_twice, kept.too_soon) == (0, 0, 0)
