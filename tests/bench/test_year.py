"""The bench's year in small: each promise is kept, and there was occasion to break it."""

import pytest

from bench.year import Plan, live

PLAN = {"days": 30, "nodes": 60, "capacity": 12, "heard": 10, "messages": 5, "impostors": 15, "false_keys": 8}
# What some promise is about: none is kept by nothing having happened
HAPPENED = ("sent", "taught", "changes", "false_keys", "proven", "letters", "roles", "impostors", "questions")


@pytest.fixture(scope="module", params=[2, 3])
def found(request):
    return live(Plan(**PLAN, seed=request.param, reset_days=20))


CLAIMS = (
    "messages to nodes whose true key we hold are delivered",
    "taught keys are right",
    "favourites of ours left",
    "favourites of the operator's lost",
    "real changes of keys alerted exactly once",
    "false keys trusted without the operator",
    "false alarms for nodes that were left in peace",
    "nodes that proved their new number are followed",
    "letters follow",
    "roles follow",
    "impostors adopted",
)


@pytest.mark.parametrize("claim", CLAIMS)
def test_through_a_year_each_promise_is_kept(found, claim):
    kept, wanted = found.claims()[claim]
    assert kept == wanted, found.faults


def test_that_year_had_occasions_to_break_each_promise(found):
    assert set(found.claims()) == set(CLAIMS)
    assert {name: getattr(found, name) > 0 for name in HAPPENED} == dict.fromkeys(HAPPENED, True)
    assert found.upgraded >= PLAN["nodes"]
    assert found.read == found.written
