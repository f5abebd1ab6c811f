"""Faults between a bot and Telegram; each is passed to `BotApi.trouble`."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.support.bot_api_calls import ApiError, too_many
from tests.support.bot_api_http import Line, Reply, json_reply
from tests.support.bot_api_updates import OTHER_POLLER

PATIENCE = 30.0  # real seconds: only a failure waits so long


@dataclass(frozen=True)
class Exchange:
    """One request that meets a fault, which executes it or not, and answers or not."""

    execute: Callable[[], Reply]  # execute the request; once at most
    line: Line
    wait: Callable[[float], None]  # seconds at most; ends with the fault, the port or the server


Fault = Callable[[Exchange], None]


@dataclass
class Trouble:
    """A fault that lasts until ended, or its requests or seconds are used up; as a context it ends with it."""

    fault: Fault
    method: str  # as getUpdates; empty: all
    requests: int | None
    until: float | None  # time.monotonic()
    changed: threading.Condition = field(repr=False)
    met: int = 0  # requests that met it
    over: bool = False

    @property
    def spent(self) -> bool:
        """Whether no further request meets it; it may still hold back those that did."""
        late = self.until is not None and time.monotonic() > self.until
        return self.over or late or (self.requests is not None and self.met >= self.requests)

    def takes(self, method: str) -> bool:
        """Return whether this request meets the fault, and count it."""
        if self.spent or (self.method and self.method.lower() != method.lower()):
            return False
        self.met += 1
        return True

    def end(self) -> None:
        """End it, and release what it holds back."""
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def __enter__(self) -> Self:
        """Last as long as the context."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()


def hangs(exchange: Exchange) -> None:
    """Neither execute nor answer, and close when the fault ends."""
    exchange.wait(PATIENCE)
    exchange.line.end()


def slow(seconds: float) -> Fault:
    """Do it at once, answer late."""

    def behave(exchange: Exchange) -> None:
        reply = exchange.execute()
        exchange.wait(seconds)
        exchange.line.send(reply.on_wire())

    return behave


def refuses(error: ApiError) -> Fault:
    """Answer that error."""
    return lambda exchange: exchange.line.send(json_reply(error.code, error.content()).on_wire())


def flood(retry_after: int) -> Fault:
    """Answer 429 with retry_after."""
    return refuses(too_many(retry_after))


def unauthorized() -> Fault:
    """Answer 401, as after the token was revoked."""
    return refuses(ApiError(401, "Unauthorized"))


def conflict() -> Fault:
    """Answer 409, as when another poller ends each poll of ours."""
    return refuses(ApiError(409, OTHER_POLLER))


def page(code: int) -> Fault:
    """Answer with a gateway's HTML page, as 502."""
    body = f"<html>\r\n<head><title>{code}</title></head>\r\n<body><center><h1>{code}</h1></center></body></html>\r\n"
    reply = Reply(code, body.encode(), "text/html")
    return lambda exchange: exchange.line.send(reply.on_wire())


def proxy_json(code: int) -> Fault:
    """Answer with a proxy's JSON, which is no Bot API server's."""
    return lambda exchange: exchange.line.send(json_reply(code, {"error": "login required"}).on_wire())


def internal_error() -> Fault:
    """Answer 500 with Telegram's own text."""
    return refuses(ApiError(500, "Internal Server Error"))


def not_json(exchange: Exchange) -> None:
    """Answer 200 with something else, as a hotel's network does."""
    exchange.line.send(Reply(200, b"<html>Please log in</html>", "text/html").on_wire())


def answers(content: object) -> Fault:
    """Answer 200 with that JSON to any method."""
    return lambda exchange: exchange.line.send(json_reply(200, content).on_wire())


def truncated(exchange: Exchange) -> None:
    """Do it, and close in the middle of the answer's body."""
    data = exchange.execute().on_wire()
    exchange.line.send(data[: len(data) - 5])
    exchange.line.end()


def wrong_length(exchange: Exchange) -> None:
    """Do it, and announce a body that is shorter than what follows."""
    reply = exchange.execute()
    exchange.line.send(reply.on_wire(Content_Length=str(len(reply.body) - 5)))
    exchange.line.end()


def resets(exchange: Exchange) -> None:
    """Do nothing and reset the connection."""
    exchange.line.end(reset=True)


def resets_in_answer(exchange: Exchange) -> None:
    """Do it, begin to answer and reset the connection."""
    data = exchange.execute().on_wire()
    exchange.line.send(data[: len(data) // 2])
    exchange.line.end(reset=True)


def loses_answer(exchange: Exchange) -> None:
    """Execute and close without an answer: the client cannot know that it was executed."""
    exchange.execute()
    exchange.line.end()


def does_without_answer(exchange: Exchange) -> None:
    """Execute and do not answer until the fault ends: the client's timeout, not knowing that it was executed."""
    exchange.execute()
    exchange.wait(PATIENCE)
    exchange.line.end()


def gzip_bomb(size: int) -> Fault:
    """Do nothing, and answer 200 with so many bytes packed to a thousandth."""
    packed = gzip.compress(b'{"ok":true,"result":"' + b" " * size, 9)
    reply = Reply(200, packed)
    return lambda exchange: exchange.line.send(reply.on_wire(Content_Encoding="gzip"))


def done_but(body: bytes, content_type: str = "application/json") -> Fault:
    """Do it, and answer 200 with a body that does not say so."""

    def behave(exchange: Exchange) -> None:
        exchange.execute()
        exchange.line.send(Reply(200, body, content_type).on_wire())

    return behave


def drips(exchange: Exchange) -> None:
    """Do it, and answer a byte of the body every second, for an hour."""
    data = exchange.execute().on_wire(Content_Length="100000")
    try:
        start = data.index(b"\r\n\r\n") + 4
        exchange.line.send(data[:start])
        for n in range(start, start + 3600):
            exchange.line.send(data[n : n + 1] or b" ")
            exchange.wait(1.0)
    # the client has had enough
    except OSError:
        exchange.line.end()
