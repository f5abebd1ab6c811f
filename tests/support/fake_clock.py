"""A clock that moves only when a test says so; waiting costs no real time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
WAKE: Any = object()
EPOCH = datetime(2026, 1, 5, 13, 35, 58, tzinfo=UTC)
# Real seconds a busy machine may need before every thread waits again
SETTLE_TIMEOUT = 30.0
# Real seconds; a thread that ends notifies no other
LOOK_EVERY = 0.01


@dataclass(frozen=True)
class _Parked:
    number: int  # counts every wait of every thread
    deadline: float
    inbox: SimpleQueue[Any]


class FakeClock:
    """Implements runtime.clock.Clock; `advance` visits every deadline on its way, in order.

    The clock knows the threads that have waited on it. Before time moves, and after each deadline, `advance` lets
    them do all that is to do: it returns, and time goes on, only when each has ended or waits on an empty inbox.
    Threads that wait elsewhere (workers, readers of sockets) are none of its business: a test waits for what they tell.
    """

    def __init__(self, start: float = 1000.0) -> None:
        """Start at `start` monotonic seconds, which is EPOCH in wall time."""
        self._start = self._now = start
        self._jumped = timedelta()
        # protects what follows
        self._changed = threading.Condition()
        # all that ever waited here and have not ended
        self._threads: set[threading.Thread] = set()
        self._parked: dict[threading.Thread, _Parked] = {}
        self._waits = 0
        # items and deadlines given to threads
        self._returns = 0

    def monotonic(self) -> float:
        """See Clock."""
        return self._now

    def now(self) -> datetime:
        """See Clock."""
        return EPOCH + timedelta(seconds=self._now - self._start) + self._jumped

    def jump(self, seconds: float) -> None:
        """Move the wall time alone, as NTP does."""
        self._jumped += timedelta(seconds=seconds)

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """See Clock; parks the thread until an item or `advance` wakes it."""
        while self._park(inbox, deadline):
            item = inbox.get()
            with self._changed:
                del self._parked[threading.current_thread()]
                if item is not WAKE:
                    self._returns += 1
                    return item
        return None

    def wait_parked(self, deadline: float) -> None:
        """Block until some thread waits for exactly `deadline` (bounded in real time)."""
        with self._changed:
            ok = self._wait_for(lambda: any(p.deadline == deadline for p in self._parked.values()))
            assert ok, f"no thread waits for {deadline}: {self._describe()}"

    def wait_for_thread(self, name: str) -> None:
        """Block until a thread of that name waits: before that `advance` knows nothing of it."""
        with self._changed:
            ok = self._wait_for(lambda: any(thread.name == name for thread in self._parked))
            assert ok, f"the thread {name} does not wait: {self._describe()}"

    def advance(self, seconds: float) -> None:
        """Move time; each waiter whose deadline is passed runs, and waits again, before time goes on."""
        target = self._now + seconds
        with self._changed:
            self._settle()
            while (due := min((p.deadline for p in self._parked.values()), default=inf)) <= target:
                self._now = max(self._now, due)
                self._settle()
            self._now = target

    def _park(self, inbox: SimpleQueue[Any], deadline: float) -> bool:
        """Note that this thread waits now; False if its deadline has passed."""
        me = threading.current_thread()
        with self._changed:
            self._threads.add(me)
            # before any item: as SystemClock does
            if self._now >= deadline:
                self._returns += 1
                return False
            self._waits += 1
            self._parked[me] = _Parked(self._waits, deadline, inbox)
            self._changed.notify_all()
            return True

    def _settle(self) -> None:
        """Wait until every thread has done what there was to do.

        Each is sent through its inbox once, behind whatever stands there, and must wait again. When nobody was busy
        before such a round and nobody got anything to do in it, there was nothing left.
        """
        while True:
            busy = any(thread not in self._parked for thread in self._others())
            returns = self._returns
            before = {thread: self._parked.get(thread) for thread in self._others()}
            for parked in filter(None, before.values()):
                parked.inbox.put(WAKE)
            settled = self._wait_for(partial(self._all_rest, before))
            assert settled, f"still busy at {self._now}: {self._describe()}"
            if not busy and returns == self._returns:
                return

    def _others(self) -> set[threading.Thread]:
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        return self._threads - {threading.current_thread()}

    def _all_rest(self, before: Mapping[threading.Thread, _Parked | None]) -> bool:
        """Whether each thread has ended, or waits on an empty inbox, but not since `before`."""
        for thread, earlier in before.items():
            parked = self._parked.get(thread)
            if (parked is None or parked == earlier or not parked.inbox.empty()) and thread.is_alive():
                return False
        return True

    def _wait_for(self, condition: Callable[[], bool]) -> bool:
        give_up = time.monotonic() + SETTLE_TIMEOUT
        while not condition():
            if time.monotonic() > give_up:
                return False
            self._changed.wait(LOOK_EVERY)
        return True

    def _describe(self) -> str:
        return ", ".join(
            f"{thread.name}: {self._parked[thread].deadline if thread in self._parked else 'busy'}"
            for thread in self._threads
        )
