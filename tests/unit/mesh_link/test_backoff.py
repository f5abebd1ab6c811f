"""The waits before the next attempt."""

import pytest

from meshbot.mesh_link.backoff import Backoff


def steady(cleanup_delay=1.0):
    return Backoff(cleanup_delay, lambda: 0.0)


def test_refusals_climb_to_5_s_and_stay_there():
    backoff = steady()
    assert [backoff.after_refusal() for _ in range(6)] == [1, 2, 3, 5, 5, 5]


def test_troubles_climb_the_specifications_ladder():
    backoff = steady()
    assert [backoff.after_trouble() for _ in range(7)] == [1, 5, 15, 30, 60, 60, 60]


def test_a_node_that_needs_rest_gets_it_after_trouble_too():
    backoff = steady(cleanup_delay=15.0)
    assert [backoff.after_trouble() for _ in range(4)] == [15, 15, 15, 30]


def test_a_refusal_owes_the_node_no_rest():
    assert steady(cleanup_delay=15.0).after_refusal() == 1


def test_a_trouble_resets_the_refusals():
    backoff = steady()
    backoff.after_refusal()
    backoff.after_trouble()
    assert backoff.after_refusal() == 1


def test_a_refusal_leaves_the_troubles_counted():
    backoff = steady()
    backoff.after_trouble()
    backoff.after_refusal()
    assert backoff.after_trouble() == 5


def test_a_loss_resets_both_counts():
    backoff = steady()
    backoff.after_trouble()
    backoff.after_refusal()
    assert backoff.after_loss() == 1
    assert (backoff.after_refusal(), backoff.after_trouble()) == (1, 1)


def test_a_request_counts_nothing_and_forgives_no_trouble():
    backoff = steady()
    backoff.after_trouble()
    assert backoff.after_request() == 1
    assert backoff.after_trouble() == 5


@pytest.mark.parametrize(("noise", "expected"), [(-1.0, 13.5), (0.5, 15.75), (1.0, 16.5)])
def test_each_wait_is_spread_by_at_most_a_tenth(noise, expected):
    backoff = Backoff(15.0, lambda: noise)
    assert backoff.after_loss() == backoff.after_request() == pytest.approx(expected)
