"""One time for the bot and all that it meets: it jumps over waits and stands still while anything is to be done."""

from __future__ import annotations

from functools import partial

import pytest

from meshbot.virtual_node.server import VirtualNode
from tests.support.autojump import AutojumpClock
from tests.support.bot_api import BotApi

FIRMWARES = ("2.7.26", "2.8.0")


@pytest.fixture
def clock():
    with AutojumpClock() as jumping:
        yield jumping


@pytest.fixture
def new_node(clock):
    """Return a function that makes a node on that clock."""
    return partial(VirtualNode, clock=clock, new_selector=clock.new_selector)


@pytest.fixture(params=FIRMWARES)
def firmware(request):
    """Return each of the versions that the node is to behave like."""
    return request.param


@pytest.fixture
def new_api(clock):
    """Return a function that makes a Bot API server on that clock."""
    return partial(BotApi, clock=clock.timestamp, wait_for=clock.wait_for)
