"""An HTTP server on loopback that answers as it is told, well or badly; whatever it holds back ends with it."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

PATIENCE = 30.0  # real seconds: only a failure waits so long
PAGE = 50_000  # bytes


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


class WebServer:
    """Serves while in `with`; `behaviours` by path may be changed at any time, other paths are not found."""

    def __init__(self, certificate: Path | None = None) -> None:
        """`certificate`: a file with a certificate and its key, to speak TLS."""
        self._scheme = "https" if certificate else "http"
        self.behaviours: dict[str, Behaviour] = {}
        self.heard: list[Heard] = []
        self.arrivals: SimpleQueue[Heard] = SimpleQueue()
        self.release = threading.Event()  # ends what is held back
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:  # the client had enough
                    self.close_connection = True

            def _serve(self) -> None:
                owner.serve(self)

            do_GET = do_POST = _serve

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False  # so that closing joins them
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="Test-Web-Server")

    @property
    def url(self) -> str:
        """Return the address without a slash at its end."""
        return f"{self._scheme}://127.0.0.1:{self._http.server_port}"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Note the request and behave."""
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        parameters = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        heard = Heard(handler.command, parts.path, parameters, dict(handler.headers), body)
        self.heard.append(heard)
        self.arrivals.put(heard)
        handler.close_connection = True
        behave = self.behaviours.get(parts.path, status(404))
        behave(handler, heard, self.release)

    def next_arrival(self) -> Heard:
        """Wait for the next request."""
        return self.arrivals.get(timeout=PATIENCE)

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let everything go and end."""
        self.release.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


Behaviour = Callable[[BaseHTTPRequestHandler, Heard, threading.Event], None]


def says(content: object, code: int = 200, **headers: str) -> Behaviour:
    """Answer with JSON of `content`, or with the bytes themselves."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    def behave(handler: BaseHTTPRequestHandler, _heard: Heard, _release: threading.Event) -> None:
        handler.send_response(code)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def asks(answer: Callable[[Heard], object]) -> Behaviour:
    """Answer with JSON of what `answer` makes of the request."""
    return lambda handler, heard, release: says(answer(heard))(handler, heard, release)


def status(code: int, **headers: str) -> Behaviour:
    """Answer with that status and an explanation."""
    return says({"error": True, "reason": "as told"}, code, **headers)


def holds(then: Behaviour) -> Behaviour:
    """Say nothing until released, then go on."""

    def behave(handler: BaseHTTPRequestHandler, heard: Heard, release: threading.Event) -> None:
        release.wait(PATIENCE)
        then(handler, heard, release)

    return behave


def cut_off(handler: BaseHTTPRequestHandler, _heard: Heard, _release: threading.Event) -> None:
    """Close in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')


def hangs_up(handler: BaseHTTPRequestHandler, _heard: Heard, _release: threading.Event) -> None:
    """Close without a word."""


def endless(handler: BaseHTTPRequestHandler, _heard: Heard, release: threading.Event) -> None:
    """Send a body without end."""
    handler.send_response(200)
    handler.end_headers()
    while not release.is_set():
        handler.wfile.write(b" " * PAGE)


def drips_headers(handler: BaseHTTPRequestHandler, _heard: Heard, release: threading.Event) -> None:
    """Send a header without end, a byte now and then: no step of it takes long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not release.wait(0.02):
        handler.wfile.write(b"x")


def drips_body(handler: BaseHTTPRequestHandler, _heard: Heard, release: threading.Event) -> None:
    """Send a body without end, a byte now and then."""
    handler.send_response(200)
    handler.end_headers()
    while not release.wait(0.02):
        handler.wfile.write(b" ")
