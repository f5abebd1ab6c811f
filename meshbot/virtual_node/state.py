"""The state that all parts of the node share: identity, settings, node database, queues for its client."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.air import TYPICAL_BYTES, seconds_on_air
from meshbot.virtual_node.configuration import Configuration
from meshbot.virtual_node.faults import ActiveFaults
from meshbot.virtual_node.hop_scaling import ROUTINE_PORTS, HopScaling
from meshbot.virtual_node.node_db import NodeDb
from meshbot.virtual_node.packets import new_packet_id
from meshbot.virtual_node.peers import Peers
from meshbot.virtual_node.population import User
from meshbot.virtual_node.records import ReceivedLog, Transmission
from meshbot.virtual_node.scheduler import Scheduler
from meshbot.virtual_node.versions import VERSION_2_8, version_numbers

STATUSES_KEPT: Final = 2  # a burst of packets loses all statuses but the last
NOTIFICATIONS_KEPT: Final = 4
EVICTING_PORTS: Final = (portnums_pb2.PortNum.TEXT_MESSAGE_APP, portnums_pb2.PortNum.RANGE_TEST_APP)


class PhoneQueue:
    """Messages that wait for a client; they survive a connection, not a reboot."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.packets: deque[mesh_pb2.MeshPacket] = deque()
        self.statuses: deque[mesh_pb2.QueueStatus] = deque(maxlen=STATUSES_KEPT)
        self.notifications: deque[mesh_pb2.ClientNotification] = deque(maxlen=NOTIFICATIONS_KEPT)
        # told at once, without a request
        self.news: deque[mesh_pb2.FromRadio] = deque(maxlen=NOTIFICATIONS_KEPT)

    def push(self, packet: mesh_pb2.MeshPacket) -> bool:
        """Queue a packet; when full a text evicts the oldest one, anything else is dropped (False)."""
        if len(self.packets) >= self._size:
            if packet.decoded.portnum not in EVICTING_PORTS:
                return False
            self.packets.popleft()
        self.packets.append(packet)
        return True

    def clear(self) -> None:
        """Drop everything, as at a reboot."""
        self.packets.clear()
        self.statuses.clear()
        self.notifications.clear()
        self.news.clear()

    def next_message(self) -> mesh_pb2.FromRadio | None:
        """Return the next message for the client: statuses first, packets last."""
        if self.news:
            return self.news.popleft()
        if self.statuses:
            return mesh_pb2.FromRadio(queueStatus=self.statuses.popleft())
        if self.notifications:
            return mesh_pb2.FromRadio(clientNotification=self.notifications.popleft())
        return mesh_pb2.FromRadio(packet=self.packets.popleft()) if self.packets else None


@dataclass(slots=True)
class NodeState:
    """The node's state. Times are monotonic seconds unless they are called epoch (seconds since 1970)."""

    own: User
    users: dict[int, User]  # the other nodes of the mesh, in the node database or not
    config: Configuration
    nodes: NodeDb
    peers: Peers
    phone: PhoneQueue
    faults: ActiveFaults
    scheduler: Scheduler
    hop_scaling: HopScaling
    rng: Random
    firmware_version: str
    fixed_airtime: float | None  # seconds of every packet to the next node; None: by preset and size
    log: ReceivedLog
    transmitted: deque[Transmission]
    wrong_passphrases: list[float] = field(default_factory=list)  # when, since the last right one
    reboot_due: float | None = None
    clock_offset: float | None = None  # epoch minus monotonic, once a client has set the time

    def epoch(self, now: float) -> int:
        """Return the node's time, 0 until it is set."""
        return 0 if self.clock_offset is None else int(self.clock_offset + now) & 0xFFFFFFFF

    def hop_limit_for(self, port: int, now: float) -> int:
        """Return how many hops a broadcast of the node's takes at most: less if it is a routine one of firmware 2.8."""
        if not self.is_2_8 or port not in ROUTINE_PORTS:
            return self.config.hop_limit
        role = self.config.configs["device"].device.role
        return min(self.config.hop_limit, self.hop_scaling.limit(role, now))

    @property
    def airtime(self) -> float:
        """Return the seconds of a typical packet of others."""
        return self.seconds_on_air(TYPICAL_BYTES)

    def seconds_on_air(self, size: int) -> float:
        """Return how long so many bytes take to the next node."""
        lora = self.config.configs["lora"].lora
        return seconds_on_air(size, lora) if self.fixed_airtime is None else self.fixed_airtime

    def new_id(self) -> int:
        """Return a packet id."""
        return new_packet_id(self.rng)

    def version_text(self) -> str:
        """Return the firmware version it behaves like, as it was given."""
        old = "old_firmware" in self.faults
        return self.faults.text("old_firmware", "version") if old else self.firmware_version

    def version(self) -> tuple[int, ...]:
        """Return the numbers of that version."""
        return version_numbers(self.version_text())

    @property
    def is_2_8(self) -> bool:
        """Whether that is 2.8 or later."""
        return self.version() >= VERSION_2_8

    def notify(self, text: str, now: float, reply_id: int = 0) -> None:
        """Tell the client something in text for people, about the packet `reply_id` if it is not 0."""
        level = mesh_pb2.LogRecord.Level.WARNING
        notice = mesh_pb2.ClientNotification(time=self.epoch(now), level=level, message=text)
        if reply_id:
            notice.reply_id = reply_id
        self.phone.notifications.append(notice)
