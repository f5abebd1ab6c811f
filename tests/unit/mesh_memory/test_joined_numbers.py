"""What was heard and written under two numbers of one node, as long as they are joined."""

import pytest

from meshbot.mesh_link.payloads import DeviceMetrics, Neighbor, NeighborInfo, PositionPayload
from meshbot.mesh_memory.mailbox import MAX_SENDER, Full, MailboxFullError
from meshbot.mesh_memory.persons import by_person, joined_state, joined_times, persons, present_links
from meshbot.nodes.identity import SILENCE, number_of
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from meshbot.storage.packet_rows import LinkRow, NodeState
from meshbot.storage.traffic import By
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, CAROL, OWN, key, prove, record, upgrade
from tests.support.packet_records import packet

KEY = key(1)
NEW = number_of(KEY)
DAY = 86400


class Bench:
    def __init__(self, folder):
        self.clock = FakeClock()
        self.database = open_database(folder, self.clock)
        self.manager = make_node_manager(NodeStore(self.database), self.clock)
        self.memory = make_memory(self.database, self.manager, self.clock, lambda: OWN)
        self.manager.learn_from_nodeinfos(
            [
                record(ALICE, KEY, long_name="Alice of the long, long hill", hw_model="TBEAM"),
                record(BOB, key(2), long_name="Bob"),
            ]
        )
        self.hear(packet(ALICE, DeviceMetrics(battery=80), snr=4.0, rssi=-90))
        self.hear(packet(ALICE, PositionPayload(48.5, 2.5), snr=6.0, rssi=-90))
        self.hear(packet(ALICE, NeighborInfo((Neighbor(CAROL, -3.0),)), hops=2))
        self.hear(packet(BOB, snr=5.0, rssi=-90))

    def hear(self, heard):
        assert self.memory.record(heard)
        self.manager.hear(heard)

    def upgrade(self):
        upgrade(self.manager, self.clock, ALICE, KEY)
        self.manager.learn_from_nodeinfo(record(NEW, KEY, long_name="Alice of the long, long"))
        self.hear(packet(NEW, NeighborInfo((Neighbor(CAROL, -1.0), Neighbor(ALICE, 0.0))), snr=8.0, rssi=-70))

    def part(self):
        self.clock.advance(2 * SILENCE)
        self.hear(packet(ALICE, hops=3))
        self.memory.mailbox.recall_notices(self.manager.take_parted())

    def seen(self):
        """All that may differ by joining; without the packet that undoes it, so not by time."""
        memory = self.memory
        return (
            sorted(view.num for view in memory.find_nodes("Alice")),
            sorted(near.num for near in memory.direct_nodes(DAY)),
            sorted(view.num for view in memory.heard_nodes(DAY)),
            {link.hearer for link in memory.neighbours_of(CAROL)},
            {share.key for share in memory.traffic(24, By.SENDER).shares},
        )


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.database.close()


@pytest.mark.parametrize("is_saved", [False, True])
def test_a_node_is_one_entry_under_its_present_number(bench, is_saved):
    bench.upgrade()
    if is_saved:
        bench.memory.flush(last=True)
    memory = bench.memory
    assert sorted(near.num for near in memory.direct_nodes(DAY)) == sorted([NEW, BOB])
    assert sorted(view.num for view in memory.heard_nodes(DAY)) == sorted([NEW, BOB])
    for text in ("Alice", f"!{ALICE:08x}", f"!{NEW:08x}", f"{ALICE:08x}"[-4:]):
        (view,) = memory.find_nodes(text)
        assert (view.num, view.former_numbers, view.long_name) == (NEW, (ALICE,), "Alice of the long, long hill")
    view = memory.node(ALICE)
    assert view == memory.node(NEW)
    assert (view.hw_model, view.battery, view.position.latitude, view.snr) == ("TBEAM", 80, 48.5, 8.0)


@pytest.mark.parametrize("is_saved", [False, True])
def test_history_is_summed_over_both_numbers(bench, is_saved):
    bench.upgrade()
    if is_saved:
        bench.memory.flush(last=True)
    memory = bench.memory
    for num in (ALICE, NEW):
        assert sum(hour.packets for hour in memory.signal_of(num, 24)) == 4
        links = memory.neighbours_of(num)
        assert {(link.hearer, link.heard, link.snr) for link in links} == {(NEW, CAROL, -1.0), (OWN, NEW, 8.0)}
    assert {share.key: share.packets for share in memory.traffic(24, By.SENDER).shares} == {NEW: 4, BOB: 1}
    activity = memory.activity()
    assert activity[ALICE] == activity[NEW]
    assert activity[NEW][1] - activity[NEW][0] == SILENCE


def test_an_old_number_that_is_back_has_its_own_again(bench):
    bench.clock.advance(SILENCE)
    bench.manager.learn_from_nodeinfo(record(NEW, KEY, long_name="Alice of the long, long"))
    bench.hear(packet(NEW, NeighborInfo((Neighbor(CAROL, -1.0), Neighbor(ALICE, 0.0))), snr=8.0, rssi=-70))
    before = bench.seen()
    prove(bench.manager, NEW, KEY)
    assert bench.seen() != before
    bench.part()
    assert bench.seen() == before
    assert bench.memory.node(ALICE).former_numbers == bench.memory.node(NEW).former_numbers == ()


def test_mail_for_either_number_is_in_one_box_until_they_part(bench):
    mailbox = bench.memory.mailbox
    mailbox.send(BOB, ALICE, "before")
    bench.upgrade()
    mailbox.send(BOB, NEW, "to the new one")
    mailbox.send(BOB, ALICE, "to the old one")
    for num in (ALICE, NEW):
        assert [mail.text for mail in mailbox.mails_of(num)] == ["before", "to the new one", "to the old one"]
        assert mailbox.is_unnotified(num)
    mailbox.mark_read(mailbox.mails_of(NEW)[:1])
    mailbox.mark_notified(NEW)
    assert not mailbox.is_unnotified(ALICE)
    bench.part()
    assert mailbox.mails_of(NEW) == []
    assert len(mailbox.mails_of(ALICE)) == 3
    # those that it has not read: the notice went to another one
    assert mailbox.is_unnotified(ALICE)
    assert [mail.notified_at is None for mail in mailbox.mails_of(ALICE)] == [False, True, True]


def test_limits_of_mail_are_a_node_s_whatever_its_number(bench):
    mailbox = bench.memory.mailbox
    mailbox.send(ALICE, BOB, "one")
    bench.upgrade()
    for _ in range(MAX_SENDER - 1):
        mailbox.send(NEW, BOB, "more")
    for num in (NEW, ALICE):
        with pytest.raises(MailboxFullError) as caught:
            mailbox.send(num, BOB, "too many")
        assert caught.value.full is Full.SENDER
    for _ in range(MAX_SENDER):
        mailbox.send(BOB, ALICE, "for Alice")
    with pytest.raises(MailboxFullError):
        mailbox.send(BOB, NEW, "one more")
    assert mailbox.delete(NEW, mailbox.mails_of(ALICE)[0].id)


def test_a_notice_is_recalled_when_the_database_can_be_written(bench, monkeypatch):
    mailbox = bench.memory.mailbox
    mailbox.send(BOB, ALICE, "see you")
    mailbox.mark_notified(ALICE)
    with monkeypatch.context() as patched:
        patched.setattr(mailbox, "_maybe_store", None)
        mailbox.recall_notices({ALICE: 0})
    assert not mailbox.is_unnotified(ALICE)
    mailbox.recall_notices({})
    assert mailbox.is_unnotified(ALICE)


def test_the_latest_of_each_is_what_is_known():
    old = NodeState(1, 100, hops=3, snr=1.0, rssi=-90, direct_at=90, battery=50, metrics_at=95, first_heard=10)
    new = NodeState(2, 200, hops=0, latitude=48.0, longitude=2.0, position_at=150, first_heard=150)
    state = joined_state(2, (new, old))
    assert (state.num, state.last_heard, state.hops, state.snr, state.battery) == (2, 200, 0, 1.0, 50)
    assert (state.latitude, state.first_heard) == (48.0, 10)
    assert joined_state(2, (None, None)) is None
    assert joined_state(2, (None, old)).num == 2
    assert persons({1: old, 2: new, 3: NodeState(3, 5)}, {1: 2, 7: 8}) == [state, NodeState(3, 5)]


def test_nothing_of_an_old_number_is_left_beside_the_present_one():
    assert by_person({1: [1], 2: [2], 5: [5]}, {1: 2, 5: 6, 7: 8}, list.extend) == {2: [2, 1], 6: [5]}
    assert joined_times({1: (10, 20), 2: (15, 30), 5: (1, 2)}, {1: 2, 5: 6}) == {
        1: (10, 30),
        2: (10, 30),
        5: (1, 2),
        6: (1, 2),
    }
    links = [LinkRow(1, 3, -5.0, 10, None), LinkRow(2, 3, 5.0, 20, None), LinkRow(1, 2, 0.0, 30, None)]
    assert present_links(links, {1: 2}) == [links[1]]
