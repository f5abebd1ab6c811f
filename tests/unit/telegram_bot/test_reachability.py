"""An outage is said once, and its end once, whoever meets it."""

import logging

from meshbot.telegram_bot.failures import Failure, Kind
from meshbot.telegram_bot.reachability import Reachability

AWAY = Failure(Kind.UNREACHABLE, "no route")
CONFLICT = Failure(Kind.CONFLICT, "")


def levels(reach, *failures, way="poll", now=0.0):
    return [reach.failed(way, failure, now)[1].level for failure in failures]


def reach():
    return Reachability(lambda: 0.0)


def test_the_first_failure_is_a_warning_the_next_ones_are_for_whoever_looks_closely():
    assert levels(reach(), AWAY, AWAY, AWAY) == [logging.WARNING, logging.DEBUG, logging.DEBUG]


def test_another_kind_of_failure_in_the_same_outage_is_said_too():
    assert levels(reach(), AWAY, CONFLICT, AWAY, CONFLICT) == [logging.WARNING] * 2 + [logging.DEBUG] * 2


def test_the_end_tells_how_long_it_was():
    it = reach()
    levels(it, AWAY, now=100.0)
    levels(it, AWAY, now=130.0)
    assert it.went_well("poll", 160.0).text == "📲 Telegram de nouveau joignable après 60 s"
    assert it.went_well("poll", 161.0) is None
    assert levels(it, AWAY) == [logging.WARNING]


def test_it_is_over_when_every_way_is_well():
    it = reach()
    assert levels(it, AWAY) + levels(it, AWAY, way="post") == [logging.WARNING, logging.DEBUG]
    assert it.went_well("poll", 1.0) is None
    assert not it.is_well()
    assert it.is_well(but_for="post")
    assert it.went_well("post", 2.0) is not None
    assert it.is_well()


def test_the_waits_of_each_way_grow_by_themselves():
    it = reach()
    assert [it.failed("poll", AWAY, 0.0)[0] for _ in range(3)] == [1, 2, 5]
    assert it.failed("post", AWAY, 0.0)[0] == 1


def test_a_success_without_a_failure_is_not_worth_a_word():
    assert reach().went_well("poll", 0.0) is None
