"""Our node in figures, as `status` has them; their names are an interface: scripts rely on them."""

from __future__ import annotations

import base64
from typing import Any

from meshbot.mesh_link import NodeReport
from meshbot.nodes import fingerprint_of
from meshbot.sending import duty_cycle


def node_figures(report: NodeReport) -> dict[str, Any]:
    """Return them; no secret is among them."""
    return {
        "id": f"!{report.num:08x}",
        "name": report.long_name,
        "short_name": report.short_name,
        "firmware": report.firmware,
        "hw_model": report.hw_model,
        "region": report.region,
        "duty_cycle": duty_cycle(report.lora),
        "channel_utilization": report.channel_utilization,
        "air_tx": report.air_tx,
        "public_key": base64.b64encode(report.public_key).decode(),
        "fingerprint": fingerprint_of(report.public_key) if report.public_key else "",
        "is_managed": report.is_managed,
        "is_locked": report.is_locked,
        "answers_probes": report.answers_probes,
        "needs_keys": report.needs_keys,
        "signs": report.lora.signs,
        "signature_policy": report.signature_policy,
        "nodes": report.nodes,
        "keys": report.keys,
        "clock": report.clock,
        "channels": [{"index": each.index, "name": each.name} for each in report.channels],
    }
