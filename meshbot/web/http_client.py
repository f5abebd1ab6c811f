"""HTTP with bounds: of time for each step and for the whole, and of size; only WebError comes out of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from meshbot.runtime import Clock
from meshbot.web.faults import Fault, WebError

if TYPE_CHECKING:
    import httpx

Trace = Callable[[str, Mapping[str, Any]], None]  # takes an event's name and what it brought
Parameters = Mapping[str, str | int | float]
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500  # and above: theirs, and it may pass
OK = 200
HEADERS = {"User-Agent": "MeshBot", "Accept": "application/json", "Accept-Encoding": "identity"}  # see _body


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a request may take, in seconds, and how many bytes its answer may have."""

    connect: float = 5.0
    read: float = 10.0  # between two pieces of the answer
    total: float = 20.0  # name resolution and all
    size: int = 200_000


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a GET with parameters, or a POST of JSON."""

    url: str
    parameters: Parameters | None = None
    json: object = None
    headers: Mapping[str, str] | None = None  # may hold a secret, so never shown


class HttpClient:
    """Asks other computers. Redirections are errors: an address that moved is the operator's to correct."""

    def __init__(self, clock: Clock, *, trust_environment: bool) -> None:
        """`trust_environment`: use the proxies and certificates named by HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE."""
        self._clock = clock
        self._trust_environment = trust_environment
        self._client: httpx.Client | None = None
        self._making = threading.Lock()  # protects _client while it is made

    def start(self, ask: Ask, bounds: Bounds) -> Call:
        """Begin a request and return it."""
        call = Call(self._clock, lambda trace: self._exchange(ask, bounds, trace), bounds.total)
        call.start()
        return call

    def fetch(self, ask: Ask, bounds: Bounds) -> bytes:
        """Return the answer's body; WebError if there is none."""
        return self.start(ask, bounds).result()

    def _exchange(self, ask: Ask, bounds: Bounds, trace: Trace) -> bytes:
        import httpx  # noqa: PLC0415 - a bot that never asks does not pay its memory

        try:
            with self._httpx_client().stream(
                "GET" if ask.json is None else "POST",
                ask.url,
                params=ask.parameters,
                json=ask.json,
                headers={**HEADERS, **(ask.headers or {})},
                timeout=httpx.Timeout(bounds.read, connect=bounds.connect),
                extensions={"trace": trace},
            ) as response:
                return _body(response, bounds.size)
        except WebError:
            raise
        except (httpx.ConnectTimeout, httpx.NetworkError, httpx.ProxyError) as exc:
            raise WebError(Fault.UNREACHABLE, _reason(exc)) from None
        except httpx.TimeoutException as exc:
            raise WebError(Fault.SILENT, _reason(exc)) from None
        except Exception as exc:  # noqa: BLE001 - a library's texts may quote addresses and headers: none may escape
            raise WebError(Fault.ODD, _reason(exc)) from None

    def _httpx_client(self) -> httpx.Client:
        import httpx  # noqa: PLC0415 - the same

        with self._making:
            if self._client is None:
                # questions are rare: a kept connection would mostly be one that died meanwhile
                self._client = httpx.Client(
                    trust_env=self._trust_environment, limits=httpx.Limits(max_keepalive_connections=0)
                )
            return self._client


class Call(threading.Thread):
    """One request under way. Its thread ends soon after the bound, or when the system's name resolution gives up."""

    def __init__(self, clock: Clock, exchange: Callable[[Trace], bytes], total: float) -> None:
        # daemon: name resolution cannot be interrupted and must not keep the process from exiting
        super().__init__(name="Web-Call", daemon=True)
        self._clock = clock
        self._exchange = exchange
        self._total = total
        self._deadline = clock.monotonic() + total
        self._outcomes: SimpleQueue[bytes | WebError] = SimpleQueue()
        self._outcome: bytes | WebError | None = None
        self._guard = threading.Lock()  # protects the two below
        self._stream: Any = None
        self._abandoned = False

    def done_within(self, seconds: float) -> bool:
        """Wait at most so long, and no longer than the bound; return whether the request has ended."""
        if self._outcome is None:
            self._outcome = self._clock.get(self._outcomes, min(self._deadline, self._clock.monotonic() + seconds))
        return self._outcome is not None

    def result(self) -> bytes:
        """Wait for the answer's body and return it; WebError if there is none within the bound."""
        outcome = self._outcome if self.done_within(self._total) else None
        if outcome is None:
            outcome = self._outcome = self._abandon()
        if isinstance(outcome, WebError):
            raise outcome
        return outcome

    def run(self) -> None:
        """See Thread."""
        try:
            self._outcomes.put(self._exchange(self._note_connection))
        except WebError as exc:
            self._outcomes.put(exc)

    def _note_connection(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep the connection at hand, so that a request can be ended that receives one byte now and then."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._guard:
                self._stream = info["return_value"]
                if self._abandoned:
                    _shut(self._stream)

    def _abandon(self) -> WebError:
        with self._guard:
            self._abandoned = True
            if self._stream is None:
                return WebError(Fault.UNREACHABLE, f"pas de connexion en {self._total:g} s")
            _shut(self._stream)
        return WebError(Fault.SILENT, f"pas de réponse complète en {self._total:g} s")


def _shut(stream: Any) -> None:
    with suppress(OSError):  # closed meanwhile
        # the plain socket's: an SSLSocket's own also clears what the reading thread is using
        socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)


def _body(response: httpx.Response, size: int) -> bytes:
    if response.status_code == TOO_MANY_REQUESTS or response.status_code >= SERVER_ERROR:
        raise WebError(Fault.BUSY, f"HTTP {response.status_code}")
    if response.status_code != OK:
        raise WebError(Fault.REFUSED, f"HTTP {response.status_code}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise WebError(Fault.ODD, "compressée sans qu'on l'ait demandé")  # a few bytes may unpack to gigabytes
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > size:
            raise WebError(Fault.ODD, f"plus de {size} octets")
    return bytes(body)


def _reason(exc: BaseException) -> str:
    """Return the system's own words if it said any, else the error's kind: its text may quote a header or address."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(exc).__name__
