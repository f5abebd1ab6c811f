"""The link's figures, from what the machine decides."""

from meshbot.mesh_link.actions import Generation, LinkDown, LinkReady
from meshbot.mesh_link.statistics import DAY, HOUR, REMEMBERED, LinkFigures, LinkStatistics


def ready(outage=0.0, *, reconnection=True):
    return LinkReady(Generation(1), reconnection, outage, attempts=1)


def down():
    return LinkDown("test", first=True, was_ready=True, retry_in=1.0)


def test_before_the_first_attempt_there_are_no_figures():
    assert LinkStatistics().snapshot(10.0) == LinkFigures()


def test_the_first_connection_is_no_reconnection_and_ends_no_outage():
    statistics = LinkStatistics()
    statistics.take([], 100.0, 100.0)
    assert statistics.snapshot(103.0) == LinkFigures(down_for=3.0)
    statistics.take([ready(3.0, reconnection=False)], None, 103.0)
    assert statistics.snapshot(163.0) == LinkFigures(ready_for=60.0)


def test_a_reconnection_counts_with_its_outage():
    statistics = LinkStatistics()
    statistics.take([ready(reconnection=False)], None, 0.0)
    statistics.take([down()], 50.0, 51.0)
    assert statistics.snapshot(60.0) == LinkFigures(down_for=10.0)
    statistics.take([ready(12.0)], None, 62.0)
    figures = statistics.snapshot(100.0)
    assert (figures.ready_for, figures.down_for, figures.last_hour, figures.last_day) == (38.0, None, 1, 1)
    assert (figures.last_outage, figures.since_outage) == (12.0, 38.0)


def test_the_hour_and_the_day_slide():
    statistics = LinkStatistics()
    for at in (0.0, DAY - HOUR, DAY - 10.0):
        statistics.take([ready()], None, at)
    assert (statistics.snapshot(DAY - 1).last_hour, statistics.snapshot(DAY - 1).last_day) == (2, 3)
    assert (statistics.snapshot(DAY).last_hour, statistics.snapshot(DAY).last_day) == (1, 2)
    assert statistics.snapshot(3 * DAY).last_day == 0


def test_what_is_remembered_is_bounded():
    statistics = LinkStatistics()
    for _ in range(REMEMBERED + 10):
        statistics.take([ready()], None, 0.0)
    assert statistics.snapshot(1.0).last_day == REMEMBERED


def test_the_last_round_trip_is_kept():
    statistics = LinkStatistics()
    statistics.probe_answered(0.5)
    statistics.probe_answered(0.035)
    assert statistics.snapshot(0.0).round_trip == 0.035
