"""The bytes on their way to one client: what is ready to send, and how faults corrupt it."""

from __future__ import annotations

from collections import deque
from math import inf
from random import Random
from typing import Final

from meshbot.virtual_node.faults import ActiveFaults
from meshbot.virtual_node.framing import HEADER_BYTES, START1, START2

CORRUPTING: Final = frozenset({"garbage", "cut_frame", "truncated_frame", "oversized"})
SLOW_STEP: Final = 0.1  # seconds between two portions of a slow link
# Delays until a lost segment is sent again the first time
FIRST_REPEAT: Final = 1.1
# Of one segment: the last one comes 17 delays late
MOST_REPEATS: Final = 4
# Without START1: a stray one would cost the next frame
NOISE: Final = bytes(byte for byte in range(256) if byte != START1)


class Wire:
    """Queues frames and hands out the bytes that may go now. Times are monotonic seconds."""

    def __init__(self, faults: ActiveFaults, rng: Random, now: float) -> None:
        self._faults = faults
        self._rng = rng
        self._pieces: deque[tuple[float, bytes]] = deque()  # not before, bytes
        # With the slow fault: when the bytes handed out so far are through
        self._sent_until = now
        # With the delay fault: of the last segment
        self._arrival = -inf
        self.pending = 0  # bytes

    def push(self, frames: list[bytes], now: float) -> None:
        """Queue frames, corrupted as the active faults demand."""
        # An idle link saves up no bytes for later
        if not self.pending:
            self._sent_until = now
        self._arrival = self._next_arrival(now) if frames and "delay" in self._faults else self._arrival
        if any(name in self._faults for name in CORRUPTING):
            for framed in frames:
                self._corrupt(framed, now)
        elif frames:
            self._queue(b"".join(frames))

    def ready(self, now: float) -> bytes:
        """Return the next bytes that may be sent now, b"" if none; `sent` removes them."""
        if not self._pieces or self._pieces[0][0] > now:
            return b""
        piece = self._pieces[0][1]
        if "slow" not in self._faults:
            self._sent_until = now
            return piece
        return piece[: max(0, int((now - self._sent_until) * self._rate()))]

    def sent(self, count: int) -> None:
        """Remove `count` bytes that the socket accepted."""
        not_before, piece = self._pieces.popleft()
        if count < len(piece):
            self._pieces.appendleft((not_before, piece[count:]))
        self.pending -= count
        if "slow" in self._faults:
            self._sent_until += count / self._rate()

    def due(self, now: float) -> float:
        """Return when the next bytes may go, inf for never."""
        if not self._pieces:
            return inf
        soonest = now + SLOW_STEP if "slow" in self._faults else now
        return max(soonest, self._pieces[0][0])

    def _next_arrival(self, now: float) -> float:
        """Return when a segment that is sent now is there; no later one comes before it."""
        delay, loss = self._faults.number("delay", "seconds"), self._faults.number("delay", "loss") / 100
        arrival, repeats = now + delay, 0
        while repeats < MOST_REPEATS and self._rng.random() < loss:
            arrival += FIRST_REPEAT * delay * 2**repeats
            repeats += 1
        return max(arrival, self._arrival)

    def _rate(self) -> float:
        return max(1.0, self._faults.number("slow", "rate"))

    def _queue(self, data: bytes, not_before: float = -inf) -> None:
        self._pieces.append((max(not_before, self._arrival), data))
        self.pending += len(data)

    def _corrupt(self, framed: bytes, now: float) -> None:
        faults = self._faults
        if "garbage" in faults:
            noise = bytes(self._rng.choices(NOISE, k=int(faults.number("garbage", "bytes"))))
            self._queue(noise + bytes((START1,)) * bool(faults.number("garbage", "start_byte")))
        if "oversized" in faults:
            length = int(faults.number("oversized", "length")) & 0xFFFF
            faults.use_up("oversized", "frames")
            self._queue(bytes((START1, START2)) + length.to_bytes(2, "big"))
        middle = HEADER_BYTES + (len(framed) - HEADER_BYTES) // 2
        if "truncated_frame" in faults:
            faults.use_up("truncated_frame", "frames")
            self._queue(framed[:middle])
        elif "cut_frame" in faults:
            pause = faults.number("cut_frame", "pause")
            faults.use_up("cut_frame", "frames")
            self._queue(framed[:middle])
            self._queue(framed[middle:], now + pause)
        else:
            self._queue(framed)
