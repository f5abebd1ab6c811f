"""Packets from the library's publishing thread to an inbox of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pubsub import pub

TOPIC = "meshtastic.receive"  # and everything below it


@dataclass(frozen=True, slots=True)
class RawPacket:
    """A packet as the library's dictionary, and the number of the node that heard it."""

    packet: Mapping[str, Any]
    own_num: int


class PacketReceiver:
    """Subscribes once for the process's life; packets of an interface that has just gone count as well."""

    def __init__(self, deliver: Callable[[RawPacket], object], owner: object) -> None:
        """Deliver each packet of `owner`'s interfaces; `deliver` runs on a thread that must not wait."""
        self._deliver = deliver
        self._owner = owner

    def start(self) -> None:
        """Subscribe. The library keeps only a weak reference: keep this object."""
        pub.subscribe(self._on_receive, TOPIC)

    def stop(self) -> None:
        """Unsubscribe."""
        pub.unsubscribe(self._on_receive, TOPIC)

    def _on_receive(self, packet: Mapping[str, Any], interface: Any) -> None:
        if getattr(interface, "owner", None) is self._owner:
            # the node hands over what it kept right behind its configuration: before the link is seen to be READY
            self._deliver(RawPacket(packet, interface.own_num))
