"""Fingerprints: a public key as 24 digits that two people can compare by reading them aloud; pure.

Digits, because their names cannot be mistaken between French and English as those of letters can (E and I, G and J),
and because every keyboard has them. 24 of them are 79.7 bits of the key's SHA-256: another key with the same ones takes
10^24 attempts on average. Somebody who makes and hashes 10^12 keys a second, which no single machine does, needs 32,000
years for one node's key and 32 for that of any of 1,000 nodes; with 16 digits it is 3 hours. Two keys of one maker
that share a fingerprint take 10^12 attempts only, and deceive nobody: both are that maker's.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final

DIGITS: Final = 24
GROUP: Final = 4
# Categories of what people write between groups: spaces, dashes, control characters such as line ends and tabs
BETWEEN: Final = frozenset({"Zs", "Pd", "Cc", "Cf"})
# Longer texts are none, whatever stands between their digits
LONGEST: Final = 4 * DIGITS


def fingerprint_of(key: bytes) -> str:
    """Return a public key's fingerprint, as in `4821 0937 5530 1182 6674 0295`.

    It is the key's SHA-256 as a big-endian number, modulo 10^24.
    """
    number = int.from_bytes(hashlib.sha256(key).digest(), "big") % 10**DIGITS
    return _grouped(f"{number:0{DIGITS}d}")


def parse_fingerprint(text: str) -> str | None:
    """Return the fingerprint in the form of `fingerprint_of`, None for any other text.

    Spaces, dashes, dots and colons may stand anywhere; digits may be those of any script.
    """
    digits = fingerprint_digits(text)
    return _grouped(digits) if digits is not None and len(digits) == DIGITS else None


def fingerprint_digits(text: str) -> str | None:
    """Return the digits of a text that may be the beginning of a fingerprint, None for any other text."""
    if len(text) > LONGEST:
        return None
    kept = [each for each in text if unicodedata.category(each) not in BETWEEN and each not in ".:_"]
    if not kept or len(kept) > DIGITS or not all(map(str.isdecimal, kept)):
        return None
    return "".join(str(unicodedata.decimal(each)) for each in kept)


def _grouped(digits: str) -> str:
    return " ".join(digits[start : start + GROUP] for start in range(0, DIGITS, GROUP))
