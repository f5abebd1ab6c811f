"""Name lookups that hang keep neither the event loop nor the process from ending."""

import asyncio
import os
import threading

import pytest

from meshbot.telegram_bot import event_loop
from meshbot.telegram_bot.event_loop import LOOKUPS, DaemonThreads, new_event_loop
from tests.support.resolver import FINDS, HANGS, UNKNOWN, Resolver

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


@pytest.fixture
def resolver(tmp_path, monkeypatch):
    one = Resolver(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(event_loop, "LOOKUP_TIMEOUT", 0.2)
    return one


@pytest.fixture
def loop():
    loop = new_event_loop()
    yield loop
    loop.close()


async def looked_up(loop, count=1):
    return await asyncio.gather(*(loop.getaddrinfo("api.test", 443) for _ in range(count)), return_exceptions=True)


def test_lookups_that_never_return_do_not_end_the_trying(loop, resolver):
    resolver.says(HANGS)
    failed = loop.run_until_complete(looked_up(loop, LOOKUPS))
    assert all(isinstance(one, OSError) for one in failed)
    assert len(resolver.runs()) == LOOKUPS
    assert resolver.running() == []
    resolver.says(FINDS)
    (found,) = loop.run_until_complete(looked_up(loop))
    assert ("127.0.0.1", 443) in {info[4] for info in found}


@pytest.mark.parametrize("trouble", [HANGS, UNKNOWN], ids=["hangs", "unknown"])
def test_the_last_address_is_used_when_a_name_no_longer_resolves(loop, resolver, trouble):
    resolver.says(FINDS)
    first = loop.run_until_complete(looked_up(loop))
    resolver.says(trouble)
    assert loop.run_until_complete(looked_up(loop)) == first


def test_an_address_needs_no_lookup(loop, resolver):
    found = loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 443))
    assert {info[4] for info in found} == {("127.0.0.1", 443)}
    assert resolver.runs() == []
