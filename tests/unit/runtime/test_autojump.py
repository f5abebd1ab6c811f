"""The clock that jumps: what the tests of the whole bot rely on."""

import asyncio
import threading
import time
from queue import SimpleQueue

import pytest

from tests.support.autojump import AutojumpClock

HOUR = 3600.0
PATIENCE = 30.0  # real seconds: only a failure waits so long


@pytest.fixture
def clock():
    with AutojumpClock() as jumping:
        yield jumping


def in_thread(function):
    """Run it elsewhere; return what it returned."""
    results = SimpleQueue()
    thread = threading.Thread(target=lambda: results.put(function()))
    thread.start()
    result = results.get(timeout=PATIENCE)
    thread.join()
    return result


def test_a_wait_ends_at_its_deadline_and_takes_no_time(clock):
    deadline = clock.monotonic() + HOUR
    wall = clock.now()
    assert in_thread(lambda: clock.get(SimpleQueue(), deadline)) is None
    assert clock.monotonic() == pytest.approx(deadline)
    assert (clock.now() - wall).total_seconds() == pytest.approx(HOUR)


def test_deadlines_come_in_their_order(clock):
    ended = SimpleQueue()

    def wait(seconds):
        clock.get(SimpleQueue(), 1000.0 + seconds)
        ended.put((seconds, clock.monotonic() - 1000.0))

    threads = [threading.Thread(target=wait, args=(seconds,)) for seconds in (30, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert [ended.get() for _ in threads] == [(each, pytest.approx(each)) for each in (10, 20, 30)]


def test_time_stands_still_while_a_thread_works(clock):
    worked = threading.Event()

    def work():
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            sum(range(1000))
        worked.set()

    worker = threading.Thread(target=work)
    worker.start()
    in_thread(lambda: clock.get(SimpleQueue(), clock.monotonic() + HOUR))
    assert worked.is_set()
    worker.join()


def test_an_item_comes_before_the_deadline_and_no_other_is_left_over(clock):
    inbox = SimpleQueue()
    inbox.put("item")
    assert clock.get(inbox, clock.monotonic() + HOUR) == "item"
    assert inbox.empty()
    assert clock.monotonic() < 1000.0 + HOUR


def test_an_event_loop_and_a_condition_wait_for_no_time_either(clock):
    loop = clock.new_event_loop()
    loop.run_until_complete(asyncio.sleep(HOUR))
    with pytest.raises(TimeoutError):
        loop.run_until_complete(asyncio.wait_for(loop.create_future(), HOUR))
    loop.close()
    condition = threading.Condition()
    with condition:
        assert not clock.wait_for(condition, lambda: False, HOUR)
    assert clock.monotonic() == pytest.approx(1000.0 + 3 * HOUR)


def test_a_wait_too_short_to_be_counted_ends(clock):
    loop = clock.new_event_loop()

    async def sleep_until(when):
        while loop.time() < when:  # noqa: ASYNC110 - as a library does that asks the clock anew
            await asyncio.sleep(when - loop.time())

    loop.run_until_complete(sleep_until(loop.time() + 1e-12))
    loop.close()


def test_rest_comes_when_all_is_done(clock):
    inbox, done = SimpleQueue(), []

    def serve():
        while (item := clock.get(inbox, clock.monotonic() + HOUR)) != "stop":
            done.append(item)

    server = threading.Thread(target=serve)
    server.start()
    for number in range(100):
        inbox.put(number)
    clock.wait_for_rest()
    assert [item for item in done if item is not None] == list(range(100))
    inbox.put("stop")
    server.join(PATIENCE)
