"""What the other nodes of the mesh send: texts, responses, acknowledgements, background traffic."""

from __future__ import annotations

import logging
from math import inf
from typing import Any, Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.virtual_node.attacker import Attacker
from meshbot.virtual_node.deliveries import Deliveries
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet, error_in, routing_packet, sender_of
from meshbot.virtual_node.peers import SECONDS_BETWEEN, SECONDS_BETWEEN_URGENT, START_DELAY
from meshbot.virtual_node.population import MAX_HOPS, User, metrics_message, position_message, user_message
from meshbot.virtual_node.receiver import Receiver
from meshbot.virtual_node.signatures import sign
from meshbot.virtual_node.state import NodeState
from meshbot.virtual_node.versions import VERSION_2_8

LOGGER = logging.getLogger(__name__)
PortNum = portnums_pb2.PortNum
LORA: Final = mesh_pb2.MeshPacket.TransportMechanism.TRANSPORT_LORA
PKI_OVERHEAD: Final = 12  # bytes
SMALL_TALK: Final = (
    "Bonjour à tous", "Quelqu'un me reçoit ?", "Test depuis la colline", "Reçu 5/5", "73 et bonne journée",
    "Antenne changée, ça passe mieux", "Il pleut sur Lyon", "Bonne soirée le mesh",
)  # fmt: skip
CHATTER_KINDS: Final = (("telemetry", 40), ("position", 30), ("nodeinfo", 12), ("neighborinfo", 8), ("text", 10))
# A node's NODEINFO after a question or a NAK; between two that answer the same question
NODEINFO_AFTER: Final = 2.0  # seconds
NODEINFO_SPACING: Final = 0.5
LEGACY_HASH: Final = 0x08  # stands for the default channel's
# Since then a text to one node that is not PKI-encrypted is not read
REFUSES_LEGACY_TEXTS: Final = (2, 7, 14)
Error = mesh_pb2.Routing.Error
OPT_IN_KINDS: Final = ("telemetry", "position")  # which 2.8 sends only if its owner says so
MOST_AT_ONCE: Final = 500  # packets of background traffic after a long leap of the clock


class Mesh:
    """Simulates all nodes but the own one."""

    def __init__(self, state: NodeState, chatter: float, now: float) -> None:
        """`chatter` is in packets per second, on average; 0 for none."""
        self._state = state
        self._receiver = Receiver(state, self._on_user_request, self._on_answer)
        self.deliveries = Deliveries()
        self._hears_from = now  # the last boot
        self.attacker = Attacker(state, self._receiver)
        by_distance = {user.hops: user for user in sorted(state.users.values(), key=lambda user: user.num)}
        # One of each distance, the nearest first
        self._relays = [by_distance[hops] for hops in sorted(by_distance)]
        self._chatter = chatter
        self._next_chatter = now
        self._introduced_at = -inf  # our last NODEINFO
        self._plan_chatter(now)

    @property
    def receiver(self) -> Receiver:
        """Return the node's receiver."""
        return self._receiver

    def reset(self, now: float) -> None:
        """Start again after the node's reboot; traffic in the meantime was not heard."""
        self._receiver.reset()
        self._introduced_at = -inf
        self._hears_from = now
        self._plan_chatter(now)

    def send_text(self, num: int, text: str, now: float, to: int | None = None, **fields: Any) -> int:
        """Send a user's text to the node (to=None), as a broadcast, or to another node; return the packet id.

        A neighbour's node sends a direct message again until ours answers; a more distant one hears a relay repeat it.
        `fields` are the received packet's, besides `packet_id`, `channel` and `reply_id`. A direct message from a
        user with a key is PKI-encrypted, as in the firmware, unless pki_encrypted=False. It goes to the number that the
        user's node has for ours, and nowhere if that lacks our key. One that is not encrypted is refused by our node,
        unless pki_encrypted=False: then it comes as it did before 2.7.14.
        """
        state = self._state
        user = state.users.get(num)
        our_keys = state.peers.get(num).our_keys if user else {}
        to = self._our_number(our_keys) if to is None else to
        channel, reply_id = fields.pop("channel", 0), fields.pop("reply_id", 0)
        packet_id: int = fields.pop("packet_id", 0) or state.new_id()
        direct = to == state.own.num
        is_chosen = "pki_encrypted" in fields
        pki = fields.pop("pki_encrypted", direct and user is not None and bool(user.public_key))
        if pki and direct and user is not None and not our_keys.get(to):
            LOGGER.info("🔑 %s n'a pas notre clé: son message reste chez lui", user.node_id)
            self.deliveries.refuse(packet_id, Error.PKI_SEND_FAIL_PUBLIC_KEY)
            return packet_id
        payload, data = text.encode(), {"reply_id": reply_id}
        fields = {"channel": 0 if pki else channel, "want_ack": direct} | fields

        def transmit(at: float) -> None:
            if at < self._hears_from:
                return
            packet = self._packet(num, to, PortNum.TEXT_MESSAGE_APP, payload, packet_id=packet_id, data=data, **fields)
            if pki and user is not None:
                self._encrypt(packet, user, our_keys.get(to, b""))
            elif direct and not is_chosen and user is not None and self._refuses_legacy_texts():
                packet.encrypted, packet.channel = state.rng.randbytes(len(payload) + PKI_OVERHEAD), LEGACY_HASH
            self._receiver.hear(packet, at)

        if direct and fields["want_ack"] and user is not None:
            self.deliveries.send(packet_id, transmit, now, is_relayed=user.hops > 0)
        else:
            transmit(now)
        return packet_id

    def _refuses_legacy_texts(self) -> bool:
        return self._state.version() >= REFUSES_LEGACY_TEXTS and not self._state.nodes.is_licensed

    def _our_number(self, our_keys: dict[int, bytes]) -> int:
        """Return our number as a user's node knows it: the one learnt last if our present one is new to it."""
        own: int = self._state.own.num
        return own if own in our_keys or not our_keys else next(reversed(our_keys))

    def acknowledge(self, user: User, error: int, request_id: int, now: float) -> None:
        """Let the node hear the destination's ACK or NAK."""
        fields = self._reception(user.num)
        packet = routing_packet(user.num, self._state.own.num, error, request_id, self._state.new_id(), **fields)
        # a neighbour's is not to be relayed; then the bitfield tells "no hop" from "unknown"
        packet.decoded.bitfield = 0
        if not user.hops:
            packet.hop_start = packet.hop_limit = 0
        self._receiver.hear(packet, now)
        if error == Error.PKI_UNKNOWN_PUBKEY and self.may_introduce(now, is_urgent=True):
            self.introduce([user], now)

    def own_nodeinfo(self) -> bytes:
        """Return the content of our NODEINFO; a licensed owner's has no key."""
        own = self._state.nodes.own_user()
        if own.is_licensed:
            own.public_key = b""
        payload: bytes = own.SerializeToString()
        return payload

    def may_introduce(self, now: float, *, is_urgent: bool) -> bool:
        """Whether our node may send its NODEINFO now; if so, it is counted."""
        pause = SECONDS_BETWEEN_URGENT if is_urgent else SECONDS_BETWEEN
        if now - self._introduced_at < pause:
            return False
        self._introduced_at = now
        return True

    def introduce(self, users: list[User], now: float, *, asks: bool = False) -> None:
        """Let users hear our NODEINFO, and with `asks` answer with theirs."""
        own, is_licensed = self._state.own, self._state.nodes.is_licensed
        if "unheard" in self._state.faults:
            return
        answering = []
        for user in users:
            peer = self._state.peers.get(user.num)
            if not is_licensed:
                peer.learn(own.num, own.public_key)
            if asks and peer.answers(own.num, now):
                answering.append(user)
        for place, user in enumerate(answering):
            self._plan_nodeinfo(user, now + NODEINFO_AFTER + place * NODEINFO_SPACING)

    def replace_user(self, num: int, user: User, now: float) -> User:
        """Let a user's node come back from a reboot as another one, which then introduces itself to everybody."""
        state = self._state
        state.peers.renumber(num, user.num)
        state.users = {each.num: each for each in (user if old == num else it for old, it in state.users.items())}
        state.scheduler.at(now + START_DELAY, lambda later: self.broadcast_user(user.num, later))
        return user

    def broadcast_user(self, num: int, now: float) -> None:
        """Let a user's node introduce itself to everybody, unless it is gone."""
        if (user := self._state.users.get(num)) is not None:
            payload = self._content(user, PortNum.NODEINFO_APP, now)
            self._receiver.hear(self._packet(num, BROADCAST_NUM, PortNum.NODEINFO_APP, payload), now)

    def refuses(self, user: User, *, is_pki: bool) -> int:
        """Return the Routing.Error with which a user's node refuses a packet of ours, 0 if it can read it."""
        state = self._state
        if not is_pki or not user.public_key:
            return 0
        held = state.peers.get(user.num).our_keys.get(state.own.num)
        if not held:
            return int(Error.PKI_UNKNOWN_PUBKEY)
        is_readable = held == state.own.public_key and state.nodes.public_key(user.num) == user.public_key
        return 0 if is_readable else int(Error.NO_CHANNEL)

    def answer(self, packet: mesh_pb2.MeshPacket, user: User, now: float) -> None:
        """Let a user's node send the response that its firmware sends by itself."""
        port = packet.decoded.portnum
        data = {"request_id": packet.id}
        payload: bytes | None = None
        if port == PortNum.TRACEROUTE_APP:
            payload = self._route(user).SerializeToString() if packet.decoded.want_response else None
        elif port == PortNum.NODEINFO_APP:
            peer = self._state.peers.get(user.num)
            peer.learn(self._state.own.num, self._state.own.public_key)
            answers = packet.decoded.want_response and peer.answers(self._state.own.num, now)
            payload = self._content(user, port, now) if answers else None
        elif port == PortNum.ROUTING_APP:
            self._on_refusal(user.num, error_in(packet), now)
        elif packet.decoded.want_response and port in {PortNum.POSITION_APP, PortNum.TELEMETRY_APP}:
            payload = self._content(user, port, now)
        if payload is not None:
            self._receiver.hear(self._packet(user.num, self._state.own.num, port, payload, data=data), now)

    @property
    def due(self) -> float:
        """When traffic of the users' own is due, inf for never; the attacker's comes by polls."""
        return min(self._next_chatter if self._state.users else inf, self.deliveries.due)

    def poll(self, now: float) -> None:
        """Send the background traffic that is due, what is sent again, and the attacker's."""
        self.deliveries.run(now)
        self.attacker.poll(now)
        for _ in range(MOST_AT_ONCE):
            if now < self._next_chatter or not self._state.users:
                return
            self._chat(self._next_chatter)
            self._next_chatter += self._state.rng.expovariate(self._chatter)
        self._plan_chatter(now)

    def _plan_chatter(self, now: float) -> None:
        self._next_chatter = now + (self._state.rng.expovariate(self._chatter) if self._chatter else inf)

    def _chat(self, now: float) -> None:
        rng = self._state.rng
        user = rng.choice(list(self._state.users.values()))
        kind = rng.choices([name for name, _ in CHATTER_KINDS], [weight for _, weight in CHATTER_KINDS])[0]
        is_private = self._state.peers.get(user.num).firmware >= VERSION_2_8
        if is_private and kind in OPT_IN_KINDS:
            return
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
        """Let our node introduce itself to one that it does not know, and ask it for the same."""
        if self.may_introduce(now, is_urgent=False) and num in self._state.users:
            self.introduce([self._state.users[num]], now, asks=True)

    def _on_answer(self, packet: mesh_pb2.MeshPacket, error: int, now: float) -> None:
        """Let a packet's sender hear that our node has acknowledged or refused it."""
        if "unheard" in self._state.faults:
            return
        self.deliveries.settle(packet.id, error)
        self._on_refusal(sender_of(packet), error, now)

    def _on_refusal(self, num: int, error: int, now: float) -> None:
        """Let a user's node that lacks in our key be answered: on PKI_UNKNOWN_PUBKEY it introduces itself."""
        user = self._state.users.get(num)
        if error != Error.PKI_UNKNOWN_PUBKEY or user is None or not user.public_key or "unheard" in self._state.faults:
            return
        if self._state.peers.get(num).introduces_itself(now):
            self._plan_nodeinfo(user, now + NODEINFO_AFTER)

    def _plan_nodeinfo(self, user: User, due: float) -> None:
        def send_nodeinfo(now: float) -> None:
            payload = self._content(user, PortNum.NODEINFO_APP, now)
            self._receiver.hear(self._packet(user.num, self._state.own.num, PortNum.NODEINFO_APP, payload), now)

        self._state.scheduler.at(due, send_nodeinfo)

    def _encrypt(self, packet: mesh_pb2.MeshPacket, user: User, our_key: bytes) -> None:
        """Mark the packet as decrypted by the node, or leave it encrypted if one of the two lacks the other's key."""
        state = self._state
        known = state.nodes.reading_key(user.num)
        if known == user.public_key and our_key == state.own.public_key:
            packet.pki_encrypted, packet.public_key = True, known
            return
        packet.encrypted = state.rng.randbytes(len(packet.decoded.SerializeToString()) + PKI_OVERHEAD)

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
        packet = data_packet(num, to, port, payload, packet_id or self._state.new_id(), **reception)
        user = self._state.users.get(num)
        if user is not None and user.public_key and self._state.peers.get(num).firmware >= VERSION_2_8:
            sign(packet, user.public_key)
        return packet

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
