"""The node's logic without I/O: packets heard, messages of its client, answers, all at given times."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from math import inf
from random import Random
from typing import Any, Final
from zlib import crc32

from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.admin import Admin
from meshbot.virtual_node.configuration import Configuration
from meshbot.virtual_node.deliveries import Delivery
from meshbot.virtual_node.faults import ActiveFaults, Value
from meshbot.virtual_node.framing import CUT
from meshbot.virtual_node.hop_scaling import HopScaling
from meshbot.virtual_node.identity import Identity
from meshbot.virtual_node.mesh import Mesh
from meshbot.virtual_node.node_db import NodeDb
from meshbot.virtual_node.peers import START_DELAY, Peers
from meshbot.virtual_node.phone_api import PhoneApi
from meshbot.virtual_node.population import KEY_BYTES, User, make_users, metrics_message, position_message, user_message
from meshbot.virtual_node.records import RECORDS_KEPT, Received, ReceivedLog, Transmission
from meshbot.virtual_node.router import Router
from meshbot.virtual_node.scheduler import Scheduler
from meshbot.virtual_node.state import NodeState, PhoneQueue
from meshbot.virtual_node.versions import VERSION_2_8, version_numbers

PortNum = portnums_pb2.PortNum
BOOT_SECONDS: Final = 10.0  # of a reboot that the client requested; an ESP32 needs 10 to 20
HEARD_WITHIN: Final = 6 * 3600  # seconds before the start in which every user was last heard
REGION: Final = "EU_868"
SMALLEST_CAPACITY: Final = 250  # nodes, as on an ESP32-S3
# Of 2.8, in nodes, as on an ESP32-S3 without PSRAM: whose keys it keeps once they are evicted, and how many have a
# position, device metrics and so on
WARM_SIZE: Final = 150
MOST_OF_A_KIND: Final = 40
# The same with PSRAM; then it caches NODEINFOs too
PSRAM_WARM_SIZE: Final = 2000
PSRAM_MOST_OF_A_KIND: Final = 250
NODEINFO_CACHE: Final = 2000


class Firmware:
    """A whole node but for its sockets. Times are monotonic seconds unless a name says epoch."""

    def __init__(
        self,
        *,
        nodes: int,
        seed: int,
        version: str,
        keys: int | None,
        chatter: float,
        queue_size: int,
        airtime: float | None,
        capacity: int | None,
        now: float,
        epoch: int,
        region: str = REGION,
        warm_size: int | None = None,
        psram: bool = False,
    ) -> None:
        """Make the node and its mesh; `epoch` is the time in seconds since 1970, which the node does not know."""
        if nodes < 1:
            raise ValueError(f"nodes={nodes}: the node itself is one, so it is at least 1")
        numbers = version_numbers(version)
        is_2_8 = numbers >= VERSION_2_8
        rng = Random(seed)
        own, *others = make_users(nodes, keys, rng, numbered_by_key=is_2_8)
        infos = [_node_info(user, epoch - rng.randrange(HEARD_WITHIN)) for user in others]
        room = max(nodes, SMALLEST_CAPACITY) if capacity is None else capacity
        self._state = NodeState(
            own=own,
            users={user.num: user for user in others},
            config=Configuration(own, version, rng, region),
            nodes=NodeDb(_node_info(own, 0), infos, room, now),
            peers=Peers(own.num, own.public_key, numbers),
            phone=PhoneQueue(queue_size),
            faults=ActiveFaults(),
            scheduler=Scheduler(),
            hop_scaling=HopScaling(now),
            rng=rng,
            firmware_version=version,
            fixed_airtime=airtime,
            log=ReceivedLog(),
            transmitted=deque(maxlen=RECORDS_KEPT),
        )
        self._warm_size = (PSRAM_WARM_SIZE if psram else WARM_SIZE) if warm_size is None else warm_size
        self._psram = psram
        self._mesh = Mesh(self._state, chatter, now)
        self._identity = Identity(self._state)
        self._admin = Admin(self._state, self._identity)
        self._router = Router(self._state, self._mesh, self._admin)
        self._apply_version()
        self._state.nodes.trim()
        self._client: PhoneApi | None = None
        self._down_until = -inf
        self._silence = START_DELAY

    @property
    def own(self) -> User:
        """Return the node itself."""
        return self._state.own

    @property
    def users(self) -> tuple[User, ...]:
        """Return the other nodes of the mesh."""
        return tuple(self._state.users.values())

    @property
    def faults(self) -> ActiveFaults:
        """Return the faults that are on."""
        return self._state.faults

    @property
    def transmitted(self) -> tuple[Transmission, ...]:
        """Return what went on air for clients, oldest first."""
        return tuple(self._state.transmitted)

    @property
    def received(self) -> Received:
        """Return what clients sent."""
        return self._state.log.snapshot()

    @property
    def configured(self) -> bool:
        """Whether the present client has its whole configuration."""
        return self._client is not None and self._client.configured

    def node_info(self, num: int) -> mesh_pb2.NodeInfo | None:
        """Return a copy of a node's entry in the node database."""
        info = self._state.nodes.get(num)
        if info is None:
            return None
        copy = mesh_pb2.NodeInfo()
        copy.CopyFrom(info)
        return copy

    def is_up(self, now: float) -> bool:
        """Whether the node runs, else it is rebooting."""
        return now >= self._down_until

    @property
    def due(self) -> float:
        """When `poll` has something to do, unless it awaits room; inf for never."""
        if self._down_until > -inf:
            return self._down_until
        reboot_due = self._state.reboot_due
        return min(self._state.scheduler.due, self._mesh.due, inf if reboot_due is None else reboot_due)

    @property
    def awaits_room(self) -> bool:
        """Whether `poll` looks for free slots, to report them to the client."""
        return self._router.reported_full

    def connect(self, number: int, now: float) -> PhoneApi:
        """Begin a session, which ends the one before."""
        self._client = PhoneApi(self._state, self._router, number, now)
        return self._client

    def disconnect(self) -> None:
        """End the session; the phone queue stays."""
        self._client = None

    def poll(self, now: float) -> None:
        """Let time pass: run scheduled actions, background traffic, and a due reboot."""
        if not self.is_up(now):
            return
        if self._down_until > -inf:
            self._boot(now)
        self._state.scheduler.run(now)
        self._mesh.poll(now)
        self._router.poll(now)
        if self._state.reboot_due is not None and now >= self._state.reboot_due:
            self.reboot(now, BOOT_SECONDS, forget_recent=True)

    def settle(self, now: float) -> None:
        """Handle what the client has sent to the node itself; it counts from here on."""
        self._router.settle(now)

    def reboot(self, now: float, seconds: float, *, forget_recent: bool) -> None:
        """Be down for that long, and lose what is not saved."""
        state = self._state
        self._client = None
        self._down_until = now + seconds
        state.reboot_due = state.clock_offset = None
        state.phone.clear()
        state.scheduler.clear()
        state.nodes.reboot(now, forget_recent=forget_recent)
        state.hop_scaling.reboot(now + seconds)
        state.config.reboot()
        self._admin.reset()
        self._router.reset()
        self._mesh.reset(self._down_until)

    def forget_nodes(self) -> None:
        """Lose the node database."""
        self._state.nodes.reset()

    def cut_names(self) -> None:
        """Have every name cut inside a character: in the database, by air, of channels."""
        state = self._state
        state.nodes.cut_names()
        state.config.cut_names()
        for num, user in state.users.items():
            state.users[num] = replace(user, long_name=user.long_name.removesuffix(CUT) + CUT)

    def renumber(self, num: int) -> None:
        """Take another number and tell it to the client, by `my_info` alone.

        0: the one that 2.8 makes of the key, of a new key if it has that already. The mesh knows it at once.
        """
        state = self._state
        if not num and crc32(state.own.public_key) == state.own.num:
            self._identity.take_keys(state.rng.randbytes(KEY_BYTES))
        self._identity.renumber(num or crc32(state.own.public_key))
        state.peers.hear(list(state.users), state.own.num, state.own.public_key)

    def upgrade(self, version: str, seconds: float, now: float, silence: float = START_DELAY) -> None:
        """Reboot with another firmware on the same data; from 2.8 on the number follows the key.

        `silence` is in seconds from the boot until the node introduces itself to the others.
        """
        self._silence = silence
        was_2_8 = self._state.is_2_8
        version_numbers(version)
        self._state.firmware_version = version
        self._apply_version()
        self.reboot(now, seconds, forget_recent=True)
        if self._state.is_2_8 and not was_2_8:
            self._state.config.opt_out()

    def mistake_our_key(self, num: int, held: bytes) -> None:
        """Let a user's node hold another key for ours, b"" for none."""
        self._state.peers.get(num).our_keys = {self._state.own.num: held}

    def change_key(self, num: int, now: float) -> User:
        """Give a user's node a new key pair, as a reset of it does; return the user."""
        user = replace(self._state.users[num], public_key=self._state.rng.randbytes(KEY_BYTES))
        follows = self._state.peers.get(num).firmware >= VERSION_2_8
        return self._mesh.replace_user(num, replace(user, num=crc32(user.public_key)) if follows else user, now)

    def upgrade_user(self, num: int, now: float) -> User:
        """Put firmware 2.8 on a user's node: its number follows its key; return the user."""
        user = self._state.users[num]
        self._state.peers.get(num).firmware = VERSION_2_8
        return self._mesh.replace_user(num, replace(user, num=crc32(user.public_key)) if user.public_key else user, now)

    def step_clock(self, seconds: float) -> None:
        """Let the node's clock jump, unless it does not know the time."""
        if self._state.clock_offset is not None:
            self._state.clock_offset += seconds

    def notify(self, text: str, now: float) -> None:
        """Tell the client something in text for people."""
        self._state.notify(text, now)

    def switch_on(self, name: str, params: Mapping[str, Value], next_connection: int) -> dict[str, Value]:
        """Switch a fault on; return all its parameters. ValueError says what is wrong with them."""
        if name == "old_firmware" and "version" in params:
            version_numbers(str(params["version"]))
        if name == "nak" and str(params.get("reason", "NONE")) not in mesh_pb2.Routing.Error.keys():  # noqa: SIM118 - an enum, no dict
            raise ValueError(f"fault 'nak': reason is one of {', '.join(mesh_pb2.Routing.Error.keys())}")
        values = self._state.faults.switch_on(name, params, next_connection)
        self._apply_version()
        return values

    def heal(self, name: str | None) -> None:
        """Switch one fault off, or all."""
        self._state.faults.heal(name)
        self._apply_version()

    def hear_text(self, num: int, text: str, now: float, **fields: Any) -> int:
        """Let a user send a text, which the node does not hear during a reboot; see Mesh.send_text."""
        return self._mesh.send_text(num, text, now, **fields)

    def delivery(self, packet_id: int) -> Delivery:
        """Return what the user's node knows of a direct message that `hear_text` sent."""
        return self._mesh.deliveries.get(packet_id)

    def hear(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Let the node hear a packet, except during a reboot."""
        if self.is_up(now):
            self._mesh.receiver.hear(packet, now)

    def hear_nodeinfo(self, num: int, now: float) -> None:
        """Let the node hear a user's node introduce itself, except during a reboot."""
        if self.is_up(now):
            self._mesh.broadcast_user(num, now)

    def forge_routing(self, request_id: int, reason: str, sender: int, now: float) -> None:
        """Let the node hear a forged ROUTING packet, except during a reboot."""
        if self.is_up(now):
            self._mesh.attacker.forge_routing(request_id, reason, sender, now)

    def _boot(self, now: float) -> None:
        state = self._state
        self._down_until = -inf
        self._mesh.reset(now)
        self._identity.boot()
        # No client is there to be told
        state.phone.news.clear()
        state.scheduler.at(now + self._silence, self._introduce)

    def _introduce(self, now: float) -> None:
        if self._mesh.may_introduce(now, is_urgent=False):
            limit = self._state.hop_limit_for(PortNum.NODEINFO_APP, now)
            reached = [user for user in self._state.users.values() if user.hops <= limit]
            self._mesh.introduce(reached, now)

    def _apply_version(self) -> None:
        state = self._state
        state.config.firmware_version = state.version_text()
        if not state.is_2_8:
            state.nodes.follow(is_guarded=False, warm_size=0)
            return
        most = PSRAM_MOST_OF_A_KIND if self._psram else MOST_OF_A_KIND
        cached = NODEINFO_CACHE if self._psram else 0
        state.nodes.follow(is_guarded=True, warm_size=self._warm_size, cache_size=cached, most_of_a_kind=most)


def _node_info(user: User, last_heard: int) -> mesh_pb2.NodeInfo:
    return mesh_pb2.NodeInfo(
        num=user.num,
        user=user_message(user),
        position=position_message(user, last_heard),
        snr=user.snr,
        last_heard=last_heard,
        device_metrics=metrics_message(user),
        hops_away=user.hops,
    )
