"""A short connection to our own node for administration, without the bot: connect, read, write, read back."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Self

from meshtastic.protobuf import admin_pb2, mesh_pb2, portnums_pb2

from meshbot.mesh_link.connecting import LinkTarget
from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.interface import MeshTCPInterface
from meshbot.mesh_link.own_settings import OwnSettings, settings_of
from meshbot.runtime import Clock

# Seconds for a whole configuration without the other nodes; an ESP32 may stall for 10
CONFIG_TIMEOUT: Final = 60.0
# Seconds for the node's answer to one admin message
ANSWER_TIMEOUT: Final = 15.0
# What the inbox says beside (packet id, error) of an answer
CONNECTED: Final = "connected"


class OwnNodeClient:
    """One connection, in one thread; a context manager. Raises OSError when the link is lost or the node is silent."""

    def __init__(self, target: LinkTarget, clock: Clock) -> None:
        self._clock = clock
        self._inbox: SimpleQueue[tuple[int, str] | str | LinkFailure] = SimpleQueue()
        self._interface = _AdminInterface(target, self, clock.monotonic, without_nodes=True)
        self._interface.on_answer = self._on_answer

    def __enter__(self) -> Self:
        """Connect, and wait for the configuration."""
        try:
            self._interface.connect()
            self._wait_for(CONNECTED, CONFIG_TIMEOUT)
        except BaseException:
            self._interface.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        """Say goodbye and close."""
        self._interface.close()

    def settings(self) -> OwnSettings | None:
        """Return the node's configuration; see settings_of."""
        return settings_of(self._interface)

    def send(self, message: bytes) -> str:
        """Send an AdminMessage; return the name of the node's answer, NONE for done."""
        packet = self._interface.sendData(
            admin_pb2.AdminMessage.FromString(message),
            self._interface.own_num,
            portnums_pb2.PortNum.ADMIN_APP,
            wantAck=True,
        )
        return self._wait_for(packet.id, ANSWER_TIMEOUT)

    def wait_for_reboot(self, timeout: float) -> None:
        """Wait until the node has closed the connection, at most `timeout` seconds."""
        deadline = self._clock.monotonic() + timeout
        while (each := self._clock.get(self._inbox, deadline)) is not None and not isinstance(each, LinkFailure):
            continue

    def _wait_for(self, wanted: int | str, timeout: float) -> str:
        deadline = self._clock.monotonic() + timeout
        while (each := self._clock.get(self._inbox, deadline)) is not None:
            match each:
                case LinkFailure():
                    raise ConnectionError(str(each))
                case (packet_id, error) if packet_id == wanted:
                    return error
                case str() if each == wanted:
                    return each
        raise TimeoutError("the node does not answer")

    # -- LinkListener, on the reader's thread

    def accepted(self) -> None:
        """See LinkListener."""

    def connected(self, *, answers_probes: bool) -> None:  # noqa: ARG002 - of no use for a short connection
        """See LinkListener."""
        self._inbox.put(CONNECTED)

    def fetched(self) -> None:
        """See LinkListener."""

    def restarted(self) -> None:
        """See LinkListener."""
        self._inbox.put(LinkFailure(detail="le nœud redémarre"))

    def renumbered(self, own: object) -> None:
        """See LinkListener: a new key makes a new number from firmware 2.8 on."""

    def lost(self, failure: LinkFailure) -> None:
        """See LinkListener."""
        self._inbox.put(failure)

    def queue_status(self, packet_id: int, result: int) -> None:
        """See LinkListener."""
        if packet_id and result:
            names = mesh_pb2.Routing.Error.DESCRIPTOR.values_by_number
            self._inbox.put((packet_id, names[result].name if result in names else str(result)))

    def client_warning(self, packet_id: int, text: str) -> None:
        """See LinkListener: what the node says of a setting shows in what is read back."""

    def _on_answer(self, packet_id: int, error: str) -> None:
        self._inbox.put((packet_id, error))


class _AdminInterface(MeshTCPInterface):
    """Hands the answers to our packets over, which the bot takes from its packet router."""

    on_answer: Callable[[int, str], object]  # packet id, and the error's name

    def _take_packet(self, packet: mesh_pb2.MeshPacket) -> None:
        data = packet.decoded
        if data.portnum == portnums_pb2.PortNum.ROUTING_APP and data.request_id:
            error = mesh_pb2.Routing.FromString(data.payload).error_reason
            names = mesh_pb2.Routing.Error.DESCRIPTOR.values_by_number
            self.on_answer(data.request_id, names[error].name if error in names else str(error))
            return
        super()._take_packet(packet)
