"""The wire under the Bot API server: one port that opens and closes, requests as they come, answers byte by byte."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import parse_qsl, urlsplit

HOST = "127.0.0.1"
POLL_INTERVAL = 0.05  # seconds until the accepting thread sees that it is to end


@dataclass(frozen=True)
class Incoming:
    """One HTTP request, its parameters taken out of query, form, multipart or JSON."""

    path: str
    parameters: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Reply:
    """What is to be answered."""

    code: int
    body: bytes
    content_type: str = "application/json"

    def on_wire(self, **headers: str) -> bytes:
        """Return the answer's bytes; `headers` add to or replace the usual ones."""
        usual = {"Content_Type": self.content_type, "Content_Length": str(len(self.body)), "Connection": "keep-alive"}
        lines = [f"HTTP/1.1 {self.code} {HTTPStatus(self.code).phrase}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in (usual | headers).items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def json_reply(code: int, content: object) -> Reply:
    """Return a JSON reply."""
    return Reply(code, json.dumps(content).encode())


class Line:
    """The connection that a request came on."""

    def __init__(self, handler: BaseHTTPRequestHandler, is_closed: Callable[[], bool]) -> None:
        self._handler = handler
        self._is_closed = is_closed

    @property
    def gone(self) -> bool:
        """Whether the port was closed since."""
        return self._is_closed()

    def send(self, data: bytes) -> None:
        """Write these bytes at once, unless the port was closed meanwhile."""
        if not self.gone:
            self._handler.connection.sendall(data)

    def end(self, *, reset: bool = False) -> None:
        """Close after this request; `reset`: now, with RST."""
        self._handler.close_connection = True
        if reset:
            sock = self._handler.connection
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(sock.detach())


Serve = Callable[[Incoming, Line], None]


class _Listener(ThreadingMixIn, TCPServer):
    """Accepts on the port while open; closing ends every connection and joins every thread."""

    allow_reuse_address = True
    request_queue_size = 128
    # closing joins the threads that are not daemons
    daemon_threads = False

    def __init__(self, port: int, serve: Serve, failures: list[BaseException]) -> None:
        self.closed = False
        self._failures = failures
        self._serve = serve
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__((HOST, port), self._handler())

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self._failures.append(sys.exception() or RuntimeError("unknown"))

    def hang_up(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                # the client has closed it
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                # the client or this side has closed the connection
                except OSError:
                    self.close_connection = True

            def _answer(self) -> None:
                line = Line(self, lambda: listener.closed)
                incoming = _incoming(self)
                if not line.gone:
                    listener._serve(incoming, line)

            do_GET = do_POST = _answer

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        return Handler


class Port:
    """A port of ours on loopback: refused while closed, the same when open again."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self.failures: list[BaseException] = []  # of `serve`: faults of the server itself
        # bound but not listening: no other program gets the port while it is closed
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind((HOST, 0))
        self.number: int = self._holder.getsockname()[1]
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Accept connections."""
        if self._listener is None:
            self._listener = _Listener(self.number, self._serve, self.failures)
            self._thread = threading.Thread(
                target=self._listener.serve_forever, args=(POLL_INTERVAL,), name="Test-Bot-Api"
            )
            self._thread.start()

    def close(self, wake: Callable[[], None]) -> None:
        """Refuse connections and end those there are; `wake` wakes the requests that wait."""
        if self._listener is None or self._thread is None:
            return
        self._listener.closed = True
        wake()
        self._listener.shutdown()
        self._thread.join()
        self._listener.hang_up()
        self._listener.server_close()
        self._listener = self._thread = None

    def release(self) -> None:
        """Give the port up."""
        self._holder.close()


def _incoming(handler: BaseHTTPRequestHandler) -> Incoming:
    parts = urlsplit(handler.path)
    body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    files: dict[str, bytes] = {}
    kind = handler.headers.get("Content-Type", "")
    if kind.startswith("application/json"):
        content = json.loads(body)
        parameters |= {name: v if isinstance(v, str) else json.dumps(v) for name, v in content.items()}
    elif kind.startswith("multipart/form-data"):
        fields, files = _multipart(body, kind.partition("boundary=")[2].strip('"').encode())
        parameters |= fields
    else:
        parameters |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return Incoming(parts.path, parameters, files)


def _multipart(body: bytes, boundary: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the fields and the files of a multipart body."""
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'[ ;]name="([^"]*)"', head)
        if name is None:
            continue
        if b"filename=" in head:
            files[name[1].decode()] = content
        else:
            fields[name[1].decode()] = content.decode()
    return fields, files
