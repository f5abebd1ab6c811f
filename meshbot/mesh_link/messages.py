"""What the link hands over, as frozen dataclasses: nothing beyond this package sees the library's dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BROADCAST_NUM = 0xFFFFFFFF
# An X25519 public key
KEY_BYTES = 32


# -- the node


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that our node has enabled."""

    index: int
    name: str  # as people know it: the primary one is called after its modem preset


@dataclass(frozen=True, slots=True)
class NodeChannels:
    """The channels of our node, at READY."""

    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class OwnNode:
    """Our own node as it gives itself, at READY and whenever it changes its number."""

    num: int
    public_key: bytes = b""  # KEY_BYTES long; empty: not known


# -- payloads


@dataclass(frozen=True, slots=True)
class PositionPayload:
    """A position that a node reported."""

    latitude: float  # degrees
    longitude: float  # degrees
    altitude: int | None = None  # metres above the sea


@dataclass(frozen=True, slots=True)
class DeviceMetrics:
    """A node's telemetry of itself; None where the packet holds no value."""

    battery: int | None = None  # percent; above 100: powered from outside
    voltage: float | None = None
    utilization: float | None = None  # percent of the time in which it found the channel busy
    air_tx: float | None = None  # percent of the last hour in which it sent


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A node that another one hears without a relay."""

    num: int
    snr: float | None  # dB


@dataclass(frozen=True, slots=True)
class NeighborInfo:
    """Whom a node hears without a relay."""

    neighbors: tuple[Neighbor, ...]


Payload = PositionPayload | DeviceMetrics | NeighborInfo


@dataclass(frozen=True, slots=True)
class Hop:
    """One reception on a route."""

    num: int | None  # the receiver; None: a relay that did not add itself
    snr: float | None  # dB


# -- packets


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What one source reports of one node; empty text and empty key mean "not reported"."""

    num: int
    long_name: str = ""
    short_name: str = ""
    hw_model: str = ""
    role: str = ""
    public_key: bytes = b""  # KEY_BYTES long, or empty
    latitude: float | None = None  # degrees
    longitude: float | None = None  # degrees
    altitude: int | None = None  # metres above the sea
    position_at: int | None = None  # seconds since 1970, by the node that sent the position; None: not reported
    last_heard: int | None = None  # seconds since 1970, by the node's clock
    snr: float | None = None  # dB, of the last packet
    hops: int | None = None  # 0 is direct
    via_mqtt: bool = False
    metrics: DeviceMetrics | None = None
    has_signed: bool = False  # our own node has verified a signature of it, now or earlier
    unmessagable: bool | None = None  # as the node itself says; None: it does not say


@dataclass(frozen=True, slots=True)
class RadioMetadata:
    """How a packet reached our node; None where the packet does not contain it."""

    snr: float | None = None  # dB
    rssi: int | None = None  # dBm
    hops: int | None = None  # 0 is direct
    rx_time: int = 0  # seconds since 1970 by the node's clock, 0 while the node does not know the time
    via_mqtt: bool = False
    relay: int | None = None  # the last byte of the number of the node that it was received from
    signed: bool = False  # our own node has verified the sender's signature; never of what came by MQTT


@dataclass(frozen=True, slots=True)
class PacketRecord:
    """Any packet, whatever it carries and for whomever it is."""

    packet_id: int
    sender: int
    to: int
    channel: int | None  # index; None when the node could not decrypt it
    portnum: int | None  # PortNum; None when the node could not decrypt it
    size: int  # bytes of payload
    hop_start: int | None
    reception: RadioMetadata
    payload: Payload | None = None
    # handed over by our own node from its database: heard some other time, or never by it
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A packet of text for people."""

    packet_id: int
    sender: int
    to: int
    channel: int  # index
    text: str
    reply_id: int = 0
    pki_encrypted: bool = False
    public_key: bytes = b""  # the sender's, with which our node decrypted it; KEY_BYTES long, or empty
    reception: RadioMetadata = RadioMetadata()
    # an alert, a detection or a tapback: to be read, never a command
    is_notice: bool = False

    @property
    def is_broadcast(self) -> bool:
        """Whether it went to everybody on its channel."""
        return self.to == BROADCAST_NUM


@dataclass(frozen=True, slots=True)
class ReceivedText:
    """A text with what only its receiver knows."""

    message: TextMessage
    own_num: int  # of the node that received it
    is_repeat: bool = False  # received before: same sender, same packet id
    # its link had been READY for so long that the node had kept nothing for it any more: it has just been heard
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class NodeDatabase:
    """The node's own database, at READY."""

    records: Sequence[NodeRecord]


@dataclass(frozen=True, slots=True)
class NodeInfoPacket:
    """A NODEINFO_APP packet; the record's number is the packet's sender, not the id it claims."""

    record: NodeRecord


@dataclass(frozen=True, slots=True)
class RoutingAnswer:
    """A ROUTING_APP packet that answers one of our packets."""

    request_id: int
    sender: int
    error: str  # Routing.Error name, or the number of one that has none here; "NONE" acknowledges
    # our own node made it: received by radio it is another's, whatever its sender's number
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class TracerouteReply:
    """A TRACEROUTE_APP packet that answers one of ours. Each way is its receptions in order, the last at the end."""

    request_id: int
    sender: int
    there: tuple[Hop, ...]  # the last is the sender's
    back: tuple[Hop, ...]  # the last is our own node's; empty: firmware that does not record it


# -- between the bot and its own node


@dataclass(frozen=True, slots=True)
class TextPacket:
    """One packet of text ready for the radio."""

    packet_id: int
    text: str
    to: int
    channel: int
    reply_id: int
    want_ack: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """A node as our own radio is to know it."""

    num: int
    public_key: bytes  # KEY_BYTES long
    long_name: str
    short_name: str
    hw_model: str = ""  # HardwareModel's name; empty: not known
    role: str = ""  # Role's name; empty: CLIENT


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The node's answer to a packet of ours; `packet_id` 0 answers a heartbeat."""

    packet_id: int
    result: int  # 0, or an ErrorCode or Routing.Error number


@dataclass(frozen=True, slots=True)
class ClientWarning:
    """The node's complaint, perhaps about a packet of ours, which it may have sent all the same."""

    packet_id: int  # 0: about none
    text: str  # the firmware's own text


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """How our own node's radio is set, in the numbers of Config.LoRaConfig; the defaults are the firmware's."""

    region: int = 0  # RegionCode
    use_preset: bool = True
    preset: int = 0  # ModemPreset
    bandwidth: int = 0  # code, about kHz
    spreading_factor: int = 0
    coding_rate: int = 0  # 5 to 8; with a preset it counts if it is higher
    is_router: bool = False  # by the node's role
    signs: bool = False  # what it broadcasts, where the signature fits: firmware from 2.8 on


@dataclass(frozen=True, slots=True)
class ChannelLoad:
    """What our own node measured."""

    utilization: float  # percent of the channel's time
