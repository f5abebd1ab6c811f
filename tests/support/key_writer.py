"""A process that learns one key after the other and reports each once it is kept: to be killed at any moment."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from meshbot.runtime.clock import SystemClock
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from tests.support.configured import make_node_manager
from tests.support.nodes import key, record


def main(folder: str, first: int) -> None:
    clock = SystemClock()
    manager = make_node_manager(NodeStore(open_database(Path(folder), clock)), clock)
    for num in itertools.count(first):
        manager.learn_from_nodeinfo(record(num, key(num), long_name=f"Node {num}"))
        print(num, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
