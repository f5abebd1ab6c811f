"""Whatever a database does, what was put into a writer is there in the end, and known to the next process."""

from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_clock import FakeClock
from tests.support.key_value_store import KeyValues, KeyValueStore

PUTS = st.tuples(st.just("put"), st.sampled_from("abcd"), st.integers(0, 99))
EVENTS = st.one_of(
    PUTS,
    st.tuples(st.sampled_from(["flush", "break", "heal", "replace", "replace while saving", "restart"])),
    st.tuples(st.just("wait"), st.floats(0, 30)),
)


class World:
    def __init__(self):
        self.clock = FakeClock()
        self.store = KeyValueStore()
        self.values = KeyValues(self.store, self.clock)
        self.last_put = {}

    def play(self, kind, *details):
        match kind:
            case "put":
                self.values.put(*details)
                self.last_put[details[0]] = details[1]
            case "flush" | "wait":
                self.clock.advance(details[0] if details else 0)
                if self.values.deadline <= self.clock.monotonic():
                    self.values.flush()
            case "break" | "heal":
                self.store.broken = kind == "break"
            case "replace":
                self.store.replace()
            case "replace while saving":
                self.store.replaced_by_next_save = True
            case "restart":
                self.end()

    def end(self):
        """Let the process end well, and the next one begin."""
        self.store.broken = False
        assert self.values.flush(last=True)
        assert self.store.rows == self.last_put
        self.values = KeyValues(self.store, self.clock)
        assert self.values.flush()
        assert self.values.known == self.last_put


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_whatever_a_database_does_nothing_is_lost(events):
    world = World()
    for event in events:
        world.play(*event)
        assert world.values.deadline != inf or world.store.rows == world.last_put, "something is unsaved and never due"
    world.end()
