"""The Telegram side's event loop: no lookup of a name holds it up, lasts for ever, or outlives the program."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from meshbot.runtime import NameLookup, is_address

LOGGER = logging.getLogger(__name__)
# Lookups at a time
LOOKUPS: Final = 8
LOOKUP_TIMEOUT: Final = 10.0  # seconds for one
# Names whose last addresses are kept
NAMES_KEPT: Final = 8


class DaemonThreads(ThreadPoolExecutor):
    """Runs each call in a daemon thread of its own, for which Python does not wait at its end."""

    def __init__(self) -> None:
        # the base class starts no thread by itself
        super().__init__(max_workers=1)
        self._free = threading.Semaphore(LOOKUPS)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See Executor; OSError through the future when too many calls are running."""
        future: Future[Any] = Future()
        if not self._free.acquire(blocking=False):
            future.set_exception(OSError("trop de recherches de noms en cours"))
            return future

        def run() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as exc:  # noqa: BLE001 - raised by the future
                _complete(future, error=exc)
            else:
                _complete(future, result)
            finally:
                self._free.release()

        threading.Thread(target=run, name="Telegram-Lookup", daemon=True).start()
        return future


class Resolver:
    """Names to addresses, each lookup within LOOKUP_TIMEOUT; the last ones that were found if it is in vain."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def addresses(self, name: str) -> list[str]:
        """Return a name's addresses; OSError if none is known."""
        try:
            found = NameLookup(name).run(LOOKUP_TIMEOUT)
        except OSError as exc:
            known = self._known.get(name)
            if known is None:
                raise
            LOGGER.debug("Telegram: %s; dernières adresses connues: %s", exc.strerror or exc, known)
            return known
        if name in self._known or len(self._known) < NAMES_KEPT:
            self._known[name] = found
        return found


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop whose lookups end, and whose blocking calls run in daemon threads."""
    loop, resolver = asyncio.new_event_loop(), Resolver()
    loop.set_default_executor(DaemonThreads())
    numeric = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **details: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if not name or is_address(name):
            return await numeric(host, port, **details)
        addresses = await loop.run_in_executor(None, resolver.addresses, name)
        flags = details.pop("flags", 0) | socket.AI_NUMERICHOST
        return [info for one in addresses for info in socket.getaddrinfo(one, port, **details, flags=flags)]

    # the tests' loop is of another class: there is none to derive from
    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
    return loop


def _complete(future: Future[Any], result: Any = None, error: BaseException | None = None) -> None:
    """Set the result or error, unless the future was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
