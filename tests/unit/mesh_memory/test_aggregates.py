"""Packets and their sums between two commits."""

from dataclasses import replace

from meshbot.mesh_memory.aggregates import PacketBatch
from meshbot.storage.packet_rows import DAY, HOUR, UNKNOWN, Air, Kind, LinkRow, NodeVolume, PacketRow, Volume

T = 100 * DAY  # an hour's first second
ROW = PacketRow(T + 5, 7, 8, 1, 0, 67, 0, 3, 5.0, -90, via_mqtt=False, size=40)


def batch_of(*rows, **limits):
    batch = PacketBatch(**limits)
    for row in rows:
        batch.add_packet(row)
    return batch


def test_a_packet_counts_by_all_that_it_tells():
    batch = batch_of(ROW, replace(ROW, portnum=None, channel=None, hops=None, via_mqtt=True, size=2))
    assert batch.traffic == {
        (T, Kind.ALL, 0): Volume(2, 42),
        (T, Kind.PORT, 67): Volume(1, 40),
        (T, Kind.PORT, UNKNOWN): Volume(1, 2),
        (T, Kind.CHANNEL, 0): Volume(1, 40),
        (T, Kind.CHANNEL, UNKNOWN): Volume(1, 2),
        (T, Kind.HOPS, 0): Volume(1, 40),
        (T, Kind.HOPS, UNKNOWN): Volume(1, 2),
        (T, Kind.VIA_MQTT, 0): Volume(1, 40),
        (T, Kind.VIA_MQTT, 1): Volume(1, 2),
    }


def test_a_signal_counts_only_when_no_relay_and_no_mqtt_stood_between():
    rows = [ROW, replace(ROW, snr=-3.0, rssi=-100)]
    others = [replace(ROW, hops=1), replace(ROW, via_mqtt=True), replace(ROW, snr=None), replace(ROW, hops=None)]
    batch = batch_of(*rows, *others)
    assert batch.nodes == {(T, 7): NodeVolume(6, 240, 2, 2.0, -3.0, 5.0, -190)}


def test_an_hour_ends_where_the_next_one_begins():
    batch = batch_of(replace(ROW, rx_time=T + HOUR - 1), replace(ROW, rx_time=T + HOUR))
    assert sorted(batch.nodes) == [(T, 7), (T + HOUR, 7)]


def test_telemetry_of_an_hour_is_added_up():
    batch = PacketBatch()
    batch.add_air(T + 1, 10.0, 1.0)
    batch.add_air(T + 2, 20.0, 0.5)
    assert batch.air == {T: Air(2, 30.0, 20.0, 1.5, 1.0)}


def test_only_the_latest_of_a_link_stays():
    batch = PacketBatch()
    for heard_at in (1, 2):
        batch.add_link(LinkRow(1, 2, 3.0, heard_at, None))
    assert [link.heard_at for link in batch.links.values()] == [2]


def test_beyond_the_limit_the_oldest_packets_go_and_still_count():
    batch = batch_of(*(replace(ROW, packet_id=number) for number in range(5)), max_packets=3)
    assert [row.packet_id for row in batch.packets] == [2, 3, 4]
    assert batch.lost == 2
    assert batch.traffic[T, Kind.ALL, 0].packets == 5


def test_beyond_the_limit_no_new_sums_are_begun_but_old_ones_grow():
    rows = [replace(ROW, sender=number) for number in range(1, 30)]
    batch = batch_of(*rows, ROW, max_sums=10)
    assert len(batch.nodes) == 10
    assert batch.nodes[T, 7].packets == 2


def test_an_absorbed_batch_equals_one_batch_of_both():
    rows = [replace(ROW, sender=number % 3 + 1, rx_time=T + number * 1000, snr=float(number)) for number in range(9)]
    older, newer, whole = batch_of(*rows[:4]), batch_of(*rows[4:]), batch_of(*rows)
    for batch in (older, whole):
        batch.add_air(T, 1.0, 2.0)
    for batch in (newer, whole):
        batch.add_air(T, 3.0, 4.0)
        batch.add_link(LinkRow(1, 2, 3.0, 4, 5.0))
    older.absorb(newer)
    assert list(older.packets) == list(whole.packets)
    assert (older.traffic, older.nodes, older.air, older.links) == (whole.traffic, whole.nodes, whole.air, whole.links)


def test_a_copy_of_the_sums_is_independent():
    batch = batch_of(ROW)
    copy = batch.sums()
    batch.add_packet(ROW)
    assert copy.traffic[T, Kind.ALL, 0] == Volume(1, 40)
    assert copy.nodes[T, 7].packets == 1
    assert not copy.packets


def test_a_batch_with_anything_in_it_is_true():
    assert not PacketBatch()
    assert batch_of(ROW)


def test_a_day_s_sum_of_a_node_is_that_of_its_hours():
    rows = [ROW, replace(ROW, rx_time=T + HOUR), replace(ROW, rx_time=T + DAY), replace(ROW, sender=9, size=1)]
    assert batch_of(*rows).rows().node_days == {
        (T, 7): Volume(2, 80),
        (T + DAY, 7): Volume(1, 40),
        (T, 9): Volume(1, 1),
    }
