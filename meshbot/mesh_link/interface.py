"""The library's TCPInterface, made safe: used once, every wait bounded, every failure reported.

Every override of the library stands here. What the library would do instead, and why that hangs, is in
docs/TCP_RECONNECTION_PUBKEY_SYNC_FIX.md; tests/integration/test_library_contract.py pins each fact relied upon.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping

from meshtastic.protobuf import admin_pb2, mesh_pb2, portnums_pb2
from meshtastic.tcp_interface import TCPInterface

from meshbot.mesh_link.administration import Administration
from meshbot.mesh_link.connecting import Connecting, KnownAddress, LinkTarget, TcpInfo, shut, tcp_info
from meshbot.mesh_link.decoding import decode, hand_over
from meshbot.mesh_link.failures import LinkFailure, failure_of
from meshbot.mesh_link.firmware import (
    HAS_XEDDSA_SIGNED,
    SignaturePolicy,
    answers_heartbeats,
    module_section,
    read,
    signature_policy,
)
from meshbot.mesh_link.framing import FrameReader
from meshbot.mesh_link.link_listener import LinkListener
from meshbot.mesh_link.message_dict import as_dict
from meshbot.mesh_link.messages import BROADCAST_NUM, Channel, LoraSettings, NodeRecord, OwnNode, TextPacket
from meshbot.mesh_link.node_maps import NEWCOMERS_KEPT, NodeMaps
from meshbot.mesh_link.node_warnings import warning_text
from meshbot.mesh_link.outgoing_packets import key_question, route_request, text_packet
from meshbot.mesh_link.own_config import LOCKED_STATES, enabled_channels, is_redacted, lora_settings, own_node
from meshbot.mesh_link.packets import node_record
from meshbot.mesh_link.radio_database import RadioDatabase
from meshbot.runtime import LinkCause, Throttle

LOGGER = logging.getLogger(__name__)
RECV_BYTES = 65536
# Seconds for `disconnect` to leave and for the node to close in answer
GOODBYE_TIMEOUT = 0.5
UNREADABLE_REPORT_EVERY = 60.0  # seconds
# Seconds; the reader ends as soon as its socket is shut
READER_JOIN_TIMEOUT = 1.0
# The request for nothing but nodes (link_facts §2)
ONLY_NODES = 69421


class MeshTCPInterface(TCPInterface):  # type: ignore[misc] # the library ships no types
    """One connection to the node, from `connect` to `close`; a second `connect` is an error."""

    def __init__(
        self,
        target: LinkTarget,
        listener: LinkListener,
        monotonic: Callable[[], float],
        owner: object = None,
        *,
        known: KnownAddress | None = None,
        without_nodes: bool = False,
    ) -> None:
        """`without_nodes`: request the configuration without the other nodes; `fetch_nodes` asks for them later."""
        # the library publishes for all interfaces of a process: the owner is how a packet's taker is found
        self.owner = owner
        self._target = target
        self._listener = listener
        self._monotonic = monotonic
        self._connecting = Connecting(target, known or KnownAddress())
        # one frame at a time on the wire
        self._write_lock = threading.Lock()
        # the first; the connection is over
        self._failure: LinkFailure | None = None
        # our node's, as it last gave it: from 2.8 on it may change at any time
        self.own_num = 0
        # over this connection
        self.reboot_ordered = False
        self._configurations, self.configured_at = 0, float("inf")  # how many, and monotonic seconds
        self._frames = FrameReader(decode)
        self._records: dict[int, NodeRecord] = {}
        self.database = RadioDatabase(is_whole=not without_nodes)
        self.modules: dict[str, bytes] = {}  # as they came, by section: the library keeps not all
        self.administration = Administration(self._send_admin)
        self._maps = NodeMaps(NEWCOMERS_KEPT)
        self._unreadable = Throttle(UNREADABLE_REPORT_EVERY)
        self.last_heard = self._requested_at = monotonic()
        # seconds from our first request to the first byte, 0 before that
        self.round_trip = 0.0
        # of the reader: it lives if it waits for data, or once this has grown
        self.reader_turns = 0
        self.received = 0  # bytes
        self.reader_waits = False
        super().__init__(target.host, portNumber=target.port, connectNow=False, noNodes=without_nodes)

    # -- life

    def connect(self) -> None:
        """Resolve, connect, start the reader and ask for the configuration; `connected` is reported, not waited for."""
        self.myConnect()
        self._listener.accepted()
        # the library's 32 bytes of 0xC3 and its pause of 0.1 s wake serial ports; TCP needs neither
        self._rxThread.start()
        self._startConfig()

    def myConnect(self) -> None:
        """Resolve the host's name and connect, within connect_timeout in all."""
        self.socket = self._connecting.run()

    def cut(self, reason: str) -> None:
        """End the connection at once, from any thread, without blocking; whatever waits on it is released."""
        self._end(LinkFailure(detail=reason))
        self._connecting.cut()

    def close(self) -> None:
        """Send `disconnect` and end, within GOODBYE_TIMEOUT + READER_JOIN_TIMEOUT and a little; may be called twice."""
        self._wantExit = True
        if self._rxThread.is_alive() and self._failure is None:
            # the node closes in answer; after a bare FIN it would lose the next message it hears (link_facts §11)
            with contextlib.suppress(OSError):
                self._send_disconnect()
        self.cut("fermé")
        if self._rxThread.is_alive() and self._rxThread is not threading.current_thread():
            self._rxThread.join(READER_JOIN_TIMEOUT)
        if self.socket is not None:
            self.socket.close()

    def _send_disconnect(self) -> None:
        self.socket.settimeout(GOODBYE_TIMEOUT)
        self._sendDisconnect()
        self._wait_for_reader_exit(GOODBYE_TIMEOUT)

    def _end(self, failure: LinkFailure) -> None:
        """Keep the first failure and shut the socket, which releases the reader and every writer."""
        if self._failure is None:
            self._failure = failure
        self._wantExit = True
        self.isConnected.clear()
        if self.socket is not None:
            shut(self.socket)

    @property
    def tcp_info(self) -> TcpInfo:
        """What the system knows of the connection."""
        try:
            return TcpInfo(0.0, is_repeating=False) if self.socket is None else tcp_info(self.socket)
        except OSError:
            # its end is reported elsewhere
            return TcpInfo(0.0, is_repeating=False)

    # -- what the library must not do by itself

    def _reconnect(self) -> None:
        raise ConnectionError("link lost")

    def _startHeartbeat(self) -> None:
        """No timer of the library's: the link machine probes."""

    def _waitConnected(self, timeout: float = 0.0) -> None:  # noqa: ARG002 - the library's signature
        if not self.isConnected.is_set():
            raise ConnectionError(self._failure or "not connected")

    # -- writing

    def _sendToRadio(self, toRadio: mesh_pb2.ToRadio) -> None:
        # no transmit queue of the library's: the send queue paces and confirms
        self._sendToRadioImpl(toRadio)

    def _writeBytes(self, b: bytes) -> None:
        if not self._write_lock.acquire(timeout=self._target.send_timeout):
            self._end(LinkFailure(LinkCause.SEND_BLOCKED))
            raise TimeoutError("another thread is still writing to the node")
        try:
            if self._failure is not None or self.socket is None:
                raise ConnectionError(self._failure or "not connected")
            self.socket.sendall(b)
        except OSError as exc:
            # part of a frame may be out: the stream cannot go on
            self._end(failure_of(exc, "envoi"))
            raise
        finally:
            self._write_lock.release()

    def send_text_packet(self, packet: TextPacket) -> None:
        """Write one text packet; OSError if the link is gone. The node confirms it by `queue_status`."""
        self._sendPacket(text_packet(packet), destinationId=packet.to, wantAck=packet.want_ack)

    def send_route_request(self, packet_id: int, to: int) -> None:
        """Write one traceroute; OSError if the link is gone."""
        self._sendPacket(route_request(packet_id), destinationId=to)

    def fetch_nodes(self) -> None:
        """Ask for the other nodes; `fetched` is reported. Until then the node delivers no packets."""
        self._sendToRadio(mesh_pb2.ToRadio(want_config_id=ONLY_NODES))

    def send_key_question(self, to: int) -> None:
        """Have a node introduce itself; OSError if the link is gone."""
        self._sendPacket(key_question(), destinationId=to)

    def introduce(self) -> None:
        """Broadcast our own node's NodeInfo, which a heartbeat with this nonce asks for (link_facts §11)."""
        self._sendToRadio(mesh_pb2.ToRadio(heartbeat=mesh_pb2.Heartbeat(nonce=1)))

    def send_time(self, seconds: int) -> None:
        """See Administration.set_time."""
        self.administration.set_time(seconds)

    def send_reboot(self, seconds: int) -> None:
        """Have the node reboot in so many seconds; OSError if the link is gone. A managed node ignores it."""
        self.administration.reboot(seconds)
        self.reboot_ordered = True

    def _send_admin(self, message: admin_pb2.AdminMessage, packet_id: int) -> None:
        data = mesh_pb2.Data(portnum=portnums_pb2.PortNum.ADMIN_APP, payload=message.SerializeToString())
        packet = mesh_pb2.MeshPacket(id=packet_id, decoded=data)
        self._sendPacket(packet, destinationId=self.own_num, wantAck=packet_id != 0)

    # -- reading

    def _StreamInterface__reader(self) -> None:
        try:
            while self._failure is None:
                self.reader_turns += 1
                try:
                    self.reader_waits = True
                    data = self.socket.recv(RECV_BYTES)
                except TimeoutError:
                    # the socket's timeout is for writers; silence is for the link machine to judge
                    continue
                self.reader_waits = False
                if not data:
                    self._end(LinkFailure(LinkCause.CLOSED))
                    break
                self.received += len(data)
                self.last_heard = self._monotonic()
                if not self.round_trip:
                    self.round_trip = max(self.last_heard - self._requested_at, self.tcp_info.round_trip)
                for frame in self._frames.feed(data):
                    self._take(frame)
        except OSError as exc:
            self._end(failure_of(exc, "réception"))
        finally:
            self._disconnected()

    def _take(self, from_radio: mesh_pb2.FromRadio) -> None:
        """Let the library take one message; one that it cannot handle is logged and skipped."""
        try:
            self._route(from_radio)
        except OSError:
            # the link, not the message
            raise
        except Exception as exc:  # noqa: BLE001 - the library raises anything on odd packets; the reader must go on
            if count := self._unreadable.count(self._monotonic()):
                LOGGER.warning("⚠️ Message du nœud illisible, ignoré (%d): %s: %s", count, type(exc).__name__, exc)

    def _route(self, from_radio: mesh_pb2.FromRadio) -> None:
        match from_radio.WhichOneof("payload_variant"):
            case "packet":
                self._take_packet(from_radio.packet)
            case "node_info":
                self._take_node_info(from_radio.node_info)
            case "my_info":
                self._handleFromRadio(from_radio.SerializeToString())
                self._take_own_num(from_radio.my_info.my_node_num)
            case "queueStatus":
                self._handleQueueStatusFromRadio(from_radio.queueStatus)
            case "clientNotification":
                # a traceroute too soon is dropped with this alone: its queueStatus reports success
                notification = from_radio.clientNotification
                self._listener.client_warning(notification.reply_id, warning_text(notification))
            case "lockdown_status":
                self._take_lockdown(from_radio.lockdown_status)
            case "config_complete_id" if from_radio.config_complete_id == ONLY_NODES:
                self.database.is_whole = True
                self._listener.fetched()
            case other:
                self.modules |= module_section(from_radio.moduleConfig) if other == "moduleConfig" else {}
                # also what is newer than the library, which then does nothing
                self._handleFromRadio(from_radio.SerializeToString())

    def _take_packet(self, packet: mesh_pb2.MeshPacket) -> None:
        # a packet without a sender: the library would print about it
        if sender := getattr(packet, "from"):
            is_new = sender not in (self.nodesByNum or {})
            hand_over(packet, self._handlePacketFromRadio)
            # None before a configuration
            if self.nodesByNum is not None and self.nodes is not None:
                self._maps.heard(sender, self.nodes, self.nodesByNum, is_new=is_new)

    def _take_own_num(self, num: int) -> None:
        before, self.own_num = self.own_num, num if 0 < num < BROADCAST_NUM else self.own_num
        # of the first one READY tells
        if before not in {0, self.own_num}:
            self._listener.renumbered(own_node(self.own_num, self.localNode.localConfig, is_complete=False))

    def _take_lockdown(self, status: mesh_pb2.LockdownStatus) -> None:
        """Take whether the node is locked; what contradicts its configuration makes a new one necessary."""
        if (status.state in LOCKED_STATES) is not self.is_redacted and self.isConnected.is_set():
            self._end(LinkFailure(detail="le verrouillage du nœud (lockdown) a changé"))

    def _take_node_info(self, info: mesh_pb2.NodeInfo) -> None:
        entry = as_dict(info)
        if "position" in entry:
            self._fixupPosition(entry["position"])
        record = node_record(entry, has_signed=bool(read(info, HAS_XEDDSA_SIGNED)))
        self._records[info.num] = record
        self.database.take(record, is_favourite=info.is_favorite)
        node = self._getOrCreateByNum(info.num)
        self._maps.listed(info.num)
        node.update(entry)
        if "id" in node.get("user", {}):
            self.nodes[node["user"]["id"]] = node

    @property
    def boots(self) -> int:
        """Return the node's count of its reboots, 0 if it keeps none (an ESP32 does)."""
        return 0 if self.myInfo is None else int(self.myInfo.reboot_count)

    @property
    def lora(self) -> LoraSettings:
        """Return how the node's radio is set, as of the last configuration."""
        return lora_settings(self.localNode.localConfig, self.metadata)

    @property
    def own_node(self) -> OwnNode:
        """Return our own node, as of the last configuration."""
        return own_node(self.own_num, self.localNode.localConfig, is_complete=True)

    @property
    def is_redacted(self) -> bool:
        """Whether the last configuration is that of a node in lockdown: nothing in it tells what the node knows."""
        return is_redacted(self.metadata, self.localNode.channels)

    @property
    def signature_policy(self) -> SignaturePolicy:
        """Which broadcasts of others the node takes."""
        return signature_policy(self.localNode.localConfig.security)

    @property
    def firmware(self) -> str:
        """Return the version of the node's firmware, empty if it is unknown."""
        return "" if self.metadata is None else str(self.metadata.firmware_version)

    def take_records(self) -> list[NodeRecord]:
        """Return the node's own database as downloaded since the last call; packets do not change it."""
        records, self._records = self._records, {}
        return list(records.values())

    @property
    def radio_keys(self) -> Mapping[int, bytes]:
        """The public keys that the node's own database holds, by node; a snapshot."""
        return self.database.keys

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels that the node has enabled."""
        return enabled_channels(self.localNode.channels, self.localNode.localConfig.lora)

    def has_channel(self, index: int) -> bool:
        """Return whether the node has that channel, enabled."""
        return any(channel.index == index for channel in self.channels)

    @property
    def is_managed(self) -> bool:
        """Whether the node takes no administration by its client (`security.is_managed`)."""
        return bool(self.localNode.localConfig.security.is_managed)

    def _handleQueueStatusFromRadio(self, queueStatus: mesh_pb2.QueueStatus) -> None:
        self.queueStatus = queueStatus
        self._listener.queue_status(queueStatus.mesh_packet_id, queueStatus.res)

    # -- what the library reports

    def _startConfig(self) -> None:
        self._configurations += 1
        self._requested_at = self._monotonic()
        self.modules.clear()
        self.database.clear()
        self._maps = NodeMaps(NEWCOMERS_KEPT)
        if self._configurations > 1:
            self._listener.restarted()
        super()._startConfig()

    def _connected(self) -> None:
        # the rest of what had come before the end
        if self._failure is not None:
            return
        if self.myInfo is None or not self.own_num:
            locked = "configuration sans notre propre nœud: il est verrouillé (lockdown)" if self.is_redacted else ""
            self._end(LinkFailure(LinkCause.NO_OWN_NODE, locked))
            return
        was_connected, self.configured_at = self.isConnected.is_set(), self._monotonic()
        super()._connected()
        if not was_connected:
            self._listener.connected(answers_probes=answers_heartbeats(self.firmware))

    def _disconnected(self) -> None:
        super()._disconnected()
        self._listener.lost(self._failure or LinkFailure(detail="lecture terminée"))
