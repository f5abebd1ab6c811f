"""The link machine under any script of events, and the node that answers or falls silent under any times."""

from dataclasses import dataclass, field
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.mesh_link.actions import AbandonLink, LinkAlert, LinkDown, LinkReady, LinkSilent, OpenLink, SendProbe
from meshbot.mesh_link.backoff import EAGER_FOR, EAGER_WAIT, JITTER, REFUSAL_WAITS, TROUBLE_WAITS, Backoff
from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.machine import KEEPALIVE_EVERY, STOP_CLOSE_TIMEOUT, LinkMachine
from meshbot.mesh_link.states import FROM_SESSION, Evidence, LinkEvent, LinkState, LinkTimes
from meshbot.runtime.incidents import LinkCause
from tests.support.configured import make_times

E, S = LinkEvent, LinkState
T0 = 1000.0
TICK = 1e-6  # seconds that sums of floats may lose
OURS = (E.START, E.RECONNECT, E.DEADLINE)
QUICKEST_ROUND = 5.0  # seconds: no attempt with all its waits is over sooner by deadlines alone

generations = st.sampled_from([0, 0, 0, 0, -1, -2, 1, None])  # counted from the current one
steps = st.one_of(
    st.tuples(st.just("session"), st.sampled_from(sorted(FROM_SESSION, key=lambda e: e.name)), generations),
    st.tuples(st.just("lasting"), st.floats(1, 200)),  # a session that gets READY and hears something all that time
    st.tuples(st.just("ours"), st.sampled_from(OURS)),
    st.tuples(st.just("wait"), st.one_of(st.floats(0, 30), st.floats(0, 1000))),
    st.tuples(st.just("heard"), generations),
)
scripts = st.lists(steps, max_size=60)
scripts_with_stops = st.lists(st.one_of(steps, st.just(("ours", E.STOP))), max_size=60)


@dataclass
class World:
    """A machine with its shell's part of the bargain, and a check of every rule at every step."""

    jitter: float = 0.0
    cleanup_delay: float = 1.0
    times: LinkTimes = field(default_factory=make_times)
    now: float = T0
    open: set = field(default_factory=set)
    actions: list = field(default_factory=list)  # all that the machine wanted
    deadlines: int = 0

    def __post_init__(self):
        self.machine = LinkMachine(self.times, Backoff(self.cleanup_delay, lambda: self.jitter))
        self.tell(E.START)

    def tell(self, event, shift=0, **details):
        machine = self.machine
        generation = None if shift is None else machine.generation + shift
        before = machine.state
        closes = event is E.CLOSED and generation in self.open
        actions = machine.handle(event, self.now, generation, **details)
        if closes:
            self.open.discard(generation)
        for action in actions:
            self.see(action)
        self.actions += actions
        assert machine.deadline < inf or machine.state is S.STOPPED
        assert (machine.outage_since is None) == (machine.state is S.READY) or before is S.STOPPED
        return actions

    def see(self, action):
        match action:
            case OpenLink(generation):
                assert not self.open, "a second session"
                self.open.add(generation)
            case AbandonLink(generation):
                self.open.remove(generation)

    def wait(self, seconds):
        until = self.now + seconds
        while self.machine.deadline <= until:
            self.now = max(self.now, self.machine.deadline)
            state = self.machine.state
            self.tell(E.DEADLINE)
            self.deadlines += 1
            assert self.machine.deadline > self.now or self.machine.state is not state, "a busy loop"
        self.now = until

    def last(self, seconds):
        """Get READY, and hear something for so long."""
        while self.machine.state is not S.READY:
            if self.machine.state is S.CONNECTING:
                self.tell(E.ACCEPTED)
                self.tell(E.CONNECTED, evidence=Evidence(answers_probes=True))
            elif self.machine.state is S.STOPPED:
                self.tell(E.START)
            else:
                self.wait(self.machine.deadline - self.now)
        end = self.now + seconds
        while self.now < end:
            self.wait(min(10.0, end - self.now))
            self.machine.heard(self.machine.generation, self.now)

    def play(self, script):
        for step in script:
            match step:
                case ("session", event, shift):
                    self.tell(
                        event, shift, failure=LinkFailure(detail="quelconque"), evidence=Evidence(answers_probes=True)
                    )
                case ("ours", event):
                    self.tell(event)
                case ("wait", seconds):
                    self.wait(seconds)
                case ("lasting", seconds):
                    self.last(seconds)
                case ("heard", shift):
                    self.machine.heard(None if shift is None else self.machine.generation + shift, self.now)

    def outages(self):
        """Return what was wanted, cut behind each READY."""
        outages = [[]]
        for action in self.actions:
            outages[-1].append(action)
            if isinstance(action, LinkReady):
                outages.append([])
        return outages


def of(kind, actions):
    return [action for action in actions if isinstance(action, kind)]


@settings(deadline=None, max_examples=200)
@given(scripts_with_stops)
def test_whatever_comes_one_session_is_open_and_no_event_raises(script):
    # Checks at each step
    World().play(script)


@settings(deadline=None, max_examples=100)
@given(scripts)
def test_an_outage_has_one_first_loss_one_first_failure_and_one_alert(script):
    world = World()
    world.play(script)
    for outage in world.outages():
        assert len(of(LinkAlert, outage)) <= 1
        for was_ready in (True, False):
            firsts = [down.first for down in of(LinkDown, outage) if down.was_ready is was_ready]
            assert firsts == [n == 0 for n in range(len(firsts))]
        assert all(alert.failures >= 3 and alert.outage >= 60 - TICK for alert in of(LinkAlert, outage))


@settings(deadline=None, max_examples=100)
@given(scripts, st.floats(100, 5000))
def test_deadlines_alone_keep_the_link_trying_at_a_bounded_pace(script, span):
    world = World()
    world.play(script)
    world.deadlines, attempts = 0, len(of(OpenLink, world.actions))
    world.wait(span)
    rounds = span / QUICKEST_ROUND + 1
    # A round: attempt, close, wait, and once the alert
    assert world.deadlines <= 4 * rounds
    if span > 300:
        assert len(of(OpenLink, world.actions)) > attempts


@settings(deadline=None, max_examples=100)
@given(scripts, st.booleans(), st.floats(0, 2))
def test_stop_ends_in_stopped_within_its_bound_from_anywhere(script, says_closed, after):
    world = World()
    world.play(script)
    world.tell(E.STOP)
    if says_closed:
        world.wait(after)
        world.tell(E.CLOSED)
    else:
        world.wait(STOP_CLOSE_TIMEOUT)
    assert world.machine.state is S.STOPPED
    assert world.machine.deadline == inf
    assert not world.open
    opened = len(of(OpenLink, world.actions))
    world.play([("wait", 1000.0), *(("session", event, 0) for event in FROM_SESSION), ("ours", E.RECONNECT)])
    assert len(of(OpenLink, world.actions)) == opened


@settings(deadline=None, max_examples=100)
@given(scripts)
def test_bytes_push_the_silence_and_never_bring_a_deadline_nearer(script):
    world = World()
    world.play(script)
    world.wait(1.0)
    before = world.machine.deadline
    world.machine.heard(world.machine.generation, world.now)
    assert world.machine.deadline >= before


# -- probing

seconds = st.floats(1, 400)
probing = st.builds(
    make_times, probe_after=seconds, probe_timeout=seconds, probe_misses=st.integers(1, 4), silent_timeout=seconds
)


def ready_world(times, *, answers):
    world = World(times=times)
    world.tell(E.ACCEPTED)
    world.tell(E.CONNECTED, evidence=Evidence(answers_probes=answers))
    return world


def probes(world):
    return len(of(SendProbe, world.actions))


@settings(deadline=None, max_examples=60)
@given(probing, st.lists(st.floats(0.01, 0.99), min_size=30, max_size=30))
def test_a_node_that_answers_every_probe_is_never_declared_silent(times, delays):
    world = ready_world(times, answers=True)
    for delay in delays:
        sent = probes(world)
        while probes(world) == sent:
            world.now = world.machine.deadline
            world.tell(E.DEADLINE)
        # May send another heartbeat only against the idle timeout
        world.wait(delay * times.probe_timeout)
        world.machine.heard(1, world.now)
    assert of(LinkSilent, world.actions) == []
    assert world.machine.state is S.READY


traffic = st.lists(st.floats(0, 0.99), max_size=20)  # pauses between bytes, in parts of what is allowed


class Patience:
    """How long a silence may be, by what the node has shown: the architecture's rule, written out again."""

    def __init__(self, times, *, answers):
        self.times, self.decides, self.latest = times, answers and times.probe_after > 0, 0.0

    @property
    def wait(self):
        times = self.times
        longest = (times.silent_timeout - times.probe_after) / times.probe_misses
        return max(times.probe_timeout, min(longest, 1.4 * self.latest / times.probe_misses))

    @property
    def allowed(self):
        times = self.times
        return times.probe_after + times.probe_misses * self.wait if self.decides else times.silent_timeout

    def heard_after(self, silence):
        doubt = silence - self.times.probe_after
        if doubt > self.wait:
            self.latest = max(self.latest, doubt)


@settings(deadline=None, max_examples=60)
@given(probing, traffic)
def test_a_mute_node_is_declared_silent_after_its_missed_probes(times, pauses):
    check_mute(ready_world(times, answers=True), pauses, Patience(times, answers=True))


@settings(deadline=None, max_examples=60)
@given(probing, traffic, st.booleans())
def test_a_node_that_cannot_answer_is_declared_after_the_silent_timeout(times, pauses, never_probe):
    if never_probe:
        times = make_times(probe_after=0, silent_timeout=times.silent_timeout)
    check_mute(ready_world(times, answers=False), pauses, Patience(times, answers=False))


def check_mute(world, pauses, patience):
    for pause in pauses:
        silence = pause * patience.allowed
        world.wait(silence)
        world.machine.heard(1, world.now)
        patience.heard_after(silence)
    assert of(LinkSilent, world.actions) == []
    allowed = patience.allowed
    world.wait(allowed * (1 - 1e-9) - TICK)
    assert of(LinkSilent, world.actions) == []
    world.wait(allowed * 2e-9 + 2 * TICK)
    (silent,) = of(LinkSilent, world.actions)
    assert silent.seconds == pytest.approx(allowed)
    assert silent.maximum == pytest.approx(allowed)


@settings(deadline=None, max_examples=30)
@given(probing, st.booleans(), st.floats(0.1, 0.9))
def test_a_heartbeat_goes_out_every_5_minutes_however_busy_the_mesh(times, answers, part):
    world = ready_world(times, answers=answers)
    pause = part * min(times.probe_after, times.silent_timeout)
    spoke, sent = world.now, 0
    while world.now < T0 + 3000:
        world.wait(pause)
        world.machine.heard(1, world.now)
        if probes(world) > sent:
            spoke, sent = world.now, probes(world)
        assert world.now - spoke <= KEEPALIVE_EVERY + 2 * pause


# -- waits

ENDS = ("refused", "silent configuration", "soon", "young", "old", "asked soon", "asked old")
LASTS = {"soon": 1.0, "young": 7.0, "old": 30.0}


class Ladder:
    """The architecture's table, written out again."""

    def __init__(self, cleanup_delay):
        self.cleanup_delay, self.refusals, self.troubles, self.soon = cleanup_delay, 0, 0, 0

    def after(self, end, outage):
        rest = self.cleanup_delay
        match end:
            case "old" | "asked old" | "young":
                self.refusals = self.troubles = self.soon = 0
                return rest
            case "asked soon":
                self.refusals = 0
                return rest
            case "refused" if outage < EAGER_FOR:
                self.soon = 0
                return EAGER_WAIT
            case "refused":
                self.soon = 0
                self.refusals += 1
                return REFUSAL_WAITS[min(self.refusals, 3) - 1]
            case "soon":
                self.refusals = 0
                self.soon += 1
                return max(rest, TROUBLE_WAITS[max(0, min(self.soon - 3, 4))])
            case _:
                self.refusals = self.soon = 0
                self.troubles += 1
                return max(rest, TROUBLE_WAITS[min(self.troubles, 5) - 1])


def end_session(world, end):
    """Return the wait that follows, and how long the outage had lasted."""
    # An alert came first
    while world.machine.state is not S.CONNECTING:
        world.wait(max(0.0, world.machine.deadline - world.now))
    match end:
        case "refused":
            world.tell(E.FAILED, failure=LinkFailure(LinkCause.REFUSED))
        case "silent configuration":
            world.tell(E.ACCEPTED)
            world.wait(20.0)
        case _:
            world.last(LASTS[end.removeprefix("asked ")])
            world.tell(E.RECONNECT if "asked" in end else E.LOST, failure=LinkFailure(LinkCause.CLOSED))
    outage = world.now - world.machine.outage_since
    (down,) = of(LinkDown, world.tell(E.CLOSED))
    return down.retry_in, outage


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(ENDS), min_size=1, max_size=15), st.floats(-1, 1), st.sampled_from([0.0, 1.0, 15.0]))
def test_every_wait_is_the_tables_within_a_tenth(ends, jitter, cleanup_delay):
    world, ladder = World(jitter, cleanup_delay), Ladder(cleanup_delay)
    for end in ends:
        wait, outage = end_session(world, end)
        assert wait == pytest.approx(ladder.after(end, outage) * (1 + JITTER * jitter))
