"""What every test gets: neither a thread nor a database may outlive it, and no machine is too slow."""

import gc
import logging
import sqlite3
import threading
import time
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

from meshbot.runtime.log import LIBRARIES
from tests.support import postgresql as servers

FOREVER = {"publishing"}  # the library's own, one a process (link_facts §1)
GRACE = 10.0  # real seconds for threads that were asked to end, on a busy machine

# An example that takes long, or long to be made, tells of the machine
settings.register_profile("meshbot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("meshbot")


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


def _is_open(connection):
    try:
        connection.total_changes  # noqa: B018 - which a closed one refuses
    except sqlite3.ProgrammingError:
        return False
    return True


@pytest.fixture(scope="module", autouse=True)
def no_database_left():
    """Fail the module that leaves a SQLite file open: from Python 3.13 on, a later test would be blamed for it."""
    opened, real = [], sqlite3.connect

    def connect(database, *arguments, **details):
        connection = real(database, *arguments, **details)
        opened.append((connection, database))
        return connection

    with mock.patch("sqlite3.connect", connect), mock.patch("sqlite3.dbapi2.connect", connect):
        yield
    left = [database for connection, database in opened if _is_open(connection)]
    assert not left, f"databases left open: {left}"


@pytest.fixture(scope="session")
def postgresql():
    """Give the URL of a PostgreSQL database that this worker has for itself; what a test left in it is there."""
    url = servers.own_database()
    yield url
    servers.drop(url)


@pytest.fixture(autouse=True)
def log_level(caplog):
    """Keep every record, so that a test can look for any line; a bot that set its libraries' levels is forgotten."""
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    caplog.set_level(logging.WARNING, "meshtastic")  # at DEBUG it prints every packet several times
    caplog.set_level(logging.DEBUG)  # last: each call also sets the level of what is kept
