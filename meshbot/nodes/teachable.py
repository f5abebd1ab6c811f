"""What the radio may be taught of a node, by what is trusted; pure."""

from __future__ import annotations

from typing import Final

from meshbot.mesh_link import Contact
from meshbot.nodes.radio_state import TrustedKey
from meshbot.nodes.trust import KeyTrust
from meshbot.nodes.weak_keys import is_weak
from meshbot.storage import KeySource, NodeRow

# Bytes of UTF-8 that the firmware takes: beyond, it takes nothing of a contact
LONG_NAME_BYTES: Final = 39
SHORT_NAME_BYTES: Final = 4


def teachable(trust: KeyTrust, num: int) -> TrustedKey | None:
    """Return what the radio would be taught of a node, None if no key of it is trusted.

    A node that has changed its number is known to the radio by the new one alone.
    """
    trusted = trust.trusted.get(num)
    if trusted is None or trust.identities.numbers(num)[0] != num:
        return None
    is_verified = trusted.source is KeySource.OPERATOR
    # against an operator's word a key that waits counts for nothing
    holders = trust.holders(trusted.public_key)
    is_shared = len(holders) > 1 and not trust.identities.is_upgrade(trusted.public_key, holders)
    # everybody can read what is encrypted for a weak one
    is_doubtful = is_shared or is_weak(trusted.public_key) or (num in trust.pending and not is_verified)
    return TrustedKey(contact_of(trust.nodes[num], trusted.public_key), is_verified, is_doubtful)


def contact_of(row: NodeRow, public_key: bytes) -> Contact:
    """Return a node as the radio is taught it; one whose name is not known is called as firmware calls it."""
    return Contact(
        row.num,
        public_key,
        _cut(row.long_name, LONG_NAME_BYTES) or f"Meshtastic {row.num & 0xFFFF:04x}",
        _cut(row.short_name, SHORT_NAME_BYTES) or f"{row.num & 0xFFFF:04x}",
        row.hw_model,
        row.role,
    )


def _cut(name: str, limit: int) -> str:
    return name.encode(errors="replace")[:limit].decode(errors="ignore").strip()
