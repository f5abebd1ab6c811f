"""A memory of a small town's mesh, which the examples of the mesh commands describe."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from assembly import mesh_commands
from meshbot.commands.language import translator
from meshbot.commands.registry import Registry, Request, parse
from meshbot.mesh_link.packets import PacketRecord, RadioMetadata
from meshbot.mesh_link.payloads import DeviceMetrics, Neighbor, NeighborInfo, PositionPayload
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from tests.support.configured import make_memory, make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, CAROL, key, record
from tests.support.packet_records import NEIGHBORINFO, NODEINFO, POSITION, TELEMETRY, packet

OWN, ASKER, STRANGER = 0x9999, 0x1234, 0x0BADCAFE
HOUR = 3600


class EmptyTown:
    """A memory on a database on the disk, and its clock; nothing was heard. Use with `with`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.database = open_database(folder, self.clock)
        self.manager = make_node_manager(NodeStore(self.database), self.clock)
        self.memory = make_memory(self.database, self.manager, self.clock, lambda: OWN)
        self.commands = Registry(mesh_commands(self.memory, self.clock, self.manager.silent_number))

    def record(self, *packets: PacketRecord) -> None:
        for each in packets:
            self.memory.record(each)

    def lose_database(self) -> None:
        """Make the database one that cannot be opened."""
        self.database.close()
        path = self.folder / "meshbot.db"
        path.rename(path.with_name("away"))
        path.mkdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()


class Town(EmptyTown):
    """Alice and Bob are heard directly, Carol by two relays, a stranger by MQTT; it is 13:35:58."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clock.jump(-8 * HOUR)
        self.manager.learn_from_nodeinfos(
            [
                record(ALICE, key(1), long_name="Alice", short_name="AL", hw_model="TBEAM", role="CLIENT"),
                record(BOB, key(2), long_name="Bob Fourvière", short_name="BOB", hw_model="HELTEC_V3", role="ROUTER"),
                record(CAROL, long_name="Carol", short_name="CA", latitude=46.2, longitude=6.15),
                record(OWN, long_name="Relais", latitude=45.76, longitude=4.84),
                record(ASKER, long_name="Asker"),
            ]
        )
        self._morning()
        self.clock.jump(6 * HOUR)
        self._noon()
        self.clock.jump(2 * HOUR - 300)
        self.record(packet(ASKER, snr=6.0, rssi=-88))
        self.clock.jump(300)

    def _morning(self) -> None:
        """Eight hours ago."""
        self.record(
            packet(ASKER, snr=-3.0, rssi=-110),
            packet(ASKER, snr=1.0, rssi=-100),
            packet(ASKER, hops=1),
            packet(CAROL, NeighborInfo((Neighbor(BOB, -11.25),)), hops=2, portnum=NEIGHBORINFO),
        )

    def _noon(self) -> None:
        """Two hours ago."""
        self.record(
            packet(ALICE, PositionPayload(45.8, 4.9, 210), snr=-4.5, rssi=-105, portnum=POSITION),
            packet(ALICE, DeviceMetrics(80, 4.05), snr=-4.5, rssi=-105, portnum=TELEMETRY),
            packet(BOB, PositionPayload(45.762, 4.822), snr=9.5, rssi=-70, portnum=POSITION),
            packet(BOB, NeighborInfo((Neighbor(ALICE, 2.5), Neighbor(CAROL, -12.0))), snr=9.5, portnum=NEIGHBORINFO),
            packet(CAROL, hops=2, portnum=NODEINFO, channel=1),
            packet(STRANGER, hops=None, via_mqtt=True, portnum=None, channel=None, size=100),
            packet(OWN, DeviceMetrics(utilization=12.5, air_tx=1.5), portnum=TELEMETRY),
        )


def ask(town: EmptyTown, question: str, language: str = "en", sender: int = ASKER) -> str:
    """Return a mesh command's answer."""
    name, argument = parse(question) or ("", "")
    command = town.commands.find(name)
    assert command is not None, f"no mesh command is called {name}"
    return command.run(Request(name, argument, sender, RadioMetadata(), translator(language), tuple(town.commands)))
