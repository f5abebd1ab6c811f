"""Versions of the firmware."""

from __future__ import annotations

from typing import Final

# Numbers follow keys, evicted nodes' keys are kept, broadcasts are signed
VERSION_2_8: Final = (2, 8, 0)


def version_numbers(text: str) -> tuple[int, ...]:
    """Return (major, minor, patch) of a version with or without a build; ValueError if the text is none."""
    parts = text.split(".")[:3]
    if len(parts) != len(("major", "minor", "patch")) or not all(part.isdigit() for part in parts):
        raise ValueError(f"{text!r} is no firmware version: write it like 2.7.26")
    return tuple(int(part) for part in parts)
