"""States, links and sums of what is heard; repetitions and old packets change nothing."""

from dataclasses import replace

import pytest

from meshbot.mesh_link.packets import NodeRecord
from meshbot.mesh_link.payloads import DeviceMetrics, Neighbor, NeighborInfo, PositionPayload
from meshbot.mesh_memory import recorder as recorder_module
from meshbot.mesh_memory.recorder import RecentPackets, Recorder
from meshbot.storage.packet_rows import DAY, HOUR, Air, Kind, NodeState
from tests.support.packet_records import packet

OWN, ALICE, BOB = 0x9999, 1, 2
NOW = 20_000 * DAY + 1000
HERE, THERE = (48.0, 2.0), (49.0, 2.0)  # 111.2 km


@pytest.fixture
def recorder():
    return Recorder({OWN: HERE}.get)


def record(recorder, heard, now=NOW, *, maybe_replayed=False):
    return recorder.record(heard, now, OWN, maybe_replayed=maybe_replayed)


def total(recorder):
    return sum(volume.packets for (_hour, kind, _key), volume in recorder.batch.traffic.items() if kind is Kind.ALL)


def test_a_packet_tells_of_its_sender_how_it_was_heard(recorder):
    assert record(recorder, packet(ALICE, snr=5.0, rssi=-90, rx_time=NOW - 5))
    assert recorder.states[ALICE] == NodeState(ALICE, NOW - 5, hops=0, snr=5.0, rssi=-90, direct_at=NOW - 5)
    (link,) = recorder.batch.links.values()
    assert (link.hearer, link.heard, link.snr, link.heard_at, link.distance) == (OWN, ALICE, 5.0, NOW - 5, None)


def test_a_relayed_packet_leaves_what_was_known_of_the_signal(recorder):
    record(recorder, packet(ALICE, rx_time=NOW - 9))
    record(recorder, packet(ALICE, hops=2, snr=-15.0, rx_time=NOW - 5))
    assert recorder.states[ALICE] == NodeState(
        ALICE, NOW - 5, hops=2, snr=5.0, rssi=-90, direct_at=NOW - 9, first_heard=NOW - 9
    )
    assert len(recorder.batch.links) == 1


def test_a_packet_without_hops_leaves_the_known_ones(recorder):
    record(recorder, packet(ALICE, hops=2))
    record(recorder, packet(ALICE, hops=None))
    assert recorder.states[ALICE].hops == 2


def test_a_packet_through_mqtt_is_no_direct_one(recorder):
    record(recorder, packet(ALICE, via_mqtt=True))
    assert recorder.states[ALICE].direct_at is None
    assert recorder.states[ALICE].via_mqtt
    assert not recorder.batch.links


# Firmware 2.8


def test_a_position_in_the_node_database_has_an_age_of_its_own(recorder):
    reported = NodeRecord(ALICE, latitude=48.0, longitude=2.0, position_at=NOW - 9 * DAY, last_heard=NOW - 60)
    recorder.learn_record(reported, NOW)
    state = recorder.states[ALICE]
    assert (state.last_heard, state.position_at) == (NOW - 60, NOW - 9 * DAY)


@pytest.mark.parametrize("position_at", [None, NOW + DAY, NOW])
def test_a_position_without_a_possible_time_has_that_of_its_node(recorder, position_at):
    recorder.learn_record(
        NodeRecord(ALICE, latitude=48.0, longitude=2.0, position_at=position_at, last_heard=NOW - 60), NOW
    )
    assert recorder.states[ALICE].position_at == NOW - 60


def test_who_signs_is_known_from_packets_and_from_the_node_database(recorder):
    recorder.learn_record(NodeRecord(BOB, has_signed=True), NOW)
    record(recorder, packet(ALICE, signed=True))
    record(recorder, packet(3))
    assert recorder.signers == {ALICE, BOB}


def test_signers_that_are_forgotten_take_no_room(recorder, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_NODES", 3)
    monkeypatch.setattr(recorder_module, "EVICTED", 2)
    for num in range(1, 30):
        record(recorder, packet(num, signed=True))
    assert recorder.signers <= set(recorder.states)


# Repetitions and old packets


def test_the_same_packet_counts_once(recorder):
    again = packet(ALICE, rx_time=NOW - 100)
    assert record(recorder, again)
    assert not record(recorder, again)
    assert total(recorder) == 1


def test_packets_handed_over_days_late_are_ignored(recorder):
    assert not record(recorder, packet(ALICE, rx_time=NOW - DAY - 1), maybe_replayed=True)
    assert record(recorder, packet(BOB, rx_time=NOW - DAY), maybe_replayed=True)
    assert list(recorder.states) == [BOB]
    assert recorder.states[BOB].last_heard == NOW - DAY


@pytest.mark.parametrize("rx_time", [0, 1000, NOW - 3 * DAY, NOW + 1, NOW + DAY])
def test_a_node_with_a_wrong_clock_or_none_is_heard_now(recorder, rx_time):
    assert record(recorder, packet(ALICE, rx_time=rx_time))
    assert recorder.states[ALICE].last_heard == NOW


def test_a_packet_that_comes_late_does_not_undo_a_newer_one(recorder):
    record(recorder, packet(ALICE, PositionPayload(48.0, 2.0), snr=1.0, rx_time=NOW))
    record(recorder, packet(ALICE, PositionPayload(10.0, 10.0), snr=9.0, hops=0, rx_time=NOW - 60))
    state = recorder.states[ALICE]
    assert (state.last_heard, state.snr, state.latitude) == (NOW, 1.0, 48.0)
    assert total(recorder) == 2


@pytest.mark.parametrize(("snr", "rssi", "hops"), [(1e300, -90, 0), (5.0, -(1 << 40), 0), (5.0, -90, 200)])
def test_what_no_radio_can_measure_is_unknown(recorder, snr, rssi, hops):
    record(recorder, packet(ALICE, snr=snr, rssi=rssi, hops=hops))
    (row,) = recorder.batch.packets
    assert None in {row.snr, row.rssi, row.hops}
    assert recorder.states[ALICE].direct_at is None


# What our own node had kept


def replay(payload, rx_time):
    return packet(ALICE, payload, snr=5.0, rssi=None, rx_time=rx_time, is_replay=True)


def test_a_replay_refreshes_place_and_metrics_by_its_own_time(recorder):
    record(recorder, packet(ALICE, PositionPayload(48.0, 2.0), hops=2, rx_time=NOW - 9 * 3600))
    before = recorder.states[ALICE], total(recorder)
    assert not record(recorder, replay(PositionPayload(48.5, 2.5), NOW - 3600))
    assert not record(recorder, replay(PositionPayload(10.0, 10.0), NOW - 10 * 3600))
    assert not record(recorder, replay(DeviceMetrics(80), NOW - 2 * DAY), maybe_replayed=True)
    state = recorder.states[ALICE]
    assert (state.latitude, state.position_at) == (48.5, NOW - 3600)
    assert (state.battery, state.metrics_at) == (80, NOW - 2 * DAY)
    assert (state.last_heard, state.hops, state.direct_at) == (NOW - 9 * 3600, 2, None)
    assert total(recorder) == before[1]
    assert not recorder.batch.links


@pytest.mark.parametrize("rx_time", [0, NOW + DAY])
def test_what_it_kept_without_a_time_only_fills_a_gap(recorder, rx_time):
    record(recorder, replay(PositionPayload(48.5, 2.5), rx_time))
    assert (recorder.states[ALICE].latitude, recorder.states[ALICE].position_at) == (48.5, None)
    assert recorder.states[ALICE].last_heard == 0
    record(recorder, packet(ALICE, PositionPayload(48.0, 2.0), rx_time=NOW - 60))
    record(recorder, replay(PositionPayload(10.0, 10.0), rx_time))
    assert recorder.states[ALICE].latitude == 48.0


def test_a_saved_state_out_of_bounds_does_no_harm(recorder):
    saved = NodeState(ALICE, NOW + 9 * DAY, hops=200, snr=1e30, rssi=-9999, battery=300, latitude=0.01, longitude=0.0)
    recorder.load({ALICE: saved}, [])
    state = recorder.states[ALICE]
    assert {state.hops, state.snr, state.rssi, state.battery, state.latitude, state.longitude} == {None}
    record(recorder, packet(ALICE, rx_time=NOW - 5))
    assert recorder.states[ALICE].last_heard == NOW - 5


# What a packet carries


def test_telemetry_is_kept_and_what_it_leaves_out_stays(recorder):
    record(recorder, packet(ALICE, DeviceMetrics(80, 4.0, 10.0, 1.0), rx_time=NOW - 9))
    record(recorder, packet(ALICE, DeviceMetrics(utilization=20.0), rx_time=NOW))
    state = recorder.states[ALICE]
    assert (state.battery, state.voltage, state.utilization, state.air_tx, state.metrics_at) == (
        80,
        4.0,
        20.0,
        1.0,
        NOW,
    )
    assert not recorder.batch.air


def test_our_own_telemetry_is_summed_and_is_no_traffic(recorder):
    assert record(recorder, packet(OWN, DeviceMetrics(101, 4.2, 25.0, 1.5), snr=None, rssi=None, hops=None))
    assert list(recorder.batch.air.values()) == [Air(1, 25.0, 25.0, 1.5, 1.5)]
    assert not recorder.batch.packets
    assert not recorder.batch.traffic
    assert recorder.states[OWN].utilization == 25.0


def test_a_link_is_as_long_as_the_way_between_both(recorder):
    record(recorder, packet(ALICE, PositionPayload(*THERE, 100)))
    record(recorder, packet(BOB, NeighborInfo((Neighbor(ALICE, -3.0), Neighbor(BOB, 1.0))), hops=3))
    assert recorder.batch.links[OWN, ALICE].distance == pytest.approx(111_195, abs=5)
    assert sorted(recorder.batch.links) == [(BOB, ALICE), (OWN, ALICE)]
    assert (recorder.batch.links[BOB, ALICE].snr, recorder.batch.links[BOB, ALICE].distance) == (-3.0, None)
    assert recorder.states[ALICE].altitude == 100


def test_a_link_longer_than_radio_reaches_has_no_length(recorder):
    record(recorder, packet(ALICE, PositionPayload(-48.0, 2.0)))
    assert recorder.batch.links[OWN, ALICE].distance is None


# The node's own database


def test_the_nodes_own_database_tells_of_nodes_not_heard_since(recorder):
    metrics = DeviceMetrics(80)
    record = NodeRecord(ALICE, latitude=49.0, longitude=2.0, last_heard=NOW - 50, snr=4.0, hops=0, metrics=metrics)
    recorder.learn_record(record, NOW)
    state = recorder.states[ALICE]
    assert (state.last_heard, state.snr, state.direct_at, state.hops) == (NOW - 50, 4.0, NOW - 50, 0)
    assert (state.battery, state.latitude, state.position_at) == (80, 49.0, NOW - 50)


def test_what_was_heard_later_than_that_stays(recorder):
    record(recorder, packet(ALICE, hops=2, rx_time=NOW - 10))
    recorder.learn_record(NodeRecord(ALICE, last_heard=NOW - 50, hops=0), NOW)
    recorder.learn_record(NodeRecord(BOB), NOW)  # never heard at all
    assert recorder.states == {ALICE: NodeState(ALICE, NOW - 10, hops=2)}


def test_a_node_heard_in_the_future_is_unknown(recorder):
    recorder.learn_record(NodeRecord(ALICE, last_heard=NOW + DAY), NOW)
    assert ALICE not in recorder.states
    recorder.learn_record(NodeRecord(ALICE, last_heard=NOW + 5), NOW)
    assert recorder.states[ALICE].last_heard == NOW


# What is unsaved


def test_state_changes_are_taken_once_unless_put_back(recorder):
    record(recorder, packet(ALICE))
    changes = recorder.take_changes()
    assert [state.num for state in changes.changed] == [ALICE]
    assert recorder.take_changes().changed == ()
    recorder.put_back_changes(changes)
    record(recorder, packet(ALICE, hops=3))
    assert [state.hops for state in recorder.take_changes().changed] == [3]


def test_a_batch_that_could_not_be_written_goes_with_the_next_one(recorder):
    record(recorder, packet(ALICE))
    batch = recorder.take_batch(with_links=True)
    assert not recorder.batch
    record(recorder, packet(ALICE))
    recorder.put_back(batch)
    assert total(recorder) == 2


def test_after_too_many_nodes_those_not_heard_for_longest_are_forgotten(recorder, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_NODES", 10)
    monkeypatch.setattr(recorder_module, "EVICTED", 3)
    for num in range(1, 12):
        record(recorder, packet(num, rx_time=NOW - 100 + num))
    assert sorted(recorder.states) == [4, 5, 6, 7, 8, 9, 10, 11]
    changes = recorder.take_changes()
    assert sorted(changes.forgotten) == [1, 2, 3]
    record(recorder, packet(1))
    recorder.put_back_changes(changes)
    assert sorted(recorder.take_changes().forgotten) == [2, 3]


def test_the_nodes_that_anybody_can_invent_are_20_000_at_most(recorder):
    for num in range(1, 20_001):
        record(recorder, packet(num))
    assert len(recorder.states) == 20_000
    record(recorder, packet(20_001))
    assert len(recorder.states) < 20_000


def test_what_was_stored_goes_under_what_was_heard(recorder):
    record(recorder, packet(ALICE, packet_id=5))
    recorder.load({ALICE: NodeState(ALICE, NOW - 9), BOB: NodeState(BOB, NOW - 8)}, [(BOB, 6)])
    assert (recorder.states[ALICE].last_heard, recorder.states[BOB].last_heard) == (NOW, NOW - 8)
    assert not record(recorder, packet(BOB, packet_id=6))


# Packets heard again


def test_a_packet_is_new_once():
    recent = RecentPackets()
    assert [recent.is_new(1, 5), recent.is_new(1, 5), recent.is_new(2, 5), recent.is_new(1, 6)] == [
        True,
        False,
        True,
        True,
    ]


def test_a_packet_without_an_id_is_always_new():
    recent = RecentPackets()
    assert recent.is_new(1, 0)
    assert recent.is_new(1, 0)


def test_only_so_many_packets_are_remembered():
    recent = RecentPackets(limit=3)
    assert all(recent.is_new(1, number) for number in (1, 2, 3, 4))
    assert recent.is_new(1, 1)
    assert not recent.is_new(1, 4)


def test_invented_nodes_push_out_none_that_was_heard_before(recorder, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_NODES", 20)
    monkeypatch.setattr(recorder_module, "EVICTED", 5)
    record(recorder, packet(ALICE, rx_time=NOW - 4000))
    record(recorder, packet(ALICE, rx_time=NOW - 3600))
    for num in range(100, 400):
        record(recorder, packet(num, rx_time=NOW))
    assert ALICE in recorder.states
    assert 399 in recorder.states
    assert len(recorder.states) <= 20


def test_a_node_is_known_since_its_first_packet_over_restarts_too(recorder):
    record(recorder, packet(ALICE, rx_time=NOW - 10))
    assert recorder.states[ALICE].observed_for == 0
    recorder.load({ALICE: NodeState(ALICE, NOW - 5000, first_heard=NOW - 9000)}, [])
    record(recorder, packet(ALICE, rx_time=NOW))
    assert recorder.states[ALICE].observed_for == 9000


def test_a_saved_node_keeps_its_first_packet_before_it_is_heard_again(recorder):
    saved = NodeState(ALICE, NOW - 5000, hops=2, first_heard=NOW - 9000)
    recorder.load({ALICE: saved, BOB: replace(saved, num=BOB, first_heard=7)}, [])
    assert recorder.states[ALICE] is saved
    assert recorder.states[BOB].observed_for == 0


def test_after_a_restart_invented_nodes_push_out_none_of_the_saved(recorder, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_NODES", 20)
    monkeypatch.setattr(recorder_module, "EVICTED", 5)
    recorder.load({ALICE: NodeState(ALICE, NOW - 90_000, first_heard=NOW - 90_060)}, [])
    for num in range(100, 400):
        record(recorder, packet(num, rx_time=NOW))
    assert ALICE in recorder.states


def test_invented_senders_fill_no_table(recorder, monkeypatch):
    monkeypatch.setattr(recorder_module, "STRANGERS_AN_HOUR", 10)
    for at in (NOW - 9, NOW - 5):
        record(recorder, packet(ALICE, rx_time=at))
    said = NeighborInfo((Neighbor(BOB, 1.0),))
    for num in range(100, 200):
        record(recorder, packet(num, said, rx_time=NOW))
    record(recorder, packet(ALICE, rx_time=NOW))
    assert len(recorder.batch.nodes) == 10
    assert recorder.batch.nodes[NOW - NOW % HOUR, ALICE].packets == 3
    assert len(recorder.batch.links) <= 2 * 10
    assert total(recorder) == 103


def test_ports_that_do_not_exist_are_counted_as_one(recorder):
    for port in range(600, 650):
        record(recorder, packet(ALICE, portnum=port))
    assert {key for _hour, kind, key in recorder.batch.traffic if kind is Kind.PORT} == {511}
