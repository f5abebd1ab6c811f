"""The outbox under any sequence of texts, answers, losses and times."""

from dataclasses import dataclass, field
from itertools import count
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_link.outbox import CONFIRM_TIMEOUT, Fate, Outbox, OutgoingText

T0 = 1000.0
INTERVAL = 2.2
QUEUE_FULL, TOO_LARGE = 32, 7
ENDS = {Fate.ACCEPTED, Fate.REFUSED, Fate.EXPIRED, Fate.UNCONFIRMED}

steps = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 60), st.one_of(st.floats(1, 200), st.just(inf))),
    st.tuples(st.just("wait"), st.one_of(st.floats(0, 5), st.floats(0, 60))),
    st.tuples(st.just("status"), st.sampled_from([0, 0, 0, QUEUE_FULL, TOO_LARGE])),
    st.tuples(st.just("late status"), st.integers(0, 20)),  # of a packet taken some time ago
    st.tuples(st.just("foreign status"), st.integers(10_000, 20_000)),
    st.tuples(st.just("routing"), st.integers(0, 40), st.sampled_from(["NONE", "NO_CHANNEL"])),
    st.tuples(st.just("link"), st.booleans()),
    st.tuples(st.just("cannot write")),
)
scripts = st.lists(steps, max_size=60)


@dataclass
class World:
    """An outbox with the sender's part of the bargain; every step checks every rule. Texts tell packets apart."""

    now: float = T0
    box: Outbox = field(default_factory=lambda: Outbox(INTERVAL, 40, count(1).__next__))
    writable: bool = True
    link_up: bool = False
    added: list = field(default_factory=list)
    ended: dict = field(default_factory=dict)  # text to fate
    under_way: object = None
    confirm_by: float = inf
    taken: list = field(default_factory=list)
    ids: dict = field(default_factory=dict)  # text to the id it must go under again
    quiet_until: float = -inf

    def add(self, length, ttl):
        words = f"{len(self.added)}." * (1 + length // 3)
        message = OutgoingText(words, 7, want_ack=length % 2 == 0, expires_at=self.now + ttl)
        self.added += [packet.text for packet in self.box.add(message)]

    def see(self, outcomes):
        for outcome in outcomes:
            if outcome.fate in ENDS:
                assert outcome.packet.text not in self.ended, "a second end"
                self.ended[outcome.packet.text] = outcome.fate
            else:
                assert self.ended[outcome.packet.text] is Fate.ACCEPTED

    def status(self, packet, result):
        outcomes = self.box.on_queue_status(packet.packet_id, result, self.now)
        mine = packet.text not in self.ended and self.ids.get(packet.text) == packet.packet_id
        if not mine:
            assert outcomes == []
            return
        self.quiet_until = max(self.quiet_until, self.now + INTERVAL)
        if self.under_way == packet:
            self.under_way, self.confirm_by = None, inf
        self.see(outcomes)
        if not outcomes:  # a full radio: it goes again, under an id of its own
            self.ids.pop(packet.text)
        if result == 0:
            assert self.ended[packet.text] is Fate.ACCEPTED

    def pump(self):
        if self.now >= self.confirm_by:
            self.under_way, self.confirm_by = None, inf
        self.see(self.box.on_deadline(self.now))
        while (packet := self.box.take(self.now)) is not None:
            self.check_taken(packet)
            if not self.writable:
                self.box.not_sent()
                self.lose_link()
            else:
                self.taken.append(packet)
        assert self.box.deadline > self.now, "a busy loop"

    def check_taken(self, packet):
        assert self.link_up
        assert self.under_way is None, "two under way"
        assert self.now >= self.quiet_until, "too soon"
        assert packet.text not in self.ended
        if packet.text in self.ids:
            assert packet.packet_id == self.ids[packet.text], "a new id without a refusal"
        else:
            assert all(packet.packet_id != earlier.packet_id for earlier in self.taken), "an id that was used"
        self.ids[packet.text] = packet.packet_id
        self.under_way, self.confirm_by = packet, self.now + CONFIRM_TIMEOUT
        self.quiet_until = self.now + INTERVAL

    def wait(self, seconds):
        until = self.now + seconds
        while self.box.deadline <= until:
            self.now = self.box.deadline
            self.pump()
        self.now = until

    def lose_link(self):
        self.link_up, self.under_way, self.confirm_by = False, None, inf

    def play(self, script):
        for step in script:
            self.step(step)
            self.pump()
            assert len(self.box) == len(self.added) - len(self.ended), "a packet vanished"

    def step(self, step):
        match step:
            case ("add", length, ttl):
                self.add(length, ttl)
            case ("wait", seconds):
                self.wait(seconds)
            case ("status", result) if self.under_way is not None:
                self.status(self.under_way, result)
            case ("late status", back) if self.taken:
                self.status(self.taken[-1 - back % len(self.taken)], 0)
            case ("foreign status", packet_id):
                assert self.box.on_queue_status(packet_id, 0, self.now) == []
            case ("routing", packet_id, error):
                self.see(self.box.on_routing(packet_id, error, sender=7))
            case ("link", True):
                self.link_up = True
                self.box.link_up()
            case ("link", False):
                self.box.link_down()
                self.lose_link()
            case ("cannot write",):
                self.writable = not self.writable


@settings(deadline=None, max_examples=400)
@given(scripts)
def test_whatever_comes_packets_are_paced_one_at_a_time_and_none_vanishes_or_ends_twice(script):
    World().play(script)  # checks at each step


@settings(deadline=None, max_examples=150)
@given(scripts)
def test_with_a_node_that_confirms_everything_comes_to_its_end(script):
    world = World()
    world.play(script)
    world.writable = True
    world.play([("link", False), ("link", True)])
    while world.box.deadline < inf:
        world.wait(max(0.0, world.box.deadline - world.now))
        if world.under_way is not None:
            world.play([("status", 0)])
    assert len(world.box) == 0
    assert set(world.added) == set(world.ended)


@settings(deadline=None, max_examples=150)
@given(scripts)
def test_with_a_link_that_never_comes_only_what_may_wait_for_ever_waits(script):
    world = World()
    world.play(script)
    world.play([("link", False), ("wait", 1000.0)])
    assert world.box.deadline == inf
