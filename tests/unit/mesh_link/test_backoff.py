"""The waits before the next attempt."""

import pytest

from meshbot.mesh_link.backoff import EAGER_FOR, Backoff


def steady(cleanup_delay=1.0):
    return Backoff(cleanup_delay, lambda: 0.0)


def test_a_node_that_is_away_is_tried_every_second_for_two_minutes():
    backoff = steady()
    assert {backoff.after_refusal(outage) for outage in range(int(EAGER_FOR))} == {1.0}


def test_after_two_minutes_refusals_climb_to_5_s_and_stay_there():
    backoff = steady()
    assert [backoff.after_refusal(EAGER_FOR) for _ in range(6)] == [2, 3, 5, 5, 5, 5]


def test_troubles_climb_the_specifications_ladder():
    backoff = steady()
    assert [backoff.after_trouble() for _ in range(7)] == [1, 5, 15, 30, 60, 60, 60]


def test_links_closed_soon_climb_it_from_the_fourth_on():
    backoff = steady()
    assert [backoff.after_soon_closed() for _ in range(8)] == [1, 1, 1, 5, 15, 30, 60, 60]


def test_a_node_that_needs_rest_gets_it_after_trouble_too():
    backoff = steady(cleanup_delay=15.0)
    assert [backoff.after_trouble() for _ in range(4)] == [15, 15, 15, 30]
    assert backoff.after_soon_closed() == 15


def test_a_refusal_owes_the_node_no_rest():
    assert steady(cleanup_delay=15.0).after_refusal(0) == 1


def test_a_refusal_says_that_no_other_client_has_the_node():
    backoff = steady()
    for _ in range(5):
        backoff.after_soon_closed()
    backoff.after_refusal(0)
    assert backoff.after_soon_closed() == 1


def test_a_trouble_resets_the_refusals():
    backoff = steady()
    backoff.after_refusal(EAGER_FOR)
    backoff.after_trouble()
    assert backoff.after_refusal(EAGER_FOR) == 2


def test_a_refusal_leaves_the_troubles_counted():
    backoff = steady()
    backoff.after_trouble()
    backoff.after_refusal(0)
    assert backoff.after_trouble() == 5


def test_a_loss_resets_all_counts():
    backoff = steady()
    backoff.after_trouble()
    backoff.after_refusal(EAGER_FOR)
    for _ in range(4):
        backoff.after_soon_closed()
    assert backoff.after_loss() == 1
    assert (backoff.after_refusal(EAGER_FOR), backoff.after_trouble(), backoff.after_soon_closed()) == (2, 1, 1)


def test_a_request_counts_nothing_and_forgives_no_trouble():
    backoff = steady()
    backoff.after_trouble()
    assert backoff.after_request() == 1
    assert backoff.after_trouble() == 5


@pytest.mark.parametrize(("noise", "expected"), [(-1.0, 13.5), (0.5, 15.75), (1.0, 16.5)])
def test_each_wait_is_spread_by_at_most_a_tenth(noise, expected):
    backoff = Backoff(15.0, lambda: noise)
    assert backoff.after_loss() == backoff.after_request() == pytest.approx(expected)
