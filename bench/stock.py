"""The plain library in the loop that its documentation suggests: answers texts, makes a new interface when one is lost.

`python -m bench.stock PORT [SCALE]`. SCALE makes the library's only timer, its heartbeat, that much faster.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from queue import SimpleQueue
from typing import Any

import meshtastic.mesh_interface
from meshtastic.tcp_interface import TCPInterface
from pubsub import pub

RETRY_AFTER = 1.0  # seconds
LOST: SimpleQueue[Any] = SimpleQueue()


def on_text(packet: dict[str, Any], interface: Any) -> None:
    """Answer any text."""
    interface.sendText("pong", destinationId=packet["from"], wantAck=True, replyId=packet["id"])


def on_lost(interface: Any) -> None:
    """Have the loop make a new interface."""
    LOST.put(interface)


def scale_heartbeat(scale: float) -> None:
    """Make the library's timer run on scaled time."""

    class Timer(threading.Timer):
        def __init__(self, interval: float, function: Any) -> None:
            super().__init__(interval / scale, function)

    class Threading:
        def __getattr__(self, name: str) -> Any:
            return getattr(threading, name)

    timers: Any = Threading()
    timers.Timer = Timer
    meshtastic.mesh_interface.threading = timers


def main(port: int, scale: float = 1.0) -> None:
    """Run until killed."""
    if scale != 1:
        scale_heartbeat(scale)
    pub.subscribe(on_text, "meshtastic.receive.text")
    pub.subscribe(on_lost, "meshtastic.connection.lost")
    pause = threading.Event()
    while True:
        try:
            interface = TCPInterface("127.0.0.1", portNumber=port)
        except Exception as error:  # noqa: BLE001 - whatever the library raises, a plain loop tries again
            print(f"FAILED {error}", flush=True)
            pause.wait(RETRY_AFTER)
            continue
        print("READY", flush=True)
        while LOST.get() is not interface:
            # An interface that failed in its constructor publishes connection.lost, too
            continue
        print("LOST", flush=True)
        with contextlib.suppress(OSError):
            interface.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(float, sys.argv[2:]))
