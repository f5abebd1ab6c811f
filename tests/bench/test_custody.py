"""The bench's trial in small: direct messages through a loss of the radio's node database."""

import pytest

from bench.custody import Plan, direct_messages
from tests.support.autojump import AutojumpClock

PLAN = Plan(rounds=1, seconds=150.0, people=3, loss_every=1, chatter=0.0)


def trial(firmware, *, custody):
    with AutojumpClock() as clock:
        return direct_messages(firmware, 250, PLAN, custody=custody, clock=clock, new_selector=clock.new_selector)


@pytest.mark.parametrize("firmware", ["2.7.26", "2.8.0"])
def test_custody_delivers_what_would_be_lost_and_leaves_no_mark(firmware):
    without, with_it = (trial(firmware, custody=custody) for custody in (False, True))
    assert with_it.delivered == with_it.messages > without.delivered
    assert with_it.favourites == 0
    assert without.questions == without.taught == 0
