"""Which answer each HTTP request gets."""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from meshbot.runtime import Clock, Throttle, TimedCache
from meshbot.status_page.metrics import CONTENT_TYPE, BotMetrics
from meshbot.status_page.page import DEFAULT_SORT, SORTS, TEMPLATES, StatusPage, Wish
from meshbot.status_page.sources import Sources

LOGGER = logging.getLogger(__name__)
LANGUAGES: Final = ("fr", "en")
# Seconds that a rendered page answers further requests
KEPT_FOR: Final = 5.0
KEPT: Final = 4
# Of pages, and of metrics, within BUSY_FOR seconds: whoever asks more must not keep the radio's threads from working
MOST_MADE: Final = 20
BUSY_FOR: Final = 10.0
# Seconds without an answer to a ping: a thread that hangs, as the watchdog tells it (runtime/watchdog.py)
SICK_AFTER: Final = 30.0
MOST_PAGES: Final = 10_000
ERRORS_EVERY: Final = 600.0
# A page elsewhere could have its own name point here and read the answers (DNS rebinding); it cannot have these
LOCAL_NAMES: Final = frozenset({"local", "localhost", "lan", "home", "internal", "localdomain", "box", "arpa"})
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HTML, CSS, PLAIN, JSON = ("text/html", "text/css", "text/plain", "application/json")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: HTTPStatus
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Application:
    """Answers requests, on any thread; it is the WSGI application."""

    def __init__(self, sources: Sources, metrics: BotMetrics, page: StatusPage) -> None:
        self._sources = sources
        self._clock = sources.clock
        self._metrics = metrics
        self._page = page
        self._style = (TEMPLATES / "style.css").read_bytes()
        self._host_name = socket.gethostname().lower()
        self._rendered: TimedCache[Wish, bytes] = TimedCache(KEPT_FOR, KEPT)
        self._limits = {"/": Limit(self._clock), "/metrics": Limit(self._clock)}
        self._errors = Throttle(ERRORS_EVERY)
        self._routes: Mapping[str, Callable[[Mapping[str, str]], Response]] = {
            "/": self._status_page,
            "/metrics": self._exposition,
            "/healthz": self._health,
            "/style.css": lambda _environ: Response(HTTPStatus.OK, CSS, self._style),
        }

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """See WSGI (PEP 3333)."""
        try:
            response = self.respond(environ)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the page, the bot goes on
            response = self._failed(error)
        headers = {
            "Content-Type": f"{response.kind}; charset=utf-8" if ";" not in response.kind else response.kind,
            "Content-Length": str(len(response.body)),
            **HEADERS,
            **response.headers,
        }
        start_response(f"{response.status.value} {response.status.phrase}", list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def respond(self, environ: Mapping[str, str]) -> Response:
        """Return the answer to the request that WSGI describes so."""
        if not is_local(environ.get("HTTP_HOST", ""), self._host_name):
            return _plain(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This page answers by address or local name only. Behind a proxy: have it send 'Host: localhost'.",
            )
        route = self._routes.get(environ.get("PATH_INFO", ""))
        if route is None:
            return _plain(HTTPStatus.NOT_FOUND, "There is / and /metrics and /healthz.")
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, "This is only to be read.", {"Allow": "GET, HEAD"})
        return route(environ)

    def _failed(self, error: Exception) -> Response:
        if self._errors.count(self._clock.monotonic()):
            LOGGER.error("❌ Page d'état: %s: %s", type(error).__name__, error)
        LOGGER.debug("Page d'état", exc_info=error)
        return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, "The page failed; the bot's log says why.")

    def _status_page(self, environ: Mapping[str, str]) -> Response:
        wish = wish_of(environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT_LANGUAGE", ""), self._sources.language)
        now = self._clock.monotonic()
        kept = self._rendered.get(wish, now)
        if kept is None and not self._limits["/"].allows():
            return _busy()
        body = self._page.render(wish) if kept is None else kept[0]
        if kept is None:
            self._rendered.put(wish, body, now)
        language = wish.language
        return Response(HTTPStatus.OK, HTML, body, {"Content-Language": language, "Vary": "Accept-Language"})

    def _exposition(self, _environ: Mapping[str, str]) -> Response:
        if not self._limits["/metrics"].allows():
            return _busy()
        return Response(HTTPStatus.OK, CONTENT_TYPE, self._metrics.exposition())

    def _health(self, _environ: Mapping[str, str]) -> Response:
        silent = sorted(thread for thread, _, seconds in self._sources.beats() if seconds >= SICK_AFTER)
        state = {"status": "hung" if silent else "ok", "link": self._sources.link_state(), "silent_threads": silent}
        status = HTTPStatus.SERVICE_UNAVAILABLE if silent else HTTPStatus.OK
        return Response(status, JSON, json.dumps(state).encode())


class Limit:
    """Allows MOST_MADE within BUSY_FOR seconds; thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # protects what follows
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=MOST_MADE)

    def allows(self) -> bool:
        """Return whether one more may be made now, and count it."""
        now = self._clock.monotonic()
        with self._lock:
            if len(self._times) == MOST_MADE and now - self._times[0] < BUSY_FOR:
                return False
            self._times.append(now)
            return True


def _plain(status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, PLAIN, f"{text}\n".encode(), headers or {})


def _busy() -> Response:
    return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests, try again.", {"Retry-After": f"{BUSY_FOR:.0f}"})


# -- what a request says; pure


def is_local(host: str, own_name: str) -> bool:
    """Return whether a Host header names this machine as no page elsewhere can: by address, or by a local name."""
    name = re.sub(r":\d{1,5}$", "", host.strip().lower().removesuffix("."))
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        labels = name.rstrip(".").split(".")
        return name == own_name or len(labels) == 1 or labels[-1] in LOCAL_NAMES
    return True


def wish_of(query: str, accepted: str, default: str) -> Wish:
    """Return what a query and an Accept-Language header ask for; what is odd in them counts as left out."""
    try:
        asked = {name: values[-1] for name, values in parse_qs(query, max_num_fields=20).items()}
    except ValueError:
        asked = {}
    language = asked.get("lang", "")
    sort = asked.get("sort", DEFAULT_SORT)
    page = asked.get("page", "1")
    return Wish(
        language if language in LANGUAGES else language_of(accepted, default),
        sort.removeprefix("-") if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
        sort.startswith("-") and sort[1:] in SORTS,
        min(max(int(page), 1), MOST_PAGES) if re.fullmatch("[0-9]{1,5}", page) else 1,
    )


def language_of(accepted: str, default: str) -> str:
    """Return the language of LANGUAGES that a browser likes best, else the default."""
    best, liked = default, 0.0
    for each in accepted.split(",")[:20]:
        tag, _, quality = each.strip().partition(";")
        name = tag.split("-")[0].strip().lower()
        found = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", quality)
        weight = float(found[1]) if found else 0.0 if quality else 1.0
        if name in LANGUAGES and weight > liked:
            best, liked = name, weight
    return best
