"""A disk of one's own that turns read-only or full and recovers: run as root of a mount namespace, prints what happens.

`unshare -rm python -m tests.support.faulty_disk FOLDER FAULT` mounts it on the empty FOLDER.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

from meshbot.storage.database import Database
from meshbot.storage.errors import StorageError
from meshbot.storage.nodes import NodeStore
from meshbot.storage.sqlite import FILE_NAME, SqliteBackend
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import key, record
from tests.support.packet_records import packet

ALICE, BOB, OWN = 1, 2, 9
NODES = 400


class Bot:
    """What a bot keeps on that disk."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.database = Database(SqliteBackend(folder / FILE_NAME, 0.1), clock)
        self.nodes = make_node_manager(NodeStore(self.database), clock)
        self.memory = make_memory(self.database, self.nodes, clock, lambda: OWN)

    def can_mail(self) -> bool:
        """Try to leave a mail and to read it."""
        try:
            self.memory.mailbox.send(ALICE, BOB, "salut")
            return bool(self.memory.mailbox.mails_of(BOB))
        except StorageError:
            return False


def main(mount: Path, fault: str) -> None:
    """Print a JSON object: what worked during the fault, after it, and what the next process reads."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda entry: lines.append(entry.getMessage())  # type: ignore[method-assign]
    logging.getLogger("meshbot").addHandler(handler)
    logging.getLogger("meshbot").setLevel(logging.INFO)
    run("mount", "-t", "tmpfs", "-o", "size=2m", "none", str(mount))
    clock, folder = FakeClock(), mount / "data"
    if fault.startswith("read-only"):
        before = Bot(folder, clock)
        before.nodes.learn_from_nodeinfo(record(ALICE, key(ALICE), long_name="Alice"))
        if fault.endswith("killed"):  # its log is left beside the file
            run("cp", "-a", str(folder), str(mount / "as it was"))
            before.database.close()
            run("rm", "-r", str(folder))
            (mount / "as it was").rename(folder)
        before.database.close()
        run("mount", "-o", "remount,ro", str(mount))
    bot = Bot(folder, clock)
    if fault == "full":
        with (mount / "rubbish").open("wb", buffering=0) as rubbish:
            fill(rubbish)
    bot.nodes.learn_from_nodeinfos([record(num, key(num), long_name="Nœud " * 6) for num in range(BOB, NODES)])
    for num in range(20):
        bot.memory.record(packet(num + 1))
    during = [bot.can_mail(), bot.memory.flush(), bot.nodes.flush()]
    run("mount", "-o", "remount,rw", str(mount))
    (mount / "rubbish").unlink(missing_ok=True)
    clock.advance(30)
    is_due = bot.nodes.deadline <= clock.monotonic()
    after = [bot.can_mail(), bot.nodes.flush(), bot.memory.flush()]
    bot.database.close()
    again = Bot(folder, clock)
    kept = again.nodes.counts().keys
    again.database.close()
    print(json.dumps({"during": during, "is_due": is_due, "after": after, "kept": kept, "lines": lines}))


def fill(file: object) -> None:
    """Write until the disk is full."""
    try:
        while True:
            file.write(bytes(4096))  # type: ignore[attr-defined]
    except OSError:
        return


def run(*command: str) -> None:
    """Run it; it must succeed."""
    subprocess.run(command, check=True, timeout=60)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
