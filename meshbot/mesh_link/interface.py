"""The library's TCPInterface, made safe: used once, every wait bounded, every failure reported.

Every override of the library stands here. What the library would do instead, and why that hangs, is in
docs/TCP_RECONNECTION_PUBKEY_SYNC_FIX.md; tests/integration/test_library_contract.py pins each fact relied upon.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import select
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from meshtastic.protobuf import admin_pb2, channel_pb2, config_pb2, mesh_pb2, portnums_pb2
from meshtastic.tcp_interface import TCPInterface

from meshbot.mesh_link.failures import LinkFailure, failure_of
from meshbot.mesh_link.framing import FrameReader
from meshbot.mesh_link.message_dict import as_dict
from meshbot.mesh_link.messages import Channel, NodeRecord, TextPacket
from meshbot.mesh_link.packets import node_record
from meshbot.runtime import LinkCause, Throttle
from meshbot.text import one_line

LOGGER = logging.getLogger(__name__)
RECV_BYTES = 65536
# Seconds for `disconnect` to leave and for the node to close in answer
GOODBYE_TIMEOUT = 0.5
UNREADABLE_REPORT_EVERY = 60.0  # seconds
# Seconds; the reader ends as soon as its socket is shut
READER_JOIN_TIMEOUT = 1.0
# Firmware that answers a heartbeat on an idle link (link_facts §7)
HEARTBEAT_ANSWERED_SINCE = (2, 7, 6)


class LinkListener(Protocol):
    """What an interface reports, from any thread; each call only puts into an inbox."""

    def accepted(self) -> None:
        """The TCP connection stands."""

    def connected(self, *, answers_probes: bool) -> None:
        """Our configuration request is complete and our own node is known."""

    def restarted(self) -> None:
        """The node reported a reboot on the same connection: the library requests its configuration again."""

    def lost(self, failure: LinkFailure) -> None:
        """The reader has ended; nothing comes any more."""

    def queue_status(self, packet_id: int, result: int) -> None:
        """The node answered a packet (or a heartbeat: packet id 0)."""

    def client_warning(self, packet_id: int, text: str) -> None:
        """The node complains about a packet of ours, in text for people."""


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """Where the node is, and the socket's bounds in seconds."""

    host: str
    port: int
    connect_timeout: float
    send_timeout: float
    user_timeout: float  # TCP_USER_TIMEOUT; 0 leaves the system's


class MeshTCPInterface(TCPInterface):  # type: ignore[misc] # the library ships no types
    """One connection to the node, from `connect` to `close`; a second `connect` is an error."""

    def __init__(
        self, target: LinkTarget, listener: LinkListener, monotonic: Callable[[], float], owner: object = None
    ) -> None:
        # the library publishes for all interfaces of a process: the owner is how a packet's taker is found
        self.owner = owner
        self._target = target
        self._listener = listener
        self._monotonic = monotonic
        # protects `socket` between connect and cut
        self._socket_lock = threading.Lock()
        # one frame at a time on the wire
        self._write_lock = threading.Lock()
        self._cut = False
        # the first; the connection is over
        self._failure: LinkFailure | None = None
        # our node's, from its first complete configuration on
        self.own_num = 0
        # over this connection
        self.reboot_ordered = False
        self._configurations = 0
        self._frames = FrameReader(_decode)
        self._records: dict[int, NodeRecord] = {}
        self._radio_keys: dict[int, bytes] = {}
        self._unreadable = Throttle(UNREADABLE_REPORT_EVERY)
        self.last_heard = monotonic()
        super().__init__(target.host, portNumber=target.port, connectNow=False)

    # -- life

    def connect(self) -> None:
        """Resolve, connect, start the reader and ask for the configuration; `connected` is reported, not waited for."""
        self.myConnect()
        self._listener.accepted()
        # the library's 32 bytes of 0xC3 and its pause of 0.1 s wake serial ports; TCP needs neither
        self._rxThread.start()
        self._startConfig()

    def myConnect(self) -> None:
        """Try each address of the host in turn, within connect_timeout in all."""
        try:
            addresses = socket.getaddrinfo(self.hostname, self.portNumber, type=socket.SOCK_STREAM)
        # raised before any lookup, for `a..b` or a label of 64 characters
        except UnicodeError as exc:
            raise OSError(f"nom d'hôte impossible: {self.hostname}") from exc
        timeout = self._target.connect_timeout / max(1, len(addresses))
        error: OSError = ConnectionError(f"no address for {self.hostname}")
        for family, kind, protocol, _name, address in addresses:
            try:
                self._connect_socket(socket.socket(family, kind, protocol), address, timeout)
            except OSError as exc:
                error = exc
            else:
                return
        raise error

    def _connect_socket(self, sock: socket.socket, address: Any, timeout: float) -> None:
        sock.settimeout(0)
        with self._socket_lock:
            if self._cut:
                sock.close()
                raise ConnectionAbortedError("the session was ended")
            self.socket = sock
            # once it has begun, the shutdown in `cut` ends it
            error = sock.connect_ex(address)
        try:
            _finish_connecting(sock, error, timeout)
            sock.settimeout(self._target.send_timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            user_timeout = int(self._target.user_timeout * 1000)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout)
        except BaseException:
            sock.close()
            raise

    def cut(self, reason: str) -> None:
        """End the connection at once, from any thread, without blocking; whatever waits on it is released."""
        with self._socket_lock:
            self._cut = True
            self._end(LinkFailure(detail=reason))

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
            # not connected, or shut already
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)

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
        mesh_packet = mesh_pb2.MeshPacket(id=packet.packet_id, channel=packet.channel)
        mesh_packet.decoded.portnum = portnums_pb2.PortNum.TEXT_MESSAGE_APP
        mesh_packet.decoded.payload = packet.text.encode()
        mesh_packet.decoded.reply_id = packet.reply_id
        self._sendPacket(mesh_packet, destinationId=packet.to, wantAck=packet.want_ack)

    def send_route_request(self, packet_id: int, to: int) -> None:
        """Write one traceroute; OSError if the link is gone. Relays and the destination add themselves to it."""
        mesh_packet = mesh_pb2.MeshPacket(id=packet_id)
        mesh_packet.decoded.portnum = portnums_pb2.PortNum.TRACEROUTE_APP
        mesh_packet.decoded.payload = mesh_pb2.RouteDiscovery().SerializeToString()
        mesh_packet.decoded.want_response = True
        self._sendPacket(mesh_packet, destinationId=to)

    def send_time(self, seconds: int) -> None:
        """Set the node's time (seconds since 1970): it stamps packets with 0 until it knows (link_facts §11)."""
        message = admin_pb2.AdminMessage(set_time_only=seconds)
        self.sendData(message, self.own_num, portnums_pb2.PortNum.ADMIN_APP)

    def send_reboot(self, seconds: int) -> None:
        """Have the node reboot in so many seconds; OSError if the link is gone. A managed node ignores it."""
        message = admin_pb2.AdminMessage(reboot_seconds=seconds)
        self.sendData(message, self.own_num, portnums_pb2.PortNum.ADMIN_APP)
        self.reboot_ordered = True

    # -- reading

    def _StreamInterface__reader(self) -> None:
        try:
            while self._failure is None:
                try:
                    data = self.socket.recv(RECV_BYTES)
                except TimeoutError:
                    # the socket's timeout is for writers; silence is for the link machine to judge
                    continue
                if not data:
                    self._end(LinkFailure(LinkCause.CLOSED))
                    break
                self.last_heard = self._monotonic()
                for frame in self._frames.feed(data):
                    self._take(frame)
        except OSError as exc:
            self._end(failure_of(exc, "réception"))
        finally:
            self._disconnected()

    def _take(self, from_radio: mesh_pb2.FromRadio) -> None:
        """Let the library take one message; one that it cannot handle is logged and skipped."""
        try:
            match from_radio.WhichOneof("payload_variant"):
                case "packet":
                    self._take_packet(from_radio.packet)
                case "node_info":
                    self._take_node_info(from_radio.node_info)
                case "queueStatus":
                    self._handleQueueStatusFromRadio(from_radio.queueStatus)
                case "clientNotification" if from_radio.clientNotification.reply_id:
                    # a traceroute too soon is dropped with this alone: its queueStatus reports success
                    notification = from_radio.clientNotification
                    self._listener.client_warning(notification.reply_id, notification.message)
                case _:
                    self._handleFromRadio(from_radio.SerializeToString())
        except OSError:
            # the link, not the message
            raise
        except Exception as exc:  # noqa: BLE001 - the library raises anything on odd packets; the reader must go on
            if count := self._unreadable.count(self._monotonic()):
                LOGGER.warning("⚠️ Message du nœud illisible, ignoré (%d): %s: %s", count, type(exc).__name__, exc)

    def _take_packet(self, packet: mesh_pb2.MeshPacket) -> None:
        # a packet without a sender: the library would print about it
        if getattr(packet, "from"):
            self._handlePacketFromRadio(packet)
            # where the library keeps each node's last packet whole, 3 kB for as long as the link lasts, used by no part
            (self.nodesByNum or {}).get(getattr(packet, "from"), {}).pop("lastReceived", None)

    def _take_node_info(self, info: mesh_pb2.NodeInfo) -> None:
        entry = as_dict(info)
        if "position" in entry:
            self._fixupPosition(entry["position"])
        record = self._records[info.num] = node_record(entry)
        if record.public_key:
            self._radio_keys[info.num] = record.public_key
        node = self._getOrCreateByNum(info.num)
        node.update(entry)
        if "id" in node.get("user", {}):
            self.nodes[node["user"]["id"]] = node

    @property
    def boots(self) -> int:
        """Return the node's count of its reboots, 0 if it keeps none (an ESP32 does)."""
        return 0 if self.myInfo is None else int(self.myInfo.reboot_count)

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
        """The public keys that the node's own database held at its last configuration, by node; a snapshot."""
        return self._radio_keys.copy()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels that the node has enabled."""
        enabled = [each for each in self.localNode.channels or () if each.role != channel_pb2.Channel.Role.DISABLED]
        return tuple(Channel(each.index, one_line(each.settings.name) or self._preset) for each in enabled)

    def has_channel(self, index: int) -> bool:
        """Return whether the node has that channel, enabled."""
        return any(channel.index == index for channel in self.channels)

    @property
    def _preset(self) -> str:
        """Return the name of the modem preset as the firmware writes it, as `LongFast`."""
        lora = self.localNode.localConfig.lora
        if not lora.use_preset:
            return "Custom"
        names = config_pb2.Config.LoRaConfig.ModemPreset.DESCRIPTOR.values_by_number
        return names[lora.modem_preset].name.title().replace("_", "") if lora.modem_preset in names else ""

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
        self._radio_keys = {}
        if self._configurations > 1:
            self._listener.restarted()
        super()._startConfig()

    def _connected(self) -> None:
        # the rest of what had come before the end
        if self._failure is not None:
            return
        if self.myInfo is None or self.myInfo.my_node_num not in self.nodesByNum:
            self._end(LinkFailure(LinkCause.NO_OWN_NODE))
            return
        self.own_num = self.myInfo.my_node_num
        was_connected = self.isConnected.is_set()
        super()._connected()
        if not was_connected:
            self._listener.connected(answers_probes=answers_heartbeats(self.firmware))

    def _disconnected(self) -> None:
        super()._disconnected()
        self._listener.lost(self._failure or LinkFailure(detail="lecture terminée"))


def answers_heartbeats(firmware_version: str) -> bool:
    """Return whether that firmware answers a heartbeat on an idle link; False for a version it cannot read."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", firmware_version)
    return match is not None and tuple(map(int, match.groups())) >= HEARTBEAT_ANSWERED_SINCE


def _finish_connecting(sock: socket.socket, error: int, timeout: float) -> None:
    """Wait for a connection that `connect_ex` began with `error`; OSError if it does not come to stand."""
    if error == errno.EINPROGRESS:
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        ended = poll.poll(timeout * 1000)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if ended else errno.ETIMEDOUT
    if error:
        raise OSError(error, os.strerror(error))


def _decode(payload: bytes) -> mesh_pb2.FromRadio | None:
    """Return the message, or None if these bytes are none that we know."""
    from_radio = mesh_pb2.FromRadio()
    try:
        from_radio.ParseFromString(payload)
    except Exception:  # noqa: BLE001 - protobuf's DecodeError has moved between its versions
        return None
    return from_radio if from_radio.WhichOneof("payload_variant") or not payload else None
