"""An event loop that never keeps the process from ending: a name that is not found may be looked up for a minute."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

LOOKUPS: Final = 8  # at once; each is given up by its asker after some seconds, and ends later


class DaemonThreads(ThreadPoolExecutor):
    """Runs each call in a daemon thread of its own: Python waits for a pool's threads at its end, not for these."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)  # which starts no thread by itself
        self._free = threading.Semaphore(LOOKUPS)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See Executor; OSError through the future when too many calls have not come back."""
        future: Future[Any] = Future()
        if not self._free.acquire(blocking=False):
            future.set_exception(OSError("trop de recherches de noms en cours"))
            return future

        def run() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as exc:  # noqa: BLE001 - it belongs to who waits for the future
                _settle(future, error=exc)
            else:
                _settle(future, result)
            finally:
                self._free.release()

        threading.Thread(target=run, name="Telegram-Lookup", daemon=True).start()
        return future


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop whose blocking calls run in daemon threads."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(DaemonThreads())
    return loop


def _settle(future: Future[Any], result: Any = None, error: BaseException | None = None) -> None:
    """Hand a result over, unless nobody waits for it any more."""
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
