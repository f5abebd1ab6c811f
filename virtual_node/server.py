"""VirtualNode: the node on a TCP port, one thread, and what tests and the demo do with it."""

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

from runtime.clock import Clock, SystemClock
from virtual_node.faults import Value
from virtual_node.firmware import Firmware
from virtual_node.population import User
from virtual_node.records import Received, Transmission
from virtual_node.tcp_server import POLL, TcpServer

LOGGER = logging.getLogger(__name__)
REAL: Final = SystemClock()  # waits are real even if the node's clock is a test's
ORDER_TIMEOUT: Final = 10.0  # seconds for the node's thread to take an order
JOIN_TIMEOUT: Final = 10.0  # seconds


class VirtualNode:
    """A Meshtastic node in software, on a TCP port, with faults on demand. Safe to use from any thread; used once."""

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
        airtime: float = 0.15,
        capacity: int | None = None,
        new_selector: Callable[[], BaseSelector] | None = None,
    ) -> None:
        """Make the node; nothing listens until `start`. ValueError says what is wrong with the arguments.

        `nodes` is the size of its node database, itself included; `keys` of the others have a public key (None: all
        but a few). `chatter` is in packets a second, `queue_size` in packets kept for the client, `airtime` in seconds
        that a packet takes to the next node, `capacity` in nodes (None: room for all, at least 250).
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
        )
        self._server = TcpServer(self._firmware, self._clock, host, port, new_selector)
        self._changed = threading.Condition()  # guards the two above; told after every turn of the thread
        self._turns = 0
        self._orders: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen and serve; OSError if the port cannot be had."""
        if self._thread is not None or self._stopping:
            raise RuntimeError("a VirtualNode is started once: make a new one")
        self._server.open()
        # daemon: a test that forgets to stop it must not keep the process from exiting
        self._thread = threading.Thread(target=self._run, name="Virtual-Node", daemon=True)
        self._thread.start()
        LOGGER.info("🛰️ Nœud virtuel %s à l'écoute sur le port %d", self.own.node_id, self.port)

    def stop(self) -> None:
        """Close everything and end the thread; bounded, and harmless when repeated."""
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
        """Return everybody else on the mesh; the first has a key unless nobody has."""
        return self._firmware.users

    @property
    def transmitted(self) -> tuple[Transmission, ...]:
        """Return every packet that went on air for a client, oldest first (the last 20,000)."""
        with self._changed:
            return self._firmware.transmitted

    @property
    def received(self) -> Received:
        """Return what clients said, packets that were dropped in silence included, with the reason."""
        with self._changed:
            return self._firmware.received

    @property
    def connections(self) -> int:
        """Return how many clients were accepted so far, the thief not counted."""
        with self._changed:
            return self._server.connections

    @property
    def connected(self) -> bool:
        """Whether a client holds the link and has not closed its side."""
        with self._changed:
            return self._server.connected

    @property
    def configured(self) -> bool:
        """Whether that client has its whole configuration."""
        with self._changed:
            return self._server.connected and self._firmware.configured

    @property
    def faults(self) -> tuple[str, ...]:
        """Return the names of the faults switched on."""
        with self._changed:
            return self._firmware.faults.names()

    def node_info(self, num: int) -> mesh_pb2.NodeInfo | None:
        """Return a copy of what the node's database says of a node, None if it does not know it."""
        with self._changed:
            return self._firmware.node_info(num)

    def say(
        self, user_num: int, text: str, to: int | None = None, channel: int = 0, reply_id: int = 0, **fields: Any
    ) -> int:
        """Let a user's text reach the node: a direct message to it, or to=BROADCAST_NUM; return the packet id.

        `fields` set what the node tells its client: rx_snr, rx_rssi, hop_start, hop_limit, rx_time, via_mqtt,
        pki_encrypted, packet_id, or any other field of a MeshPacket.
        """
        with self._changed:
            now = self._clock.monotonic()
            packet_id = self._firmware.say(user_num, text, now, to=to, channel=channel, reply_id=reply_id, **fields)
        self._wake()
        return packet_id

    def hear(self, packet: mesh_pb2.MeshPacket) -> None:
        """Let any packet reach the node over the air; it needs `from` and `to`, and gets a time of reception."""
        with self._changed:
            self._firmware.hear(packet, self._clock.monotonic())
        self._wake()

    def wait_for(self, predicate: Callable[[Transmission], bool], timeout: float = 10.0) -> Transmission:
        """Return the first transmission, past or future, that matches; TimeoutError says what was seen instead."""
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
        """Return once the condition holds (looked at after each change, at least every 0.1 s), else TimeoutError."""
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

    def fault(self, name: str, **params: Value) -> None:
        """Switch a fault on, or let it happen if it happens once; in force on return. FAULTS lists them."""
        self._order(lambda: self._strike(name, params))
        LOGGER.info("💥 Panne: %s %s", name, params or "")

    def heal(self, name: str | None = None) -> None:
        """Switch a fault off, or all of them; in force on return."""
        self._order(lambda: self._firmware.heal(name))
        LOGGER.info("🩹 Réparé: %s", name or "tout")

    def _wake(self) -> None:
        with self._changed:
            if self._thread is not None and not self._stopping:
                self._server.wake()

    def _order(self, action: Callable[[], None]) -> None:
        """Have the thread do it, since the sockets are its own; before the start and after the end do it here."""
        with self._changed:
            if self._thread is None or self._stopping:
                action()
                return
            done: Future[None] = Future()
            self._orders.append((action, done))
            self._wake()
        done.result(ORDER_TIMEOUT)

    def _strike(self, name: str, params: dict[str, Value]) -> None:
        server, firmware = self._server, self._firmware
        begins = server.next_connection if name == "accept_then_nothing" else server.present_connection
        values = firmware.switch_on(name, params, begins)
        now = self._clock.monotonic()
        match name:
            case "drop":
                server.drop()
            case "reset":
                server.reset()
            case "reboot":
                firmware.reboot(now, float(values["seconds"]), forget_recent=bool(values["forget_recent"]))
            case "forget_nodes":
                firmware.forget_nodes(now)

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._server.wait()
                with self._changed:
                    self._turn()
        finally:
            with self._changed:
                self._stopping = True
                self._server.close()
                for _, done in self._orders:
                    done.cancel()
                self._changed.notify_all()

    def _turn(self) -> None:
        done: list[Future[None]] = []
        while self._orders:
            action, future = self._orders.popleft()
            try:
                action()
            except ValueError as error:
                future.set_exception(error)
            else:
                done.append(future)
        self._server.serve()
        for future in done:  # what was ordered is in force now
            future.set_result(None)
        self._turns += 1
        self._changed.notify_all()
