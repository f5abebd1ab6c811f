"""The radio link: the only importer of `meshtastic` in the bot."""

from meshbot.mesh_link.deferred import defer

# For one function, which asks PyPI for the library's newest version and which the bot never calls: 7 MB with urllib3
# and charset_normalizer. Before everything else, because it has to come before the library is first imported.
defer("requests")

from meshbot.mesh_link.actions import (
    AbandonLink,
    Action,
    CloseLink,
    FetchNodes,
    LinkAlert,
    LinkContended,
    LinkDown,
    LinkReady,
    LinkSilent,
    OpenLink,
    SendProbe,
)
from meshbot.mesh_link.administration import Administration
from meshbot.mesh_link.backoff import Backoff
from meshbot.mesh_link.beats import PublishingBeat, ReaderBeat
from meshbot.mesh_link.connecting import KnownAddress, LinkTarget
from meshbot.mesh_link.contact import contact_url, parse_contact_url
from meshbot.mesh_link.current_link import CurrentLink
from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.firmware import SignaturePolicy
from meshbot.mesh_link.interface import MeshTCPInterface
from meshbot.mesh_link.machine import LinkMachine
from meshbot.mesh_link.messages import (
    BROADCAST_NUM,
    KEY_BYTES,
    Channel,
    ChannelLoad,
    ClientWarning,
    Contact,
    DeviceMetrics,
    Hop,
    LoraSettings,
    Neighbor,
    NeighborInfo,
    NodeChannels,
    NodeDatabase,
    NodeInfoPacket,
    NodeRecord,
    OwnNode,
    PacketRecord,
    Payload,
    PositionPayload,
    QueueStatus,
    RadioMetadata,
    ReceivedText,
    RoutingAnswer,
    TextMessage,
    TextPacket,
    TracerouteReply,
)
from meshbot.mesh_link.node_report import NodeReport, report_of
from meshbot.mesh_link.node_visit import Visit, visit
from meshbot.mesh_link.node_warnings import NodeWarnings
from meshbot.mesh_link.outages import OutageReporter
from meshbot.mesh_link.own_node_client import OwnNodeClient
from meshbot.mesh_link.own_settings import (
    OwnSettings,
    differences,
    is_readable,
    managing,
    restoring,
    settings_of,
)
from meshbot.mesh_link.packet_router import PacketRouter, PacketTakers, SeenTexts, give
from meshbot.mesh_link.packets import routing_error_name
from meshbot.mesh_link.payloads import TEXT_PORTNUMS
from meshbot.mesh_link.pubkey_sync import PubkeySync
from meshbot.mesh_link.radio_database import RadioDatabase
from meshbot.mesh_link.session import MeshSession, SessionEvent
from meshbot.mesh_link.states import CLOSING_AFTER_STOP, TRANSITIONS, Evidence, LinkEvent, LinkState, LinkTimes
from meshbot.mesh_link.statistics import LinkFigures
from meshbot.mesh_link.versions import needs_keys, takes_contacts

__all__ = [
    "BROADCAST_NUM",
    "CLOSING_AFTER_STOP",
    "KEY_BYTES",
    "TEXT_PORTNUMS",
    "TRANSITIONS",
    "AbandonLink",
    "Action",
    "Administration",
    "Backoff",
    "Channel",
    "ChannelLoad",
    "ClientWarning",
    "CloseLink",
    "Contact",
    "CurrentLink",
    "DeviceMetrics",
    "Evidence",
    "FetchNodes",
    "Hop",
    "KnownAddress",
    "LinkAlert",
    "LinkContended",
    "LinkDown",
    "LinkEvent",
    "LinkFailure",
    "LinkFigures",
    "LinkMachine",
    "LinkReady",
    "LinkSilent",
    "LinkState",
    "LinkTarget",
    "LinkTimes",
    "LoraSettings",
    "MeshSession",
    "MeshTCPInterface",
    "Neighbor",
    "NeighborInfo",
    "NodeChannels",
    "NodeDatabase",
    "NodeInfoPacket",
    "NodeRecord",
    "NodeReport",
    "NodeWarnings",
    "OpenLink",
    "OutageReporter",
    "OwnNode",
    "OwnNodeClient",
    "OwnSettings",
    "PacketRecord",
    "PacketRouter",
    "PacketTakers",
    "Payload",
    "PositionPayload",
    "PubkeySync",
    "PublishingBeat",
    "QueueStatus",
    "RadioDatabase",
    "RadioMetadata",
    "ReaderBeat",
    "ReceivedText",
    "RoutingAnswer",
    "SeenTexts",
    "SendProbe",
    "SessionEvent",
    "SignaturePolicy",
    "TextMessage",
    "TextPacket",
    "TracerouteReply",
    "Visit",
    "contact_url",
    "differences",
    "give",
    "is_readable",
    "managing",
    "needs_keys",
    "parse_contact_url",
    "report_of",
    "restoring",
    "routing_error_name",
    "settings_of",
    "takes_contacts",
    "visit",
]
