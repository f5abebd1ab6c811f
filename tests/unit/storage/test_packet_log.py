"""Batches into the database, and what has become too old out of it."""

from dataclasses import replace
from math import inf

import pytest
from sqlalchemy import event, func, select

from meshbot.mesh_memory.aggregates import PacketBatch
from meshbot.storage.packet_log import PRUNE_AT_ONCE, PacketLog
from meshbot.storage.packet_rows import (
    DAY,
    HOUR,
    Air,
    BatchRows,
    LinkRow,
    NodeState,
    NodeVolume,
    PacketRow,
    StateChanges,
    Volume,
)
from meshbot.storage.schema import LINKS, NODE_DAYS, NODE_HOURS, PACKETS, TRAFFIC_HOURS
from meshbot.storage.traffic import By, Span, TrafficQueries

T = 20_000 * DAY
ROW = PacketRow(T + 5, 7, 8, 1, 0, 67, 0, 3, 5.0, -90, via_mqtt=False, size=40)
NOTHING = StateChanges()


class Log(PacketLog):
    """Writes without states, and deletes nothing unless asked."""

    def save(self, rows, states=NOTHING, keep_from=0, max_packets=10**9):
        super().save(rows, states, keep_from, max_packets)


@pytest.fixture
def log(database):
    return Log(database)


@pytest.fixture
def traffic(database):
    return TrafficQueries(database)


def rows_of(*rows):
    batch = PacketBatch()
    for row in rows:
        batch.add_packet(row)
    return batch.rows()


def count(database, table):
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_packets_are_kept_with_all_their_fields(log, database):
    rows = [ROW, PacketRow(T + 6, 9, 0xFFFFFFFF, 0xFFFFFFFF, None, None, None, None, None, None, True, 0)]  # noqa: FBT003
    log.save(rows_of(*rows))
    with database.reading() as connection:
        columns = [column for column in PACKETS.c if column.name != "id"]
        found = connection.execute(select(*columns).order_by(PACKETS.c.id)).all()
    assert [PacketRow(*row) for row in found] == rows


def test_the_last_texts_are_found_among_the_last_packets(log):
    rows = [replace(ROW, sender=number, packet_id=10 * number, portnum=1 if number % 2 else 67) for number in range(9)]
    log.save(rows_of(*rows))
    assert log.load_recent_texts(5, {1, 11}) == [(5, 50), (7, 70)]
    assert log.load_recent_texts(5, {11}) == []


def test_sums_of_two_batches_are_added_up(log, traffic):
    log.save(rows_of(ROW, replace(ROW, snr=-3.0)))
    log.save(rows_of(replace(ROW, snr=8.0), replace(ROW, hops=2, rx_time=T + HOUR)))
    assert traffic.volumes(By.PORT, Span(T)) == {67: Volume(4, 160)}
    assert traffic.volumes(By.HOPS, Span(T)) == {0: Volume(3, 120), 2: Volume(1, 40)}
    assert traffic.volumes(By.HOUR, Span(T)) == {T: Volume(3, 120), T + HOUR: Volume(1, 40)}
    assert traffic.volumes(By.SENDER, Span(T)) == traffic.days(Span(T)) == {7: Volume(4, 160)}
    assert traffic.node_hours(7, Span(T), 1) == {
        T: NodeVolume(3, 120, 3, 10.0, -3.0, 8.0, -270),
        T + HOUR: NodeVolume(1, 40),
    }


def test_a_signal_that_comes_after_hours_without_one_is_taken(log, traffic):
    log.save(rows_of(replace(ROW, hops=2)))
    log.save(rows_of(ROW))
    log.save(rows_of(replace(ROW, hops=2)))
    assert traffic.node_hours(7, Span(T), 1) == {T: NodeVolume(3, 120, 1, 5.0, 5.0, 5.0, -90)}


def test_the_air_of_an_hour_is_added_up(log, traffic):
    for utilization in (10.0, 30.0):
        log.save(BatchRows(air={T: Air(1, utilization, utilization, 1.0, 1.0)}))
    assert traffic.air_hours(Span(T)) == {T: Air(2, 40.0, 30.0, 2.0, 1.0)}


def test_a_span_leaves_out_what_lies_before_it(log, traffic):
    log.save(rows_of(ROW, replace(ROW, rx_time=T - 1)))
    for by in By:
        assert sum(volume.packets for volume in traffic.volumes(by, Span(T)).values()) == 1
    assert traffic.days(Span(T)) == {7: Volume(1, 40)}


def test_a_span_begins_with_a_whole_hour_or_day():
    assert Span.of(2, T + 2 * HOUR + 1) == Span(T)
    assert Span.of(30, T + 1).in_days() == Span(T - 2 * DAY)


def test_links_are_replaced_by_newer_ones_and_found_from_both_ends(log, traffic):
    links = [LinkRow(1, 2, 3.0, T, 1000.0), LinkRow(2, 3, None, T + 1, 5000.0), LinkRow(4, 5, 1.0, T + 2, None)]
    for link in (replace(links[0], snr=-9.0), *links):
        log.save(BatchRows(links=[link]))
    assert traffic.links_of(2, T, 10) == [links[1], links[0]]
    assert traffic.links(T, 10, 10) == links[::-1]
    assert traffic.links(T + 2, 10, 10) == links[2:]
    assert traffic.longest_links(T, 10) == [links[1], links[0]]
    assert traffic.longest_links(T, 1) == [links[1]]


@pytest.mark.parametrize("snr", [inf, -inf, 1e9, -99.0])
@pytest.mark.parametrize("length", [inf, -1.0, 1e12])
def test_a_saved_link_that_cannot_be_is_told_without_its_figures(log, traffic, snr, length):
    log.save(BatchRows(links=[LinkRow(1, 2, snr, T, length)]))
    assert traffic.links_of(2, T, 10) == traffic.links(T, 10, 10) == [LinkRow(1, 2, None, T, None)]
    assert traffic.longest_links(T, 1) == []


@pytest.mark.parametrize("sums", [(2, inf, 3.0, 3.0, -180), (2, 1e6, 3.0, 3.0, -180), (2, 6.0, 3.0, 3.0, -(10**6))])
def test_saved_sums_that_cannot_be_are_of_no_signal(log, traffic, sums):
    log.save(BatchRows(node_hours={(T, 7): NodeVolume(3, 120, *sums)}))
    assert traffic.node_hours(7, Span(T), 1) == {T: NodeVolume(3, 120)}


def test_a_saved_extreme_that_cannot_be_is_absent(log, traffic):
    log.save(BatchRows(node_hours={(T, 7): NodeVolume(3, 120, 2, 6.0, -inf, 1e9, -180)}))
    assert traffic.node_hours(7, Span(T), 1) == {T: NodeVolume(3, 120, 2, 6.0, None, None, -180)}


@pytest.mark.parametrize("air", [Air(1, inf, 5.0, 1.0, 1.0), Air(1, 5.0, 500.0, 1.0, 1.0), Air(0, 5.0, 5.0, 1.0, 1.0)])
def test_a_saved_hour_of_air_that_cannot_be_is_left_out(log, traffic, air):
    log.save(BatchRows(air={T: air, T + HOUR: Air(1, 5.0, 5.0, 1.0, 1.0)}))
    assert list(traffic.air_hours(Span(T))) == [T + HOUR]


def test_of_all_links_each_hearer_tells_so_many_at_most(log, traffic):
    links = [LinkRow(1, heard, 3.0, T + heard, None) for heard in range(10, 20)]
    log.save(BatchRows(links=[*links, LinkRow(2, 3, 1.0, T, None)]))
    assert [(link.hearer, link.heard) for link in traffic.links(T, 2, 10)] == [(1, 19), (1, 18), (2, 3)]
    assert [link.heard for link in traffic.links(T, 9, 2)] == [19, 18]


def test_states_are_written_replaced_and_forgotten(log):
    states = [NodeState(1, T), NodeState(2, T, 3, True, 1.5, -80, T, 99, 4.1, 12.5, 0.5, T, 48.5, 2.25, 35, T)]  # noqa: FBT003
    log.save(BatchRows(), StateChanges((states[0], replace(states[1], hops=1))))
    log.save(BatchRows(), StateChanges((states[1],), (1,)))
    assert log.load_states() == {2: states[1]}


def test_the_last_packets_are_read_back_in_their_order(log):
    log.save(rows_of(*(replace(ROW, packet_id=number) for number in range(1, 6))))
    assert log.load_recent(3) == [(7, 3), (7, 4), (7, 5)]


def test_a_batch_is_one_commit(log, database):
    commits = []
    event.listen(database.backend.writer, "commit", commits.append)
    log.save(rows_of(*(replace(ROW, sender=number) for number in range(1, 500))), NOTHING, T)
    assert len(commits) == 1


# Pruning


def test_what_is_too_old_goes_in_small_steps(log, database):
    old = [replace(ROW, packet_id=number, rx_time=T - 10 * DAY + number) for number in range(1, PRUNE_AT_ONCE + 101)]
    log.save(rows_of(*old))
    assert count(database, PACKETS) == PRUNE_AT_ONCE + 100
    log.save(rows_of(ROW), NOTHING, T - DAY)
    assert count(database, PACKETS) == 100 - 2 + 1
    log.save(rows_of(ROW), NOTHING, T - DAY)
    assert count(database, PACKETS) == 2


def test_sums_are_deleted_an_hour_at_a_time_once_too_old(log, database):
    hours = [replace(ROW, rx_time=T + number * HOUR) for number in range(4)]
    log.save(rows_of(*hours))
    kinds = count(database, TRAFFIC_HOURS) // 4
    for left in (3, 2, 2):
        log.save(BatchRows(), NOTHING, T + 3 * HOUR - 1)
        assert count(database, NODE_HOURS) == left
        assert count(database, TRAFFIC_HOURS) == left * kinds
    assert count(database, NODE_DAYS) == 1
    log.save(BatchRows(), NOTHING, T + DAY)
    assert count(database, NODE_DAYS) == 0


def test_packets_beyond_the_limit_are_deleted_the_oldest_first(log, database):
    for number in range(6):
        rows = rows_of(*(replace(ROW, packet_id=number * 5 + each + 1) for each in range(5)))
        log.save(rows, max_packets=10)
    assert count(database, PACKETS) == 10
    assert log.load_recent(1) == [(7, 30)]


def test_links_that_were_not_heard_again_go(log, database):
    log.save(BatchRows(links=[LinkRow(1, 2, 3.0, T, None), LinkRow(1, 3, 3.0, T + 1, None)]))
    log.prune_links(T + 1)
    assert count(database, LINKS) == 1
