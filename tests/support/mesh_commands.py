"""/mail and /trace over a real memory, with a few nodes; the radio answers each traceroute at once."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Self

from meshbot.commands.builtin.mail import mail_command
from meshbot.commands.builtin.trace import trace_command
from meshbot.commands.registry import Command
from meshbot.mesh_link.messages import Hop, TracerouteReply
from meshbot.mesh_link.packets import NodeRecord
from meshbot.sending.traceroute import RouteRequest, Tracer
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.packet_records import packet

OWN, ALICE, ZOE, BOB, BOB_MARTIN = 0x9999, 0x1234, 0x20001EEF, 0x20001EF0, 0x20001EF1
NAMES = ((OWN, "Relais", "MBOT"), (ALICE, "Alice", "ALI"), (ZOE, "Zoé", "ZOE"), (BOB, "Bob", ""))


class MeshCommands:
    """Without a folder nothing can be kept: enough to look at the commands."""

    def __init__(self, folder: Path | None = None) -> None:
        self.clock = FakeClock()
        self._database = open_database(folder, self.clock, busy_timeout=0.05) if folder else None
        self.manager = make_node_manager(NodeStore(self._database) if self._database else None, self.clock)
        self.memory = make_memory(self._database, self.manager, self.clock, lambda: OWN)
        self.tracer = Tracer(self.clock, self._answer, count(1).__next__)
        self.mail = mail_command(self.memory.mailbox, self.memory, self.clock, lambda: OWN)
        self.trace = trace_command(self.memory, self.tracer, lambda: OWN)

    @property
    def commands(self) -> tuple[Command, ...]:
        """Return them in the order of the program."""
        return self.trace, self.mail

    def populate(self) -> None:
        """Let some nodes be known, and Alice have a letter of two hours ago."""
        self.manager.learn_from_node_database([NodeRecord(num, name, short) for num, name, short in NAMES])
        self.manager.learn_from_node_database([NodeRecord(BOB_MARTIN, "Bob Martin", "BM")])
        self.memory.record(packet(ZOE))
        self.memory.mailbox.send(ZOE, ALICE, "See you at five")
        self.clock.advance(7200)

    def _answer(self, request: RouteRequest) -> None:
        there, back = (Hop(BOB, 6.25), Hop(request.to, -3.0)), (Hop(None, None), Hop(OWN, 4.5))
        self.tracer.traceroute_reply(TracerouteReply(request.packet_id, request.to, there, back))

    def __enter__(self) -> Self:
        """Nothing to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        if self._database is not None:
            self._database.close()
