"""What the other nodes of the mesh send: texts, responses, acknowledgements, background traffic."""

from __future__ import annotations

from typing import Any, Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet, routing_packet
from meshbot.virtual_node.population import MAX_HOPS, User, metrics_message, position_message, user_message
from meshbot.virtual_node.receiver import Receiver
from meshbot.virtual_node.state import NodeState

PortNum = portnums_pb2.PortNum
LORA: Final = mesh_pb2.MeshPacket.TransportMechanism.TRANSPORT_LORA
PKI_OVERHEAD: Final = 12  # bytes
SMALL_TALK: Final = (
    "Bonjour à tous", "Quelqu'un me reçoit ?", "Test depuis la colline", "Reçu 5/5", "73 et bonne journée",
    "Antenne changée, ça passe mieux", "Il pleut sur Lyon", "Bonne soirée le mesh",
)  # fmt: skip
CHATTER_KINDS: Final = (("telemetry", 40), ("position", 30), ("nodeinfo", 12), ("neighborinfo", 8), ("text", 10))
MOST_AT_ONCE: Final = 500  # packets of background traffic after a long leap of the clock


class Mesh:
    """Simulates all nodes but the own one."""

    def __init__(self, state: NodeState, chatter: float, now: float) -> None:
        """`chatter` is in packets per second, on average; 0 for none."""
        self._state = state
        self._receiver = Receiver(state, self._on_user_request)
        by_distance = {user.hops: user for user in sorted(state.users.values(), key=lambda user: user.num)}
        # One of each distance, the nearest first
        self._relays = [by_distance[hops] for hops in sorted(by_distance)]
        self._chatter = chatter
        self._next_chatter = now
        self._plan_chatter(now)

    @property
    def receiver(self) -> Receiver:
        """Return the node's receiver."""
        return self._receiver

    def reset(self, now: float) -> None:
        """Start again after the node's reboot; traffic in the meantime was not heard."""
        self._receiver.reset()
        self._plan_chatter(now)

    def send_text(self, num: int, text: str, now: float, to: int | None = None, **fields: Any) -> int:
        """Send a user's text to the node (to=None), as a broadcast, or to another node; return the packet id.

        `fields` are the received packet's, besides `packet_id`, `channel` and `reply_id`. A direct message from a
        user with a key is PKI-encrypted, as in the firmware, unless pki_encrypted=False.
        """
        state = self._state
        user = state.users.get(num)
        to = state.own.num if to is None else to
        channel, reply_id = fields.pop("channel", 0), fields.pop("reply_id", 0)
        packet_id: int = fields.pop("packet_id", 0) or state.new_id()
        direct = to == state.own.num
        pki = fields.pop("pki_encrypted", direct and user is not None and bool(user.public_key))
        payload, data = text.encode(), {"reply_id": reply_id}
        fields = {"channel": 0 if pki else channel, "want_ack": direct} | fields
        packet = self._packet(num, to, PortNum.TEXT_MESSAGE_APP, payload, packet_id=packet_id, data=data, **fields)
        if pki and user is not None:
            self._encrypt(packet, user, now)
        self._receiver.hear(packet, now)
        return packet_id

    def acknowledge(self, user: User, error: int, request_id: int, now: float) -> None:
        """Let the node hear the destination's ACK or NAK."""
        fields = self._reception(user.num)
        packet = routing_packet(user.num, self._state.own.num, error, request_id, self._state.new_id(), **fields)
        # a neighbour's is not to be relayed; then the bitfield tells "no hop" from "unknown"
        packet.decoded.bitfield = 0
        if not user.hops:
            packet.hop_start = packet.hop_limit = 0
        self._receiver.hear(packet, now)

    def answer(self, packet: mesh_pb2.MeshPacket, user: User, now: float) -> None:
        """Let a user's node send the response that its firmware sends by itself."""
        port = packet.decoded.portnum
        data = {"request_id": packet.id}
        payload: bytes | None = None
        if port == PortNum.TRACEROUTE_APP:
            payload = self._route(user).SerializeToString() if packet.decoded.want_response else None
        elif packet.decoded.want_response and port in {
            PortNum.NODEINFO_APP,
            PortNum.POSITION_APP,
            PortNum.TELEMETRY_APP,
        }:
            payload = self._content(user, port, now)
        if payload is not None:
            self._receiver.hear(self._packet(user.num, self._state.own.num, port, payload, data=data), now)

    def poll(self, now: float) -> None:
        """Send the background traffic that is due."""
        for _ in range(MOST_AT_ONCE):
            if now < self._next_chatter or not self._state.users:
                return
            self._chat(self._next_chatter)
            self._next_chatter += self._state.rng.expovariate(self._chatter)
        self._plan_chatter(now)

    def _plan_chatter(self, now: float) -> None:
        self._next_chatter = now + (self._state.rng.expovariate(self._chatter) if self._chatter else float("inf"))

    def _chat(self, now: float) -> None:
        rng = self._state.rng
        user = rng.choice(list(self._state.users.values()))
        kind = rng.choices([name for name, _ in CHATTER_KINDS], [weight for _, weight in CHATTER_KINDS])[0]
        if kind == "text":
            self.send_text(user.num, rng.choice(SMALL_TALK), now, BROADCAST_NUM)
            return
        port = PortNum.Value(f"{kind.upper()}_APP")
        self._receiver.hear(self._packet(user.num, BROADCAST_NUM, port, self._content(user, port, now)), now)

    def _route(self, user: User) -> mesh_pb2.RouteDiscovery:
        """Return the route to a user and back; each has one SNR more than relays: that of its end."""
        relays = [relay for relay in self._relays if relay.hops < user.hops]
        levels = [round(each.snr * 4) for each in (*relays, user)]
        nums = [relay.num for relay in relays]
        return mesh_pb2.RouteDiscovery(
            route=nums, snr_towards=levels, route_back=nums[::-1], snr_back=[*levels[-2::-1], levels[0]]
        )

    def _on_user_request(self, num: int, now: float) -> None:
        if num in self._state.users and "unheard" not in self._state.faults:
            self._plan_nodeinfo(self._state.users[num], now)

    def _plan_nodeinfo(self, user: User, now: float) -> None:
        def send_nodeinfo(later: float) -> None:
            payload = self._content(user, PortNum.NODEINFO_APP, later)
            self._receiver.hear(self._packet(user.num, self._state.own.num, PortNum.NODEINFO_APP, payload), later)

        self._state.scheduler.at(now + 2 * self._state.airtime, send_nodeinfo)

    def _encrypt(self, packet: mesh_pb2.MeshPacket, user: User, now: float) -> None:
        """Mark the packet as decrypted by the node, or leave it encrypted if the node lacks the user's key."""
        known = self._state.nodes.public_key(user.num)
        if known == user.public_key:
            packet.pki_encrypted, packet.public_key = True, known
            return
        packet.encrypted = self._state.rng.randbytes(len(packet.decoded.SerializeToString()) + PKI_OVERHEAD)
        # The node answers PKI_UNKNOWN_PUBKEY, on which the user's node sends its NODEINFO
        if not known:
            self._plan_nodeinfo(user, now)

    def _content(self, user: User, port: int, now: float) -> bytes:
        epoch = self._state.epoch(now)
        message: Any
        if port == PortNum.NODEINFO_APP:
            message = user_message(user)
        elif port == PortNum.POSITION_APP:
            message = position_message(user, epoch)
        elif port == PortNum.TELEMETRY_APP:
            message = telemetry_pb2.Telemetry(time=epoch, device_metrics=metrics_message(user))
        else:
            neighbours = self._state.rng.sample(list(self._state.users.values()), min(3, len(self._state.users)))
            message = mesh_pb2.NeighborInfo(
                node_id=user.num,
                last_sent_by_id=user.num,
                node_broadcast_interval_secs=14_400,
                neighbors=[mesh_pb2.Neighbor(node_id=other.num, snr=other.snr) for other in neighbours],
            )
        payload: bytes = message.SerializeToString()
        return payload

    def _packet(self, num: int, to: int, port: int, payload: bytes, packet_id: int = 0, **fields: Any) -> Any:
        reception = self._reception(num) | fields
        return data_packet(num, to, port, payload, packet_id or self._state.new_id(), **reception)

    def _reception(self, num: int) -> dict[str, Any]:
        """Return the MeshPacket fields of a reception from a node."""
        user = self._state.users.get(num)
        snr, hops = (user.snr, user.hops) if user else (5.0, 0)
        heard_from = self._relays[0].num if hops and self._relays[0].hops < hops else num
        return {
            "rx_snr": snr,
            "rx_rssi": round(-95 + 2 * snr),
            "hop_start": MAX_HOPS,
            "hop_limit": MAX_HOPS - hops,
            "relay_node": heard_from & 0xFF,
            "transport_mechanism": LORA,
        }
