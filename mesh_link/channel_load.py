"""How busy the channel is, as our own node measures it; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def utilization_of(packet: Mapping[str, Any], own_num: int) -> float | None:
    """Return the percentage that our own node tells in this packet, None if it tells none; fit for any thread."""
    value: object = packet if packet.get("from") == own_num else None
    for key in ("decoded", "telemetry", "deviceMetrics", "channelUtilization"):
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
