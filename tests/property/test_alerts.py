"""Alerts under any incidents and outages of Telegram: what is kept is bounded, and the last text of each is true."""

import pickle
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meshbot.runtime.incidents import (
    DatabaseFailed,
    DatabaseRecovered,
    DiskLow,
    DiskRecovered,
    KeyChanged,
    KeyChangeSource,
    KeyShared,
    LinkLost,
    LinkRecovered,
    NodeLocked,
    NodeRebooted,
    NodeUnlocked,
    OwnNumberChanged,
)
from tests.support.alert_reader import PARIS, AlertReader

KEPT_LIMIT = 20_000  # bytes, pickled
MESSAGE_LIMIT = 4096  # Telegram's, in UTF-16 units
LINK, DATABASE, DISK = range(3)
BAD = {LINK: "🔴", DATABASE: "🗄️", DISK: "💾"}

nums = st.integers(1, 0xFFFFFFFE)
names = st.text(max_size=60)
keys = st.text("ABCDEFGH+/", min_size=8, max_size=8).map(lambda text: text + "…")
waits = st.floats(0, 2 * 86400)
incidents = st.one_of(
    st.builds(LinkLost, st.just("node:4403"), st.floats(0, 1e6), st.integers(0, 10**6), st.text(max_size=200)),
    st.builds(LinkRecovered, st.floats(0, 1e6)),
    st.sampled_from([NodeLocked(), NodeUnlocked()]),
    st.builds(NodeRebooted, st.integers(0, 10**6), st.booleans(), st.just("2.7.11"), st.sampled_from(["", "2.7.9"])),
    st.builds(OwnNumberChanged, nums, nums),
    st.builds(KeyChanged, nums, names, keys, keys, st.sampled_from(KeyChangeSource)),
    st.builds(KeyShared, keys, st.lists(st.tuples(nums, names), min_size=1, max_size=4).map(tuple), st.integers(2, 99)),
    st.builds(DiskLow, st.integers(0, 10**12), st.floats(0, 1)),
    st.builds(DiskRecovered, st.integers(0, 10**12), st.floats(0, 1)),
    st.builds(DatabaseFailed, st.text(max_size=1000)),
    st.just(DatabaseRecovered()),
)


def kept(reader):
    return len(pickle.dumps((reader.alerts._latest, reader.alerts._unfinished, reader.alerts._missed)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(incidents, waits), max_size=30), st.integers(1, 20))
def test_a_long_outage_of_telegram_needs_bounded_memory_and_one_summary(reported, rounds):
    reader = AlertReader()
    for number in range(rounds):
        reader.disconnect()
        before = len(reader.messages)
        for incident, wait in reported * (30 if number == 0 else 1):
            reader.report(incident, after=wait / 30)
        assert len(reader.messages) == before, "nothing is sent while Telegram is unreachable"
        assert kept(reader) < KEPT_LIMIT
        messages = reader.reconnect()
        assert len([message for message in messages if message.text.startswith("📭")]) <= 1
        assert len(messages) <= 1 + 2 * 7, "the summary, and two of each kind"
    for message in reader.messages:
        assert 0 < len(message.text.encode("utf-16-le", "surrogatepass")) / 2 <= MESSAGE_LIMIT


class AlertMachine(RuleBasedStateMachine):
    """What is wrong and what the chats show as wrong, over outages of Telegram, jumps of the clock and pauses."""

    def __init__(self):
        super().__init__()
        self.reader = AlertReader()
        self.reachable = True
        self.wrong = set()

    @rule(what=st.sampled_from([LINK, DATABASE, DISK]), size=st.integers(0, 1000))
    def goes_wrong(self, what, size):
        self.wrong.add(what)
        self.reader.report([LinkLost("node:4403", 60.0 + size, 3), DatabaseFailed("plein"), DiskLow(size, 0.01)][what])

    @rule(what=st.sampled_from([LINK, DATABASE, DISK]))
    def is_well(self, what):
        self.wrong.discard(what)
        self.reader.report([LinkRecovered(99.0), DatabaseRecovered(), DiskRecovered(10**10, 0.5)][what])

    @rule(
        incident=incidents.filter(lambda one: isinstance(one, NodeRebooted | OwnNumberChanged | KeyChanged | KeyShared))
    )
    def happens(self, incident):
        self.reader.report(incident)

    @rule(seconds=waits)
    def time_passes(self, seconds):
        self.reader.wait(seconds)

    @rule(wall=st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, PARIS)))
    def the_clock_jumps(self, wall):
        self.reader.wall = wall

    @rule()
    def telegram_is_lost(self):
        self.reader.disconnect()
        self.reachable = False

    @rule()
    def telegram_returns(self):
        self.reader.reconnect()
        self.reachable = True

    @precondition(lambda self: self.reachable)
    @invariant()
    def the_chats_show_what_is_wrong(self):
        lines = [text.splitlines()[0] for text in self.reader.texts()]
        for what, sign in BAD.items():
            shown = [line for line in lines if line.startswith(sign)]
            assert len(shown) == (what in self.wrong), lines

    @invariant()
    def the_memory_is_bounded(self):
        assert kept(self.reader) < KEPT_LIMIT


AlertMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAlertMachine = AlertMachine.TestCase
