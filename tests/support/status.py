"""The status page's application on real parts: memory, keys, queue and link history, on SQLite."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from meshbot.mesh_link.current_link import CurrentLink
from meshbot.mesh_link.messages import DeviceMetrics, NodeRecord, PositionPayload
from meshbot.persistence.link_history import LinkHistory
from meshbot.sending.outbox_figures import outbox_figures
from meshbot.status_page import Application, BotMetrics, IncidentLog, Sources, StatusPage, StatusServer
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from tests.support.configured import make_memory, make_node_manager, make_send_queue
from tests.support.fake_clock import FakeClock
from tests.support.nodes import OWN, key
from tests.support.packet_records import packet

HERE = (45.76, 4.84)
PATIENCE = 30.0  # real seconds: only a failure waits so long


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Bench:
    """Everything that the page shows, for a test to fill; `change` replaces what a source tells."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        clock = self.clock
        self.database = open_database(self.folder, clock)
        self.nodes = make_node_manager(NodeStore(self.database), clock)
        self.memory = make_memory(self.database, self.nodes, clock, lambda: OWN)
        self.queue = make_send_queue(2.2, 200, iter(range(1, 10**6)).__next__)
        self.link, self.history = CurrentLink(clock), LinkHistory(self.database, clock)
        self.history.flush()
        self.metrics, self.incidents = BotMetrics(clock), IncidentLog(clock)
        for observer in (self.metrics.link, self.history.take):
            self.link.statistics.observe(observer)
        self.state: dict[str, Any] = {"link": "ready", "beats": [("Mesh-Sender", 3, 0.0)], "telegram": None}
        self.sources = Sources(
            clock=clock,
            memory=self.memory,
            keys=self.nodes,
            own_num=lambda: OWN,
            link_state=lambda: self.state["link"],
            link=self.link.figures,
            is_locked=self.link.is_locked,
            link_periods=self.history.periods,
            radio_keys=lambda: None,
            outbox=lambda: outbox_figures(self.queue, clock.monotonic()),
            mails=self.memory.mailbox.totals,
            refused_packets=lambda: {"bad": 2, "forged": 0},
            inbox_drops=lambda: {"Mesh-Router": 4},
            beats=lambda: self.state["beats"],
            database_fails=lambda: self.database.fails,
            telegram=lambda: self.state["telegram"],
            version="0.1.0 (1a2b3c4d5e)",
            node="192.0.2.7:4403",
            language="fr",
        )
        self.metrics.look_at(self.sources)
        self.application = Application(self.sources, self.metrics, StatusPage(self.sources, self.incidents))

    def hear(self, num: int, name: str, place: tuple[float, float] | None = None, **details: Any) -> None:
        """Let our node hear another one, which has told its name."""
        self.nodes.learn_from_nodeinfo(replace(NodeRecord(num), long_name=name, public_key=key(num)))
        payload = None if place is None else PositionPayload(*place)
        self.memory.record(packet(num, payload, **details))

    def hear_town(self, count: int, seed: int = 1) -> None:
        """Fill the memory as a mesh of so many nodes does within a day."""
        rng = Random(seed)
        now = int(self.clock.now().timestamp())
        records = [
            NodeRecord(num, f"Nœud {num} <&> {rng.randrange(1000)}", f"N{num % 999}", "TBEAM", "CLIENT", key(num))
            for num in range(1, count + 1)
        ]
        self.nodes.learn_from_node_database(records)
        for record in records:
            place = PositionPayload(rng.gauss(HERE[0], 0.2), rng.gauss(HERE[1], 0.3))
            metrics = DeviceMetrics(rng.randrange(101), 3.9, 12.0, 1.0)
            heard = now - rng.randrange(6 * 86400)
            details = {"rx_time": heard, "hops": rng.randrange(4), "snr": rng.uniform(-15, 10)}
            for payload, port in ((place, 3), (metrics, 67)):
                self.memory.record(packet(record.num, payload, portnum=port, **details))
        self.memory.record(packet(OWN, PositionPayload(*HERE), portnum=3))
        self.memory.flush()

    def get(self, path: str, query: str = "", **environ: str) -> Answer:
        """Ask as WSGI does."""
        started: list[Any] = []
        asked = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": "127.0.0.1:8080"}
        parts = self.application(asked | environ, lambda status, headers: started.append((status, headers)))
        ((status, headers),) = started
        return Answer(int(status.split()[0]), dict(headers), b"".join(parts))

    def close(self) -> None:
        self.database.close()


def address_of(server: StatusServer) -> tuple[str, int]:
    """Where a server listens, once it does; its thread tells nobody."""
    end = time.monotonic() + PATIENCE
    while (found := server.address) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return found
