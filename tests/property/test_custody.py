"""Whatever happens in whichever order: no wrong key is taught, no favourite lost or left, no limit passed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.nodes.custody_steps import AddContact, AskNode, KeepNote, RemoveFavourite, RemoveNode
from meshbot.nodes.lessons import TAUGHT_A_DAY
from meshbot.storage.packet_rows import DAY
from tests.support.custody import ALICE, BRUNO, CAROLE, Bench, after, key, trusted

NODES = (ALICE, BRUNO, CAROLE)
nodes = st.sampled_from(NODES)
keys = st.sampled_from([key(number) for number in range(1, 4)])
events = st.lists(
    st.one_of(
        st.tuples(st.just("ready"), st.booleans(), st.booleans()),
        st.tuples(st.just("talk"), nodes),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 15.0, 60.0, 3600.0, float(DAY)])),
        st.tuples(st.just("cure"), nodes, st.booleans()),
        st.tuples(st.just("teach"), nodes),
        st.tuples(st.just("unreadable"), nodes),
        st.tuples(st.just("introduced"), nodes, keys),
        st.tuples(st.just("trust"), nodes, keys, st.booleans(), st.booleans()),
        st.tuples(st.just("forget"), nodes),
        st.tuples(st.just("revoke"), nodes, keys),
        st.tuples(st.just("evict"), nodes),
        st.just(("lost",)),
        st.just(("crash",)),
    ),
    max_size=40,
)


class World(Bench):
    """Custody, and a radio whose operator has marked a node."""

    def __post_init__(self):
        super().__post_init__()
        self.operators = {CAROLE}
        self.keys = {CAROLE: key(1)}
        self.favourites = {CAROLE}
        self.day_of = {}
        self.is_up = False

    def _respond(self, action):
        self.judge(action)
        return super()._respond(action) if self.is_up else []

    def judge(self, action):
        match action:
            case AddContact(contact):
                known = self.trust[contact.num]
                assert contact == known.contact, "another key than the trusted one"
                assert not known.doubtful
                assert len(contact.public_key) == 32
                assert contact.long_name
                assert contact.short_name
                assert self.noted(contact.num), "taught without a note"
            case RemoveNode(num):
                is_revoked = (num, self.keys.get(num)) in self.revoked
                assert is_revoked or self.trust[num].verified, "a key replaced on nobody's word"
                assert self.noted(num)
            case RemoveFavourite(num):
                assert num not in self.operators, "the operator's favourite"
            case AskNode(num):
                assert num in self.trust, "a stranger was asked"
            case KeepNote(num):
                day = self.at.wall // DAY
                self.day_of[day] = self.day_of.get(day, 0) + 1

    def noted(self, num):
        return self.records.row(num).stays_favourite is not None

    def play(self, name, *values):
        getattr(self, f"on_{name}")(*values)

    def on_ready(self, answers, commits):
        self.answers, self.commits, self.is_up = answers, commits, True
        self.ready()

    def on_talk(self, num):
        self.talk(num)

    def on_wait(self, seconds):
        self.wait(seconds)

    def on_cure(self, num, lacks):
        self.do(self.custody.cure(num, self.at, lacks=lacks))

    def on_teach(self, num):
        self.do(self.custody.teach(num, self.at))

    def on_unreadable(self, num):
        self.do(self.custody.unreadable(num, self.at))

    def on_introduced(self, num, public_key):
        self.keys.setdefault(num, public_key)
        self.do(self.custody.introduced(num, public_key, self.at))

    def on_trust(self, num, public_key, verified, doubtful):
        self.revoked.discard((num, public_key))
        self.trust[num] = trusted(num, public_key, verified=verified, doubtful=doubtful)

    def on_forget(self, num):
        self.trust.pop(num, None)

    def on_revoke(self, num, public_key):
        if num in self.trust and self.trust[num].key == public_key:
            del self.trust[num]
        self.revoked.add((num, public_key))
        self.on_teach(num)

    def on_evict(self, num):
        if num not in self.favourites:
            self.keys.pop(num, None)

    def on_lost(self):
        self.is_up = False
        self.do(self.custody.lost())

    def on_crash(self):
        self.is_up = False
        self.restart()

    def settle(self):
        """Let everything come to its end on a radio and a database that are well."""
        self.at = after(2 * DAY, self.at)
        for _ in range(2):
            self.on_ready(answers=True, commits=True)
            self.wait(600)


@settings(max_examples=300, deadline=None)
@given(events)
def test_any_order_of_events_keeps_the_promises(sequence):
    world = World()
    for event in sequence:
        world.play(*event)
    world.settle()
    assert world.favourites <= world.operators, "a favourite of ours is left"
    # one whose key is in doubt is not taught, so its mark waits for the operator
    is_teachable = CAROLE in world.trust and not world.trust[CAROLE].doubtful
    assert world.favourites >= world.operators or not is_teachable, "a favourite of the operator's is lost"
    assert not world.revoked & set(world.keys.items()), "a revoked key is left in the radio"
    assert max(world.day_of.values(), default=0) <= TAUGHT_A_DAY
    assert not world.records.half_done() or not is_teachable


@settings(max_examples=100, deadline=None)
@given(events)
def test_whoever_wrote_lately_ends_with_the_trusted_key_in_the_radio(sequence):
    world = World()
    for event in sequence:
        world.play(*event)
    for num in NODES:
        world.on_trust(num, key(1), verified=True, doubtful=False)
    world.at = after(2 * DAY, world.at)
    world.talk(*NODES)
    world.settle()
    assert {num: world.keys.get(num) for num in NODES} == dict.fromkeys(NODES, key(1))
