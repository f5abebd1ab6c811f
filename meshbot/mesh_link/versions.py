"""What the node's firmware can, by its version."""

from __future__ import annotations

import re
from typing import Final

# Answers a heartbeat on an idle link (link_facts §7)
ANSWERS_HEARTBEATS: Final = (2, 7, 6)
# Takes other nodes' keys from its client (link_facts §9)
TAKES_CONTACTS: Final = (2, 6, 8)
# Keeps the keys of nodes that have left its database (link_facts §12)
KEEPS_EVICTED: Final = (2, 8, 0)


def answers_heartbeats(firmware_version: str) -> bool:
    """Return whether that firmware answers a heartbeat on an idle link; False for a version it cannot read."""
    return version_of(firmware_version) >= ANSWERS_HEARTBEATS


def takes_contacts(firmware_version: str) -> bool:
    """Return whether that firmware takes other nodes' keys from its client."""
    return version_of(firmware_version) >= TAKES_CONTACTS


def keeps_evicted(firmware_version: str) -> bool:
    """Return whether that firmware may have the key of a node that is not in its database."""
    return version_of(firmware_version) >= KEEPS_EVICTED


def version_of(firmware: str) -> tuple[int, ...]:
    """Return a version's numbers, none if it cannot be read."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", firmware)
    return tuple(map(int, match.groups())) if match else ()
