"""Whatever a packet, a database or a saved row claims, a figure is possible or absent, and a true place stays."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot import bounds
from meshbot.mesh_link.messages import BROADCAST_NUM
from meshbot.mesh_link.packets import node_record, packet_record
from meshbot.mesh_memory.recorder import Recorder
from meshbot.storage.packet_rows import NodeState

NOW = 1_767_620_158
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-1000, 1000),
    st.floats(),
    st.floats(-1, 1),
    st.sampled_from(["NaN", "Infinity", "", math.nan, math.inf, -math.inf, 10**400, 0, -0.0]),
)


@pytest.mark.parametrize("place", [(0.0, 0.0), (1e-6, -1e-6), (0.1, -0.1), (-0.49, 0.49)])
def test_around_0_0_nobody_is(place):
    assert bounds.place(*place) is None


@pytest.mark.parametrize("place", [(0.0, 1.0), (-1.0, 0.0), (90.0, 180.0), (-90.0, -180.0), (0.2, 6.6)])
def test_elsewhere_somebody_may_be(place):
    assert bounds.place(*place) == place


@given(odd, odd)
def test_a_place_is_on_the_earth_and_not_null_island(latitude, longitude):
    place = bounds.place(latitude, longitude)
    if place is not None:
        assert abs(place[0]) <= 90
        assert abs(place[1]) <= 180
        assert max(map(abs, place)) >= bounds.NULL_ISLAND


@given(odd)
def test_every_figure_is_possible_or_absent(value):
    for judge, least, most in (
        (bounds.altitude, -500, 50_000),
        (bounds.snr, -60, 60),
        (bounds.rssi, -200, 20),
        (bounds.hops, 0, 7),
        (bounds.battery, 0, 101),
        (bounds.voltage, 0, 100),
        (bounds.percent, 0, 100),
        (bounds.time, 1_577_836_800, 2**32 - 1),
    ):
        found = judge(value)
        assert found is None or least <= found <= most
    seen = bounds.past(bounds.time(value), NOW)
    assert seen is None or seen <= NOW


positions = st.fixed_dictionaries({}, optional=dict.fromkeys(("latitude", "longitude", "latitudeI", "altitude"), odd))
metrics = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("batteryLevel", "voltage", "channelUtilization", "airUtilTx"), odd)
)
receptions = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("rxSnr", "rxRssi", "rxTime", "hopStart", "hopLimit", "relayNode"), odd)
)
payloads = st.one_of(
    positions.map(lambda found: {"portnum": "POSITION_APP", "position": found}),
    metrics.map(lambda found: {"portnum": "TELEMETRY_APP", "telemetry": {"deviceMetrics": found}}),
)
entries = st.fixed_dictionaries(
    {"num": st.just(5)},
    optional={"lastHeard": odd, "snr": odd, "hopsAway": odd, "position": positions, "deviceMetrics": metrics},
)
states = st.builds(
    NodeState,
    st.just(5),
    st.integers(0, 2**63 - 1),
    hops=odd,
    snr=odd,
    rssi=odd,
    battery=odd,
    voltage=odd,
    latitude=odd,
    longitude=odd,
    altitude=odd,
    position_at=odd,
    metrics_at=odd,
    direct_at=odd,
)


def assert_possible(state):
    assert bounds.place(state.latitude, state.longitude) or (state.latitude, state.longitude) == (None, None)
    for name in ("altitude", "snr", "rssi", "hops", "battery", "voltage"):
        value = getattr(state, name)
        assert value is None or getattr(bounds, name)(value) == value


@given(st.lists(st.one_of(st.tuples(receptions, payloads), entries), max_size=6), states)
def test_what_is_remembered_is_possible_whatever_came(heard, saved):
    recorder = Recorder({}.get)
    recorder.load({5: saved}, [])
    for each in heard:
        if isinstance(each, dict):
            recorder.learn_record(node_record(each), NOW)
        else:
            reception, decoded = each
            packet = {"from": 5, "to": BROADCAST_NUM, "decoded": decoded} | reception
            recorder.record(packet_record(packet), NOW, 9, maybe_replayed=False)
        assert_possible(recorder.states[5])
    if any(not isinstance(each, dict) for each in heard):
        assert NOW - 86_400 <= recorder.states[5].last_heard <= NOW


@given(positions)
def test_an_impossible_place_replaces_no_true_one(position):
    recorder = Recorder({}.get)
    for number, found in enumerate(({"latitude": 48.5, "longitude": 2.5}, position)):
        decoded = {"portnum": "POSITION_APP", "position": found}
        packet = {"from": 5, "to": BROADCAST_NUM, "id": number + 1, "rxTime": NOW, "rxRssi": -90, "decoded": decoded}
        recorder.record(packet_record(packet), NOW, 9, maybe_replayed=False)
    state = recorder.states[5]
    assert bounds.place(state.latitude, state.longitude)
