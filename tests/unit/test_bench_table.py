"""What the bench's table says of its figures, those that are missing included."""

from bench.__main__ import Measure, _take
from bench.effort import Effort
from bench.table import UNMEASURED, Row, percentile, render, seconds, within


def test_a_percentile_is_the_smallest_sample_that_so_many_do_not_exceed():
    samples = [float(number) for number in range(100, 0, -1)]
    assert (percentile(samples, 50), percentile(samples, 99), percentile([7.0], 99)) == (50.0, 99.0, 7.0)


def test_seconds_shows_mean_worst_and_what_missed_the_limit():
    assert seconds([1.0, 3.0], 60) == "mean 2.0 s, worst 3.0 s"
    assert seconds([1.0, None], 60) == "1.0 s; 1 of 2 not within 60 s"
    assert seconds([], 60) == UNMEASURED


def test_a_target_is_reached_by_every_sample_or_not_at_all():
    assert within([1.0, 3.0], 3) is True
    assert within([1.0, 3.1], 3) is False
    assert within([1.0, None], 3) is False
    assert within([], 3) is None


def test_the_verdict_of_a_row_without_target_or_figures_is_a_dash():
    rows = [Row("reached", "≤ 1", "2", "1", passed=True), Row("missed", "≤ 1", "2", "3", passed=False)]
    lines = render([*rows, Row("open", "–", UNMEASURED, UNMEASURED)]).splitlines()
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["✅", "❌", "–"]


def test_a_failed_measure_is_reported_in_its_place(capsys):
    def fail(_):
        raise TimeoutError("the node does not answer")

    measured = _take(Measure("silence", fail), Effort())
    assert [(row.what, row.bot, row.passed) for row in measured.rows] == [("silence", UNMEASURED, None)]
    assert measured.notes == ["silence could not be measured: TimeoutError: the node does not answer"]
    assert "silence" in capsys.readouterr().err
