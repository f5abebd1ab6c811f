"""The queue over any sequence of texts, answers, losses, restarts and times, with a node that follows the firmware."""

from dataclasses import dataclass, field
from itertools import count
from math import inf

from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshbot.mesh_link.messages import RoutingAnswer
from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.sending.outgoing import EchoOrigin, OutgoingText, Priority
from meshbot.sending.queue import CONFIRM_TIMEOUT, SendQueue
from meshbot.sending.receipts import DeliveryStatus
from meshbot.text import split_text
from tests.support.configured import LIFETIMES, make_send_queue

T0 = 1000.0
WALL = 1_800_000_000.0
INTERVAL = 2.2
OWN, PEER, STRANGER = 9, 7, 5
QUEUE_FULL, TOO_LARGE = 32, 7

steps = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 60), st.sampled_from(Priority), st.booleans()),
    st.tuples(st.just("wait"), st.one_of(st.floats(0, 5), st.floats(0, 60), st.floats(0, 600))),
    st.tuples(st.just("status"), st.sampled_from([0, 0, 0, QUEUE_FULL, TOO_LARGE, 9, 38])),
    st.tuples(st.just("late status"), st.integers(0, 20)),  # of a packet taken some time ago
    st.tuples(st.just("foreign status"), st.integers(10_000_000, 20_000_000)),
    st.tuples(
        st.just("routing"),
        st.integers(0, 20),
        st.sampled_from(["NONE", "NONE", "NO_CHANNEL", "PKI_UNKNOWN_PUBKEY", "MAX_RETRANSMIT", "4711"]),
        st.sampled_from([OWN, PEER, STRANGER]),
    ),
    st.tuples(st.just("link"), st.booleans(), st.integers(0, 2)),
    st.tuples(st.just("cannot write")),
    st.tuples(st.just("load"), st.floats(0, 100)),
    st.tuples(st.just("restart"), st.booleans(), st.floats(0, 300)),
)
scripts = st.lists(steps, max_size=60)


def origin_of(packet):
    """Return the origin of the text that a packet is a part of: the text's number stands before each word."""
    return EchoOrigin(int(packet.text.split(") ")[-1].split(".")[0]))


@dataclass
class World:
    """A queue with what its sender does, and a disk; every step checks every rule.

    Each word of a text begins with the text's number, so that a piece of it shows which text it is a part of.
    """

    now: float = T0
    to: int = PEER
    ids: count = field(default_factory=lambda: count(1))
    queue: SendQueue = None
    disk: dict = field(default_factory=dict)
    writable: bool = True
    link_up: bool = False
    boots: int = 0
    load: tuple = (0.0, -inf)
    added: dict = field(default_factory=dict)  # origin to message
    ended: dict = field(default_factory=dict)  # origin to status
    in_flight: object = None
    confirm_by: float = inf
    taken: list = field(default_factory=list)  # packets written, in order
    ids_of: dict = field(default_factory=dict)  # piece to the ids it went under
    renewable: set = field(default_factory=set)  # ids that the node or the mesh refused
    accepted: set = field(default_factory=set)  # ids that the node confirmed
    quiet_until: float = -inf
    begun: set = field(default_factory=set)  # origins that went, or wait for evidence after a restart

    def __post_init__(self):
        self.queue = make_send_queue(INTERVAL, 40, self.ids.__next__)

    # -- what happens

    def add(self, length, priority, want_ack):
        number = len(self.added)
        origin = EchoOrigin(number)
        words = "".join(f"{number}.{n} " for n in range(1 + length // 3))
        message = OutgoingText(words, self.to, want_ack=want_ack, priority=priority, origin=origin)
        self.added[origin] = message
        self.see(self.queue.add(message, self.now))

    def see(self, reports):
        for report in reports:
            origin = report.message.origin
            assert origin not in self.ended, "something after the end"
            assert report.status is not DeliveryStatus.QUEUED or self.is_unfinished(origin), (
                "waits, though the node has it all"
            )
            if report.is_end:
                self.ended[origin] = report.status

    def is_unfinished(self, origin):
        ids = [self.ids_of.get(piece, [0])[-1] for piece in split_text(self.added[origin].text, 40)]
        return not (self.accepted - self.renewable).issuperset(ids)

    def status(self, packet, result):
        if self.in_flight == packet:
            self.in_flight, self.confirm_by = None, inf
            self.quiet_until = max(self.quiet_until, self.now + INTERVAL)
        # Else it goes on under another id
        if result == 0 and packet.packet_id not in self.renewable:
            self.accepted.add(packet.packet_id)
        elif result and packet.packet_id not in self.accepted:
            self.renewable.add(packet.packet_id)
        self.see(self.queue.on_queue_status(packet.packet_id, result, self.now))

    def routing(self, packet, error, sender):
        answer = RoutingAnswer(packet.packet_id, sender, error, is_own=sender == OWN)
        if (reports := self.queue.on_routing(answer, self.now)) is None:
            assert not answer.is_own
            return
        assert sender != STRANGER or not reports, "anybody could have sent it"
        if self.in_flight == packet:
            self.in_flight, self.confirm_by = None, inf
            self.quiet_until = max(self.quiet_until, self.now + INTERVAL)
        if error != "NONE":
            self.renewable.add(packet.packet_id)
        elif packet.packet_id not in self.renewable:
            self.accepted.add(packet.packet_id)
        self.see(reports)

    def pump(self):
        if self.now >= self.confirm_by:
            self.in_flight, self.confirm_by = None, inf
        self.see(self.queue.on_deadline(self.now))
        while (packet := self.queue.take(self.now)) is not None:
            self.check_taken(packet)
            if not self.writable:
                self.queue.not_sent()
                self.lose_link()
            else:
                self.note_taken(packet)
        self.write()
        assert self.queue.deadline > self.now, "a busy loop"

    def write(self):
        self.disk.update(self.queue.rows.take(WALL))
        self.disk = {row_id: row for row_id, row in self.disk.items() if row is not None}
        kept = {row.origin for row in self.disk.values()}
        assert kept == set(self.added) - set(self.ended), "the disk has what has not ended, and nothing else"

    def restart(self, clock_back, away):
        """Kill the process: all is on the disk but what was done since the last `pump`, which is nothing."""
        self.lose_link()
        self.begun.update(self.added)
        self.now += away
        first_row = 1 if clock_back else int(1_000_000 * self.now)
        self.queue = make_send_queue(INTERVAL, 40, self.ids.__next__, first_row=first_row)
        self.queue.restore(self.disk.values(), self.now, WALL + self.now)
        self.load = (0.0, -inf)

    def lose_link(self):
        self.link_up, self.in_flight, self.confirm_by = False, None, inf

    # -- what must hold

    def check_taken(self, packet):
        assert self.link_up
        assert self.in_flight is None, "two in flight"
        assert self.now >= self.quiet_until, "too soon"
        message = self.added[origin_of(packet)]
        assert message.origin not in self.ended, "sent after its end"
        assert packet.packet_id not in self.accepted, "sent again though the node had confirmed it"
        self.check_order(packet, message)
        earlier = self.ids_of.get(packet.text, [])
        if earlier and packet.packet_id != earlier[-1]:
            assert packet.packet_id not in earlier
            assert earlier[-1] in self.renewable or message.priority is Priority.MAIL, "a new id without a refusal"
        percent, until = self.load
        if percent > 25 and self.now < until:
            assert message.priority is Priority.ANSWER, "a busy channel"

    def check_order(self, packet, message):
        """Parts begin in their order, and no text overtakes a more urgent one that never went."""
        pieces = split_text(message.text, 40)
        begun = [piece for piece in pieces if piece in self.ids_of]
        assert packet.text in begun or pieces.index(packet.text) == len(begun), "parts out of order"
        if message.origin in self.begun:
            return
        waiting = {origin for origin in self.added if origin not in self.ended and origin not in self.begun}
        if any(self.added[origin].priority is Priority.BRIDGE for origin in self.begun - self.ended.keys()):
            waiting -= {o for o in waiting if self.added[o].priority is Priority.BRIDGE and o != message.origin}
        assert min(waiting, key=lambda origin: (self.added[origin].priority, origin.asker)) == message.origin

    def note_taken(self, packet):
        ids = self.ids_of.setdefault(packet.text, [])
        if not ids or ids[-1] != packet.packet_id:
            ids.append(packet.packet_id)
        self.taken.append(packet)
        self.begun.add(origin_of(packet))
        self.in_flight, self.confirm_by = packet, self.now + CONFIRM_TIMEOUT
        self.quiet_until = self.now + INTERVAL

    # -- time and scripts

    def wait(self, seconds):
        until = self.now + seconds
        while self.queue.deadline <= until:
            self.now = self.queue.deadline
            self.pump()
        self.now = until

    def play(self, script):
        for step in script:
            self.step(step)
            self.pump()

    def step(self, step):
        match step:
            case ("add", length, priority, want_ack):
                self.add(length, priority, want_ack)
            case ("wait", seconds):
                self.wait(seconds)
            case ("link", True, reboots) if not self.link_up:
                self.link_up = True
                self.boots += reboots
                if reboots:
                    self.accepted.clear()  # the node may have lost them before they went on air
                self.queue.link_up(self.now, self.boots)
            case ("link", False, _):
                self.see(self.queue.link_down())
                self.lose_link()
            case ("cannot write",):
                self.writable = not self.writable
            case ("load", percent):
                self.load = percent, self.now + 900
                self.see(self.queue.channel_load(percent, self.now))
            case ("restart", clock_back, away):
                self.restart(clock_back, away)
            case _:
                self.hear(step)

    def hear(self, step):
        match step:
            case ("status", result) if self.in_flight is not None:
                self.status(self.in_flight, result)
            case ("late status", back) if self.taken:
                self.status(self.taken[-1 - back % len(self.taken)], 0)
            case ("foreign status", packet_id):
                assert self.queue.on_queue_status(packet_id, 0, self.now) == []
            case ("routing", back, error, sender) if self.taken:
                self.routing(self.taken[-1 - back % len(self.taken)], error, sender)


REFUSED_BY_THE_MESH = [  # a packet that the node took, refused by the recipient: it waits under a new id
    ("add", 0, Priority.MAIL, True),
    ("link", True, 0),
    ("status", 0),
    ("routing", 0, "PKI_UNKNOWN_PUBKEY", OWN),
    ("load", 26.0),
]


@example(REFUSED_BY_THE_MESH)
@settings(deadline=None, max_examples=500)
@given(scripts)
def test_any_script_paces_packets_and_ends_no_text_twice(script):
    World().play(script)  # checks at each step


@settings(deadline=None, max_examples=150)
@given(scripts)
def test_with_confirmations_and_acknowledgements_every_text_comes_to_its_end(script):
    world = World()
    world.play(script)
    world.writable = True
    world.play([("link", False, 0), ("link", True, 0)])
    while world.queue.deadline < inf:
        world.wait(max(0.0, world.queue.deadline - world.now))
        if world.in_flight is not None:
            packet = world.in_flight
            world.play([("status", 0), ("routing", 0, "NONE", PEER)])
            assert packet.packet_id in world.accepted
    assert set(world.added) == set(world.ended)
    assert world.disk == {}


@settings(deadline=None, max_examples=100)
@given(scripts)
def test_without_a_link_every_text_that_was_not_accepted_expires(script):
    world = World()
    world.play(script)
    world.play([("link", False, 0), ("wait", LIFETIMES[Priority.MAIL] + 1)])
    assert len(world.queue) == 0
    assert world.queue.deadline == inf


class Node:
    """As the firmware: remembers ids and the last text for a connection, and keeps routing answers for its client."""

    def __init__(self):
        self.on_air = []
        self.connect()
        self.kept = []  # packet ids whose acknowledgement waits for a client

    def connect(self):
        self.ids, self.last_text = set(), -inf

    def hear(self, packet, now):
        """Return whether a status comes."""
        if packet.packet_id in self.ids:
            return False
        self.ids.add(packet.packet_id)
        assert now - self.last_text >= 2.0, "the firmware drops this text"
        self.last_text = now
        self.on_air.append(packet)
        if packet.want_ack:
            self.kept.append(packet.packet_id)
        return True


cuts = st.lists(
    st.sampled_from(["calm", "calm", "calm", "lost status", "cut before", "cut after", "kill", "down"]),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=200)
@given(cuts, st.integers(1, 4), st.booleans())
@example(faults=["calm"] * 10 + ["lost status"], parts=3, want_ack=False)
@example(faults=["calm"] * 15 + ["lost status"], parts=4, want_ack=False)
def test_through_any_cuts_each_answer_is_read_once(faults, parts, want_ack):
    """An answer with an acknowledgement is on air only once, unless the node could not report it."""
    world, node = World(), Node()
    world.play([("link", True, 0)])
    world.play([("add", parts * 14, Priority.MAIL, want_ack)] * 6)
    go_on(world, node, faults)
    # nothing replaces the last text's lost status if it asks for no acknowledgement
    assert set(world.ended.values()) <= (
        {DeliveryStatus.ACKNOWLEDGED} if want_ack else {DeliveryStatus.ACCEPTED, DeliveryStatus.UNCONFIRMED}
    )
    pieces = {piece for message in world.added.values() for piece in split_text(message.text, 40)}
    assert {packet.text for packet in node.on_air} == pieces, "lost"
    by_text = {}
    for packet in node.on_air:
        by_text.setdefault(packet.text, set()).add(packet.packet_id)
    assert all(len(ids) == 1 for ids in by_text.values()), "two ids: receivers show both"
    if want_ack:
        assert len(node.on_air) == len(pieces), "repeated on air though the node could report it"


@settings(deadline=None, max_examples=200)
@given(cuts.map(lambda faults: faults[:8]), st.integers(1, 3))  # more on one packet, and receivers forget its id
def test_through_any_cuts_a_conversation_is_on_air_once_in_order(faults, parts):
    world, node = World(to=BROADCAST_NUM), Node()
    world.play([("link", True, 0)])
    world.play([("add", parts * 14, Priority.BRIDGE, True)] * 6)
    go_on(world, node, faults)
    assert set(world.ended.values()) == {DeliveryStatus.RELAYED}
    assert [packet.text for packet in node.on_air] == [
        piece for message in world.added.values() for piece in split_text(message.text, 40)
    ]


def go_on(world, node, faults):
    """Let each packet meet the next fault until every text has ended."""
    faults = iter(faults)
    for _ in range(3000):
        if set(world.added) == set(world.ended):
            break
        if world.in_flight is None:
            world.wait(max(0.0, min(world.queue.deadline - world.now, 5.0)))
            deliver(world, node)
        else:
            meet(world, node, next(faults, "calm"))


def deliver(world, node):
    """Give the client what the node kept for it."""
    if world.link_up:
        kept, node.kept = node.kept, []
        for packet_id in kept:
            packet = next(packet for packet in node.on_air if packet.packet_id == packet_id)
            world.routing(packet, "NONE", PEER if world.to == PEER else OWN)
        world.pump()


def meet(world, node, fault):
    """Let the packet in flight meet its fault."""
    packet = world.in_flight
    confirmed = fault != "cut before" and node.hear(packet, world.now)
    if fault in {"calm", "down"} and confirmed:
        world.play([("status", 0)])
    if fault in {"calm", "lost status"}:
        world.play([("wait", 1.0)])
        deliver(world, node)
        return
    if fault == "kill":
        world.play([("restart", False, 3.0)])
    world.play([("link", False, 0), ("wait", 2.0), ("link", True, 0)])
    node.connect()
    world.play([("wait", 1.0)])
    deliver(world, node)
