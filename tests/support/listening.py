"""Waiting until a memory has heard enough."""

import threading

from tests.support.waiting import PATIENCE


class Listening:
    """Wakes a test after each packet that a memory has taken in."""

    def __init__(self, memory):
        self._heard = threading.Condition()
        self._record = memory.record
        memory.record = self.record

    def record(self, packet):
        self._record(packet)
        with self._heard:
            self._heard.notify_all()

    def wait_until(self, condition):
        with self._heard:
            assert self._heard.wait_for(condition, PATIENCE)


def is_fully_known(memory, num):
    """Whether both telemetry and a position of a node were heard."""
    view = memory.node(num)
    return view is not None and view.battery is not None and view.position is not None
