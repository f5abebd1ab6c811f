"""A supervised process in a terminal; prints what its signals ask for: run as a process."""

import os
import signal
from queue import SimpleQueue

from meshbot.runtime.clock import SystemClock
from meshbot.runtime.supervisor import Supervisor, catch_signals

if __name__ == "__main__":
    requests = SimpleQueue()
    catch_signals(requests)

    def say(text):
        os.write(2, f"{text}\n".encode())

    reason = Supervisor([], SystemClock(), 2.0, requests, reload=lambda: say("reload")).run(lambda: say("started"))
    say("stop" if reason is signal.SIGHUP else f"other: {reason}")
