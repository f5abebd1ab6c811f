"""Keys, identities, custody and an operator's decisions, in any order: what is promised of each holds for all."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.nodes.custody_steps import AddContact, RemoveFavourite, RemoveNode
from meshbot.nodes.identity import number_of
from meshbot.nodes.key_states import KeyDecision
from meshbot.nodes.operator_trust import OperatorTrust
from meshbot.nodes.teachable import teachable
from meshbot.runtime.incidents import KeyChanged, KeyChangeSource
from meshbot.storage.nodes import KeySource, NodeRow, Snapshot
from meshbot.storage.packet_rows import DAY
from tests.support.custody import ALICE, BRUNO, Bench, after, key

KEYS = [key(1), key(2)]
# Of each key the number that firmware 2.8 makes of it, beside those that earlier firmware gave
NUMS = [ALICE, BRUNO, *map(number_of, KEYS)]
# Each number's own key; now and then somebody's who has another
OWN_KEY = dict(zip(NUMS, KEYS * 2, strict=True))
FALSE = key(3)
NUM, ANY = st.sampled_from(NUMS), st.booleans()
KEY = st.sampled_from([None, None, None, None, FALSE, *KEYS])  # None: the number's own
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("nodeinfo"), NUM, KEY),
        # the radio's memory is full: it has forgotten the node
        st.tuples(st.just("evicted"), NUM, KEY),
        # whether the radio does what it is told, and says so
        st.tuples(st.just("ready"), st.sampled_from([(True, True), (True, False), (False, False)]), ANY),
        st.tuples(st.just("heard"), NUM),
        st.tuples(st.just("message"), NUM, KEY),
        st.tuples(st.just("decide"), NUM, KEY, st.sampled_from(KeyDecision)),
        st.tuples(st.just("cure"), NUM, ANY),
        st.tuples(st.just("teach"), NUM),
        st.tuples(st.just("evict"), NUM),
        st.tuples(st.just("mark"), NUM),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 130.0, 4000.0, float(DAY)])),
        st.just(("lost",)),
        st.just(("crash",)),
    ),
    min_size=20,
    max_size=60,
)


class Trusted:
    """What the bot trusts, as custody asks for it."""

    def __init__(self) -> None:
        self.keys = OperatorTrust(Snapshot())

    def get(self, num):
        return teachable(self.keys, num)


class World(Bench):
    """A bot's trust and custody, a radio that forgets, and anybody who sends under any number."""

    def __post_init__(self):
        self.trust = Trusted()
        super().__post_init__()
        self.is_up, self.obeys = False, True
        self.operators = set()  # favourites
        self.proven = set()  # pairs of number and key
        self.alerts = []

    @property
    def known(self):
        return self.trust.keys

    def _respond(self, action):
        match action:
            case AddContact(contact):
                trusted = self.known.trusted[contact.num]
                assert contact.public_key == trusted.public_key, "another key than the trusted one"
                assert contact.num not in self.known.identities.moved, "a number that has moved"
                waits = self.known.pending.get(contact.num)
                assert trusted.source is KeySource.OPERATOR or not waits, "taught in doubt"
            case RemoveNode(num):
                assert self.known.trusted[num].source is KeySource.OPERATOR, "replaced on nobody's word"
            case RemoveFavourite(num):
                assert num not in self.operators, "the operator's favourite"
        if self.is_up and self.obeys and not self.answers:
            self.apply(action)
        return super()._respond(action) if self.is_up else []

    def learn(self, num, public_key, source):
        before = self.known.trusted.get(num)
        self.known.learn(NodeRow(num, f"Node {num:x}", "N"), public_key, source, self.at.wall)
        self.known.settle(self.at.wall)
        if before is not None:
            assert self.known.trusted[num].public_key == before.public_key, "replaced without the operator"

    def on_nodeinfo(self, num, public_key):
        self.keys.setdefault(num, public_key)
        self.learn(num, public_key, KeySource.NODEINFO)
        self.do(self.custody.introduced(num, public_key, self.at))

    def on_evicted(self, num, public_key):
        self.on_evict(num)
        self.on_nodeinfo(num, public_key)

    def on_ready(self, manners, commits):
        self.obeys, self.answers = manners
        self.commits, self.is_up = commits, True
        for num, public_key in self.keys.items():
            self.learn(num, public_key, KeySource.NODEDB)
        self.ready()

    def on_heard(self, num):
        self.known.hear(num, self.at.wall, self.at.wall)

    def on_message(self, num, public_key):
        """One that the radio could decrypt comes of who has the private key."""
        if self.keys.get(num) == public_key:
            self.known.prove(num, public_key, self.at.wall, self.at.wall)
            self.proven.add((num, public_key))
            self.talk(num)
        else:
            self.do(self.custody.unreadable(num, self.at))

    def on_decide(self, num, public_key, decision):
        self.known.decide(num, public_key, decision, "telegram:1", self.at.wall)
        self.alerts.append((num, None))

    def on_cure(self, num, lacks):
        self.do(self.custody.cure(num, self.at, lacks=lacks and num not in self.keys))

    def on_teach(self, num):
        self.do(self.custody.teach(num, self.at))

    def on_evict(self, num):
        if num not in self.favourites:
            self.keys.pop(num, None)

    def on_mark(self, num):
        """The operator's app takes the link for it; in the middle of a teaching it cannot be told from ours."""
        is_being_taught = self.records.row(num).stays_favourite is not None
        if num in self.keys and num not in self.favourites and not is_being_taught:
            self.on_lost()
            self.favourites.add(num)
            self.operators.add(num)

    def on_wait(self, seconds):
        self.wait(seconds)

    def on_lost(self):
        self.is_up = False
        self.do(self.custody.lost())

    def on_crash(self):
        self.is_up = False
        self.restart()

    def check(self):
        for incident in self.known.take_incidents():
            if isinstance(incident, KeyChanged) and incident.source is KeyChangeSource.NODE:
                alert = incident.num, incident.new
                # until the operator decides something of that node each other key is told once
                since = max(
                    (at for at, (num, new) in enumerate(self.alerts) if (num, new) == (alert[0], None)), default=-1
                )
                assert alert not in self.alerts[since + 1 :], "told twice"
                self.alerts.append(alert)
        for old, new in self.known.identities.moved.items():
            public_key = self.known.trusted[old].public_key
            assert new == number_of(public_key)
            assert (new, public_key) in self.proven, "joined without a proof"


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_any_order_of_all_events_keeps_all_promises(events):
    world = World()
    for name, *values in events:
        if None in values:
            values[values.index(None)] = OWN_KEY[values[0]]
        getattr(world, f"on_{name}")(*values)
        world.check()
    world.at = after(2 * DAY, world.at)
    for _ in range(2):
        world.on_ready((True, True), commits=True)
        world.wait(600)
        world.check()
    assert world.favourites <= world.operators, "a favourite of ours is left"
    # one whose removal had begun can be taught again only while its key is in no doubt
    for num in world.operators - world.favourites:
        found = world.trust.get(num)
        assert found is None or found.doubtful, "a favourite of the operator's is lost"
