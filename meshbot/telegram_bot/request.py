"""The library's HTTP requests with bounds: one deadline for each in all, and one size for each answer, unpacked."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

import httpx
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import HTTPXRequest, RequestData

from meshbot.telegram_bot.failures import InvalidAnswerError, TooLargeError, UnreadSuccessError, check_refusal

# zlib's window for gzip or zlib, whichever the data begin with
GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32
TIMEOUTS: Final = ("read_timeout", "write_timeout", "connect_timeout", "pool_timeout")
PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
UNPACKED: Final = frozenset({"", "identity"})


class BoundedRequest(HTTPXRequest):
    """The library's waits as long as a byte comes now and then, and unpacks without end.

    It also takes a proxy's 401 for a refusal of the token.
    """

    def __init__(self, deadline: float, size: int, *args: Any, **kwargs: Any) -> None:
        """`deadline`: seconds for a whole request, the name's look-up included; `size`: bytes of an answer."""
        self._deadline = deadline
        self._size = size
        super().__init__(*args, **kwargs)

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *args: Any, **timeouts: Any
    ) -> tuple[int, bytes]:
        """See BaseRequest; UnreadSuccessError where it was done, but the answer that says so is broken."""
        timeouts |= dict(zip(TIMEOUTS, args, strict=False))
        is_success = False
        try:
            async with asyncio.timeout(self._deadline), self._stream(url, method, request_data, timeouts) as response:
                is_success = _is_success(response)
                body = await _read(response, self._size)
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise _seen(TimedOut(), is_success=is_success) from exc
        except httpx.HTTPError as exc:
            raise _seen(NetworkError(f"httpx.{type(exc).__name__}: {exc}"), is_success=is_success) from exc
        except InvalidAnswerError as exc:
            raise _seen(exc, is_success=is_success) from None
        check_refusal(response.status_code, body)
        if is_success:
            _check_success(body)
        return response.status_code, body

    def _stream(self, url: str, method: str, data: RequestData | None, timeouts: dict[str, Any]) -> Any:
        files = data.multipart_data if data else None
        usual = self._client.timeout
        # the library marks a timeout that is not given by an object of its own
        given = {name: value for name, value in timeouts.items() if value is None or isinstance(value, int | float)}
        timeout = httpx.Timeout(
            connect=given.get("connect_timeout", usual.connect),
            read=given.get("read_timeout", usual.read),
            write=given.get("write_timeout", self._media_write_timeout if files else usual.write),
            pool=given.get("pool_timeout", usual.pool),
        )
        return self._client.stream(
            method,
            url,
            headers={"User-Agent": self.USER_AGENT, "Accept-Encoding": "identity"},
            timeout=timeout,
            files=files,
            data=data.json_parameters if data else None,
        )


def _is_success(response: httpx.Response) -> bool:
    """Return whether a Bot API server has done what was asked: a hotel's network answers 200 too, with a page."""
    is_page = "html" in response.headers.get("Content-Type", "").lower()
    return HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES and not is_page


def _seen(error: TelegramError, *, is_success: bool) -> TelegramError:
    return UnreadSuccessError(error) if is_success else error


async def _read(response: httpx.Response, size: int) -> bytes:
    """Return the body, unpacked; TooLargeError beyond `size` bytes, of which no more than that is ever unpacked."""
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in PACKED | UNPACKED:
        raise InvalidAnswerError(f"Content-Encoding: {coding[:20]}")
    pieces = response.aiter_raw() if coding in UNPACKED else _unpacked(response.aiter_raw(), size)
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > size:
            raise TooLargeError(f"plus de {size} octets")
    return bytes(body)


async def _unpacked(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        async for piece in pieces:
            # one byte too many is enough to see that it is too large
            yield unpacker.decompress(piece, size + 1)
    except zlib.error as exc:
        raise InvalidAnswerError(f"gzip: {exc}") from None
    if not unpacker.eof:
        raise InvalidAnswerError("gzip: incomplet")


def _check_success(body: bytes) -> None:
    """Accept an answer of a Bot API server; UnreadSuccessError: it is broken, InvalidAnswerError: it is none."""
    # the page of a proxy that names no type
    if body.lstrip()[:1] == b"<":
        raise InvalidAnswerError("page HTML")
    try:
        match json.loads(body):
            case {"ok": True, "result": _}:
                return
            case {"ok": True}:
                raise UnreadSuccessError(InvalidAnswerError("sans result"))
            case dict():
                raise InvalidAnswerError("200 sans ok")
    except (ValueError, RecursionError):
        pass
    raise UnreadSuccessError(InvalidAnswerError("JSON illisible"))
