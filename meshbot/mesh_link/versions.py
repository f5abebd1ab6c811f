"""What the node's firmware can, by its version."""

from __future__ import annotations

import re
from typing import Final

# Takes other nodes' keys from its client (link_facts §9)
TAKES_CONTACTS: Final = (2, 6, 8)
# Refuses a direct message for want of a key; before, it went with the channel's (link_facts §9)
NEEDS_KEYS: Final = (2, 7, 19)


def takes_contacts(firmware_version: str) -> bool:
    """Return whether that firmware takes other nodes' keys from its client."""
    return version_of(firmware_version) >= TAKES_CONTACTS


def needs_keys(firmware_version: str) -> bool:
    """Return whether that firmware sends no direct message without its recipient's key."""
    return version_of(firmware_version) >= NEEDS_KEYS


def version_of(firmware: str) -> tuple[int, ...]:
    """Return a version's numbers, none if it cannot be read."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", firmware)
    return tuple(map(int, match.groups())) if match else ()
