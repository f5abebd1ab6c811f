"""The thread Control: the control socket with its clients; what they ask is done by the desk."""

from __future__ import annotations

import logging
import os
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path
from queue import Empty
from typing import Final

from meshbot.commands import mark as _
from meshbot.control.connection import READ_BYTES, Connection
from meshbot.control.desk import Desk
from meshbot.control.place import NODE_FILE, ServedNode, file_at, is_allowed, listen, peer_of, write_node
from meshbot.control.protocol import Error, RefusedError, encode, refusal
from meshbot.runtime import EXHAUSTED, PING, STOP, Clock, Service

LOGGER = logging.getLogger(__name__)
# At once; each costs at most OUT_LIMIT of memory
CLIENTS: Final = 16
# What its log followers and workers may leave unread
INBOX_LIMIT: Final = 1000
# Seconds, where only deadlines of clients are waited for: one more turn costs nothing
LONGEST_WAIT: Final = 3600.0


class ControlServer(Service):
    """Owns the socket; every call to a client's socket returns at once. Without a socket the bot lives on."""

    name = "Control"

    def __init__(
        self,
        clock: Clock,
        path: Path,
        node: ServedNode,
        desk: Desk,
        new_selector: Callable[[], selectors.BaseSelector] = selectors.DefaultSelector,
    ) -> None:
        """`path` is the socket's, `node` is told beside it."""
        super().__init__(clock, INBOX_LIMIT)
        self._path = path
        self._node = node
        self._desk = desk
        desk.connect(self.tell, self.offer)
        self._new_selector = new_selector
        # a pair, from the start on: what is written to the second wakes the thread
        self._wakes: tuple[socket.socket, socket.socket] | None = None
        self._socket: socket.socket | None = None
        # which file is ours: somebody may put another in its place
        self._file: tuple[int, int] | None = None
        # whether the selector waits for clients; not where no descriptor is left
        self._is_open = False
        self._clients: dict[int, Connection] = {}  # by file descriptor

    # -- any thread

    def tell(self, message: object) -> None:
        """See Service."""
        super().tell(message)
        self._wake_up()

    def offer(self, message: object) -> bool:
        """See Service."""
        taken = super().offer(message)
        self._wake_up()
        return taken

    def stop(self) -> None:
        """See Service."""
        super().stop()
        self._wake_up()

    def _wake_up(self) -> None:
        if self._wakes is not None:
            # full: it will wake; closed: it has ended
            with suppress(OSError):
                self._wakes[1].send(b"\0")

    # -- the thread

    def on_start(self) -> None:
        """Listen; a folder that refuses costs the socket, not the bot."""
        self._selector, self._wakes = self._new_selector(), socket.socketpair()
        for end in self._wakes:
            end.settimeout(0)
        self._selector.register(self._wakes[0], selectors.EVENT_READ)
        try:
            self._listen()
        except OSError as exc:
            LOGGER.warning(
                "⚠️ Socket de commande %s indisponible (%s): meshbot status, say… n'atteindront pas ce bot",
                self._path,
                exc.strerror or exc,
            )

    def _listen(self) -> None:
        new = listen(self._path)
        if self._socket is not None:
            self._open(is_open=False)
            self._socket.close()
        self._socket, self._file = new, file_at(self._path)
        self._open(is_open=True)
        write_node(self._path, self._node)

    def _open(self, *, is_open: bool) -> None:
        if self._socket is None or is_open is self._is_open:
            return
        if is_open:
            self._selector.register(self._socket, selectors.EVENT_READ)
        else:
            self._selector.unregister(self._socket)
        self._is_open = is_open

    def _look_after(self) -> None:
        """Listen again where somebody has removed the socket; what stands in its place now is left alone."""
        self._open(is_open=True)
        if file_at(self._path) is not None:
            return
        try:
            self._listen()
        # the folder is gone, too: it may come back
        except OSError as exc:
            LOGGER.debug("Socket de commande: %s", exc)
            return
        LOGGER.info("🔌 Socket de commande %s: de nouveau là", self._path)

    def on_stop(self) -> None:
        """See Service."""
        self._desk.stop()
        now = self._clock.monotonic()
        for client in list(self._clients.values()):
            # the last lines of the log, an answer that was just given: as far as its socket takes them at once
            client.write(now)
            self._close(client)
        if self._socket is not None:
            self._socket.close()
        if self._file is not None and file_at(self._path) == self._file:
            # first the socket: whoever finds none does not look further
            for path in (self._path, self._path.with_name(NODE_FILE)):
                # the folder may be gone, or read-only: the next bot there clears it
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        self._selector.close()
        for end in self._wakes or ():
            end.close()

    def deadline(self) -> float:
        """See Service."""
        return min(self._desk.deadline, min((client.deadline for client in self._clients.values()), default=inf))

    def on_deadline(self) -> None:
        """See Service."""
        now = self._clock.monotonic()
        if now >= self._desk.deadline:
            self._desk.on_deadline()
        for client in [each for each in self._clients.values() if each.deadline <= now]:
            self._close(client)

    def handle(self, message: object) -> None:
        """See Service."""
        self._desk.handle(message)

    def _live(self) -> None:
        self.on_start()
        while self._read_inbox():
            now = self._clock.monotonic()
            if self.deadline() <= now:
                self.on_deadline()
            self._flush()
            self._report_drops(now)
            wait = min(max(0.0, self.deadline() - now), LONGEST_WAIT)
            # without a client there is nothing to wait for but messages
            self._on_events(self._selector.select(wait if self._clients else None))

    def _read_inbox(self) -> bool:
        """Handle what waits; return whether to go on."""
        while True:
            try:
                message = self._inbox.get_nowait()
            except Empty:
                return True
            if message is STOP:
                return False
            if message is PING:
                self.pings_answered += 1
                self._look_after()
            else:
                self.handle(message)

    def _on_events(self, found: list[tuple[selectors.SelectorKey, int]]) -> None:
        now = self._clock.monotonic()
        for key, events in found:
            if self._wakes is not None and key.fileobj is self._wakes[0]:
                self._wakes[0].recv(READ_BYTES)
            elif (client := self._clients.get(key.fd)) is not None:
                if events & selectors.EVENT_READ:
                    client.read(now)
                self._serve(client)
        # who has left makes room for who comes
        self._flush()
        if any(key.fileobj is self._socket for key, _ in found):
            self._accept()

    def _accept(self) -> None:
        assert self._socket is not None  # noqa: S101 - only its events come here
        try:
            sock, _peer = self._socket.accept()
        # gone again, or no descriptor left
        except OSError as exc:
            LOGGER.debug("Socket de commande: %s", exc)
            # it would fail again at once: the watchdog's next ping tries it
            self._open(is_open=exc.errno not in EXHAUSTED)
            return
        sock.settimeout(0)
        try:
            allowed = is_allowed(peer_of(sock), os.geteuid(), os.getegid())
        except OSError:
            sock.close()
            return
        if not allowed:
            self._turn_away(sock, RefusedError(Error.NOT_ALLOWED, _("You may not ask this bot: use sudo.")))
            return
        if len(self._clients) >= CLIENTS:
            self._turn_away(sock, RefusedError(Error.TOO_MANY_CLIENTS, _("Too many ask at once: try again.")))
            return
        client = Connection(sock, self._clock.monotonic())
        self._clients[sock.fileno()] = client
        self._watch(client, client.events)

    def _turn_away(self, sock: socket.socket, refused: RefusedError) -> None:
        with sock:
            try:
                sock.send(encode(refusal(refused, self._desk.translate)))
            except OSError as exc:
                LOGGER.debug("Socket de commande: %s", exc)

    def _serve(self, client: Connection) -> None:
        """Take the client's next requests, one after the other."""
        try:
            while not client.is_busy and (line := client.lines.next()) is not None:
                self._desk.take(line, client)
        except RefusedError as refused:
            client.answer(refusal(refused, self._desk.translate))
            # what follows is the rest of that line
            client.is_ending = True

    def _flush(self) -> None:
        """Write what the sockets take, and close those that are done."""
        now = self._clock.monotonic()
        for client in list(self._clients.values()):
            client.write(now)
            # the answer may have made room for the next request
            if not client.is_busy and len(client.lines):
                self._serve(client)
                client.write(now)
            if client.is_over:
                self._close(client)
                continue
            self._watch(client, client.events)

    def _watch(self, client: Connection, wanted: int) -> None:
        if wanted == client.watched:
            return
        if not client.watched:
            self._selector.register(client.sock, wanted)
        elif not wanted:
            self._selector.unregister(client.sock)
        else:
            self._selector.modify(client.sock, wanted)
        client.watched = wanted

    def _close(self, client: Connection) -> None:
        self._desk.gone(client)
        self._watch(client, 0)
        self._clients.pop(client.sock.fileno(), None)
        client.sock.close()
