"""A session's end while it connects."""

from queue import SimpleQueue

import pytest

from meshbot.mesh_link.session import MeshSession
from meshbot.mesh_link.states import LinkEvent
from meshbot.runtime.clock import SystemClock
from tests.support.configured import make_target
from tests.support.peer import full_backlog

PATIENCE = 30.0


@pytest.fixture
def events():
    return SimpleQueue()


@pytest.fixture
def connecting(events):
    """A session in the middle of a connection that hangs for an hour."""
    with full_backlog() as address:
        session = MeshSession(
            1, make_target(*address, connect_timeout=3600.0), SystemClock(), events.put, on_queue_status=bool
        )
        yield session
        session.abandon()
        assert session.ended(PATIENCE)


def test_close_ends_a_connection_that_hangs(connecting, events):
    connecting.close()
    assert [events.get(timeout=PATIENCE).event for _ in range(2)] == [LinkEvent.FAILED, LinkEvent.CLOSED]
    assert connecting.ended(PATIENCE)
