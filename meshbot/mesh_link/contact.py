"""A node as the apps share it: a URL that holds a SharedContact, for a link or a QR code; pure.

The form is that of the library (`Node.getContactURL`) and of the apps for Android and iOS: base64 for URLs without
padding. Firmware from 2.6.8 on takes it.
"""

from __future__ import annotations

import base64
from typing import Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import admin_pb2, config_pb2, mesh_pb2

from meshbot.mesh_link.messages import KEY_BYTES, NodeRecord

PREFIX: Final = "https://meshtastic.org/v/#"
# What apps and people make of the prefix
PREFIXES: Final = (PREFIX, "https://www.meshtastic.org/v/#", "http://meshtastic.org/v/#", "meshtastic.org/v/#")
# The longest one of a real node has 170 characters
LONGEST: Final = 1000


def contact_url(node: NodeRecord) -> str:
    """Return the URL of a node with its public key."""
    contact = admin_pb2.SharedContact(node_num=node.num)
    user = contact.user
    user.id, user.long_name, user.short_name = f"!{node.num:08x}", node.long_name, node.short_name
    user.public_key = node.public_key
    if node.hw_model in mesh_pb2.HardwareModel.keys():  # noqa: SIM118 - an enum wrapper, not a dictionary
        user.hw_model = mesh_pb2.HardwareModel.Value(node.hw_model)
    roles = config_pb2.Config.DeviceConfig.Role
    if node.role in roles.keys():  # noqa: SIM118 - the same
        user.role = roles.Value(node.role)
    return PREFIX + base64.urlsafe_b64encode(contact.SerializeToString()).decode().rstrip("=")


def parse_contact_url(url: str) -> NodeRecord | None:
    """Return the node of such a URL with its key, None for any other text; a manual verification in it is ignored."""
    text = url.strip()
    prefix = next((each for each in PREFIXES if text.lower().startswith(each)), None)
    if prefix is None or len(text) > LONGEST:
        return None
    encoded = text[len(prefix) :].rstrip("=").replace("+", "-").replace("/", "_")
    try:
        contact = admin_pb2.SharedContact.FromString(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, DecodeError):
        return None
    user = contact.user
    if not contact.node_num or len(user.public_key) != KEY_BYTES:
        return None
    return NodeRecord(contact.node_num, user.long_name, user.short_name, public_key=user.public_key)
