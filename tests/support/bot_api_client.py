"""A bot of python-telegram-bot that makes single requests to the test server."""

import asyncio
import struct
import zlib

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.request import HTTPXRequest

from tests.support.bot_api import PATIENCE


def bot_of(api, token=""):
    """Return a bot that speaks with the test server, as patient as a busy machine needs."""
    waits = {f"{what}_timeout": PATIENCE for what in ("read", "write", "connect", "pool")}
    # no TLS here, so no certificates are loaded
    requests = [HTTPXRequest(**waits, httpx_kwargs={"verify": False}) for _ in range(2)]
    return Bot(token or api.token, f"{api.base_url}/bot", get_updates_request=requests[0], request=requests[1])


def with_bot(api, use, token=""):
    """Return what `use` gets from a fresh Bot."""

    async def asked():
        bot = bot_of(api, token)
        try:
            return await use(bot)
        finally:
            for request in bot._request:
                await request.shutdown()

    return asyncio.run(asked())


def refusal(api, error, use):
    """Return the text of the error that `use` meets."""
    with pytest.raises(error) as caught:
        with_bot(api, use)
    return str(caught.value)


def keyboard(*texts, data="x"):
    """Return one row of buttons."""
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=data) for text in texts]])


def png(width=3, height=2):
    """Return a grey picture."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
