"""A process that remembers packets and reports after each commit how many it has: to be killed at any moment."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from meshbot.runtime.clock import SystemClock
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from tests.support.configured import make_memory, make_node_manager
from tests.support.packet_records import packet


def main(folder: str, first: int) -> None:
    clock = SystemClock()
    database = open_database(Path(folder), clock)
    memory = make_memory(database, make_node_manager(NodeStore(database), clock), clock, lambda: 1)
    for number in itertools.count(first):
        memory.record(packet(number % 50 + 2, packet_id=number))
        if number % 7 == 0 and memory.flush():
            print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
