"""A supervised service that has SIGTERM delivered to its own thread, not to the main one: run as a process."""

import signal
import sys
import threading
from queue import SimpleQueue

from meshbot.runtime.clock import SystemClock
from meshbot.runtime.service import Service
from meshbot.runtime.supervisor import Supervisor, catch_signals


class Signalled(Service):
    name = "Signalled"

    def handle(self, message):
        """Take nothing."""

    def on_start(self):
        threading.Event().wait(0.5)  # no event tells that the main thread waits in C
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)


if __name__ == "__main__":
    requests = SimpleQueue()
    catch_signals(requests)
    reason = Supervisor([Signalled(SystemClock())], SystemClock(), 2.0, requests).run()
    sys.exit(0 if reason is signal.SIGTERM else 1)
