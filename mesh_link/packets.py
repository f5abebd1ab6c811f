"""What the radio says, as frozen dataclasses: nothing beyond this module sees the library's dictionaries."""

from __future__ import annotations

from dataclasses import dataclass

BROADCAST_NUM = 0xFFFFFFFF
KEY_BYTES = 32  # an X25519 public key


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What one source says of one node; empty text and empty key mean "not said"."""

    num: int
    long_name: str = ""
    short_name: str = ""
    hw_model: str = ""
    role: str = ""
    public_key: bytes = b""  # KEY_BYTES long, or empty
    latitude: float | None = None  # degrees
    longitude: float | None = None  # degrees
    altitude: int | None = None  # metres above the sea
    last_heard: int | None = None  # seconds since 1970, by the node's clock
