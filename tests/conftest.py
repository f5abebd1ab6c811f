"""What every test gets: no thread may outlive it."""

import gc
import logging
import threading
import time

import pytest

FOREVER = {"publishing"}  # the library's own, one a process (link_facts §1)
GRACE = 10.0  # real seconds for threads that were asked to end, on a busy machine


def pytest_collection_finish():
    """Keep the collector away from what stays for good: the bot calls it before each connection."""
    gc.collect()
    gc.freeze()


def _others(before):
    return [t for t in threading.enumerate() if t not in before and t.name not in FOREVER and t.is_alive()]


@pytest.fixture(autouse=True)
def no_thread_left():
    """Fail the test that leaves a thread."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + GRACE
    for thread in _others(before):
        thread.join(max(0.0, deadline - time.monotonic()))
    assert not _others(before), f"threads left: {[t.name for t in _others(before)]}"


@pytest.fixture(autouse=True)
def log_level(caplog):
    """Keep every record, so that a test can look for any line."""
    caplog.set_level(logging.WARNING, "meshtastic")  # at DEBUG it prints every packet several times
    caplog.set_level(logging.DEBUG)  # last: each call also sets the level of what is kept
