"""The phone API: one client's session, its requests, the order of its answers, and its expiry."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from math import inf
from typing import Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.configuration import ONLY_CONFIG
from meshbot.virtual_node.framing import frame
from meshbot.virtual_node.lockdown import Session
from meshbot.virtual_node.packets import BROADCAST_NUM, port_name
from meshbot.virtual_node.records import ReceivedPacket
from meshbot.virtual_node.replays import replays
from meshbot.virtual_node.router import Router
from meshbot.virtual_node.state import NodeState

LOGGER = logging.getLogger(__name__)
PortNum = portnums_pb2.PortNum
IDS_REMEMBERED: Final = 20  # packet ids of this client
MAX_DATA: Final = 233  # bytes of payload; more is malformed to the firmware
# Between two accepted packets of a portnum
SECONDS_BETWEEN: Final = {
    PortNum.TEXT_MESSAGE_APP: 2.0,
    PortNum.POSITION_APP: 10.0,
    PortNum.TELEMETRY_APP: 10.0,
    PortNum.WAYPOINT_APP: 10.0,
    PortNum.ALERT_APP: 10.0,
    PortNum.TRACEROUTE_APP: 30.0,
}
IDLE_LIMIT: Final = 900.0  # seconds without a framed message from the client
# The first firmware versions that do so; heartbeats on an idle link
CLOSES_IDLE_CLIENTS: Final = (2, 7, 21)
ANSWERS_HEARTBEATS: Final = (2, 7, 6)
TRACEROUTE_TOO_SOON: Final = "TraceRoute can only be sent once every 30 seconds"
TRACEROUTE_TO_ALL: Final = "Multi-hop traceroute to broadcast address is not allowed"


class PhoneApi:
    """Lives as long as one connection; packet ids and rate limits end with it, as in the firmware."""

    def __init__(self, state: NodeState, router: Router, number: int, now: float) -> None:
        """`number` counts the connections from 1."""
        self._state = state
        self._router = router
        self._number = number
        self._last_contact = now
        self._ids: deque[int] = deque(maxlen=IDS_REMEMBERED)
        self._accepted_at: dict[int, float] = {}
        self._heartbeat_due = False
        self._download: Iterator[bytes | None] | None = None
        # from firmware 2.8 on, what its database holds of other nodes follows the configuration
        self._replays: Iterator[mesh_pb2.MeshPacket] = iter(())
        self._stalls = False
        self._session = Session(state)
        self.configured = False
        # The client sent disconnect; a fault ends the connection here
        self.closed = False
        self.cut = False

    @property
    def expires(self) -> float:
        """When the client will have sent nothing for IDLE_LIMIT; inf if the firmware bears that."""
        return self._last_contact + IDLE_LIMIT if self._state.version() >= CLOSES_IDLE_CLIENTS else inf

    def handle(self, payload: bytes, now: float, *, mute: bool = False) -> None:
        """Take one framed message; a mute node only records it."""
        self._last_contact = now
        message = mesh_pb2.ToRadio()
        try:
            message.ParseFromString(payload)
        except DecodeError:
            self._state.log.malformed += 1
            return
        kind = message.WhichOneof("payload_variant")
        log = self._state.log
        if kind == "packet":
            self._handle_packet(message.packet, now, mute=mute)
        elif kind == "want_config_id":
            log.want_configs.append(message.want_config_id)
            if not mute:
                self._start_download(message.want_config_id, now)
        elif kind == "heartbeat":
            log.heartbeats += 1
            if not mute:
                self._handle_heartbeat(message.heartbeat.nonce, now)
        elif kind == "disconnect":
            log.disconnects += 1
            self.closed = not mute
        else:
            log.others += 1

    def next_frame(self, now: float) -> bytes | None:
        """Return the next frame for the client, None if there is none now."""
        if self._heartbeat_due and not self._stalls:
            return self._heartbeat_answer(now)
        if self._download is not None:
            return self._next_download_frame(now)
        if not self.configured:
            return None
        if self._session.is_locked:
            self._state.phone.packets.clear()
        message = self._state.phone.next_message()
        if message is None and (replay := next(self._replays, None)) is not None:
            message = mesh_pb2.FromRadio(packet=replay)
        return None if message is None else frame(message.SerializeToString())

    def _start_download(self, nonce: int, now: float) -> None:
        state = self._state
        self.configured = False
        is_locked = self._session.is_locked
        replayed = state.is_2_8 and nonce != ONLY_CONFIG and not is_locked
        self._replays = replays(state.nodes.kept, state.config.hop_limit) if replayed else iter(())
        self._download = state.config.download(
            nonce, state.nodes, state.epoch(now), self._is_stalled, is_locked=is_locked
        )

    def _is_stalled(self, nodes_sent: int) -> bool:
        faults = self._state.faults
        return faults.affects_connection("stall", self._number) and nodes_sent >= faults.number("stall", "after")

    def _next_download_frame(self, now: float) -> bytes | None:
        assert self._download is not None  # noqa: S101 - the only caller looked
        step = next(self._download, b"")
        # Not even heartbeats are answered then
        self._stalls = step is None
        if step is None:
            return None
        if not step:
            self._download, self.configured = None, True
            if (status := self._session.status()) is not None:
                self._state.phone.news.append(status)
            return self.next_frame(now)
        return step

    def _heartbeat_answer(self, now: float) -> bytes:
        self._heartbeat_due = False
        return frame(mesh_pb2.FromRadio(queueStatus=self._router.status(now)).SerializeToString())

    def _handle_heartbeat(self, nonce: int, now: float) -> None:
        if nonce == 1:
            self._router.broadcast_own_node(now)
        elif self._state.version() >= ANSWERS_HEARTBEATS and not self._loses_answer():
            self._heartbeat_due = True

    def _loses_answer(self) -> bool:
        faults = self._state.faults
        return "lose_heartbeats" in faults and self._state.rng.random() * 100 < faults.number("lose_heartbeats", "loss")

    def _handle_packet(self, packet: mesh_pb2.MeshPacket, now: float, *, mute: bool) -> None:
        port, faults = packet.decoded.portnum, self._state.faults
        self.cut = port == PortNum.TEXT_MESSAGE_APP and "cut_at_text" in faults and not mute
        lost = self.cut and not faults.number("cut_at_text", "taken")
        dropped = "node is mute" if mute else "lost with the connection" if lost else self._reason_to_drop(packet, now)
        copy = mesh_pb2.MeshPacket()
        copy.CopyFrom(packet)
        self._state.log.packets.append(ReceivedPacket(copy, now, dropped))
        if dropped:
            LOGGER.info("🔇 Paquet 0x%08x du client ignoré: %s", packet.id, dropped)
        else:
            if port == PortNum.TRACEROUTE_APP and packet.to != BROADCAST_NUM:
                packet.want_ack = True
            self._accepted_at[port] = now
            self._router.send(packet, now)
            self._lose_status(port)
        if self.cut:
            faults.use_up("cut_at_text", "packets")

    def _lose_status(self, port: int) -> None:
        """Remove the status of the packet just sent, if a fault demands it."""
        faults = self._state.faults
        if port != PortNum.TEXT_MESSAGE_APP:
            return
        if "lose_status" in faults:
            faults.use_up("lose_status", "packets")
        elif not self.cut or faults.number("cut_at_text", "status_kept"):
            return
        self._state.phone.statuses.pop()

    def _reason_to_drop(self, packet: mesh_pb2.MeshPacket, now: float) -> str:
        """Return why the packet is dropped, "" if it is not; queue what the firmware answers."""
        if not self._session.may_send(packet, now):
            return "lockdown"
        if len(packet.decoded.payload) > MAX_DATA:
            return "malformed: payload too long"
        if packet.id and packet.id in self._ids:
            return "repeated packet id"
        self._ids.append(packet.id)
        port = packet.decoded.portnum
        pause = SECONDS_BETWEEN.get(port, 0.0)
        if now - self._accepted_at.get(port, -pause) < pause:
            if port == PortNum.TRACEROUTE_APP:
                self._state.notify(TRACEROUTE_TOO_SOON, now, packet.id)
            self._router.queue_status(now, 0, packet.id)
            return f"less than {pause:g} s after the previous {port_name(packet)}"
        if port == PortNum.TRACEROUTE_APP and packet.to == BROADCAST_NUM and packet.hop_limit:
            self._state.notify(TRACEROUTE_TO_ALL, now, packet.id)
            self._router.queue_status(now, 0, packet.id)
            return "traceroute to everybody"
        return ""
