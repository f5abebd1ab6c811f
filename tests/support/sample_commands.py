"""Every command of the bot on sample data, for which its examples hold."""

from __future__ import annotations

from dataclasses import dataclass

from assembly import mesh_commands
from meshbot.commands.access import Access
from meshbot.commands.builtin.echo import EchoOptions, echo_command
from meshbot.commands.builtin.help import HELP
from meshbot.commands.builtin.key_decisions import Deciding, trust_command
from meshbot.commands.builtin.keys import keys_command
from meshbot.commands.builtin.ping import ping_command
from meshbot.commands.builtin.reboot import reboot_command
from meshbot.commands.builtin.reconnect import reconnect_command
from meshbot.commands.builtin.status import status_command
from meshbot.commands.builtin.sync import sync_command
from meshbot.commands.builtin.sys import sys_command
from meshbot.commands.rate_limit import RateLimiter
from meshbot.commands.registry import Command
from meshbot.mesh_link.firmware import SignaturePolicy
from meshbot.mesh_link.messages import LoraSettings
from meshbot.mesh_link.packets import NodeRecord
from meshbot.mesh_link.statistics import LinkFigures
from meshbot.mesh_memory.memory import MeshMemory
from meshbot.nodes import KeyState, NodeCounts, NodeKeys
from meshbot.nodes.radio_state import KeyTally
from meshbot.runtime.host import HostFigures, ProcessFigures
from meshbot.storage import KeyRow, KeySource, KeyStatus
from node_manager import NodeManager
from tests.support.configured import make_memory, make_roles, replay_guards
from tests.support.fake_clock import FakeClock
from tests.support.mesh_commands import MeshCommands
from tests.support.nodes import ALICE, BOB, CAROL, key
from tests.support.town import Town

COPY = 0x20001EF2
KEYED = ((ALICE, "Alice", "ALI"), (BOB, "Bruno", "BRU"), (CAROL, "Carole", "CAR"), (COPY, "Copie", "COP"))
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
FIGURES = LinkFigures(
    ready_for=3 * HOUR + 12 * MINUTE,
    last_hour=1,
    last_day=4,
    last_outage=12.0,
    since_outage=40 * MINUTE,
    round_trip=0.035,
)
HOST = HostFigures(
    temperature=48.2,
    load=0.12,
    memory_used=0.41,
    disk_used=0.63,
    uptime=12 * DAY + 3 * HOUR,
    process=ProcessFigures(
        memory=61 * 1024 * 1024, cpu=748.8, threads=9, started=12 * DAY + 3 * HOUR - 2 * DAY - 4 * HOUR
    ),
)


class SampleKeys:
    """The keys of a mesh of 42 nodes, four of them by name."""

    def __init__(self, now=0):
        self.now = int(now)
        self.keys = {ALICE: key(1), BOB: key(2), CAROL: key(3), COPY: key(3)}
        self.pending = {BOB: {key(9)}}
        self.shared = {key(3): [CAROL, COPY]}
        self.synced = True
        self.accepts = True
        self.decided_by = ""
        self.decided = []  # number, key, decision, by whom
        self.syncs = []  # interface and whether forced

    def counts(self):
        return NodeCounts(nodes=42, keys=38, pending=1)

    def key_states(self):
        return {KeyState.LEARNT: 30, KeyState.VERIFIED: 1, KeyState.DUPLICATE: 2}

    def pending_keys(self):
        return self.pending

    def duplicates(self):
        return self.shared

    def keys_of(self, num):
        public_key = self.keys.get(num)
        others = tuple(each for each in self.shared.get(public_key, ()) if each != num)
        pending = tuple(self._row(num, each, KeyStatus.PENDING) for each in sorted(self.pending.get(num, ())))
        return NodeKeys(self._row(num, public_key) if public_key else None, pending, (), others)

    def _row(self, num, public_key, status=KeyStatus.TRUSTED):
        since = self.now - 2 * int(DAY)
        if num == ALICE:
            acked_at = self.now - 2 * int(HOUR)
            return KeyRow(num, public_key, KeySource.OPERATOR, status, since, since, self.decided_by, acked_at)
        return KeyRow(num, public_key, KeySource.NODEINFO, status, since, since)

    def decide_key(self, num, public_key, decision, by):
        if self.accepts:
            self.decided.append((num, public_key, decision, by))
        return self.accepts

    def sync_pubkeys_to_interface(self, interface, *, force=False):
        self.syncs.append((interface, force))
        return 3


class SampleInterface:
    """A link to a node whose own database has some keys; `delays` has each reboot's."""

    def __init__(self, radio_keys=(), *, is_managed=False):
        self.radio_keys = dict(radio_keys)
        self.is_managed = is_managed
        self.delays = []

    def send_reboot(self, seconds):
        self.delays.append(seconds)


def no_lesson(_num, _decision, _tr):
    """Say nothing of the radio."""
    return ""


class SampleRadio:
    """What the radio holds of the sample keys, and has lost."""

    def __init__(self, tally=KeyTally(held=36, lacking=2, different=0), loss=None):  # noqa: B008 - frozen
        self._tally, self._loss = tally, loss

    def tally(self):
        return self._tally

    def loss(self):
        return self._loss


SIGNING = LoraSettings(signs=True)


@dataclass(frozen=True)
class OwnRadio:
    """What /status asks the interface."""

    own_num: int = 0xDEE721D6
    firmware: str = "2.8.0.8f4c1a2"
    lora: LoraSettings = SIGNING
    signature_policy: SignaturePolicy = SignaturePolicy.COMPATIBLE


class SampleLink:
    """The link as /status sees it."""

    def __init__(self, figures, interface=None, *, locked=False):
        self.figures, self.interface, self.is_locked = lambda: figures, lambda: interface, lambda: locked


def make_status(figures, counts, *, waiting=0, interface=None, locked=False, former=None, radio=None, version=""):
    link = SampleLink(figures, interface, locked=locked)
    radio = radio or SampleRadio()
    return status_command(link, lambda: waiting, counts, lambda: former, FakeClock(), radio=radio, version=version)


def keyed_nodes(*others: tuple[str, str]) -> MeshMemory:
    """A memory in which the nodes of SampleKeys are found, and others by their names."""
    clock = FakeClock()
    manager = NodeManager(None, clock)
    named = (*KEYED, *((num, *names) for num, names in enumerate(others, 0x30000000)))
    manager.learn_from_node_database([NodeRecord(num, name, short) for num, name, short in named])
    return make_memory(None, manager, clock, lambda: 0)


def sample_commands(mesh: MeshCommands | None = None, town: Town | None = None) -> tuple[Command, ...]:
    """Every command, in the bot's order; without a town and its mesh, good for looking at alone."""
    mesh = mesh or MeshCommands()
    memory, clock = (town.memory, town.clock) if town else (mesh.memory, mesh.clock)
    keys = SampleKeys(clock.now().timestamp())
    interface = SampleInterface({ALICE: key(1), CAROL: key(4)} | {num: key(5) for num in range(1, 35)})
    return (
        HELP,
        ping_command(lambda: FIGURES),
        *mesh_commands(memory, clock),
        *mesh.commands,
        make_status(
            FIGURES,
            SampleKeys().counts,
            waiting=2,
            interface=OwnRadio(firmware="2.8.0"),
            version="0.1.0 (1a2b3c4d5e)",
        ),
        keys_command(keys, keyed_nodes(), lambda: interface, clock, tally=SampleRadio().tally, teach=no_lesson),
        echo_command(
            clock, lambda _text: None, lambda: False, lambda _num: "ALI", lambda: EchoOptions(0, lambda _: 200, 120.0)
        ),
        sys_command(lambda: HOST),
        sync_command(keys, lambda: interface, SampleRadio().tally),
        trust_command(Deciding(keys, keyed_nodes(), lambda: interface)),
        reconnect_command(lambda: None),
        reboot_command(lambda: interface),
    )


class NoNodes:
    """A mesh of which nothing is known."""

    is_loaded = True

    def public_key(self, num):
        return None

    def is_named(self, num):
        return False

    def is_newcomer(self, num):
        return False

    def numbers(self, num):
        return (num,)

    def candidate(self, num):
        return None

    def is_vouched(self, _num):
        return True

    def has_pending_key(self, _num):
        return False


def open_access(known: frozenset[int] = frozenset()) -> Access:
    """All may ask without a limit; no node is known but those of the settings."""
    return Access(make_roles(known=known), NoNodes(), RateLimiter(0, 300.0), *replay_guards())
