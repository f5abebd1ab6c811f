"""Saying something that may happen often, seldom."""

from math import inf

from meshbot.runtime.throttle import Throttle


def test_the_first_is_reported_at_once():
    assert Throttle(60).count(1000.0) == 1


def test_within_the_period_nothing_is_reported():
    throttle = Throttle(60)
    throttle.count(1000.0)
    assert [throttle.count(1000.0 + second) for second in range(60)] == [0] * 60


def test_after_the_period_all_that_was_held_back_is_counted():
    throttle = Throttle(60)
    for second in range(60):
        throttle.count(1000.0 + second)
    assert throttle.count(1060.0) == 60


def test_what_was_held_back_is_due_without_another_one():
    throttle = Throttle(60)
    throttle.count(1000.0)
    throttle.count(1001.0)
    assert [throttle.due(1059.0), throttle.due(1060.0), throttle.due(1120.0)] == [0, 1, 0]


def test_what_was_only_noted_is_due():
    throttle = Throttle(60)
    throttle.note()
    throttle.note()
    assert throttle.due(1000.0) == 2


def test_nothing_is_due_when_nothing_happened():
    assert Throttle(60).due(inf) == 0


def test_a_period_of_zero_holds_nothing_back():
    throttle = Throttle(0)
    assert [throttle.count(1000.0), throttle.count(1000.0)] == [1, 1]
