"""HTTP with limits: time for each step and in all, and size; the only error is WebError."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from meshbot.runtime import Clock
from meshbot.web.errors import Fault, WebError

if TYPE_CHECKING:
    import httpx

Trace = Callable[[str, Mapping[str, Any]], None]  # takes an event's name and details
Parameters = Mapping[str, str | int | float]
TOO_MANY_REQUESTS = 429
# From here on the failure may be temporary
SERVER_ERROR = 500
OK = 200
HEADERS = {"User-Agent": "MeshBot", "Accept": "application/json", "Accept-Encoding": "identity"}  # see _body


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that a request may take, and bytes that its answer may have."""

    connect: float = 5.0
    read: float = 10.0  # between two pieces of the answer
    total: float = 20.0  # name resolution and all
    size: int = 200_000


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request: a GET with parameters, or a POST of JSON."""

    url: str
    parameters: Parameters | None = None
    json: object = None
    headers: Mapping[str, str] | None = None  # may hold a secret, so never shown


class HttpClient:
    """A client of other servers. Redirections are errors: the operator has to correct an address that moved."""

    def __init__(self, clock: Clock, *, trust_environment: bool) -> None:
        """`trust_environment`: use the proxies and certificates named by HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE."""
        self._clock = clock
        self._trust_environment = trust_environment
        self._client: httpx.Client | None = None
        self._making = threading.Lock()  # protects _client while it is made

    def start(self, request: HttpRequest, limits: Limits) -> Call:
        """Begin a request and return it."""
        call = Call(self._clock, lambda trace: self._exchange(request, limits, trace), limits.total)
        call.start()
        return call

    def fetch(self, request: HttpRequest, limits: Limits) -> bytes:
        """Return the answer's body; WebError if there is none."""
        return self.start(request, limits).result()

    def _exchange(self, request: HttpRequest, limits: Limits, trace: Trace) -> bytes:
        import httpx  # noqa: PLC0415 - a bot that never asks other servers saves its memory

        try:
            with self._httpx_client().stream(
                "GET" if request.json is None else "POST",
                request.url,
                params=request.parameters,
                json=request.json,
                headers={**HEADERS, **(request.headers or {})},
                timeout=httpx.Timeout(limits.read, connect=limits.connect),
                extensions={"trace": trace},
            ) as response:
                return _body(response, limits.size)
        except WebError:
            raise
        except (httpx.ConnectTimeout, httpx.NetworkError, httpx.ProxyError) as exc:
            raise WebError(Fault.UNREACHABLE, _reason(exc)) from None
        except httpx.TimeoutException as exc:
            raise WebError(Fault.TIMEOUT, _reason(exc)) from None
        except Exception as exc:  # noqa: BLE001 - a library's texts may quote addresses and headers: none may leave
            raise WebError(Fault.INVALID, _reason(exc)) from None

    def _httpx_client(self) -> httpx.Client:
        import httpx  # noqa: PLC0415 - the same

        with self._making:
            if self._client is None:
                # requests are rare: a connection kept alive would mostly be dead by the next
                self._client = httpx.Client(
                    trust_env=self._trust_environment, limits=httpx.Limits(max_keepalive_connections=0)
                )
            return self._client


class Call(threading.Thread):
    """One pending request. Its thread ends soon after the limit, or when the system's name resolution gives up."""

    def __init__(self, clock: Clock, exchange: Callable[[Trace], bytes], total: float) -> None:
        # daemon: name resolution cannot be interrupted and must not keep the process from exiting
        super().__init__(name="Web-Call", daemon=True)
        self._clock = clock
        self._exchange = exchange
        self._total = total
        self._deadline = clock.monotonic() + total
        self._results: SimpleQueue[bytes | WebError] = SimpleQueue()
        self._result: bytes | WebError | None = None
        self._lock = threading.Lock()  # protects the two below
        self._stream: Any = None
        self._abandoned = False

    def done_within(self, seconds: float) -> bool:
        """Wait at most `seconds`, and no longer than the limit; return whether the request has ended."""
        if self._result is None:
            self._result = self._clock.get(self._results, min(self._deadline, self._clock.monotonic() + seconds))
        return self._result is not None

    def result(self) -> bytes:
        """Wait for the answer's body and return it; WebError if there is none within the limit."""
        result = self._result if self.done_within(self._total) else None
        if result is None:
            result = self._result = self._abandon()
        if isinstance(result, WebError):
            raise result
        return result

    def run(self) -> None:
        """See Thread."""
        try:
            self._results.put(self._exchange(self._note_connection))
        except WebError as exc:
            self._results.put(exc)

    def _note_connection(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep the connection, so that a request can be ended though a byte comes now and then."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._lock:
                self._stream = info["return_value"]
                if self._abandoned:
                    _shut(self._stream)

    def _abandon(self) -> WebError:
        with self._lock:
            self._abandoned = True
            if self._stream is None:
                return WebError(Fault.UNREACHABLE, f"pas de connexion en {self._total:g} s")
            _shut(self._stream)
        return WebError(Fault.TIMEOUT, f"pas de réponse complète en {self._total:g} s")


def _shut(stream: Any) -> None:
    # it may have been closed meanwhile
    with suppress(OSError):
        # the plain socket's: an SSLSocket's own also clears what the reading thread is using
        socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)


def _body(response: httpx.Response, size: int) -> bytes:
    if response.status_code == TOO_MANY_REQUESTS or response.status_code >= SERVER_ERROR:
        raise WebError(Fault.BUSY, f"HTTP {response.status_code}")
    if response.status_code != OK:
        raise WebError(Fault.REFUSED, f"HTTP {response.status_code}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        # a few bytes may unpack to gigabytes
        raise WebError(Fault.INVALID, "compressée sans qu'on l'ait demandé")
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > size:
            raise WebError(Fault.INVALID, f"plus de {size} octets")
    return bytes(body)


def _reason(exc: BaseException) -> str:
    """Return the system's own message if there is one, else the error's type: its text may hold secrets."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(exc).__name__
