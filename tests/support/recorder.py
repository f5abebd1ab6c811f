"""A service that writes down what happens to it."""

from math import inf

from meshbot.runtime.service import Service


class Recorder(Service):
    """Writes down what happens to it; a callable message is called."""

    def __init__(self, clock, name="Recorder", log=None, **details):
        super().__init__(clock, **details)
        self.name = name
        self.log = [] if log is None else log
        self.due = inf

    def on_start(self):
        self.log.append(f"{self.name} starts")

    def on_stop(self):
        self.log.append(f"{self.name} stops")

    def deadline(self):
        return self.due

    def on_deadline(self):
        self.log.append(f"deadline at {self._clock.monotonic():.0f}")
        self.due = inf

    def handle(self, message):
        self.log.append(message() if callable(message) else message)
