"""The link's state machine: no threads, no sockets, no clock.

Whatever decides a transition lives here; the shell (tcp_interface_manager.py) only performs the actions.
"""

from __future__ import annotations

from math import inf

from meshbot.mesh_link.actions import (
    AbandonLink,
    Action,
    CloseLink,
    FetchNodes,
    Generation,
    LinkAlert,
    LinkContended,
    LinkDown,
    LinkReady,
    LinkSilent,
    OpenLink,
    SendProbe,
)
from meshbot.mesh_link.backoff import CLOSED_SOON, Backoff
from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.liveness import Liveness, Verdict
from meshbot.mesh_link.node_fetching import NodeFetching
from meshbot.mesh_link.states import (
    CLOSING_AFTER_STOP,
    FROM_SESSION,
    NO_EVIDENCE,
    TRANSITIONS,
    Evidence,
    LinkTimes,
)
from meshbot.mesh_link.states import LinkEvent as E
from meshbot.mesh_link.states import LinkState as S
from meshbot.runtime import LinkCause, MeshBotError

# Failed attempts before an outage is worth an alert; the specification's « après 3 tentatives »
ALERT_FAILURES = 3
# Seconds for a session to send `disconnect` at shutdown, which must take <= 3 s in all
STOP_CLOSE_TIMEOUT = 1.5
# Seconds; the node closes a client that sends nothing for 15 min, even while it sends to it
KEEPALIVE_EVERY = 300.0


class LinkProtocolError(MeshBotError):
    """An event of our own making arrived in a state whose row of TRANSITIONS does not name it."""


class LinkMachine:
    """One link's life. Time is an argument: `now` in monotonic seconds, never going back."""

    def __init__(self, times: LinkTimes, backoff: Backoff) -> None:
        self.state = S.STOPPED
        self.generation = Generation(0)
        # events of sessions that had ended
        self.stale = 0
        self.probes_sent = 0
        self._times = times
        self._backoff = backoff
        # None from CLOSED on: no event of a session counts after it
        self._open: Generation | None = None
        self._stopping = False
        self._ever_ready = False
        self._live = Liveness(times)
        self._fetching = NodeFetching()
        # the node's count of restarts at the last READY
        self._boots = 0
        self._new_session(0.0)
        self._outage_since: float | None = None
        # attempts that never got READY, since the outage began
        self._failures = 0
        self._attempts = 0
        # in this outage
        self._alerted = False

    def _new_session(self, now: float) -> None:
        self._entered = self._sent_at = self._ended = now
        self._accepted = self._requested = self._answers_probes = self._restarted = False
        self._ready_at: float | None = None
        self._retry_at = inf
        self._failure = LinkFailure()
        self._live.begin(now)

    # -- events

    def heard(self, generation: Generation, at: float) -> None:
        """Note that bytes of this session came at `at`: any message proves life. Cheap; call it before DEADLINE."""
        if generation == self._open:
            self._live.heard(at)

    def handle(
        self,
        event: E,
        now: float,
        generation: Generation | None = None,
        *,
        failure: LinkFailure | None = None,
        evidence: Evidence = NO_EVIDENCE,
    ) -> list[Action]:
        """Take one event and return what has to be done, in order.

        `failure` belongs to FAILED and LOST. An event of a session that has ended is counted and dropped; one of our
        own that no row names raises LinkProtocolError.
        """
        if event in FROM_SESSION and (self._open is None or generation != self._open):
            self.stale += 1
            return []
        if event is E.DEADLINE:
            return self._on_deadline(now, evidence)
        self._learn(event, now, evidence)
        if event is E.RESTARTED and not evidence.ordered and self._restarts_again(now):
            event, failure = E.LOST, LinkFailure(LinkCause.RESTARTS)
        return self._move(event, now, failure) + self._alert(now)

    def _learn(self, event: E, now: float, evidence: Evidence) -> None:
        match event:
            case E.CONNECTED if self.state is S.CONNECTING:
                self._answers_probes = evidence.answers_probes
                self._live.guess(evidence.round_trip)
                if 0 not in {self._boots, evidence.boots} and self._boots != evidence.boots:
                    # its restart explains the losses before
                    self._backoff.reset()
                self._boots = evidence.boots
            case E.ANSWERED:
                self._live.answered(now)
            case E.FETCHED:
                self._fetching.complete()
            case E.FAILED | E.LOST if evidence.ordered:
                self._requested = True

    def _restarts_again(self, now: float) -> bool:
        """Whether a READY link that restarted before has not lasted since: then it is as good as dropped."""
        if self._ready_at is None:
            return False
        again, self._restarted = self._restarted, True
        return again and now - self._ready_at < self._times.stable_after

    @property
    def deadline(self) -> float:
        """When DEADLINE is due, in monotonic seconds; inf for never."""
        return min(self._state_deadline(), self._alert_at())

    @property
    def outage_since(self) -> float | None:
        """When the present outage began, or None while READY."""
        return self._outage_since

    @property
    def ready_since(self) -> float | None:
        """Since when the link is READY, or None."""
        return self._ready_at if self.state is S.READY else None

    # -- deadlines

    def _state_deadline(self) -> float:
        times = self._times
        match self.state:
            case S.CONNECTING if not self._accepted:
                return self._entered + times.connect_timeout
            case S.CONNECTING:
                return min(self._entered + times.config_timeout, self._live.heard_at + times.config_silence)
            case S.READY:
                return min(self._live.due(), self._sent_at + KEEPALIVE_EVERY, self._fetching.due)
            case S.CLOSING:
                limit = STOP_CLOSE_TIMEOUT if self._stopping else inf
                return self._entered + min(limit, times.close_timeout)
            case S.BACKOFF:
                return self._retry_at
            case _:
                return inf

    def _on_deadline(self, now: float, evidence: Evidence) -> list[Action]:
        if now < self._state_deadline():
            return self._alert(now)
        if self.state is S.READY:
            return self._on_quiet(now, evidence)
        cause = LinkCause.NO_CONFIGURATION if self._accepted else LinkCause.NO_ANSWER
        actions: list[Action] = []
        if self.state is S.CLOSING and self._open is not None:
            actions.append(AbandonLink(self._open))
            self._open = None
        return actions + self._move(E.DEADLINE, now, LinkFailure(cause)) + self._alert(now)

    def _on_quiet(self, now: float, evidence: Evidence) -> list[Action]:
        verdict = self._live.check(now, unacknowledged=evidence.unacknowledged)
        if verdict is Verdict.DEAD:
            heard = self._live.heard_at
            # the node has been gone since its last byte
            self._begin_outage(heard)
            silent = LinkSilent(now - heard, self._live.longest_silence(unacknowledged=evidence.unacknowledged))
            return [silent, *self._move(E.DEADLINE, now, LinkFailure(LinkCause.SILENCE))]
        actions: list[Action] = []
        if self._fetching.is_due(now):
            actions.append(FetchNodes(self.generation))
        if verdict is Verdict.PROBE or now >= self._sent_at + KEEPALIVE_EVERY:
            actions.append(self._probe(now))
        return actions

    def _probe(self, now: float) -> Action:
        self._sent_at = now
        self._live.probed(now)
        self.probes_sent += 1
        return SendProbe(self.generation)

    # -- transitions

    def _move(self, event: E, now: float, failure: LinkFailure | None) -> list[Action]:
        old = self.state
        try:
            self.state = self._target(event)
        except KeyError:
            msg = f"{event.name} in {old.name}"
            raise LinkProtocolError(msg) from None
        match event:
            case E.START if old is S.STOPPED:
                self._stopping = False
            case E.STOP:
                self._stopping = True
            case E.ACCEPTED if not self._accepted:
                self._accepted = True
                self._entered = now
                self._live.begin(now)
            case E.RECONNECT if old is S.READY:
                self._requested = True
                failure = LinkFailure(LinkCause.REQUESTED)
            case E.CLOSED:
                self._open = None
        return self._enter(old, now, failure or LinkFailure()) if self.state is not old else []

    def _target(self, event: E) -> S:
        if self._stopping and self.state is S.CLOSING and event in CLOSING_AFTER_STOP:
            return CLOSING_AFTER_STOP[event]
        return TRANSITIONS[self.state][event]

    def _enter(self, old: S, now: float, failure: LinkFailure) -> list[Action]:
        match self.state:
            # RESTARTED: the same session downloads again
            case S.CONNECTING if old is S.READY:
                self._begin_outage(now)
                self._entered = now
                self._live.begin(now)
                self._ready_at = None
            case S.CONNECTING:
                return self._open_next(now)
            case S.READY:
                return self._became_ready(now)
            case S.CLOSING:
                self._session_ended(now, failure)
                self._entered = now
                return [CloseLink(self.generation)]
            case S.BACKOFF:
                if old is not S.CLOSING:
                    self._session_ended(now, failure)
                return self._enter_backoff(now)
        return []

    def _open_next(self, now: float) -> list[Action]:
        self._begin_outage(now)
        self.generation = self._open = Generation(self.generation + 1)
        self._new_session(now)
        self._attempts += 1
        without_nodes = self._fetching.new_session()
        return [OpenLink(self.generation, self._attempts, self._ever_ready, self._alerted, without_nodes)]

    def _became_ready(self, now: float) -> list[Action]:
        ready = LinkReady(self.generation, self._ever_ready, self._outage(now), self._attempts)
        self._accepted = self._ever_ready = True
        self._ready_at = self._sent_at = now
        self._live.begin(now, answers=self._answers_probes)
        self._fetching.ready(now)
        self._outage_since = None
        self._failures = self._attempts = 0
        self._alerted = False
        losses = self._backoff.contended_losses
        return [ready, LinkContended(losses)] if losses else [ready]

    def _begin_outage(self, now: float) -> None:
        if self._outage_since is None:
            self._outage_since = now

    def _session_ended(self, now: float, failure: LinkFailure) -> None:
        """Note the first end of a session: why, and whose fault it was."""
        self._ended = now
        self._failure = failure
        if self._ready_at is None:
            self._failures += 1
        self._fetching.ended(
            incomplete=self._ready_at is None and self._accepted and self._live.heard_at > self._entered
        )
        self._begin_outage(now)

    def _enter_backoff(self, now: float) -> list[Action]:
        wait = self._wait(now)
        self._retry_at = now + wait
        was_ready = self._ready_at is not None
        first = was_ready or self._failures == 1
        return [LinkDown(self._failure, first, was_ready, wait)]

    def _wait(self, now: float) -> float:
        backoff, lasted = self._backoff, self._lasted()
        if self._failure.cause is LinkCause.CLOSED and lasted >= 0:
            backoff.closed(lasted)
        elif not self._requested:
            backoff.not_closed()
        if not self._accepted:
            return backoff.after_request() if self._requested else backoff.after_refusal(self._outage(now))
        if lasted >= self._times.stable_after:
            return backoff.after_loss()
        if self._requested:
            return backoff.after_request()
        if lasted < 0 or self._failure.cause is LinkCause.RESTARTS:
            return backoff.after_trouble()
        if lasted <= CLOSED_SOON and self._failure.cause is LinkCause.CLOSED:
            return backoff.after_soon_closed()
        return backoff.after_loss()

    def _lasted(self) -> float:
        """How long the node was there after READY, in seconds; negative if it never was."""
        if self._ready_at is None:
            return -inf
        if self._failure.cause is not LinkCause.SILENCE:
            return self._ended - self._ready_at
        heard = self._live.heard_at - self._ready_at
        return heard if heard > 0 else -inf

    def _outage(self, now: float) -> float:
        return now - self._outage_since if self._outage_since is not None else 0.0

    # -- alert

    def _alert_at(self) -> float:
        wanted = self._failures >= ALERT_FAILURES and not self._alerted and not self._stopping
        return self._outage_since + self._times.alert_after if wanted and self._outage_since is not None else inf

    def _alert(self, now: float) -> list[Action]:
        if now < self._alert_at() or self._outage_since is None:
            return []
        self._alerted = True
        return [LinkAlert(self._failures, now - self._outage_since)]
