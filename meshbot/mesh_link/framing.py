"""The stream protocol's frames towards the client: 0x94 0xC3, a length of two bytes, a FromRadio; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
START = b"\x94\xc3"
HEADER_LENGTH = 4
# Bytes; the firmware's MAX_TO_FROM_RADIO_SIZE
MAX_PAYLOAD = 512


class FrameReader(Generic[T]):
    """Finds frames in a byte stream that may be cut anywhere and may hold garbage.

    `decode` returns what a payload means, or None if it means nothing: then its header was garbage that looked like
    one, and the search goes on one byte behind it, so that no whole frame hidden in it is lost.

    Guaranteed, as long as no garbage decodes:
    - A stream of frames gives exactly these however it is cut, save one cut that does not occur (_is_false_header).
    - After garbage every whole frame comes: at once if the data ends with it and the garbage did not begin like a
      frame; else with the next piece of data that consists of whole frames; at the latest when the MAX_PAYLOAD bytes
      are there that a header may claim. Only a frame that holds another one, and is cut right behind that, counts as
      garbage itself.
    - Between two pieces of data less than HEADER_LENGTH + MAX_PAYLOAD bytes are kept.
    """

    def __init__(self, decode: Callable[[bytes], T | None]) -> None:
        self._decode = decode
        self._buffer = bytearray()
        # every byte so far belonged to a frame: so does the next header
        self._in_step = True
        # bytes that belonged to no frame
        self.skipped = 0

    def feed(self, data: bytes) -> Iterator[T]:
        """Take the next bytes and yield each decoded frame; consume the iterator to its end."""
        piece = len(self._buffer)
        self._buffer += data
        position = 0
        while True:
            start = self._find_start(position)
            self._skip(start - position)
            position = start
            payload = self._payload(position)
            if payload is None:
                if not self._is_false_header(position, piece):
                    break
            elif (decoded := self._decode(payload)) is not None:
                position += HEADER_LENGTH + len(payload)
                self._in_step = True
                yield decoded
                continue
            self._skip(1)
            position += 1
        del self._buffer[:position]

    def _skip(self, count: int) -> None:
        self.skipped += count
        self._in_step &= count == 0

    def _find_start(self, position: int) -> int:
        """Return where the next possible header begins; the end of the buffer if there is none."""
        buffer = self._buffer
        while (start := buffer.find(START, position)) >= 0:
            header = buffer[start + 2 : start + HEADER_LENGTH]
            if not header or int.from_bytes(header.ljust(2, b"\0")) <= MAX_PAYLOAD:
                return start
            position = start + 1
        return len(buffer) - buffer.endswith(START[:1], position)

    def _payload(self, start: int) -> bytes | None:
        """Return the payload of the frame at `start` if all of it is here."""
        body = start + HEADER_LENGTH
        if len(self._buffer) < body:
            return None
        end = body + int.from_bytes(self._buffer[start + 2 : body])
        return bytes(self._buffer[body:end]) if len(self._buffer) >= end else None

    def _is_false_header(self, start: int, piece: int) -> bool:
        """Return whether the rest of the unfinished frame at `start` ends in whole frames, to the last byte.

        The node writes a frame at once, so a frame that ends where the bytes end was no part of an unfinished one:
        without this, a header in garbage would keep up to 512 bytes of a quiet mesh waiting. A header that follows
        whole frames deserves more trust, as anybody on the mesh may send bytes that look like frames: it is false (a
        frame that the node cut short) only if the newest piece of data, from `piece` on, consists of whole frames.
        """
        if self._in_step:
            return start < piece < len(self._buffer) and self._fills_rest(piece)
        inner = self._buffer.find(START, start + 1)
        while inner >= 0 and not self._fills_rest(inner):
            inner = self._buffer.find(START, inner + 1)
        return inner >= 0

    def _fills_rest(self, position: int) -> bool:
        while position < len(self._buffer):
            if self._buffer[position : position + 2] != START:
                return False
            payload = self._payload(position)
            if payload is None or self._decode(payload) is None:
                return False
            position += HEADER_LENGTH + len(payload)
        return True
