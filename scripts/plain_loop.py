"""The bot as one would write it on the plain library: answers texts, syncs at once, replaces a lost interface.

`python scripts/plain_loop.py PORT NUM KEY` prints its events and actions, and syncs one public key (base64), that of
node NUM, which the radio need not know. Each line on stdin requests its state, the end of stdin ends it.
"""

from __future__ import annotations

import os
import sys
import threading
from queue import SimpleQueue
from typing import Any

from meshtastic.tcp_interface import TCPInterface
from pubsub import pub

RETRY_AFTER = 1.0  # seconds


class PlainLoop:
    """One stock TCPInterface at a time; a new one on `connection.lost`."""

    def __init__(self, port: int, num: int, key: str) -> None:
        self._port = port
        self._num = num
        self._key = key
        self._interface: Any = None
        self._lost: SimpleQueue[Any] = SimpleQueue()
        pub.subscribe(self._on_text, "meshtastic.receive.text")
        pub.subscribe(self._on_lost, "meshtastic.connection.lost")

    def run(self) -> None:
        """Connect, sync, wait for connection.lost, and start again; for ever."""
        pause = threading.Event()
        while True:
            try:
                interface = TCPInterface("127.0.0.1", portNumber=self._port)
            except Exception as error:  # noqa: BLE001 - whatever the library raises, a plain loop tries again
                report(f"TCPInterface() raises {type(error).__name__}: {error}")
                pause.wait(RETRY_AFTER)
                continue
            self._interface = interface
            self._sync(interface)
            report(f"TCPInterface() returns; keys synced at once: {self.state()}")
            while self._lost.get() is not interface:
                # An interface that failed in its constructor publishes connection.lost, too
                continue
            report("connection.lost: make a new interface")

    def state(self) -> str:
        """Return what the program can know of its link."""
        nodes = dict(self._interface.nodes)
        keys = sum(bool(node.get("user", {}).get("publicKey")) for node in nodes.values())
        return f"isConnected is {self._interface.isConnected.is_set()}, {keys} keys in interface.nodes"

    def _sync(self, interface: Any) -> None:
        node_id = f"!{self._num:08x}"
        node = {"num": self._num, "user": {"id": node_id, "publicKey": self._key}}
        interface.nodes[node_id] = interface.nodesByNum[self._num] = node

    def _on_text(self, packet: dict[str, Any], interface: Any) -> None:
        interface.sendText("pong", destinationId=packet["from"], wantAck=True, replyId=packet["id"])

    def _on_lost(self, interface: Any) -> None:
        self._lost.put(interface)


def report(text: str) -> None:
    """Print one line now."""
    print(text, flush=True)


def answer_requests(loop: PlainLoop) -> None:
    """Report the state for each line of stdin, then end the process: its main thread may hang for good."""
    for _ in sys.stdin:
        report(f"as it knows: {loop.state()}")
    os._exit(0)


if __name__ == "__main__":
    plain = PlainLoop(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    threading.Thread(target=answer_requests, args=(plain,), daemon=True).start()
    plain.run()
