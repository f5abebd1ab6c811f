"""The radio link: the only importer of `meshtastic` in the bot."""

from meshbot.mesh_link.deferred import defer

# For one function, which asks PyPI for the library's newest version and which the bot never calls: 7 MB with urllib3
# and charset_normalizer. Before everything else, because it has to come before the library is first imported.
defer("requests")

from meshbot.mesh_link.actions import (
    AbandonLink,
    Action,
    CloseLink,
    Generation,
    LinkAlert,
    LinkContended,
    LinkDown,
    LinkReady,
    LinkSilent,
    OpenLink,
    SendProbe,
)
from meshbot.mesh_link.backoff import Backoff
from meshbot.mesh_link.interface import LinkTarget, MeshTCPInterface
from meshbot.mesh_link.machine import CLOSING_AFTER_STOP, TRANSITIONS, LinkEvent, LinkMachine, LinkState, LinkTimes
from meshbot.mesh_link.outages import OutageReporter
from meshbot.mesh_link.packets import (
    BROADCAST_NUM,
    KEY_BYTES,
    BadPacketError,
    NodeInfoPacket,
    NodeRecord,
    PacketRecord,
    RadioMetadata,
    RoutingAnswer,
    TextMessage,
    TextPacket,
    heard,
    routing_error_name,
    translate,
)
from meshbot.mesh_link.payloads import DeviceMetrics, Neighbor, NeighborInfo, Payload, PositionPayload
from meshbot.mesh_link.receiver import PacketReceiver, RawPacket
from meshbot.mesh_link.route_payload import Hop, TracerouteReply
from meshbot.mesh_link.session import ClientWarning, MeshSession, QueueStatus, SessionEvent
from meshbot.mesh_link.statistics import LinkFigures, LinkStatistics

__all__ = [
    "BROADCAST_NUM",
    "CLOSING_AFTER_STOP",
    "KEY_BYTES",
    "TRANSITIONS",
    "AbandonLink",
    "Action",
    "Backoff",
    "BadPacketError",
    "ClientWarning",
    "CloseLink",
    "DeviceMetrics",
    "Generation",
    "Hop",
    "LinkAlert",
    "LinkContended",
    "LinkDown",
    "LinkEvent",
    "LinkFigures",
    "LinkMachine",
    "LinkReady",
    "LinkSilent",
    "LinkState",
    "LinkStatistics",
    "LinkTarget",
    "LinkTimes",
    "MeshSession",
    "MeshTCPInterface",
    "Neighbor",
    "NeighborInfo",
    "NodeInfoPacket",
    "NodeRecord",
    "OpenLink",
    "OutageReporter",
    "PacketReceiver",
    "PacketRecord",
    "Payload",
    "PositionPayload",
    "QueueStatus",
    "RadioMetadata",
    "RawPacket",
    "RoutingAnswer",
    "SendProbe",
    "SessionEvent",
    "TextMessage",
    "TextPacket",
    "TracerouteReply",
    "heard",
    "routing_error_name",
    "translate",
]
