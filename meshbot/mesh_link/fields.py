"""Single values out of the library's dictionaries, whose content comes from the air."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def integer(source: Mapping[str, Any], key: str) -> int | None:
    """Return the value if it is an integer, else None."""
    value = source.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def within(source: Mapping[str, Any], key: str, least: int, most: int) -> int | None:
    """Return the value if it is an integer from `least` to `most`, else None."""
    value = integer(source, key)
    return value if value is not None and least <= value <= most else None


def mapping(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    value = source.get(key)
    return value if isinstance(value, Mapping) else {}


def number(source: Mapping[str, Any], key: str) -> float | None:
    """Return the value if it is a finite number, else None."""
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    # an integer too large for a float
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def string(source: Mapping[str, Any], key: str) -> str:
    """Return the value if it is a text, else an empty one."""
    value = source.get(key)
    return value if isinstance(value, str) else ""
