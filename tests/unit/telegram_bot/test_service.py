"""Name lookups that hang keep neither the event loop nor the process from ending."""

import asyncio
import threading

import pytest

from meshbot.telegram_bot.service import LOOKUPS, DaemonThreads, new_event_loop

PATIENCE = 30.0


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


def test_a_result_and_an_error_come_back():
    threads = DaemonThreads()
    assert threads.submit(int, "5").result(PATIENCE) == 5
    with pytest.raises(ValueError, match="invalid literal"):
        threads.submit(int, "five").result(PATIENCE)


def test_a_loop_ends_while_a_call_hangs(release):
    loop = new_event_loop()

    async def give_up():
        call = loop.run_in_executor(None, release.wait, PATIENCE)
        await asyncio.wait([call], timeout=0.01)
        call.cancel()

    loop.run_until_complete(give_up())
    loop.close()


def test_the_number_of_hanging_calls_has_a_bound(release):
    threads = DaemonThreads()
    hanging = [threads.submit(release.wait, PATIENCE) for _ in range(LOOKUPS)]
    with pytest.raises(OSError, match="recherches"):
        threads.submit(int).result(PATIENCE)
    release.set()
    assert all(future.result(PATIENCE) for future in hanging)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "Telegram-Lookup")


def test_the_result_of_a_cancelled_call_is_dropped(release):
    threads = DaemonThreads()
    future = threads.submit(release.wait, PATIENCE)
    assert future.cancel()
    release.set()
