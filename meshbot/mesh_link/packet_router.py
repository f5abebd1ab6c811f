"""The thread Mesh-Router: parses each packet once and gives it to its takers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pubsub import pub

from meshbot.mesh_link.messages import (
    ChannelLoad,
    DeviceMetrics,
    NodeInfoPacket,
    PacketRecord,
    ReceivedText,
    RoutingAnswer,
    TextMessage,
    TracerouteReply,
)
from meshbot.mesh_link.packets import BadPacketError, message_of, packet_record, was_received
from meshbot.runtime import Clock, RecentKeys, Service, Throttle

LOGGER = logging.getLogger(__name__)
M = TypeVar("M")
# The library's topic, and everything below it
TOPIC: Final = "meshtastic.receive"
# Packets: 20 s of the busiest mesh
INBOX_LIMIT: Final = 1000
BAD_PACKETS_EVERY: Final = 60.0  # seconds between two warnings
FORGED_PACKETS_EVERY: Final = 3600.0
# Seconds behind a configuration within which packets may be some that the node kept
KEPT_FOR: Final = 60.0
# Packet ids of texts, 2 MB; the node itself remembers far fewer
REMEMBERED: Final = 8192


@dataclass(frozen=True, slots=True)
class RawPacket:
    """A packet as the library's dictionary, and the number of the node that received it."""

    packet: Mapping[str, Any]
    own_num: int
    is_fresh: bool = False  # the node had not kept it for us


@dataclass(frozen=True, slots=True)
class SeenTexts:
    """Sender and packet id of texts that an earlier process has taken, the oldest first."""

    keys: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketTakers:
    """Who takes which packets, in this order; a taker only puts into an inbox."""

    # every packet, also one that goes to other takers, or one for another node
    records: Sequence[Callable[[PacketRecord], object]] = ()
    channel_load: Sequence[Callable[[ChannelLoad], object]] = ()
    node_infos: Sequence[Callable[[NodeInfoPacket], object]] = ()
    routing_answers: Sequence[Callable[[RoutingAnswer], object]] = ()
    traceroutes: Sequence[Callable[[TracerouteReply], object]] = ()
    # every text, also our own and repeated ones
    texts: Sequence[Callable[[ReceivedText], object]] = ()
    # texts of others to a channel, each once; they may be commands
    channel_texts: Sequence[Callable[[TextMessage], object]] = ()
    # texts of others to our node, each once; they may be commands
    direct_texts: Sequence[Callable[[TextMessage], object]] = ()


class PacketRouter(Service):
    """Subscribes once for the process's life; packets of an interface that has just gone count as well."""

    name = "Mesh-Router"

    def __init__(self, clock: Clock, takers: PacketTakers, owner: object) -> None:
        """`owner` is that of the interfaces whose packets are taken: the library publishes for a whole process."""
        super().__init__(clock, INBOX_LIMIT)
        self._takers = takers
        self._owner = owner
        self._seen_texts: RecentKeys[tuple[int, int], None] = RecentKeys(REMEMBERED)
        self._bad_packets = Throttle(BAD_PACKETS_EVERY)
        self._forged_packets = Throttle(FORGED_PACKETS_EVERY)

    @property
    def refused(self) -> dict[str, int]:
        """How many packets were refused so far, by reason; any thread may ask."""
        return {"bad": self._bad_packets.noted, "forged": self._forged_packets.noted}

    def on_start(self) -> None:
        """Subscribe; the library keeps only a weak reference."""
        pub.subscribe(self._on_receive, TOPIC)

    def on_stop(self) -> None:
        """See Service."""
        pub.unsubscribe(self._on_receive, TOPIC)

    def _on_receive(self, packet: Mapping[str, Any], interface: Any) -> None:
        """Take a packet on the library's publishing thread, which must not wait."""
        if getattr(interface, "owner", None) is self._owner:
            # the node hands over what it kept right behind its configuration: before the link is seen to be READY
            is_fresh = self._clock.monotonic() - interface.configured_at > KEPT_FOR
            self.offer(RawPacket(packet, interface.own_num, is_fresh))

    def handle(self, message: RawPacket | SeenTexts) -> None:
        """Parse one packet and give it to its takers; a text of an earlier process is a repeated one."""
        match message:
            case SeenTexts(keys):
                for key in keys:
                    self._seen_texts.put(key, None)
            case RawPacket():
                self._route(message)

    def _route(self, message: RawPacket) -> None:
        try:
            record = packet_record(message.packet)
            if _is_forged(message, record):
                self._warn_of_forged()
                return
            self._route_record(record, message.own_num)
            parsed = message_of(message.packet, record, message.own_num)
        except BadPacketError as exc:
            if count := self._bad_packets.count(self._clock.monotonic()):
                LOGGER.warning("⚠️ Paquet incorrect ignoré (%d): %s", count, exc)
            return
        match parsed:
            case TextMessage():
                self._route_text(parsed, message.own_num, is_fresh=message.is_fresh)
            case NodeInfoPacket():
                give(self._takers.node_infos, parsed)
            case RoutingAnswer():
                give(self._takers.routing_answers, parsed)
            case TracerouteReply():
                give(self._takers.traceroutes, parsed)

    def _route_record(self, record: PacketRecord, own_num: int) -> None:
        give(self._takers.records, record)
        metrics = record.payload
        if record.sender == own_num and isinstance(metrics, DeviceMetrics) and metrics.utilization is not None:
            give(self._takers.channel_load, ChannelLoad(metrics.utilization))

    def _route_text(self, text: TextMessage, own_num: int, *, is_fresh: bool) -> None:
        is_ours = text.sender == own_num
        concerns_us = not is_ours and (text.is_broadcast or text.to == own_num)
        is_repeat = concerns_us and self._was_seen(text)
        give(self._takers.texts, ReceivedText(text, own_num, is_repeat, is_fresh))
        if concerns_us and not is_repeat:
            give(self._takers.channel_texts if text.is_broadcast else self._takers.direct_texts, text)

    def _was_seen(self, text: TextMessage) -> bool:
        # a packet without id cannot be distinguished from the next one
        if not text.packet_id:
            return False
        key = (text.sender, text.packet_id)
        seen = key in self._seen_texts
        self._seen_texts.put(key, None)
        return seen

    def _warn_of_forged(self) -> None:
        if count := self._forged_packets.count(self._clock.monotonic()):
            LOGGER.warning("🎭 %d paquets reçus par radio sous notre propre numéro, ignorés: quelqu'un l'imite", count)


def _is_forged(message: RawPacket, record: PacketRecord) -> bool:
    """Return whether a packet under our own number came from others: what our node itself sends us nobody received.

    A copy of our own that comes back is no news either.
    """
    if record.sender != message.own_num or record.is_replay:
        return False
    return record.reception.via_mqtt or was_received(message.packet)


def give(takers: Iterable[Callable[[M], object]], message: M) -> None:
    """Give one message to each taker, in order."""
    for take in takers:
        take(message)
