"""VirtualNode: the node on a TCP port with one thread, as tests and the demo use it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from selectors import BaseSelector
from types import TracebackType
from typing import Any, Final, Self

from meshtastic.protobuf import mesh_pb2

from meshbot.runtime import Clock, SystemClock
from meshbot.virtual_node.deliveries import Delivery
from meshbot.virtual_node.faults import FAULTS, Value
from meshbot.virtual_node.firmware import REGION, Firmware
from meshbot.virtual_node.happenings import happen
from meshbot.virtual_node.population import User
from meshbot.virtual_node.records import Received, Transmission
from meshbot.virtual_node.tcp_server import POLL, TcpServer

LOGGER = logging.getLogger(__name__)
# Waits are real even if the node's clock is a test's
REAL: Final = SystemClock()
CALL_TIMEOUT: Final = 10.0  # seconds for the node's thread to run a call
JOIN_TIMEOUT: Final = 10.0  # seconds


class VirtualNode:
    """A Meshtastic node in software on a TCP port, with faults on demand. Thread-safe; used once."""

    def __init__(
        self,
        nodes: int = 42,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        seed: int = 1,
        *,
        firmware_version: str = "2.7.26",
        keys: int | None = None,
        chatter: float = 0.0,
        queue_size: int = 32,
        airtime: float | None = 0.15,
        capacity: int | None = None,
        region: str = REGION,
        warm_size: int | None = None,
        psram: bool = False,
        new_selector: Callable[[], BaseSelector] | None = None,
    ) -> None:
        """Make the node; nothing listens until `start`. ValueError explains a wrong argument.

        `nodes` is the size of its node database, itself included; `keys` of the others have a public key (None: all
        but a few). `chatter` is in packets a second, `queue_size` in packets kept for the client, `airtime` in seconds
        that a packet takes to the next node (None: by preset and size), `capacity` in nodes (None: room for all, at
        least 250), `region` the name of a RegionCode, whose duty cycle the node keeps to. `warm_size` is in evicted
        nodes whose keys firmware 2.8 keeps (None: 150, with `psram` 2000); `psram`: it also caches NODEINFOs, and keeps
        more of what nodes tell.
        `new_selector` makes a selector that waits on `clock` (None: its waits for sockets are real ones).
        """
        self._clock: Clock = clock or SystemClock()
        self._firmware = Firmware(
            nodes=nodes,
            seed=seed,
            version=firmware_version,
            keys=keys,
            chatter=chatter,
            queue_size=queue_size,
            airtime=airtime,
            capacity=capacity,
            now=self._clock.monotonic(),
            epoch=int(self._clock.now().timestamp()),
            region=region,
            warm_size=warm_size,
            psram=psram,
        )
        self._server = TcpServer(self._firmware, self._clock, host, port, new_selector)
        # Guards the two above; notified after every turn of the thread
        self._changed = threading.Condition()
        self._turns = 0
        self._calls: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen and serve; OSError if the port cannot be bound."""
        if self._thread is not None or self._stopping:
            raise RuntimeError("a VirtualNode is started once: make a new one")
        self._server.open()
        # daemon: a test that forgets to stop it must not keep the process from exiting
        self._thread = threading.Thread(target=self._run, name="Virtual-Node", daemon=True)
        self._thread.start()
        LOGGER.info("🛰️ Nœud virtuel %s à l'écoute sur le port %d", self.own.node_id, self.port)

    def stop(self) -> None:
        """Close everything and end the thread; bounded, and a no-op when repeated."""
        with self._changed:
            self._wake()
            self._stopping = True
        if self._thread is None:
            return
        self._thread.join(JOIN_TIMEOUT)
        if self._thread.is_alive():
            raise TimeoutError(f"the thread Virtual-Node does not end within {JOIN_TIMEOUT:g} s")

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def port(self) -> int:
        """Return the port, chosen at `start` if it was 0."""
        return self._server.port

    @property
    def num(self) -> int:
        """Return the own node number."""
        return self._firmware.own.num

    @property
    def own(self) -> User:
        """Return the node itself."""
        return self._firmware.own

    @property
    def users(self) -> tuple[User, ...]:
        """Return the other nodes of the mesh; the first has a key unless none has."""
        return self._firmware.users

    @property
    def transmitted(self) -> tuple[Transmission, ...]:
        """Return every packet that went on air for a client, oldest first (the last 20,000)."""
        with self._changed:
            return self._firmware.transmitted

    @property
    def received(self) -> Received:
        """Return what clients sent; packets that were silently dropped have the reason."""
        with self._changed:
            return self._firmware.received

    @property
    def connections(self) -> int:
        """Return how many clients were accepted so far, the rival not counted."""
        with self._changed:
            return self._server.connections

    @property
    def connected(self) -> bool:
        """Whether a client is connected and has not closed its side."""
        with self._changed:
            return self._server.connected

    @property
    def configured(self) -> bool:
        """Whether that client has its whole configuration."""
        with self._changed:
            return self._server.connected and self._firmware.configured

    @property
    def faults(self) -> tuple[str, ...]:
        """Return the names of the faults that are on."""
        with self._changed:
            return self._firmware.faults.names()

    def node_info(self, num: int) -> mesh_pb2.NodeInfo | None:
        """Return a copy of a node's entry in the node database, None if it has none."""
        with self._changed:
            return self._firmware.node_info(num)

    def hear_text(
        self, user_num: int, text: str, to: int | None = None, channel: int = 0, reply_id: int = 0, **fields: Any
    ) -> int:
        """Let the node hear a user's text: a direct message to it, or to=BROADCAST_NUM; return the packet id.

        `fields` are those of the packet that its client gets: rx_snr, rx_rssi, hop_start, hop_limit, rx_time,
        via_mqtt, pki_encrypted, packet_id, or any other field of a MeshPacket.
        """
        with self._changed:
            now = self._clock.monotonic()
            packet_id = self._firmware.hear_text(
                user_num, text, now, to=to, channel=channel, reply_id=reply_id, **fields
            )
        self._wake()
        return packet_id

    def delivery(self, packet_id: int) -> Delivery:
        """Return what the sender's node knows of a direct message that `hear_text` sent: acknowledged, or given up."""
        with self._changed:
            return self._firmware.delivery(packet_id)

    def hear_nodeinfo(self, user_num: int) -> None:
        """Let the node hear a user's node introduce itself to everybody."""
        with self._changed:
            self._firmware.hear_nodeinfo(user_num, self._clock.monotonic())
        self._wake()

    def hear(self, packet: mesh_pb2.MeshPacket) -> None:
        """Let the node hear any packet over the air; it needs `from` and `to`, and gets an rx_time."""
        with self._changed:
            self._firmware.hear(packet, self._clock.monotonic())
        self._wake()

    def forge_routing(self, request_id: int, reason: str, sender: int) -> None:
        """Let the node hear a ROUTING packet under any number, its own included; see the fault forged_routing."""
        with self._changed:
            self._firmware.forge_routing(request_id, reason, sender, self._clock.monotonic())
        self._wake()

    def wait_for(self, predicate: Callable[[Transmission], bool], timeout: float = 10.0) -> Transmission:
        """Return the first transmission, past or future, that matches; TimeoutError lists the last ones."""
        found: list[Transmission] = []

        def search() -> bool:
            found[:] = [transmission for transmission in self.transmitted if predicate(transmission)][:1]
            return bool(found)

        try:
            self.wait_until(search, timeout)
        except TimeoutError:
            seen = "; ".join(f"!{one.to:08x} {one.text!r}" for one in self.transmitted[-5:]) or "nothing"
            raise TimeoutError(f"no such transmission within {timeout:g} s; last on air: {seen}") from None
        return found[0]

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return once the condition holds (checked after each change, at least every 0.1 s), else TimeoutError."""
        deadline = REAL.monotonic() + timeout
        while True:
            with self._changed:
                turns = self._turns
            if condition():
                return
            remaining = deadline - REAL.monotonic()
            if remaining <= 0:
                raise TimeoutError(f"not so within {timeout:g} s")
            with self._changed:
                if self._turns == turns:
                    self._changed.wait(min(remaining, POLL))

    def upgrade(self, version: str, **params: Value) -> None:
        """Put another firmware on the node, as the fault of that name does."""
        self.fault("upgrade", version=version, **params)

    def upgrade_user(self, user_num: int) -> User:
        """Put firmware 2.8 on a user's node; return the user under its new number."""
        return self._change_user(lambda: self._firmware.upgrade_user(user_num, self._clock.monotonic()))

    def change_key(self, user_num: int) -> User:
        """Give a user's node a new key pair; return the user, under another number if its firmware is 2.8."""
        return self._change_user(lambda: self._firmware.change_key(user_num, self._clock.monotonic()))

    def mistake_our_key(self, user_num: int, held: bytes = b"") -> None:
        """Let a user's node hold that key for this node, b"" for none."""
        with self._changed:
            self._firmware.mistake_our_key(user_num, held)

    def _change_user(self, change: Callable[[], User]) -> User:
        with self._changed:
            user = change()
        self._wake()
        return user

    def fault(self, name: str, **params: Value) -> None:
        """Switch a fault of FAULTS on, or inject one that happens once; in force on return."""
        self._call(lambda: self._apply_fault(name, params))
        LOGGER.info("💥 Panne: %s %s", name, params or "")

    def heal(self, name: str | None = None) -> None:
        """Switch a fault off, or all of them; in force on return."""
        self._call(lambda: self._firmware.heal(name))
        LOGGER.info("🩹 Réparé: %s", name or "tout")

    def _wake(self) -> None:
        with self._changed:
            if self._thread is not None and not self._stopping:
                self._server.wake()

    def _call(self, action: Callable[[], None]) -> None:
        """Run the action on the thread that owns the sockets; before the start and after the end run it here."""
        with self._changed:
            if self._thread is None or self._stopping:
                action()
                return
            done: Future[None] = Future()
            self._calls.append((action, done))
            self._wake()
        done.result(CALL_TIMEOUT)

    def _apply_fault(self, name: str, params: dict[str, Value]) -> None:
        server, firmware = self._server, self._firmware
        begins = server.next_connection if name == "accept_then_nothing" else server.present_connection
        values = firmware.switch_on(name, params, begins)
        now = self._clock.monotonic()
        match name:
            case "drop":
                server.drop()
            case "reset":
                server.reset()
            case _ if FAULTS[name].once:
                happen(firmware, name, values, now)

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._server.wait()
                with self._changed:
                    self._serve_once()
        finally:
            with self._changed:
                self._stopping = True
                self._server.close()
                for _, done in self._calls:
                    done.cancel()
                self._changed.notify_all()

    def _serve_once(self) -> None:
        done: list[Future[None]] = []
        while self._calls:
            action, future = self._calls.popleft()
            try:
                action()
            except ValueError as error:
                future.set_exception(error)
            else:
                done.append(future)
        self._server.serve()
        # The calls are in force now
        for future in done:
            future.set_result(None)
        self._turns += 1
        self._changed.notify_all()
