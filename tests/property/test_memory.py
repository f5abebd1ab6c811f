"""Whatever the mesh sends, the memory takes it in, counts it once, and every database can hold it."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.mesh_link.packets import BROADCAST_NUM, NodeRecord, PacketRecord, RadioMetadata
from meshbot.mesh_link.payloads import DeviceMetrics, Neighbor, NeighborInfo, PositionPayload
from meshbot.mesh_memory.search import IDENT, search
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from meshbot.storage.traffic import By
from meshbot.text import folded
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import EPOCH, FakeClock

OWN = 9
NOW = int(EPOCH.timestamp())
NUMS = st.one_of(st.integers(1, 12), st.integers(1, BROADCAST_NUM - 1))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.one_of(st.just(0), st.integers(NOW - 200_000, NOW + 1000), st.integers(0, BROADCAST_NUM))
RECEPTIONS = st.builds(
    RadioMetadata,
    snr=st.none() | st.floats(-30, 20) | FLOATS,
    rssi=st.none() | st.integers(-140, 0) | st.integers(),
    hops=st.none() | st.integers(0, 7) | st.integers(),
    rx_time=TIMES,
    via_mqtt=st.booleans(),
)
METRICS = st.builds(
    DeviceMetrics, st.none() | st.integers(0, 255), st.none() | FLOATS, st.none() | FLOATS, st.none() | FLOATS
)
SAID = st.one_of(
    st.none(),
    st.builds(PositionPayload, st.floats(-90, 90), st.floats(-180, 180), st.none() | st.integers(-100_000, 100_000)),
    METRICS,
    st.builds(NeighborInfo, st.lists(st.builds(Neighbor, NUMS, st.none() | FLOATS), max_size=10).map(tuple)),
)
PACKETS = st.builds(
    PacketRecord,
    packet_id=st.integers(0, 5) | st.integers(0, BROADCAST_NUM),
    sender=NUMS,
    to=st.integers(0, BROADCAST_NUM),
    channel=st.none() | st.integers(0, 255),
    portnum=st.none() | st.integers(0, 0xFFFF),
    size=st.integers(0, 300),
    hop_start=st.none() | st.integers(1, 7),
    reception=RECEPTIONS,
    payload=SAID,
)
RECORDS = st.builds(
    NodeRecord,
    NUMS,
    latitude=st.none() | st.floats(-90, 90),
    longitude=st.none() | st.floats(-180, 180),
    last_heard=st.none() | TIMES,
    snr=st.none() | FLOATS,
    hops=st.none() | st.integers(0, 7),
    metrics=st.none() | METRICS,
)
STEPS = st.lists(st.one_of(PACKETS, st.lists(RECORDS, max_size=3), st.booleans()), max_size=30)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_is_heard_is_counted_once_and_stored(steps):
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        database = open_database(Path(folder), clock)
        memory = make_memory(database, make_node_manager(NodeStore(database), clock), clock, lambda: OWN)
        counted, known = 0, set()
        for step in steps:
            match step:
                case PacketRecord(packet_id, sender):
                    memory.record(step)
                    if not packet_id or (sender, packet_id) not in known:
                        counted += sender != OWN
                        known.add((sender, packet_id))
                case list():
                    memory.learn_nodes(step)
                    # The time of replays is over
                    clock.advance(100)
                case bool():
                    assert memory.flush(last=step)
        for again in (memory, saved(memory, database, clock)):
            answers_agree(again, counted)
        database.close()


def saved(memory, database, clock):
    assert memory.flush(last=True)
    return make_memory(database, make_node_manager(NodeStore(database), clock), clock, lambda: OWN)


def answers_agree(memory, counted):
    hours = 48
    for by in By:
        assert memory.traffic(hours, by).packets == counted
    totals = memory.totals(hours)
    assert totals.packets == counted
    assert totals.direct + totals.relayed <= counted
    senders = [share.key for share in memory.traffic(hours, By.SENDER).shares]
    assert sum(hour.packets for num in senders for hour in memory.signal_of(num, hours)) == counted
    assert all(view.num != OWN for view in memory.direct_nodes(hours * 3600))
    assert all(link.hearer != link.heard for link in memory.neighbours_of(None, hours))
    lengths = [link.distance for link in memory.longest_links(hours, 5)]
    assert lengths == sorted(lengths, reverse=True)


@given(st.text(max_size=12), st.lists(st.tuples(NUMS, st.text(max_size=5), st.text(max_size=9)), max_size=9))
def test_any_text_means_some_of_the_nodes_or_none(text, names):
    found = search(text, names)
    assert set(found) <= {num for num, *_ in names}
    for num, short_name, _long_name in names:
        if folded(short_name) and not (IDENT.fullmatch(folded(short_name)) and folded(short_name)[0] in "!0"):
            assert num in search(short_name, names)
        assert num in search(f"!{num:08x}", names)
