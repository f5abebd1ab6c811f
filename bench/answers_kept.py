"""`python -m bench.answers_kept`: answers through link faults, in scaled time; how many were lost or sent twice.

The bot runs in this process so that each answer which it accepts for sending is known; what became of it is counted
at the virtual node, from what went on air.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from selectors import BaseSelector
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.effort import Effort
from bench.scaled_clock import ScaledClock
from bench.table import Measured, Row
from config import Settings
from main_bot import MeshBot
from meshbot.runtime import Clock
from meshbot.sending import MeshSender, OutgoingText
from meshbot.virtual_node import VirtualNode

SILENCE: Final = logging.NullHandler()
USERS = 400
SCALE = 50.0  # as fast as the machine can follow
# Answers that wait at any time, so that every fault meets a text being sent; the node keeps 32 packets
BACKLOG = 8
LOST_QUESTION = 0.5  # real seconds, after which a question counts as lost on its way to the bot
PATIENCE = 300.0  # real seconds for one step on a busy machine
LAST_ANSWERS = 900.0  # scaled seconds for what waits at the end
SETTINGS: Final[dict[str, Any]] = {
    "tcp_interface_cleanup_delay": 1,
    "tcp_stable_after": 0,
    # Real time counts many times on this clock
    "tcp_connect_timeout": 60,
    "tcp_config_silence": 60,
    "tcp_config_timeout": 240,
    "tcp_close_timeout": 20,
    "answer_ttl": 3600,
    "command_max_age": 86400,
    "command_timeout": 600,
    "log_level": "ERROR",
    "air_time_limit": 100,
}
# name, parameters, scaled seconds until it is healed
FAULTS: Sequence[tuple[str, dict[str, float], float]] = (
    ("drop", {}, 0),
    ("reset", {}, 0),
    ("cut_at_text", {"taken": 1}, 8),
    ("cut_at_text", {"taken": 0}, 8),
    ("cut_at_text", {"taken": 1, "status_kept": 1}, 8),
    ("cut_at_text", {"taken": 1, "packets": 3}, 20),
    ("lose_status", {"packets": 2}, 10),
    ("reboot", {"seconds": 8}, 0),
    ("tx_queue_full", {}, 12),
    ("rival_client", {"every": 8}, 20),
    ("stall", {"after": 5}, 15),
    ("mute", {}, 50),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted."""

    asked: int
    taken: int  # answers that the bot accepted for sending
    lost: int  # of them, never on air
    sent_twice: int  # on air under two ids: receivers cannot tell
    repeated: int  # on air again under the same id: receivers drop it
    too_soon: int  # texts that the node dropped in silence, too soon after another
    links: int

    @property
    def good(self) -> bool:
        """Whether nothing was lost or sent twice."""
        return not (self.lost or self.sent_twice or self.too_soon)


class CountingBot(MeshBot):
    """The bot, which records every answer that it hands to the sender."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.taken: set[int] = set()  # ids of the questions
        self.accepted_one = threading.Event()
        super().__init__(settings, clock)
        self._sender.handle = self._handle  # type: ignore[method-assign]

    def _handle(self, message: object) -> None:
        MeshSender.handle(self._sender, message)
        if isinstance(message, OutgoingText):
            self.taken.add(message.reply_id)
            self.accepted_one.set()


class Trial:
    """Users that ask, and a node that fails; used once."""

    def __init__(self, node: VirtualNode, bot: CountingBot, clock: Clock, seed: int) -> None:
        self._node = node
        self._bot = bot
        self._clock = clock
        self._rng = random.Random(seed)
        self._asked = 0

    def run(self, commands: int, faults: int) -> Counts:
        """Ask until `commands` answers are accepted, with `faults` meanwhile; return once all are on air."""
        injected = 0
        while len(self._bot.taken) < commands:
            self._until(lambda: self._node.configured and self._waiting() < BACKLOG)
            self._ask()
            if len(self._bot.taken) * (faults + 1) > commands * (injected + 1) and injected < faults:
                injected += 1
                self._fail()
        self._until(lambda: not self._waiting(), LAST_ANSWERS)
        return self._count()

    def _ask(self) -> None:
        user = self._node.users[self._asked % len(self._node.users)]
        self._asked += 1
        self._bot.accepted_one.clear()
        self._node.hear_text(user.num, "/ping")
        self._bot.accepted_one.wait(LOST_QUESTION)

    def _fail(self) -> None:
        name, params, seconds = self._rng.choice(FAULTS)
        self._node.fault(name, **params)
        if name == "stall":
            # The next configuration stalls, not the present connection
            self._node.fault("drop")
        self._pause(seconds)
        self._node.heal()

    def _pause(self, seconds: float) -> None:
        over = self._clock.monotonic() + seconds
        self._until(lambda: self._clock.monotonic() >= over)

    def _waiting(self) -> int:
        return len(self._bot.taken - {sent.reply_id for sent in self._node.transmitted})

    def _until(self, condition: Callable[[], bool], scaled: float | None = None) -> None:
        """Wait for the condition; after `scaled` seconds go on without it, so that what is missing is counted."""
        end = self._clock.monotonic() + scaled if scaled is not None else None
        self._node.wait_until(
            lambda: condition() or (end is not None and self._clock.monotonic() >= end), timeout=PATIENCE
        )

    def _count(self) -> Counts:
        on_air: dict[int, list[int]] = defaultdict(list)
        for sent in self._node.transmitted:
            on_air[sent.reply_id].append(sent.packet.id)
        answers = {question: on_air[question] for question in self._bot.taken}
        return Counts(
            asked=self._asked,
            taken=len(answers),
            lost=sum(not ids for ids in answers.values()),
            sent_twice=sum(len(set(ids)) > 1 for ids in answers.values()),
            repeated=sum(len(ids) - len(set(ids)) for ids in answers.values()),
            too_soon=sum(packet.dropped.startswith("less than") for packet in self._node.received.packets),
            links=self._node.connections,
        )


def answers_kept(
    commands: int = 1000,
    faults: int = 100,
    scale: float = SCALE,
    seed: int = 1,
    *,
    clock: Clock | None = None,
    new_selector: Callable[[], BaseSelector] | None = None,
) -> Counts:
    """Run one trial; the machine must be able to follow a clock `scale` times as fast as its own.

    `clock` takes that one's place, with `new_selector` as in VirtualNode.
    """
    # Each fault logs its warnings
    logging.getLogger().addHandler(SILENCE)
    clock = clock or ScaledClock(scale)
    node = VirtualNode(nodes=USERS, clock=clock, seed=seed, keys=USERS - 1, region="US", new_selector=new_selector)
    with TemporaryDirectory(prefix="meshbot-bench-") as folder, node:
        where: dict[str, Any] = {"tcp_host": "127.0.0.1", "tcp_port": node.port, "data_dir": Path(folder)}
        bot = CountingBot(Settings(**where, node_names_file=Path(folder) / "none.json", **SETTINGS), clock)
        thread = threading.Thread(target=bot.run, name="Bench-Bot")
        thread.start()
        try:
            return Trial(node, bot, clock, seed).run(commands, faults)
        finally:
            bot.stop()
            thread.join()


def kept_answers(effort: Effort) -> Measured:
    counts = answers_kept(effort.commands, effort.faults)
    row = Row(
        f"{effort.commands:,} commands through {effort.faults} link faults: accepted answers lost, sent twice",
        "0, 0",
        "–",
        f"{counts.lost}, {counts.sent_twice}",
        not counts.lost and not counts.sent_twice,
    )
    note = (
        f"commands through faults: {counts.asked} questions, {counts.taken} answers accepted, {counts.links} links, "
        f"clocks {SCALE:g} times as fast; counted at the node, from what went on air. {counts.repeated} were repeated "
        f"under the same packet id, which receivers drop; {counts.too_soon} were dropped by the node as too soon"
    )
    return Measured([row], [note], {name: [float(count)] for name, count in asdict(counts).items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the counts; return 0 if nothing was lost or sent twice."""
    parser = argparse.ArgumentParser(prog="python -m bench.answers_kept", description=__doc__)
    parser.add_argument("--commands", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--scale", type=float, default=SCALE, help="how much faster than the machine's the clocks run")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    counts = answers_kept(options.commands, options.faults, options.scale, options.seed)
    print(
        f"{counts.asked} questions through {options.faults} faults ({counts.links} links), clocks × {options.scale:g}:"
    )
    print(f"{counts.taken} answers accepted, {counts.lost} lost, {counts.sent_twice} sent twice,")
    print(f"{counts.repeated} repeated under the same id, {counts.too_soon} dropped by the node as too soon")
    return int(not counts.good)


if __name__ == "__main__":
    sys.exit(main())
