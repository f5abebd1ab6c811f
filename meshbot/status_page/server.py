"""The thread Status-Page: listens, reads requests and writes answers; waitress does the work."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import Any, Final

from waitress import wasyncore

from meshbot.runtime import PING, STOP, Clock, Service
from meshbot.status_page.listener import LOOK_EVERY, Listener

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error
# Seconds to the next try to listen where another program does
LISTEN_AGAIN: Final = 60.0
# Seconds for the workers to end
WORKERS_END: Final = 1.0


class StatusServer(Service):
    """Serves one WSGI application; where it cannot, the bot goes on without."""

    name = "Status-Page"

    def __init__(self, clock: Clock, host: str, port: int, application: Callable[..., Any]) -> None:
        """Take where to listen; nothing is opened yet."""
        super().__init__(clock)
        self._host, self._port = host, port
        self._application = application
        # protects the server; held for no I/O but a byte into a pipe
        self._server_lock = threading.Lock()
        self._server: Listener | None = None
        self._sockets: dict[int, Any] = {}
        self._has_failed = self._is_stopping = False

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens, None while it does not."""
        server = self._server
        return None if server is None else (str(server.effective_host), int(server.effective_port))

    # -- any thread

    def tell(self, message: object) -> None:
        """See Service."""
        super().tell(message)
        self._wake()

    def stop(self) -> None:
        """See Service."""
        super().stop()
        self._wake()

    def _wake(self) -> None:
        # under the lock: a byte into a pipe that was just closed could go into whatever was opened since
        with self._server_lock:
            if self._server is not None:
                self._server.pull_trigger()

    # -- the thread

    def handle(self, message: object) -> None:
        """See Service; there are no messages but those that each has."""

    def _live(self) -> None:
        """Serve until STOP."""
        # what strangers send it would log in English, a line each
        for name in ("waitress", "waitress.queue"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        while not self._is_stopping:
            if (server := self._listen()) is not None:
                self._serve(server)
            else:
                self._wait(self._clock.monotonic() + LISTEN_AGAIN)

    def _serve(self, server: Listener) -> None:
        try:
            while not self._is_stopping:
                wasyncore.loop(timeout=LOOK_EVERY, use_poll=True, map=self._sockets, count=1)
                self._empty_inbox()
                server.look_after(self._clock.monotonic())
        finally:
            self._close()

    def _empty_inbox(self) -> None:
        with suppress(Empty):
            while True:
                self._take(self._inbox.get_nowait())

    def _wait(self, until: float) -> None:
        while not self._is_stopping and (message := self._clock.get(self._inbox, until)) is not None:
            self._take(message)

    def _take(self, message: object) -> None:
        if message is STOP:
            self._is_stopping = True
        elif message is PING:
            self.pings_answered += 1

    def _listen(self) -> Listener | None:
        try:
            listening = self._bound()
        except OSError as error:
            if not self._has_failed:
                error_print(
                    "❌ Page d'état: %s, port %d: %s. Changez status_host ou status_port; nouvel essai chaque minute, "
                    "la radio continue",
                    self._host,
                    self._port,
                    error,
                )
            self._has_failed = True
            return None
        self._has_failed = False
        self._server = server = Listener(self._application, listening, self._sockets)
        info_print("🩺 Page d'état: http://%s:%d/", f"[{self._host}]" if ":" in self._host else self._host, self._port)
        return server

    def _bound(self) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError:
            listening.close()
            raise
        return listening

    def _close(self) -> None:
        with self._server_lock:
            server, self._server = self._server, None
        if server is None:
            return
        server.task_dispatcher.shutdown(timeout=WORKERS_END)
        for each in tuple(self._sockets.values()):
            # a worker that has not ended yet will write to it
            if each is not server.trigger or not server.task_dispatcher.threads:
                each.close()
