"""What one answer of a Bot API server may take: so many bytes, unpacked, and no more memory than that."""

import asyncio
import gzip
import tracemalloc
import zlib

import httpx
import pytest

from meshbot.telegram_bot.api import POLL_SIZE, SIZE
from meshbot.telegram_bot.failures import InvalidAnswerError, TooLargeError
from meshbot.telegram_bot.request import _read

MB = 1_000_000


def read(body, size, coding="gzip", piece=65536):
    async def pieces():
        for start in range(0, len(body), piece):
            yield body[start : start + piece]

    response = httpx.Response(200, headers={"Content-Encoding": coding}, content=pieces())
    return asyncio.run(_read(response, size))


@pytest.mark.parametrize("size", [SIZE, POLL_SIZE])
def test_a_bomb_takes_no_more_memory_than_an_answer_may(size):
    bomb = _bomb(100)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            read(bomb, size)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * size + 2 * MB


def _bomb(megabytes):
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    zeros = bytes(MB)
    return b"".join([*(packer.compress(zeros) for _ in range(megabytes)), packer.flush()])


@pytest.mark.parametrize("coding", ["", "identity"])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(coding):
    with pytest.raises(TooLargeError):
        read(bytes(SIZE + 1), SIZE, coding)
    assert len(read(bytes(SIZE), SIZE, coding)) == SIZE


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_a_packed_answer_is_unpacked(pack, piece):
    body = bytes(range(256)) * 20
    coding = "gzip" if pack is gzip.compress else "deflate"
    assert read(pack(body), SIZE, coding, piece) == body


@pytest.mark.parametrize(
    ("body", "coding"),
    [(b"no gzip", "gzip"), (gzip.compress(b"x" * 999, mtime=0)[:-9], "gzip"), (b"", "br")],
    # the bytes would be the name, and the time of packing is in them
    ids=["no gzip", "cut off", "another coding"],
)
def test_what_cannot_be_unpacked_is_no_answer(body, coding):
    with pytest.raises(InvalidAnswerError):
        read(body, SIZE, coding)
