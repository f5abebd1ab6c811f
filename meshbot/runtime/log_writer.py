"""The thread Log: writes what others log, so that a stdout that nobody reads holds up none of them."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TextIO

from meshbot.runtime.journal import Fields, Journal

# Bytes that may wait for a blocked stdout: some 5000 lines; beyond it, lines are dropped and counted
BACKLOG: Final = 500_000
# Seconds in which the last lines may still leave; with the supervisor's grace, the promised 3 hold
DRAIN_TIMEOUT: Final = 0.7
# Seconds between two looks whether a stream that refuses to block takes more
ROOM_CHECK: Final = 1.0


class Waiting(NamedTuple):
    """A record that is to be written."""

    text: str  # its lines as the stream gets them
    lines: Sequence[Fields] = ()  # as the journal does, one each


class LogWriter:
    """One daemon thread and a bounded backlog. `put` never waits, and lines leave in the order in which they came.

    It is no Service: it starts before them and ends after them, and no clock of the bot's moves it.
    """

    def __init__(
        self,
        stream: TextIO,
        dropped_line: Callable[[int], Waiting],
        journal: Journal | None = None,
        backlog: int = BACKLOG,
    ) -> None:
        """`dropped_line` makes the line that stands where so many are missing; `journal` goes before the stream."""
        self._stream = stream
        self._journal = journal
        self._dropped_line = dropped_line
        self._backlog = backlog
        # protects all that follows; held for no I/O
        self._changed = threading.Condition()
        self._waiting: deque[tuple[bytes, Sequence[Fields]]] = deque()
        # bytes of these and of what is being written
        self._size = 0
        self._dropped = 0
        self._closing = False
        # the last drain was in vain
        self._blocked = False
        # a line's beginning is out, its end could not be written
        self._cut = False
        # daemon: a write that never returns must not keep the process from exiting
        self._thread = threading.Thread(target=self._run, name="Log", daemon=True)
        self._thread.start()

    def put(self, waiting: Waiting) -> None:
        """Have a record written; beyond the backlog it is dropped and counted."""
        data = waiting.text.encode("utf-8", "backslashreplace") + b"\n"
        with self._changed:
            if self._closing or self._size + len(data) > self._backlog:
                self._dropped += 1
                return
            self._note_dropped()
            self._append(data, waiting.lines)
            self._changed.notify_all()

    def drain(self, timeout: float = DRAIN_TIMEOUT) -> bool:
        """Wait until all lines so far are out, at most `timeout` seconds; return whether they are."""
        if threading.current_thread() is self._thread:
            return False
        with self._changed:
            is_out = self._changed.wait_for(lambda: not self._size, timeout)
            self._blocked = not is_out
            return is_out

    def close(self, timeout: float = DRAIN_TIMEOUT) -> None:
        """Write what waits, as far as `timeout` seconds allow, and end the thread; no second wait after `drain`'s."""
        with self._changed:
            self._note_dropped()
            self._closing = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(0.0 if self._blocked else timeout)

    def _note_dropped(self) -> None:
        if self._dropped:
            about = self._dropped_line(self._dropped)
            self._append(about.text.encode("utf-8", "backslashreplace") + b"\n", about.lines)
            self._dropped = 0

    def _append(self, data: bytes, lines: Sequence[Fields]) -> None:
        self._waiting.append((data, lines))
        self._size += len(data)

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            data, lines = waiting
            try:
                if rest := self._not_taken(data, lines):
                    self._write(rest)
            # no text and no file is worth the log's end
            except Exception:  # noqa: BLE001 - nor can it be logged
                self._cut = False
            with self._changed:
                self._size -= len(data)
                if not self._waiting and self._dropped:
                    self._note_dropped()
                self._changed.notify_all()
        if self._journal is not None:
            self._journal.close()

    def _not_taken(self, data: bytes, lines: Sequence[Fields]) -> bytes:
        """Return what the journal does not take of a record."""
        taken = 0 if self._journal is None else self._journal.send(lines)
        return data.split(b"\n", taken)[-1]

    def _next(self) -> tuple[bytes, Sequence[Fields]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return self._waiting.popleft() if self._waiting else None

    def _write(self, data: bytes) -> None:
        try:
            descriptor = self._stream.fileno()
        # a stream without a file, or a closed one
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                self._stream.write(data.decode())
                self._stream.flush()
            return
        try:
            self._write_all(descriptor, b"\n" + data if self._cut else data)
        except BrokenPipeError:
            _write_nowhere(descriptor)
        # a full disk may have room later
        except OSError:
            return
        self._cut = False

    def _write_all(self, descriptor: int, data: bytes) -> None:
        """Write without the stream's buffer, whose lock a blocked write would hold over the end of the process."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            # a terminal that another program has set to refuse instead
            except BlockingIOError:
                poll = select.poll()
                poll.register(descriptor, select.POLLOUT)
                poll.poll(ROOM_CHECK * 1000)
            self._cut = bool(rest) and len(rest) < len(data)


def _write_nowhere(descriptor: int) -> None:
    """There is no reader any more: write to /dev/null, or the flush at exit turns the exit code into 120."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
