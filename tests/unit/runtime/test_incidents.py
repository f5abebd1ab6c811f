"""Incidents reach whoever listens, also those that came before."""

from meshbot.runtime.disk import ENOUGH, DiskWatch
from meshbot.runtime.incidents import KEPT, DatabaseFailed, DatabaseRecovered, DiskLow, DiskRecovered, IncidentBus

GIB = 1 << 30


def test_incidents_before_the_listener_are_passed_on_first_in_sequence():
    bus, reported = IncidentBus(), []
    bus.report(DatabaseFailed("plein"))
    bus.report(DatabaseRecovered())
    bus.listen(reported.append)
    bus.report(DatabaseFailed("encore"))
    assert reported == [DatabaseFailed("plein"), DatabaseRecovered(), DatabaseFailed("encore")]


def test_without_a_listener_memory_is_bounded():
    bus, reported = IncidentBus(), []
    for number in range(10 * KEPT):
        bus.report(DatabaseFailed(str(number)))
    bus.listen(reported.append)
    assert reported == [DatabaseFailed(str(number)) for number in range(9 * KEPT, 10 * KEPT)]


# -- the disk


def test_a_disk_is_low_below_the_limit_until_clearly_above():
    watch = DiskWatch(0.05)
    assert watch.look(50, 1000) is None
    assert watch.look(49, 1000) == DiskLow(49, 0.049)
    assert watch.look(20, 1000) == DiskLow(20, 0.02)
    assert watch.look(int(50 * ENOUGH), 1000) is None
    assert watch.look(int(50 * ENOUGH) + 1, 1000) == DiskRecovered(63, 0.063)
    assert watch.look(1000, 1000) is None


def test_the_first_look_ends_what_an_earlier_process_reported():
    watch = DiskWatch(0.05)
    assert watch.look(500, 1000) == DiskRecovered(500, 0.5)
    assert watch.look(500, 1000) is None


def test_a_disk_that_hovers_at_the_limit_stays_one_incident():
    watch = DiskWatch(0.05)
    looks = [watch.look(free, 1000) for free in (49, 51, 49, 51)]
    assert [type(look) for look in looks] == [DiskLow, type(None), DiskLow, type(None)]


def test_without_a_limit_a_full_disk_is_none_of_our_business():
    assert not isinstance(DiskWatch(0.0).look(0, GIB), DiskLow)


def test_a_file_system_without_a_size_is_not_full():
    assert not isinstance(DiskWatch(0.05).look(0, 0), DiskLow)
