import logging
from math import inf
from queue import SimpleQueue

import pytest

from tests.support.dispatching import PATIENCE, Bench


@pytest.fixture
def access():
    """None: everybody may ask. A module may override it."""
    return


@pytest.fixture
def bench(caplog, access):
    caplog.set_level(logging.INFO)
    bench, crashed = Bench(access), SimpleQueue()
    bench.dispatcher.start(crashed)
    bench.clock.wait_parked(inf)
    yield bench
    bench.release.set()
    bench.dispatcher.stop()
    assert bench.dispatcher.join(PATIENCE)
    assert crashed.empty()
