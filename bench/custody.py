"""`python -m bench.custody`: direct messages, with and without custody of the radio's keys, by its database's size.

People write to the bot and get letters' notices while the mesh around them is larger than the radio's node database,
and the radio loses that database now and then. Counted at the virtual node.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from selectors import BaseSelector
from tempfile import TemporaryDirectory
from typing import Any, Final

from meshtastic.protobuf import admin_pb2, portnums_pb2

from bench.effort import Effort
from bench.scaled_clock import ScaledClock
from bench.table import Measured, Row, Samples
from config import Settings
from main_bot import MeshBot
from meshbot.mesh_link import NodeRecord
from meshbot.nodes import KeyCustody
from meshbot.runtime import Clock
from meshbot.sending import KeyCure, OutgoingText, Priority
from meshbot.virtual_node import VirtualNode

SILENCE: Final = logging.NullHandler()
SCALE: Final = 50.0
# Trials side by side: they mostly wait
AT_ONCE: Final = 4
MESH: Final = 150
# Seconds for what was sent last
LAST: Final = 60.0
# Real seconds for one step on a busy machine
PATIENCE: Final = 300.0
SIZES: Final = (20, 80, 250)
FIRMWARE: Final = ("2.7.26", "2.8.0")
SETTINGS: Final[dict[str, Any]] = {
    "tcp_interface_cleanup_delay": 1,
    "tcp_connect_timeout": 60,
    "tcp_config_silence": 60,
    "tcp_config_timeout": 240,
    "tcp_close_timeout": 20,
    "tcp_silent_timeout": 600,
    "rate_limit_commands": 0,
    "air_time_limit": 100,
    "log_level": "ERROR",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the direct messages, and what custody did for them."""

    messages: int
    delivered: int
    questions: int
    taught: int
    favourites: int  # left in the end

    @property
    def share(self) -> float:
        """Return the percent that was delivered."""
        return 100 * self.delivered / max(1, self.messages)


@dataclass(frozen=True, slots=True)
class Plan:
    """Who writes, how often, and how often the radio loses its database."""

    rounds: int
    # in each of which each of the people writes and gets a notice
    seconds: float = 300.0
    people: int = 12
    # rounds
    loss_every: int = 4
    # packets a second of all nodes together
    chatter: float = 0.2


class BotWithoutCustody(MeshBot):
    """The bot as it would be if nobody cared for the radio's keys: what the node refuses for want of one is lost."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings, clock)
        self._custody.handle = self._ignore  # type: ignore[method-assign]
        self._sender._cure_key = self._refuse  # noqa: SLF001 - nothing else but this is to be different

    def _ignore(self, message: Any) -> None:
        """Do nothing about it."""

    def _refuse(self, num: int, _lacks: bool) -> None:  # noqa: FBT001 - as it is called
        self._sender.tell(KeyCure(num, cured=False, final=True))


class Trial:
    """People, a bot and a radio with a small memory; used once."""

    def __init__(self, node: VirtualNode, bot: MeshBot, clock: Clock, plan: Plan) -> None:
        self._node = node
        self._bot = bot
        self._clock = clock
        self._plan = plan
        self._people = [user for user in node.users if user.public_key][: plan.people]
        self._asked: dict[int, None] = {}
        self._notices: list[str] = []

    def know_everybody(self) -> None:
        """Have the bot know what a month on this mesh has taught it: every key, and who writes to it."""
        records = [
            NodeRecord(user.num, user.long_name, user.short_name, "TBEAM", "CLIENT", user.public_key)
            for user in self._node.users
        ]
        self._bot.node_manager.learn_from_node_database(records)
        wall = int(self._clock.now().timestamp())
        custody: KeyCustody = self._bot._custody  # noqa: SLF001 - it has no other memory of earlier messages
        for user in self._people:
            custody._records.direct_message(user.num, wall)  # noqa: SLF001 - the same

    def run(self) -> Counts:
        """Write; return the counts."""
        self._until(lambda: self._node.configured)
        for number in range(self._plan.rounds):
            if number % self._plan.loss_every == self._plan.loss_every // 2:
                self._node.fault("forget_nodes")
                self._node.fault("drop")
            self._pause(self._plan.seconds / 2)
            for place, user in enumerate(self._people):
                self._write(user.num, number * len(self._people) + place)
                self._pause(self._plan.seconds / 2 / len(self._people))
        self._pause(LAST)
        return self._count()

    def _write(self, num: int, number: int) -> None:
        self._until(lambda: self._node.configured)
        self._asked[self._node.hear_text(num, "/ping")] = None
        self._notices.append(f"✉️ {number:04d}")
        self._bot._sender.tell(OutgoingText(self._notices[-1], num, want_ack=True, priority=Priority.MAIL))  # noqa: SLF001 - as MailNotices does

    def _count(self) -> Counts:
        on_air = self._node.transmitted
        read = {sent.reply_id for sent in on_air if sent.reply_id} & self._asked.keys()
        sent = {each.text for each in on_air if each.packet.pki_encrypted} & set(self._notices)
        packets = [each.packet.decoded for each in self._node.received.packets]
        orders = [data for data in packets if data.portnum == portnums_pb2.PortNum.ADMIN_APP]
        names = [admin_pb2.AdminMessage.FromString(data.payload).WhichOneof("payload_variant") for data in orders]
        infos = [info for user in self._node.users if (info := self._node.node_info(user.num)) is not None]
        return Counts(
            messages=len(self._asked) + len(self._notices),
            delivered=len(read) + len(sent),
            questions=sum(data.portnum == portnums_pb2.PortNum.ROUTING_APP for data in packets),
            taught=names.count("add_contact"),
            favourites=sum(info.is_favorite for info in infos),
        )

    def _pause(self, seconds: float) -> None:
        over = self._clock.monotonic() + seconds
        self._until(lambda: self._clock.monotonic() >= over)

    def _until(self, condition: Callable[[], bool]) -> None:
        self._node.wait_until(condition, timeout=PATIENCE)


def direct_messages(
    firmware: str,
    capacity: int,
    plan: Plan,
    *,
    custody: bool,
    clock: Clock | None = None,
    new_selector: Callable[[], BaseSelector] | None = None,
) -> Counts:
    """Run one trial; `clock` and `new_selector` as in bench.answers_kept."""
    logging.getLogger().addHandler(SILENCE)
    clock = clock or ScaledClock(SCALE)
    node = VirtualNode(
        nodes=MESH,
        clock=clock,
        keys=MESH - 1,
        firmware_version=firmware,
        capacity=capacity,
        chatter=plan.chatter,
        region="US",
        new_selector=new_selector,
    )
    with TemporaryDirectory(prefix="meshbot-bench-") as folder, node:
        where: dict[str, Any] = {"tcp_host": "127.0.0.1", "tcp_port": node.port, "data_dir": Path(folder)}
        settings = Settings(**where, node_names_file=Path(folder) / "none.json", **SETTINGS)
        bot = MeshBot(settings, clock) if custody else BotWithoutCustody(settings, clock)
        trial = Trial(node, bot, clock, plan)
        trial.know_everybody()
        thread = threading.Thread(target=bot.run, name="Bench-Bot")
        thread.start()
        try:
            return trial.run()
        finally:
            bot.stop()
            thread.join()


def delivered_messages(effort: Effort) -> Measured:
    """Measure each firmware and size without and with custody."""
    rows: list[Row] = []
    samples: Samples = {}
    plan = Plan(effort.custody_rounds)
    cases = [(firmware, size) for firmware in FIRMWARE for size in SIZES]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        waiting = {
            (*case, custody): threads.submit(direct_messages, *case, plan, custody=custody)
            for case in cases
            for custody in (False, True)
        }
    for firmware, size in cases:
        without, with_it = (waiting[firmware, size, custody].result() for custody in (False, True))
        row = Row(
            f"direct messages delivered, firmware {firmware}, {size} places: without custody, with it",
            "no less",
            "–",
            f"{without.share:.0f} %, {with_it.share:.0f} %; {with_it.questions} questions, {with_it.taught} taught",
            with_it.share >= without.share and not with_it.favourites,
        )
        rows.append(row)
        samples[f"{firmware}, {size}"] = [without.share, with_it.share, float(with_it.messages)]
    note = (
        f"custody: {plan.people} of {MESH} nodes write and get a notice each {plan.seconds / 60:.0f} minutes, "
        f"{plan.rounds} times; the radio loses its node database each {plan.loss_every} of them; "
        f"{plan.chatter:g} packets/s of all nodes; clocks {SCALE:g} times as fast; counted at the virtual node"
    )
    return Measured(rows, [note], samples)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the counts of one trial; return 0 if no mark was left."""
    parser = argparse.ArgumentParser(prog="python -m bench.custody", description=__doc__)
    parser.add_argument("--firmware", default=FIRMWARE[0])
    parser.add_argument("--size", type=int, default=SIZES[0], help="nodes that the radio's database holds")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--without", action="store_true", help="as it would be without custody")
    options = parser.parse_args(arguments)
    counts = direct_messages(options.firmware, options.size, Plan(options.rounds), custody=not options.without)
    print(f"{counts.share:.1f} % delivered: {asdict(counts)}")
    return int(counts.favourites > 0)


if __name__ == "__main__":
    sys.exit(main())
