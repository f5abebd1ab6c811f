"""The public key of a private one, as the firmware derives it (RFC 7748); for a simulated node, not for secrets."""

from __future__ import annotations

from typing import Final

KEY_BYTES: Final = 32
PRIME: Final = 2**255 - 19
A24: Final = 121665  # of Curve25519
BASE_POINT: Final = 9


def public_key(private_key: bytes) -> bytes:
    """Return the 32 bytes of the public key of a private key of 32 bytes."""
    scalar = int.from_bytes(private_key, "little") & ((1 << 254) - 8) | 1 << 254
    return _multiple(scalar, BASE_POINT).to_bytes(KEY_BYTES, "little")


def _multiple(scalar: int, point: int) -> int:
    """Return the u-coordinate of scalar times the point with u-coordinate `point`, by the Montgomery ladder."""
    x2, z2, x3, z3, swapped = 1, 0, point, 1, 0
    for place in reversed(range(255)):
        bit = scalar >> place & 1
        if swapped ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swapped = bit
        plus, minus = (x2 + z2) % PRIME, (x2 - z2) % PRIME
        cross, other = (x3 - z3) * plus % PRIME, (x3 + z3) * minus % PRIME
        plus, minus = plus * plus % PRIME, minus * minus % PRIME
        x3, z3 = pow(cross + other, 2, PRIME), point * pow(cross - other, 2, PRIME) % PRIME
        difference = plus - minus
        x2, z2 = plus * minus % PRIME, difference * (plus + A24 * difference) % PRIME
    if swapped:
        x2, z2 = x3, z3
    return x2 * pow(z2, PRIME - 2, PRIME) % PRIME
