"""The stream protocol's frames, read as the firmware reads them, quirks included."""

from __future__ import annotations

from typing import Final

START1: Final = 0x94
START2: Final = 0xC3
HEADER_BYTES: Final = 4  # START1, START2, length as a big-endian 16-bit number
MAX_PAYLOAD: Final = 512  # bytes; a header with a greater length counts as noise
# In a name: a character that firmware has cut. It leaves the node as bytes that are no UTF-8, as many of them
CUT: Final = "\ue0ff"
CUT_BYTES: Final = b"\xe9\xc3\xc3"


def frame(payload: bytes) -> bytes:
    """Return one serialised message with its header."""
    payload = payload.replace(CUT.encode(), CUT_BYTES)
    return bytes((START1, START2)) + len(payload).to_bytes(2, "big") + payload


class Deframer:
    """Finds the frames in a byte stream, however it is cut.

    Like the firmware's reader it looks at each byte once: the byte that ends a false start is not tried as a start
    itself, so a lone START1 just before a frame costs that frame, while other noise costs nothing.
    """

    def __init__(self) -> None:
        self._header = bytearray()
        self._payload = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that these next bytes of the stream complete."""
        payloads: list[bytes] = []
        position = 0
        while position < len(data):
            if not self._header:
                position = data.find(START1, position)
                if position < 0:
                    break
            if len(self._header) < HEADER_BYTES:
                self._take_header_byte(data[position])
                position += 1
            else:
                part = data[position : position + self._missing()]
                self._payload += part
                position += len(part)
            if len(self._header) == HEADER_BYTES and not self._missing():
                payloads.append(bytes(self._payload))
                self._restart()
        return payloads

    def _take_header_byte(self, byte: int) -> None:
        place = len(self._header)
        self._header.append(byte)
        if (place == 1 and byte != START2) or (len(self._header) == HEADER_BYTES and self._length() > MAX_PAYLOAD):
            self._restart()

    def _length(self) -> int:
        return int.from_bytes(self._header[2:], "big")

    def _missing(self) -> int:
        return self._length() - len(self._payload)

    def _restart(self) -> None:
        self._header.clear()
        self._payload.clear()
