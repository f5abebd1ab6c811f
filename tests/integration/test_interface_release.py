"""A lost interface and its nodes leave memory, without waiting for the collector's rare full round."""

import gc
import weakref

import pytest

from tests.support.bot import RunningBot


@pytest.fixture
def no_collector_of_its_own():
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector_of_its_own")
def test_an_interface_is_gone_after_two_reconnections(tmp_path, clock, new_node):
    with new_node(nodes=12) as node, RunningBot(node.port, tmp_path, clock) as running:
        running.wait_ready()
        lost = weakref.ref(running.bot.interface)
        # The library's publishing thread may hold the latest one for a while
        for times in (2, 3):
            node.fault("drop")
            running.wait_ready(times)
        assert lost() is None
