"""The link's state machine: no threads, no sockets, no clock.

Whatever decides a transition lives here; the shell (tcp_interface_manager.py) only performs the actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import inf

from meshbot.mesh_link.actions import (
    AbandonLink,
    Action,
    CloseLink,
    Generation,
    LinkAlert,
    LinkContended,
    LinkDown,
    LinkReady,
    LinkSilent,
    OpenLink,
    SendProbe,
)
from meshbot.mesh_link.backoff import CONTENTION_TROUBLES, Backoff
from meshbot.mesh_link.failures import LinkFailure
from meshbot.runtime import LinkCause, MeshBotError

# Failed attempts before an outage is worth an alert; the specification's « après 3 tentatives »
ALERT_FAILURES = 3
# Seconds for a session to send `disconnect` at shutdown, which must take <= 3 s in all
STOP_CLOSE_TIMEOUT = 1.5
# Seconds; the node closes a client that sends nothing for 15 min, even while it sends to it
KEEPALIVE_EVERY = 300.0


class LinkState(Enum):
    """Where the link stands."""

    STOPPED = auto()
    CONNECTING = auto()  # TCP connect, then the configuration download
    READY = auto()  # our configuration request is complete: packets may flow
    CLOSING = auto()  # the session was asked to end, and CLOSED has not come yet
    BACKOFF = auto()  # waiting for the next attempt


class LinkEvent(Enum):
    """What the machine takes; see FROM_SESSION for those that carry a generation."""

    START = auto()
    ACCEPTED = auto()  # the TCP connection stands; proves nothing of the node's main loop
    CONNECTED = auto()  # configuration complete, own node known
    RESTARTED = auto()  # the library requested the configuration again on the same connection
    FAILED = auto()
    LOST = auto()
    CLOSED = auto()  # a session's last event
    DEADLINE = auto()
    RECONNECT = auto()
    STOP = auto()


S, E = LinkState, LinkEvent
FROM_SESSION = frozenset({E.ACCEPTED, E.CONNECTED, E.RESTARTED, E.FAILED, E.LOST, E.CLOSED})
_ENDS = {E.FAILED: S.CLOSING, E.LOST: S.CLOSING, E.CLOSED: S.BACKOFF}
TRANSITIONS: Mapping[LinkState, Mapping[LinkEvent, LinkState]] = {
    S.STOPPED: {E.START: S.CONNECTING, E.RECONNECT: S.STOPPED, E.STOP: S.STOPPED},
    S.CONNECTING: _ENDS
    | {
        E.START: S.CONNECTING,
        E.ACCEPTED: S.CONNECTING,
        E.CONNECTED: S.READY,
        E.RESTARTED: S.CONNECTING,
        E.DEADLINE: S.CLOSING,
        E.RECONNECT: S.CONNECTING,
        E.STOP: S.CLOSING,
    },
    S.READY: _ENDS
    | {
        E.START: S.READY,
        E.ACCEPTED: S.READY,
        E.CONNECTED: S.READY,
        E.RESTARTED: S.CONNECTING,
        E.DEADLINE: S.CLOSING,
        E.RECONNECT: S.CLOSING,
        E.STOP: S.CLOSING,
    },
    S.CLOSING: _ENDS
    | {
        E.START: S.CLOSING,
        E.ACCEPTED: S.CLOSING,
        E.CONNECTED: S.CLOSING,
        E.RESTARTED: S.CLOSING,
        E.DEADLINE: S.BACKOFF,
        E.RECONNECT: S.CLOSING,
        E.STOP: S.CLOSING,
    },
    S.BACKOFF: {E.START: S.BACKOFF, E.DEADLINE: S.CONNECTING, E.RECONNECT: S.CONNECTING, E.STOP: S.STOPPED},
}
CLOSING_AFTER_STOP: Mapping[LinkEvent, LinkState] = {E.CLOSED: S.STOPPED, E.DEADLINE: S.STOPPED}


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """The machine's durations in seconds; config.py documents each."""

    connect_timeout: float
    config_timeout: float
    config_silence: float
    close_timeout: float
    probe_after: float  # 0: never probe, TCP_SILENT_TIMEOUT alone decides
    probe_timeout: float
    probe_misses: int
    silent_timeout: float
    alert_after: float
    stable_after: float


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
        self._note_life(now)

    def _note_life(self, at: float) -> None:
        self._heard = at
        # when the probe without answer was sent
        self._probe_at: float | None = None
        self._misses = 0

    # -- events

    def heard(self, generation: Generation, at: float) -> None:
        """Note that bytes of this session came at `at`: any message proves life. Cheap; call it before DEADLINE."""
        if generation == self._open and at > self._heard:
            self._note_life(at)

    def handle(
        self,
        event: LinkEvent,
        now: float,
        generation: Generation | None = None,
        *,
        failure: LinkFailure | None = None,
        answers_probes: bool = False,
    ) -> list[Action]:
        """Take one event and return what has to be done, in order.

        `failure` belongs to FAILED and LOST, `answers_probes` to CONNECTED: the node's firmware answers a heartbeat
        (2.7.6 and later).
        An event of a session that has ended is counted and dropped; one of our own that no row names raises
        LinkProtocolError.
        """
        if event in FROM_SESSION and (self._open is None or generation != self._open):
            self.stale += 1
            return []
        if event is E.DEADLINE:
            return self._on_deadline(now)
        if event is E.CONNECTED:
            self._answers_probes = answers_probes
        if event is E.RESTARTED and self._restarts_again(now):
            event, failure = E.LOST, LinkFailure(LinkCause.RESTARTS)
        return self._move(event, now, failure) + self._alert(now)

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
                return min(self._entered + times.config_timeout, self._heard + times.config_silence)
            case S.READY:
                return min(self._quiet_deadline(), self._sent_at + KEEPALIVE_EVERY)
            case S.CLOSING:
                limit = STOP_CLOSE_TIMEOUT if self._stopping else inf
                return self._entered + min(limit, times.close_timeout)
            case S.BACKOFF:
                return self._retry_at
            case _:
                return inf

    def _quiet_deadline(self) -> float:
        """When the silence calls for a probe, or means a dead link."""
        times = self._times
        deadline = inf if self._probing_decides() else self._heard + times.silent_timeout
        if not times.probe_after:
            return deadline
        if self._probe_at is None:
            return min(deadline, self._heard + times.probe_after)
        return min(deadline, self._probe_at + times.probe_timeout)

    def _probing_decides(self) -> bool:
        """Whether unanswered probes mean a dead link; else only TCP_SILENT_TIMEOUT does."""
        return self._answers_probes and self._times.probe_after > 0

    def _on_deadline(self, now: float) -> list[Action]:
        if now < self._state_deadline():
            return self._alert(now)
        if self.state is S.READY:
            return self._on_quiet(now) if now >= self._quiet_deadline() else self._probe(now)
        cause = LinkCause.NO_CONFIGURATION if self._accepted else LinkCause.NO_ANSWER
        actions: list[Action] = []
        if self.state is S.CLOSING and self._open is not None:
            actions.append(AbandonLink(self._open))
            self._open = None
        return actions + self._move(E.DEADLINE, now, LinkFailure(cause)) + self._alert(now)

    def _on_quiet(self, now: float) -> list[Action]:
        times = self._times
        if self._probing_decides():
            self._misses += self._probe_at is not None
            dead = self._misses >= times.probe_misses
            maximum = times.probe_after + times.probe_misses * times.probe_timeout
        else:
            dead = now >= self._heard + times.silent_timeout
            maximum = times.silent_timeout
        if dead:
            # the node has been gone since its last byte
            self._begin_outage(self._heard)
            silent = LinkSilent(now - self._heard, maximum)
            return [silent, *self._move(E.DEADLINE, now, LinkFailure(LinkCause.SILENCE))]
        self._probe_at = now
        return self._probe(now)

    def _probe(self, now: float) -> list[Action]:
        self._sent_at = now
        self.probes_sent += 1
        return [SendProbe(self.generation)]

    # -- transitions

    def _move(self, event: LinkEvent, now: float, failure: LinkFailure | None) -> list[Action]:
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
                self._note_life(now)
            case E.RECONNECT if old is S.READY:
                self._requested = True
                failure = LinkFailure(LinkCause.REQUESTED)
            case E.CLOSED:
                self._open = None
        return self._enter(old, now, failure or LinkFailure()) if self.state is not old else []

    def _target(self, event: LinkEvent) -> LinkState:
        if self._stopping and self.state is S.CLOSING and event in CLOSING_AFTER_STOP:
            return CLOSING_AFTER_STOP[event]
        return TRANSITIONS[self.state][event]

    def _enter(self, old: LinkState, now: float, failure: LinkFailure) -> list[Action]:
        match self.state:
            # RESTARTED: the same session downloads again
            case S.CONNECTING if old is S.READY:
                self._begin_outage(now)
                self._entered = now
                self._note_life(now)
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
        return [OpenLink(self.generation, self._attempts, self._ever_ready, self._alerted)]

    def _became_ready(self, now: float) -> list[Action]:
        outage = now - self._outage_since if self._outage_since is not None else 0.0
        ready = LinkReady(self.generation, self._ever_ready, outage, self._attempts)
        self._accepted = self._ever_ready = True
        self._ready_at = self._sent_at = now
        self._note_life(now)
        self._outage_since = None
        self._failures = self._attempts = 0
        self._alerted = False
        return [ready]

    def _begin_outage(self, now: float) -> None:
        if self._outage_since is None:
            self._outage_since = now

    def _session_ended(self, now: float, failure: LinkFailure) -> None:
        """Note the first end of a session: why, and whose fault it was."""
        self._ended = now
        self._failure = failure
        if self._ready_at is None:
            self._failures += 1
        self._begin_outage(now)

    def _enter_backoff(self, now: float) -> list[Action]:
        wait = self._wait()
        self._retry_at = now + wait
        was_ready = self._ready_at is not None
        first = was_ready or self._failures == 1
        actions: list[Action] = [LinkDown(self._failure, first, was_ready, wait)]
        if self._backoff.troubles == CONTENTION_TROUBLES and self._accepted and not self._requested:
            actions.append(LinkContended(self._backoff.troubles))
        return actions

    def _wait(self) -> float:
        if self._ready_at is not None and self._ended - self._ready_at >= self._times.stable_after:
            return self._backoff.after_loss()
        if self._requested:
            return self._backoff.after_request()
        if not self._accepted:
            return self._backoff.after_refusal()
        return self._backoff.after_trouble()

    # -- alert

    def _alert_at(self) -> float:
        wanted = self._failures >= ALERT_FAILURES and not self._alerted and not self._stopping
        return self._outage_since + self._times.alert_after if wanted and self._outage_since is not None else inf

    def _alert(self, now: float) -> list[Action]:
        if now < self._alert_at() or self._outage_since is None:
            return []
        self._alerted = True
        return [LinkAlert(self._failures, now - self._outage_since)]
