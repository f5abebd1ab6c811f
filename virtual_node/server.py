"""VirtualNode: the node on a TCP port, one thread, and what tests and the demo do with it."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final, Self

from meshtastic.protobuf import mesh_pb2

from runtime.clock import Clock, SystemClock
from virtual_node.door import Door, Mood
from virtual_node.faults import Value, known
from virtual_node.firmware import Firmware
from virtual_node.link import End, Link
from virtual_node.population import User
from virtual_node.records import Received, Transmission
from virtual_node.thief import Thief

LOGGER = logging.getLogger(__name__)
REAL: Final = SystemClock()  # waits are real even if the node's clock is a test's
POLL: Final = 0.1  # seconds between two looks for new clients, as in the firmware
CALL_TIMEOUT: Final = 10.0  # seconds for the node's thread to take an order
JOIN_TIMEOUT: Final = 10.0  # seconds
WAKE_BYTES: Final = 4096


class VirtualNode:
    """A Meshtastic node in software, on a TCP port, with faults on demand. Safe to use from any thread; used once."""

    def __init__(
        self,
        nodes: int = 42,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        seed: int = 1,
        firmware_version: str = "2.7.26",
        keys: int | None = None,
        chatter: float = 0.0,
        *,
        queue_size: int = 32,
        airtime: float = 0.15,
        capacity: int | None = None,
    ) -> None:
        """Make the node; nothing listens until `start`. ValueError says what is wrong with the arguments.

        `nodes` is the size of its node database, itself included; `keys` of the others have a public key (None: all
        but a few). `chatter` is in packets a second, `queue_size` in packets kept for the client, `airtime` in seconds
        that a packet takes to the next node, `capacity` in nodes (None: room for all, at least 250).
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
        self._host = host
        self._door = Door(host, port)
        self._thief = Thief()
        self._link: Link | None = None
        self._link_is_thief = False
        self._connections = 0
        self._accepted = 0  # the thief's included
        self._next_tick = 0.0
        self._changed = threading.Condition()  # guards all of the above; told after every turn of the thread
        self._turns = 0
        self._orders: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._selector: selectors.BaseSelector | None = None
        self._watched: socket.socket | None = None
        self._wake_in: socket.socket | None = None
        self._wake_out: socket.socket | None = None

    def start(self) -> None:
        """Listen and serve; OSError if the port cannot be had."""
        if self._thread is not None:
            raise RuntimeError("a VirtualNode is started once: make a new one")
        self._door.open()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._serve(self._clock.monotonic())
        # daemon: a test that forgets to stop it must not keep the process from exiting
        self._thread = threading.Thread(target=self._run, name="Virtual-Node", daemon=True)
        self._thread.start()
        LOGGER.info("🛰️ Nœud virtuel %s à l'écoute sur %s:%d", self._firmware.own.node_id, self._host, self.port)

    def stop(self) -> None:
        """Close everything and end the thread; bounded, and harmless when repeated."""
        with self._changed:
            self._stopping = True
        self._wake()
        if self._thread is not None:
            self._thread.join(JOIN_TIMEOUT)
            if self._thread.is_alive():
                raise TimeoutError(f"the thread Virtual-Node does not end within {JOIN_TIMEOUT:g} s")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Return the port, chosen at `start` if it was 0."""
        return self._door.port

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
            return self._connections

    @property
    def connected(self) -> bool:
        """Whether a client holds the link and has not closed its side."""
        with self._changed:
            return self._link is not None and not self._link_is_thief and not self._link.half_closed

    @property
    def configured(self) -> bool:
        """Whether that client has its whole configuration."""
        with self._changed:
            return self.connected and self._firmware.configured

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
            packet_id = self._firmware.say(user_num, text, to, channel, reply_id, self._clock.monotonic(), **fields)
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
        """Switch a fault on, or let it happen if it happens once; in force on return. See virtual_node.faults.FAULTS."""
        known(name)
        self._order(lambda: self._strike(name, params))
        LOGGER.info("💥 Panne: %s %s", name, params or "")

    def heal(self, name: str | None = None) -> None:
        """Switch a fault off, or all of them; in force on return."""
        self._order(lambda: self._firmware.heal(name))
        LOGGER.info("🩹 Réparé: %s", name or "tout")

    def _order(self, action: Callable[[], None]) -> None:
        """Have the thread do it, since the sockets are its own; before the start do it here."""
        with self._changed:
            running = self._thread is not None and self._thread.is_alive() and not self._stopping
            if not running or threading.current_thread() is self._thread:
                action()
                return
            done: Future[None] = Future()
            self._orders.append((action, done))
        self._wake()
        done.result(CALL_TIMEOUT)

    def _strike(self, name: str, params: dict[str, Value]) -> None:
        now = self._clock.monotonic()
        present = self._link is not None and name != "accept_then_nothing"
        values = self._firmware.switch_on(name, params, self._accepted + (0 if present else 1))
        match name:
            case "drop" if self._link:
                self._end_link()
            case "reset" if self._link:
                self._link.reset()
                self._end_link()
            case "reboot":
                self._firmware.reboot(now, float(values["seconds"]), forget_recent=bool(values["forget_recent"]))
            case "forget_nodes":
                self._firmware.forget_nodes(now)

    def _wake(self) -> None:
        with self._changed:
            if self._wake_out is not None:
                try:
                    self._wake_out.send(b"\0")
                except BlockingIOError:
                    return  # it is about to wake anyway

    def _run(self) -> None:
        assert self._selector is not None  # noqa: S101 - made before the thread
        try:
            while not self._stopping:
                self._turn(self._selector.select(self._timeout()))
        finally:
            with self._changed:
                self._shut_down()
                self._changed.notify_all()

    def _timeout(self) -> float:
        """Return how long nothing can be due, in real seconds; at most POLL, so that a moved clock is noticed."""
        with self._changed:
            now = self._clock.monotonic()
            due = self._link.due(now) - now if self._link else POLL
            return max(0.0, min(due, self._next_tick - REAL.monotonic(), POLL))

    def _turn(self, events: list[tuple[selectors.SelectorKey, int]]) -> None:
        with self._changed:
            for key, mask in events:
                if key.fileobj is self._wake_in:
                    self._wake_in.recv(WAKE_BYTES)
                elif self._link is not None and mask & selectors.EVENT_WRITE:
                    self._link.blocked = False
            self._obey()
            self._serve(self._clock.monotonic())
            self._turns += 1
            self._changed.notify_all()

    def _obey(self) -> None:
        done = []
        while self._orders:
            action, future = self._orders.popleft()
            try:
                action()
            except ValueError as error:
                future.set_exception(error)
            else:
                done.append(future)
        self._serve(self._clock.monotonic())  # what was ordered is in force before the caller goes on
        for future in done:
            future.set_result(None)

    def _serve(self, now: float) -> None:
        """Do all that is due: the mesh, the door, the client."""
        firmware, faults = self._firmware, self._firmware.faults
        firmware.poll(now)
        if not firmware.is_up(now):
            self._end_link()
            self._door.be(Mood.REFUSING)
        else:
            refusing = Mood.REFUSING if "refuse" in faults else Mood.OPEN
            self._door.be(Mood.HANGING if "blackhole" in faults else refusing)
        if REAL.monotonic() >= self._next_tick:
            self._next_tick = REAL.monotonic() + POLL
            self._tick(now)
        if self._link is not None:
            self._finish(self._link.read(now) or self._link.write(now))
        self._watch()

    def _tick(self, now: float) -> None:
        """Look for new clients and at the present one, as the firmware does ten times a second."""
        faults = self._firmware.faults
        if self._link is not None:
            self._finish(self._link.tick(now))
        if "stuck" not in faults and (caller := self._door.accept()) is not None:
            self._welcome(caller, now)
        if "thief" in faults:
            self._thief.step(now, faults.number("thief", "every"), (self._host, self.port))
        else:
            self._thief.stop()

    def _welcome(self, caller: socket.socket, now: float) -> None:
        if self._link is not None:
            LOGGER.info("👢 Client évincé par un nouveau venu")
            self._end_link()
        self._accepted += 1
        try:
            self._link_is_thief = self._thief.is_me(caller.getpeername())
        except OSError:
            self._link_is_thief = False  # it left already
        self._connections += not self._link_is_thief
        self._link = Link(
            caller, self._accepted, self._firmware.connect(self._accepted, now), self._firmware.faults, now
        )
        LOGGER.info("🔌 Client n° %d accepté%s", self._accepted, " (le voleur)" if self._link_is_thief else "")

    def _finish(self, end: End | None) -> None:
        if end is not None:
            LOGGER.info("🔌 Lien terminé: %s", end.value)
            self._end_link()

    def _end_link(self) -> None:
        if self._link is not None:
            self._unwatch()
            self._link.close()
            self._link = None
            self._firmware.disconnect()

    def _watch(self) -> None:
        """Have the selector look for what the link waits for."""
        assert self._selector is not None  # noqa: S101 - made before the thread
        if self._link is None:
            return
        mask = selectors.EVENT_READ * self._link.wants_to_read | selectors.EVENT_WRITE * self._link.wants_to_write
        if not mask:
            self._unwatch()
        elif self._watched is None:
            self._selector.register(self._link.sock, mask)
            self._watched = self._link.sock
        elif self._selector.get_key(self._watched).events != mask:
            self._selector.modify(self._watched, mask)

    def _unwatch(self) -> None:
        if self._watched is not None and self._selector is not None:
            self._selector.unregister(self._watched)
            self._watched = None

    def _shut_down(self) -> None:
        self._end_link()
        self._thief.stop()
        self._door.close()
        for _, future in self._orders:
            future.cancel()
        for end in (self._selector, self._wake_in, self._wake_out):
            if end is not None:
                end.close()
        self._wake_out = None
