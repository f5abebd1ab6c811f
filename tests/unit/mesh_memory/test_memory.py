"""The memory as commands see it, on a database on the disk, and without one."""

import sqlite3
import threading
from math import inf

import pytest
from sqlalchemy import event, select

from meshbot.mesh_link.packets import NodeRecord
from meshbot.mesh_link.payloads import DeviceMetrics, Neighbor, NeighborInfo, PositionPayload
from meshbot.mesh_memory.memory import (
    BATCH,
    FLUSH_EVERY,
    LINKS_EVERY,
    MANY_LINKS,
    MAX_LINKS,
    STATES_EVERY,
    TIDY_EVERY,
)
from meshbot.mesh_memory.views import DirectNode, Share
from meshbot.storage.database import open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.nodes import NodeStore
from meshbot.storage.schema import LINKS
from meshbot.storage.traffic import By
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import EPOCH, FakeClock
from tests.support.nodes import key, record
from tests.support.packet_records import NODEINFO, TELEMETRY, packet

RETRY_AFTER = 10.0  # seconds

OWN, ALICE, BOB, CAROL = 0x9999, 0x20001EEF, 0x20001EF0, 0x20001EF1
START = int(EPOCH.timestamp())
HOUR, DAY = 3600, 86400


class Bench:
    def __init__(self, folder, *, database=True):
        self.clock = FakeClock()
        self.database = open_database(folder, self.clock, busy_timeout=0.05) if database else None
        self.restart()

    def restart(self):
        self.manager = make_node_manager(NodeStore(self.database) if self.database else None, self.clock)
        self.memory = make_memory(self.database, self.manager, self.clock, lambda: OWN)
        return self.memory

    def record(self, *packets):
        for each in packets:
            self.memory.record(each)

    def now(self):
        return int(self.clock.now().timestamp())


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.database.close()


@pytest.fixture(params=["unsaved", "saved", "half saved", "restarted"])
def memory(request, bench):
    """A memory that has heard some packets, wherever they are by now."""
    heard = [
        packet(ALICE, snr=5.0, rssi=-80),
        packet(ALICE, snr=-5.0, rssi=-100, portnum=NODEINFO),
        packet(BOB, hops=2, portnum=None, channel=None, size=100),
        packet(CAROL, hops=None, via_mqtt=True, channel=1),
        packet(OWN, DeviceMetrics(utilization=25.0, air_tx=1.5), portnum=TELEMETRY),
        packet(BOB, NeighborInfo((Neighbor(CAROL, -3.0),)), hops=2),
    ]
    bench.manager.learn_from_nodeinfos(
        [
            record(ALICE, key(1), long_name="Alice", short_name="AL", hw_model="TBEAM", role="CLIENT"),
            record(BOB, long_name="Bob", latitude=49.0, longitude=2.0),
            record(CAROL, long_name="Carol", latitude=49.0, longitude=3.0),
            record(OWN, latitude=48.0, longitude=2.0),
        ]
    )
    bench.record(*heard[:3])
    if request.param == "half saved":
        assert bench.memory.flush()
    bench.record(*heard[3:])
    if request.param in {"saved", "restarted"}:
        assert bench.memory.flush(last=True)
    return bench.restart() if request.param == "restarted" else bench.memory


# Nodes


def test_all_that_is_known_of_a_node_is_in_one_view(bench):
    bench.manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Alice", hw_model="TBEAM", role="ROUTER"))
    bench.record(packet(OWN, PositionPayload(48.0, 2.0)), packet(ALICE, PositionPayload(49.0, 2.0, 35), snr=7.0))
    bench.record(packet(ALICE, DeviceMetrics(80, 4.1), hops=1))
    view = bench.memory.node(ALICE)
    assert (view.long_name, view.hw_model, view.role, view.has_key) == ("Alice", "TBEAM", "ROUTER", True)
    assert (view.last_heard, view.hops, view.snr, view.rssi, view.direct_at) == (START, 1, 7.0, -90, START)
    assert (view.battery, view.voltage, view.metrics_at) == (80, 4.1, START)
    assert (view.position.latitude, view.position.altitude, view.position.at) == (49.0, 35, START)
    assert view.distance == pytest.approx(111_195, abs=5)


def test_a_node_never_heard_of_is_unknown(bench):
    assert bench.memory.node(ALICE) is None
    assert bench.memory.find_nodes("alice") == []
    assert bench.memory.direct_nodes(inf) == []


def test_a_node_known_only_by_name_or_number_has_a_view(bench):
    bench.manager.learn_from_nodeinfo(record(ALICE, long_name="Alice", latitude=49.0, longitude=2.0, altitude=7))
    bench.record(packet(BOB))
    alice, bob = bench.memory.node(ALICE), bench.memory.node(BOB)
    assert (alice.long_name, alice.last_heard, alice.position.altitude, alice.position.at) == ("Alice", None, 7, None)
    assert (bob.long_name, bob.last_heard, bob.distance) == ("", START, None)


def test_direct_nodes_are_those_heard_lately_without_a_relay_the_best_first(bench):
    bench.record(packet(1, snr=-5.0))
    bench.clock.advance(DAY)
    bench.record(packet(2, snr=3.0), packet(3, snr=-20.0), packet(4, snr=10.0, hops=1), packet(OWN))
    assert [view.num for view in bench.memory.direct_nodes(3 * DAY)] == [2, 1, 3]
    assert [view.num for view in bench.memory.direct_nodes(HOUR)] == [2, 3]


def test_a_direct_node_has_its_names_if_known(bench):
    bench.manager.learn_from_nodeinfo(record(ALICE, long_name="Alice", short_name="AL"))
    bench.record(packet(ALICE, snr=3.0), packet(BOB, snr=-2.5))
    assert bench.memory.direct_nodes(HOUR) == [
        DirectNode(ALICE, "Alice", "AL", 3.0, START),
        DirectNode(BOB, "", "", -2.5, START),
    ]


def test_nodes_are_found_by_name_the_latest_heard_first(bench):
    bench.manager.learn_from_nodeinfos([record(num, long_name="Relais", short_name="R") for num in (ALICE, BOB, CAROL)])
    bench.record(packet(BOB))
    bench.clock.advance(10)
    bench.record(packet(CAROL), packet(0xABCD))
    assert [view.num for view in bench.memory.find_nodes("relais")] == [CAROL, BOB, ALICE]
    assert [view.num for view in bench.memory.find_nodes("!1ef0")] == [BOB]
    assert [view.num for view in bench.memory.find_nodes("abcd")] == [0xABCD]


# Traffic: the same answers wherever the packets are


@pytest.mark.parametrize(
    ("by", "shares"),
    [
        (By.HOPS, {Share(0, 2, 80), Share(2, 2, 140), Share(None, 1, 40)}),
        (By.PORT, {Share(1, 3, 120), Share(NODEINFO, 1, 40), Share(None, 1, 100)}),
        (By.CHANNEL, {Share(0, 3, 120), Share(None, 1, 100), Share(1, 1, 40)}),
        (By.VIA_MQTT, {Share(0, 4, 220), Share(1, 1, 40)}),
        (By.SENDER, {Share(ALICE, 2, 80), Share(BOB, 2, 140), Share(CAROL, 1, 40)}),
        (By.HOUR, {Share(START - START % HOUR, 5, 260)}),
    ],
)
@pytest.mark.parametrize("hours", [0, 24, 168])
def test_traffic_is_grouped(memory, by, shares, hours):
    traffic = memory.traffic(hours, by)
    assert set(traffic.shares) == shares
    assert traffic.packets == 5
    if by is not By.HOUR:
        assert [share.packets for share in traffic.shares] == sorted((each.packets for each in shares), reverse=True)


def test_traffic_in_figures(memory):
    totals = memory.totals(24)
    assert (totals.packets, totals.size, totals.nodes) == (5, 260, 3)
    assert (totals.direct, totals.relayed, totals.via_mqtt, totals.encrypted) == (2, 2, 1, 1)
    assert totals.since == START - START % HOUR - 24 * HOUR


def test_a_signal_over_time(memory):
    (hour,) = memory.signal_of(ALICE, 24)
    assert (hour.hour, hour.packets, hour.direct) == (START - START % HOUR, 2, 2)
    assert (hour.snr, hour.snr_least, hour.snr_most, hour.rssi) == (0.0, -5.0, 5.0, -90.0)
    (hour,) = memory.signal_of(BOB, 24)
    assert (hour.packets, hour.direct, hour.snr, hour.rssi) == (2, 0, None, None)
    assert memory.signal_of(0xABCD, 24) == []


def test_the_air_over_time(memory):
    (hour,) = memory.air(24)
    assert (hour.utilization, hour.utilization_most, hour.air_tx, hour.air_tx_most) == (25.0, 25.0, 1.5, 1.5)


def test_who_hears_whom(memory):
    assert {(link.hearer, link.heard) for link in memory.neighbours_of(None)} == {(OWN, ALICE), (BOB, CAROL)}
    assert [(link.hearer, link.heard, link.snr) for link in memory.neighbours_of(CAROL)] == [(BOB, CAROL, -3.0)]
    assert memory.neighbours_of(0xABCD) == []


def test_the_many_links_of_one_node_do_not_hide_those_of_others(bench):
    bench.record(packet(BOB, NeighborInfo((Neighbor(CAROL, -3.0),))))
    bench.clock.advance(60)
    for num in range(MAX_LINKS + 50):
        bench.record(packet(0x1000 + num))
    bench.memory.flush()
    links = bench.memory.neighbours_of(None)
    assert (BOB, CAROL) in {(link.hearer, link.heard) for link in links}
    assert sum(link.hearer == OWN for link in links) == MAX_LINKS


def test_the_hours_kept_are_those_of_the_setting(bench):
    assert bench.memory.hours_kept == 7 * 24


def test_the_longest_links(memory):
    (link,) = memory.longest_links(24, 5)
    assert (link.hearer, link.heard) == (BOB, CAROL)
    assert link.distance == pytest.approx(72_950, abs=50)
    assert memory.longest_links(24, 0) == []


def test_what_is_older_than_asked_for_is_left_out(bench):
    bench.record(packet(ALICE))
    bench.memory.flush()
    bench.clock.advance(2 * HOUR)
    bench.record(packet(BOB))
    assert [share.key for share in bench.memory.traffic(1, By.SENDER).shares] == [BOB]
    assert [share.key for share in bench.memory.traffic(2, By.SENDER).shares] == [ALICE, BOB]
    assert [link.heard for link in bench.memory.neighbours_of(None, 1)] == [BOB]
    assert [share.packets for share in bench.memory.traffic(5, By.HOUR).shares] == [1, 1]


def test_only_who_was_heard_in_the_span_is_counted(bench):
    bench.memory.learn_nodes([NodeRecord(num, last_heard=START - 60, hops=1) for num in range(1, 12)])
    bench.record(packet(ALICE), packet(ALICE), packet(OWN))
    assert bench.memory.totals(1).nodes == 1
    bench.memory.flush()
    bench.record(packet(BOB))
    assert bench.memory.totals(1).nodes == 2
    bench.clock.advance(2 * HOUR)
    assert bench.memory.totals(1).nodes == 0


def test_a_span_beyond_all_measure_is_cut(memory):
    assert memory.traffic(10**9, By.PORT).packets == 5
    assert memory.traffic(-5, By.PORT).packets == 5
    assert len(memory.signal_of(ALICE, 10**9)) == 1


# Writing


def commits_of(database):
    found = []
    event.listen(database.backend.writer, "commit", found.append)
    return found


def test_packets_share_a_commit_after_a_while(bench):
    commits = commits_of(bench.database)
    assert bench.memory.deadline == inf
    bench.record(packet(ALICE), packet(BOB))
    due = bench.memory.deadline
    assert due == bench.clock.monotonic() + FLUSH_EVERY
    bench.clock.advance(5)
    bench.record(packet(CAROL))
    assert bench.memory.deadline == due
    bench.clock.advance(FLUSH_EVERY)
    assert bench.memory.flush()
    assert bench.memory.deadline == inf
    assert len(commits) == 1


def test_a_full_batch_is_due_at_once(bench):
    bench.memory.flush()
    bench.record(*(packet(ALICE) for _ in range(BATCH - 1)))
    assert bench.memory.deadline == bench.clock.monotonic() + FLUSH_EVERY
    bench.record(packet(ALICE))
    assert bench.memory.deadline == bench.clock.monotonic()


def test_states_are_written_seldom_and_at_the_end(bench):
    bench.memory.flush()
    bench.record(packet(ALICE))
    bench.memory.flush()
    assert bench.restart().node(ALICE) is None
    bench.record(packet(ALICE))
    bench.clock.advance(STATES_EVERY)
    bench.memory.flush()
    assert bench.restart().node(ALICE).last_heard == START
    bench.record(packet(BOB))
    bench.memory.flush(last=True)
    assert bench.restart().node(BOB).last_heard == bench.now()


def kept_links(bench):
    with bench.database.reading() as connection:
        return connection.execute(select(LINKS.c.hearer, LINKS.c.heard, LINKS.c.heard_at)).all()


def test_links_are_written_once_an_hour_and_at_the_end(bench):
    bench.memory.flush()
    bench.record(packet(ALICE, NeighborInfo((Neighbor(BOB, 1.0),)), hops=1))
    bench.clock.advance(LINKS_EVERY - 1)
    bench.memory.flush()
    assert kept_links(bench) == []
    assert [link.heard for link in bench.memory.neighbours_of(None, 24)] == [BOB]
    bench.clock.advance(1)
    bench.memory.flush()
    assert [row[:2] for row in kept_links(bench)] == [(ALICE, BOB)]
    bench.record(packet(ALICE, NeighborInfo((Neighbor(CAROL, 1.0),)), hops=1))
    bench.memory.flush(last=True)
    assert [row[:2] for row in kept_links(bench)] == [(ALICE, BOB), (ALICE, CAROL)]


def test_many_links_wait_for_no_hour(bench):
    bench.memory.flush()
    near = tuple(Neighbor(num, 1.0) for num in range(1, MANY_LINKS))
    bench.record(packet(ALICE, NeighborInfo(near), hops=1))
    bench.memory.flush()
    assert kept_links(bench) == []
    bench.record(packet(ALICE, NeighborInfo((Neighbor(MANY_LINKS, 1.0),)), hops=1))
    bench.memory.flush()
    assert len(kept_links(bench)) == MANY_LINKS


def test_a_packet_heard_before_a_restart_is_known_after_it(bench):
    again = packet(ALICE)
    bench.record(again)
    bench.memory.flush(last=True)
    bench.restart()
    bench.record(again)
    assert bench.memory.traffic(1, By.SENDER).packets == 1


def test_old_packets_handed_over_after_ready_are_ignored(bench):
    bench.memory.learn_nodes([NodeRecord(BOB, last_heard=START - 5 * DAY, hops=1)])
    bench.record(packet(ALICE, PositionPayload(48.0, 2.0), rx_time=START - 5 * DAY))
    assert bench.memory.node(ALICE) is None
    assert bench.memory.node(BOB).last_heard == START - 5 * DAY
    bench.clock.advance(100)
    bench.record(packet(ALICE, rx_time=START - 5 * DAY))  # its clock is wrong
    assert bench.memory.node(ALICE).last_heard == bench.now()


def test_old_mail_and_links_go_by_themselves(bench):
    bench.memory.mailbox.send(BOB, ALICE, "old")
    bench.record(packet(ALICE))
    bench.memory.flush()
    bench.clock.advance(31 * DAY)
    bench.record(packet(BOB))
    bench.memory.flush()
    assert bench.memory.mailbox.mails_of(ALICE) == []
    assert [link.heard for link in bench.memory.neighbours_of(None, 24 * 60)] == [BOB]
    bench.clock.advance(TIDY_EVERY - 1)
    assert bench.memory.flush()


# Faults


@pytest.mark.parametrize("table", ["links", "mail"])
def test_a_failed_tidy_is_retried_with_the_next_try_of_the_database(bench, table):
    bench.memory.mailbox.send(BOB, ALICE, "old")
    bench.record(packet(ALICE))
    bench.memory.flush()
    refuse = f"CREATE TRIGGER refused BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, 'refused'); END"
    other = sqlite3.connect(bench.database.backend.path)
    other.execute(refuse)
    bench.clock.advance(31 * DAY)
    bench.record(packet(BOB))
    assert bench.memory.flush()
    assert bench.memory.deadline == bench.clock.monotonic() + RETRY_AFTER
    other.execute("DROP TRIGGER refused")
    other.close()
    bench.clock.advance(RETRY_AFTER)
    assert bench.memory.flush()
    assert bench.memory.mailbox.mails_of(ALICE) == []
    assert [link.heard for link in bench.memory.neighbours_of(None, 24 * 60)] == [BOB]
    assert bench.memory.deadline == inf


def test_a_database_that_fails_loses_nothing_and_gets_all_later(bench, caplog):
    caplog.set_level("INFO")
    bench.memory.flush()
    bench.record(packet(ALICE))
    other = sqlite3.connect(bench.database.backend.path)
    other.execute("BEGIN IMMEDIATE")
    assert not bench.memory.flush()
    assert bench.memory.deadline == bench.clock.monotonic() + RETRY_AFTER
    bench.record(*(packet(BOB) for _ in range(2 * BATCH)))
    assert bench.memory.deadline == bench.clock.monotonic() + RETRY_AFTER
    assert not bench.memory.flush()
    assert bench.memory.traffic(1, By.SENDER).packets == 2 * BATCH + 1  # readers go on
    with pytest.raises(StorageError):
        bench.memory.mailbox.send(BOB, ALICE, "salut")
    other.close()
    assert bench.memory.flush(last=True)
    assert bench.restart().traffic(1, By.SENDER).packets == 2 * BATCH + 1
    assert [line.levelname for line in caplog.records] == ["ERROR", "INFO"]


def test_a_database_unreadable_at_the_start_is_read_later(bench):
    bench.record(packet(ALICE))
    bench.memory.mailbox.send(BOB, ALICE, "salut")
    bench.memory.flush(last=True)
    bench.database.close()
    path = bench.database.backend.path
    path.rename(path.with_name("away"))
    path.mkdir()
    bench.restart()
    bench.record(packet(BOB))
    assert bench.memory.node(ALICE) is None
    with pytest.raises(StorageError, match="impossible d'ouvrir"):
        bench.memory.traffic(1, By.PORT)
    path.rmdir()
    path.with_name("away").rename(path)
    assert bench.memory.flush()
    assert bench.memory.node(ALICE).last_heard == START
    assert bench.memory.mailbox.is_unnotified(ALICE)
    assert bench.memory.traffic(1, By.SENDER).packets == 2


def test_a_replaced_database_gets_the_states_again(bench):
    bench.record(packet(ALICE))
    bench.memory.flush(last=True)
    bench.database.close()
    bench.database.backend.path.write_bytes(b"overwritten " * 1000)
    bench.record(packet(BOB))
    assert bench.memory.flush(last=True)
    bench.record(packet(CAROL))
    assert bench.memory.flush(last=True)
    again = bench.restart()
    assert {num for num in (ALICE, BOB, CAROL) if again.node(num)} == {ALICE, BOB, CAROL}


def test_without_a_database_all_but_mail_works(tmp_path):
    bench = Bench(tmp_path, database=False)
    bench.record(packet(ALICE), packet(BOB, hops=1))
    assert bench.memory.deadline == inf
    assert bench.memory.flush(last=True)
    assert bench.memory.totals(24).packets == 2
    assert len(bench.memory.signal_of(ALICE, 24)) == 1
    assert bench.memory.neighbours_of(None) == bench.memory.neighbours_of(ALICE) != []
    assert bench.memory.air(24) == bench.memory.longest_links(24, 3) == []
    with pytest.raises(StorageError, match="pas de base de données"):
        bench.memory.mailbox.send(BOB, ALICE, "salut")


def test_queries_are_answered_while_a_batch_is_being_committed(bench):
    bench.memory.flush()
    writing, resume = threading.Event(), threading.Event()

    def hold(_connection):
        writing.set()
        assert resume.wait(30)

    event.listen(bench.database.backend.writer, "commit", hold)
    bench.record(packet(ALICE))
    writer = threading.Thread(target=bench.memory.flush)
    writer.start()
    assert writing.wait(30)
    try:
        bench.record(packet(BOB))
        assert bench.memory.traffic(1, By.SENDER).packets == 2
        assert bench.memory.node(BOB)
        assert writer.is_alive()
    finally:
        resume.set()
        writer.join(30)
    assert bench.memory.traffic(1, By.SENDER).packets == 2


def test_links_are_written_with_the_states_and_told_before(bench):
    """Random pairs of nodes are rows far apart: each commit would write a page for nearly each of them."""
    bench.record(packet(ALICE, payload=NeighborInfo((Neighbor(BOB, 5.0),))))
    bench.memory.flush()
    bench.record(packet(ALICE, payload=NeighborInfo((Neighbor(CAROL, 5.0),))))
    bench.clock.advance(FLUSH_EVERY)
    bench.memory.flush()
    stored = [link.heard for link in bench.memory._traffic.links_of(ALICE, 0, 10)]
    assert CAROL not in stored
    assert CAROL in [link.heard for link in bench.memory.neighbours_of(ALICE)]
    bench.memory.flush(last=True)
    assert CAROL in [link.heard for link in bench.memory._traffic.links_of(ALICE, 0, 10)]
