"""Time that stands still while anything is to be done and jumps to the next deadline once the process is at rest.

trio calls this an autojump clock. Here threads, sockets and an event loop share it: a thread waits by `get`, an event
loop or a server by a selector that `new_selector` made, a server's thread by `wait_for`. A test that runs the whole
bot on it waits for no second of the bot's, and a busy machine makes no deadline pass early.

At rest means: no thread of this process or of one that it started runs, could run, or waits for a disk. What waits in
real time (the bounds of sockets, of joins, of a test's own patience) does not hold it up.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from queue import SimpleQueue
from typing import Any, Final, Self, TypeVar

T = TypeVar("T")
WAKE: Final[Any] = object()
LOOK_EVERY: Final = 0.0005  # real seconds between two looks whether all rest
LOOKS: Final = 2  # in a row before time jumps
# before it jumps far: on a busy machine bytes may be on their way between two sockets while all threads wait
LOOKS_BEFORE_FAR: Final = 8
FAR: Final = 0.5  # seconds
NEGLIGIBLE: Final = 20_000  # nanoseconds of work: the clocks are not read in one moment
SETTLED: Final = (
    b"S",
    b"t",
    b"T",
    b"Z",
    b"X",
    b"I",
)  # states of proc(5) in which a thread does nothing and waits for no disk
# seconds that pass with each look at the clock: whoever waits for a rest of 1e-13 s, too short to be added, gets on
TICK: Final = 1e-9
JOIN_TIMEOUT: Final = 10.0  # real seconds
PATIENCE: Final = 30.0  # real seconds: only a failure waits so long


@dataclass(eq=False)
class _Waiter:
    deadline: float
    wake: Callable[[], object]
    takes_lock: bool  # to be woken
    is_woken: bool = False


class AutojumpClock:
    """Implements runtime.clock.Clock; time passes while in `with`."""

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._wall_at_zero = datetime.now(UTC) - timedelta(seconds=start)
        self._changed = threading.Condition()  # protects what follows, and the time
        self._waiters: set[_Waiter] = set()
        self._rests = 0  # how often all were found at rest
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="Test-Autojump", daemon=True)

    def monotonic(self) -> float:
        """See Clock."""
        with self._changed:
            self._now += TICK
            return self._now

    def now(self) -> datetime:
        """See Clock; right when the clock was made, then ahead of the wall."""
        return self._wall_at_zero + timedelta(seconds=self.monotonic())

    def jump(self, seconds: float) -> None:
        """Move the wall time alone, as NTP does."""
        self._wall_at_zero += timedelta(seconds=seconds)

    def timestamp(self) -> float:
        """Return that in Unix seconds."""
        return self.now().timestamp()

    def get(self, inbox: SimpleQueue[T], deadline: float) -> T | None:
        """See Clock."""
        while self._now < deadline:
            with self.waiting(deadline, lambda: inbox.put(WAKE)) as waiter:
                item = inbox.get()
            if item is not WAKE:
                if waiter.is_woken:
                    _take_out_wake(inbox)
                return item
        return None

    def wait_for(self, condition: threading.Condition, true: Callable[[], bool], seconds: float) -> bool:
        """Wait, holding the condition's lock, until that is true or the time has passed; return whether it is."""
        deadline = self.monotonic() + seconds

        def wake() -> None:
            with condition:
                condition.notify_all()

        while not (done := true()) and self._now < deadline:
            with self.waiting(deadline, wake, takes_lock=True):
                condition.wait()
        return done

    def wait_for_rest(self) -> None:
        """Wait until what was to be done is done; time may jump meanwhile, if somebody waits for it."""
        with self._changed:
            wanted = self._rests + 2  # one look may have begun before
            assert self._changed.wait_for(lambda: self._rests >= wanted, PATIENCE), "something goes on and on"

    def new_selector(self) -> selectors.BaseSelector:
        """Return a selector whose timeouts are this clock's."""
        return _Selector(self)

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop whose time is this clock's; the timeouts of libraries in it are too."""
        return _EventLoop(self)

    @contextmanager
    def waiting(self, deadline: float, wake: Callable[[], object], *, takes_lock: bool = False) -> Iterator[_Waiter]:
        """Have `wake` called, once, if time comes to `deadline` while in the context.

        With `takes_lock` it may come a moment after the context's end.
        """
        waiter = _Waiter(deadline, wake, takes_lock)
        with self._changed:
            self._waiters.add(waiter)
            self._changed.notify_all()
        try:
            yield waiter
        finally:
            with self._changed:
                self._waiters.discard(waiter)

    def __enter__(self) -> Self:
        """Let time pass."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let it stand still for good."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        self._thread.join(JOIN_TIMEOUT)

    def _next(self) -> float:
        return min((waiter.deadline for waiter in self._waiters if not waiter.is_woken), default=inf)

    def _run(self) -> None:
        while not self._is_stopping:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopping or self._next() < inf)
                is_far = self._next() > self._now + FAR
            if _is_at_rest(LOOKS_BEFORE_FAR if is_far else LOOKS):
                self._note_rest()
                self._jump()

    def _note_rest(self) -> None:
        with self._changed:
            self._rests += 1
            self._changed.notify_all()

    def _jump(self) -> None:
        with self._changed:
            if (due := self._next()) == inf:
                return
            self._now = max(self._now, due)
            ready = [waiter for waiter in self._waiters if waiter.deadline <= self._now and not waiter.is_woken]
            for waiter in ready:
                waiter.is_woken = True
                if not waiter.takes_lock:
                    waiter.wake()
        for waiter in ready:
            if waiter.takes_lock:
                waiter.wake()


def _take_out_wake(inbox: SimpleQueue[Any]) -> None:
    items = list(iter(inbox.get, WAKE))
    for item in items:
        inbox.put(item)


def _is_at_rest(looks: int) -> bool:
    """Look for a moment whether this process and those that it started do nothing; who asks does not count."""
    for _ in range(looks):
        before = _work_of_others()
        time.sleep(LOOK_EVERY)  # whoever waits for the interpreter gets it now
        if _work_of_others() - before > NEGLIGIBLE:
            return False
    return all(map(_is_settled, _other_threads()))


def _work_of_others() -> int:
    """Return the nanoseconds that the other threads of this process have run."""
    return time.process_time_ns() - time.thread_time_ns()


def _other_threads() -> Iterator[str]:
    """Yield the folder of each in proc(5)."""
    me, processes, has_children = threading.get_native_id(), [os.getpid()], _has_children()
    while processes:
        tasks = f"/proc/{processes.pop()}/task"
        for thread in _listed(tasks):
            if has_children:
                processes += map(int, _read(f"{tasks}/{thread}/children").split())
            if int(thread) != me:
                yield f"{tasks}/{thread}"


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _is_settled(thread: str) -> bool:
    stat = _read(f"{thread}/stat")
    return not stat or stat.rpartition(b")")[2][1:2] in SETTLED


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - thousands of times a test
    except OSError:  # it has just ended
        return []


def _read(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it has just ended
        return b""
    try:
        return os.read(file, 4096)
    except OSError:
        return b""
    finally:
        os.close(file)


class _Selector(selectors.DefaultSelector):
    def __init__(self, clock: AutojumpClock) -> None:
        super().__init__()
        self._clock = clock
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.register(self._wake, selectors.EVENT_READ)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            deadline = inf if timeout is None else self._clock.monotonic() + timeout
            with self._clock.waiting(deadline, lambda: os.eventfd_write(self._wake, 1)):
                ready = super().select(None)
        if any(key.fd == self._wake for key, _ in ready):
            os.eventfd_read(self._wake)
        return [(key, events) for key, events in ready if key.fd != self._wake]

    def close(self) -> None:
        super().close()
        os.close(self._wake)


class _EventLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: AutojumpClock) -> None:
        self._autojump = clock
        super().__init__(clock.new_selector())

    def time(self) -> float:
        return self._autojump.monotonic()
