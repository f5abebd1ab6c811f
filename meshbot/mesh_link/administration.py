"""What our own node does for its client alone, and for no other node: admin messages, without a session key."""

from __future__ import annotations

from collections.abc import Callable

from meshtastic.protobuf import admin_pb2, config_pb2, mesh_pb2

from meshbot.mesh_link.messages import Contact

# (message, packet id or 0 for any): with an id the node's routing answer is asked for
SendAdmin = Callable[[admin_pb2.AdminMessage, int], object]


class Administration:
    """Each method writes one message; OSError if the link is gone. A managed node ignores them, and says nothing."""

    def __init__(self, send: SendAdmin) -> None:
        self._send = send

    def set_time(self, seconds: int) -> None:
        """Set the node's time (seconds since 1970): it stamps packets with 0 until it knows (link_facts §11)."""
        self._send(admin_pb2.AdminMessage(set_time_only=seconds), 0)

    def reboot(self, seconds: int) -> None:
        """Have the node reboot in so many seconds."""
        self._send(admin_pb2.AdminMessage(reboot_seconds=seconds), 0)

    def add_contact(self, packet_id: int, contact: Contact) -> None:
        """Have the node know another one by this key; it marks it as a favourite."""
        self._send(admin_pb2.AdminMessage(add_contact=shared_contact(contact)), packet_id)

    def remove_node(self, packet_id: int, num: int) -> None:
        """Have the node forget another one and its key."""
        self._send(admin_pb2.AdminMessage(remove_by_nodenum=num), packet_id)

    def remove_favourite(self, packet_id: int, num: int) -> None:
        """Have the node take off a favourite's mark."""
        self._send(admin_pb2.AdminMessage(remove_favorite_node=num), packet_id)


def shared_contact(contact: Contact) -> admin_pb2.SharedContact:
    """Return a contact as the firmware takes it: what it lacks would overwrite what the node knows."""
    models, roles = mesh_pb2.HardwareModel, config_pb2.Config.DeviceConfig.Role
    return admin_pb2.SharedContact(
        node_num=contact.num,
        user=mesh_pb2.User(
            id=f"!{contact.num:08x}",
            long_name=contact.long_name,
            short_name=contact.short_name,
            hw_model=models.Value(contact.hw_model) if contact.hw_model in models.keys() else models.UNSET,  # noqa: SIM118 - no mapping
            role=roles.Value(contact.role) if contact.role in roles.keys() else roles.CLIENT,  # noqa: SIM118 - the same
            public_key=contact.public_key,
        ),
    )
