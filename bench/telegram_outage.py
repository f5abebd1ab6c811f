"""`python -m bench.telegram_outage`: hours without Telegram while much happens on the mesh, in scaled time.

The bot is a process on a fast clock. The server runs all the time and fails every request, so that it counts them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import linear_regression, median
from tempfile import TemporaryDirectory

from meshtastic.protobuf import mesh_pb2, portnums_pb2

from bench import telegram_side
from bench.effort import Effort
from bench.inspection import look
from bench.program import Contender, Program, await_ready
from bench.scaled_clock import ScaledClock
from bench.table import Measured, Row, render
from meshbot.virtual_node import BROADCAST_NUM, VirtualNode
from tests.support.bot_api import BotApi
from tests.support.bot_api_chats import Group, TelegramUser
from tests.support.bot_api_faults import Fault, hangs, page, resets

SCALE = 80.0
DISK_FILLS = "--disk-fills"  # of bench.scaled_bot
HOUR, MINUTE = 3600.0, 60.0  # seconds of the scaled clock
FAULTS: Sequence[tuple[str, Fault]] = (
    ("resets", resets),
    ("502", page(502)),
    ("hangs", hangs),
)  # in turn, an hour each
PEOPLE = 2  # who ask in vain
TEXTS_A_MINUTE = 3  # of the mesh, for the group
GROUP_EVERY = 20  # minutes between two messages of the group for the mesh, in vain
CUT_EVERY, CUT_FOR = 20, 3  # minutes
KEY_EVERY = 45  # minutes
REBOOT_EVERY, REBOOT_FOR = 60, 20.0  # minutes, seconds
WARM_UP = 15  # minutes of all that before the outage, so that what is made once is there
PATIENCE = 300.0  # real seconds for what is shown afterwards
# Minutes without a request but polls: all has been shown
QUIET = 3
# MB in the second half: what is kept for Telegram, which has a bound, is full by then
GROWTH_TARGET = 1.0
ALERTS_TARGET = 6  # messages, one a kind of incident at most and one for all that is over
# An hour: two a minute, and some more for what waits to be shown
POLLS_TARGET = 150.0
LOST = re.compile(r"Lost while Telegram could not be reached: (\d+)")
LATE = re.compile(r"Came too late .*: (\d+)")


@dataclass(slots=True)
class Outage:
    """What was counted; minutes are the bot's."""

    hours: float
    megabytes: list[float] = field(default_factory=list)  # each minute
    cpu: float = 0.0  # seconds
    requests: int = 0  # to the server, in vain
    incidents: int = 0
    alerts: list[str] = field(default_factory=list)  # shown to the operator afterwards, new or edited
    texts: int = 0  # of the mesh
    shown: int = 0  # of them, afterwards
    counted: int = 0  # of them, as lost
    commands: int = 0  # that people sent meanwhile, the group's messages included
    late: int = 0  # of them, as counted to those people
    executed: int = 0

    @property
    def growth(self) -> float:
        """Return what the second half's last fifth has more than its first, in MB, as medians."""
        half = self.megabytes[len(self.megabytes) // 2 :]
        fifth = max(1, len(half) // 5)
        return median(half[-fifth:]) - median(half[:fifth])

    @property
    def slope(self) -> float:
        """Return the growth in the second half as a straight line, in MB an hour of the bot's."""
        half = self.megabytes[len(self.megabytes) // 2 :]
        return linear_regression(range(len(half)), half).slope * 60 if len(half) > 1 else 0.0


class Trial:
    """A mesh where much happens, and people whose messages get no answer; used once."""

    def __init__(self, node: VirtualNode, api: BotApi, program: Program, clock: ScaledClock) -> None:
        self._node = node
        self._api = api
        self._program = program
        self._clock = clock
        self._operator: TelegramUser = telegram_side.admin(api)
        self._people = telegram_side.people(api, PEOPLE)
        self._group: Group = telegram_side.group(api)
        self._ids = count(4711)
        self._texts = 0
        self._incidents = 0

    def run(self, hours: float) -> Outage:
        """Return once all that was kept has been shown."""
        outage = Outage(hours)
        self._minutes(WARM_UP, lambda _: None)
        self._until_quiet()
        texts, incidents = self._texts, self._incidents
        alerts = self._shown(self._operator)
        began, cpu = sum(self._api.counts.values()), look(self._program.pid).cpu
        self._without_telegram(outage)
        state = look(self._program.pid)
        outage.cpu = state.cpu - cpu
        outage.requests = sum(self._api.counts.values()) - began
        outage.texts, outage.incidents = self._texts - texts, self._incidents - incidents
        self._until_quiet()
        self._count(outage, texts, alerts)
        return outage

    def _without_telegram(self, outage: Outage) -> None:
        minutes = round(outage.hours * 60)
        turn = max(1, minutes // max(len(FAULTS), round(outage.hours)))
        faults = iter([FAULTS[number % len(FAULTS)][1] for number in range(minutes // turn + 1)])
        trouble = self._api.trouble(next(faults))
        # Ends the poll that waits
        self._api.polls_elsewhere()

        def each(minute: int) -> None:
            nonlocal trouble
            if minute and not minute % turn:
                ended, trouble = trouble, self._api.trouble(next(faults))
                ended.end()
            self._people[minute % PEOPLE].says("/ping")
            outage.commands += 1
            if not minute % GROUP_EVERY:
                self._people[0].says("Is anybody there?", chat=self._group)
                outage.commands += 1
            outage.megabytes.append(look(self._program.pid).megabytes)

        self._minutes(minutes, each)
        # The last commands are old enough, too
        self._wait(self._clock.monotonic() + 2 * MINUTE * 3)
        trouble.end()

    def _minutes(self, minutes: int, each: Callable[[int], None]) -> None:
        """Let so much time pass on the mesh."""
        began = self._clock.monotonic()
        for minute in range(minutes):
            self._strike(minute)
            each(minute)
            for number in range(TEXTS_A_MINUTE):
                self._speak()
                self._wait(began + (minute + (number + 1) / TEXTS_A_MINUTE) * MINUTE)
        self._node.heal()

    def _strike(self, minute: int) -> None:
        """Let happen what that minute brings."""
        if minute % CUT_EVERY == 5:
            self._incidents += 1
            self._node.fault("refuse")
            self._node.fault("drop")
        if minute % CUT_EVERY == 5 + CUT_FOR:
            self._node.heal("refuse")
        if minute % KEY_EVERY == 10:
            self._incidents += 1
            self._new_key(minute)
        if minute % REBOOT_EVERY == 14:
            self._incidents += 1
            self._node.fault("reboot", seconds=REBOOT_FOR)

    def _speak(self) -> None:
        if self._node.configured:
            self._texts += 1
            speaker = self._node.users[self._texts % len(self._node.users)]
            self._node.hear_text(speaker.num, f"Text {self._texts}.", to=BROADCAST_NUM, channel=1)

    def _new_key(self, minute: int) -> None:
        user = self._node.users[minute // KEY_EVERY % len(self._node.users)]
        key = bytes([minute % 251 + 1]) * len(self._node.own.public_key)
        info = mesh_pb2.User(id=user.node_id, long_name=user.long_name, short_name=user.short_name, public_key=key)
        packet = mesh_pb2.MeshPacket(to=BROADCAST_NUM, id=next(self._ids))
        setattr(packet, "from", user.num)
        packet.decoded.portnum = portnums_pb2.PortNum.NODEINFO_APP
        packet.decoded.payload = info.SerializeToString()
        self._node.hear(packet)

    def _wait(self, until: float) -> None:
        telegram_side.pause(max(0.0, (until - self._clock.monotonic()) / self._clock.scale))

    def _until_quiet(self) -> None:
        """Wait until Telegram is asked for updates and for nothing else."""

        def others() -> int:
            return sum(self._api.counts.values()) - self._api.counts["getUpdates"]

        self._api.wait_until(lambda: self._api.polling and not self._api.pending_updates, PATIENCE)
        for _ in range(round(PATIENCE * self._clock.scale / MINUTE)):
            before = others()
            self._wait(self._clock.monotonic() + QUIET * MINUTE)
            if others() == before:
                return
        raise TimeoutError(f"Telegram still gets requests after {PATIENCE:g} s")

    def _shown(self, who: TelegramUser | Group) -> list[str]:
        return [message.text for message in self._api.messages(who, by_bot=True)]

    def _count(self, outage: Outage, texts: int, alerts: list[str]) -> None:
        counted = [
            (int(found[1]) if (found := LATE.search(text)) else 0) for who in self._all() for text in self._shown(who)
        ]
        outage.late = sum(counted)
        outage.executed = sum("pong" in text for person in self._people for text in self._shown(person))
        outage.alerts = [text for text in self._shown(self._operator) if text not in alerts]
        group = self._shown(self._group)
        numbers = {int(found[1]) for text in group if (found := re.search(r"Text (\d+)\.", text))}
        outage.shown = sum(number > texts for number in numbers)
        outage.counted = sum(int(found[1]) for text in group if (found := LOST.search(text)))

    def _all(self) -> Sequence[TelegramUser | Group]:
        return [*self._people, self._group]


def outage_of(hours: float, scale: float = SCALE) -> Outage:
    """Run one; the machine must be able to follow a clock `scale` times as fast as its own."""
    clock = ScaledClock(scale)
    with (
        TemporaryDirectory(prefix="meshbot-bench-") as folder,
        VirtualNode(nodes=42, clock=clock) as node,
        telegram_side.bot_api(clock) as api,
    ):
        values = telegram_side.settings(api, node.port, PEOPLE, Path(folder)) | telegram_side.UNHURRIED
        with telegram_side.start(values, clock, DISK_FILLS) as program:
            trial = Trial(node, api, program, clock)
            await_ready(program, Contender.BOT)
            telegram_side.wait_for_poll(api, program)
            return trial.run(hours)


def rows(seen: Outage) -> list[Row]:
    """Return the table's lines."""
    first, last = seen.megabytes[0], seen.megabytes[-1]
    polls = seen.requests / seen.hours
    return [
        _row(
            f"{seen.hours:g} h without Telegram: memory (RSS) growth in the second half",
            f"≤ {GROWTH_TARGET:g} MB",
            f"{seen.growth:+.2f} MB, {seen.slope:+.2f} MB/h; {first:.1f} to {last:.1f} MB in all",
            passed=seen.growth <= GROWTH_TARGET,
        ),
        _row(
            f"… alerts shown when it is back, of {seen.incidents} incidents and a disk that fills and empties",
            f"≤ {ALERTS_TARGET} messages",
            f"{len(seen.alerts)}, edits included",
            passed=0 < len(seen.alerts) <= ALERTS_TARGET,
        ),
        _row(
            f"… {seen.texts:,} texts of the mesh: shown, counted as lost",
            "all",
            f"{seen.shown:,}, {seen.counted:,}",
            passed=seen.shown + seen.counted == seen.texts,
        ),
        _row(
            f"… {seen.commands} commands and messages: acted upon; counted to their writers",
            f"0; {seen.commands}",
            f"{seen.executed}; {seen.late}",
            passed=not seen.executed and seen.late == seen.commands,
        ),
        _row(
            "… requests an hour meanwhile",
            f"≤ {POLLS_TARGET:g}",
            f"{polls:.0f}",
            passed=polls <= POLLS_TARGET,
        ),
        _row("… CPU", "stated", f"{seen.cpu / seen.hours:.1f} s an hour"),
    ]


def _row(what: str, target: str, bot: str, *, passed: bool | None = None) -> Row:
    return Row(what, target, "–", bot, passed)


def outages(effort: Effort) -> Measured:
    seen = outage_of(effort.telegram_outage_hours)
    kinds = ", ".join(name for name, _ in FAULTS)
    note = (
        f"without Telegram: a process on a clock {SCALE:g} times as fast as the machine's; the server {kinds} in turn, "
        f"an hour each; every {CUT_EVERY} min the link to the node is cut for {CUT_FOR} min, every {KEY_EVERY} min a "
        f"node has another key, every {REBOOT_EVERY} min the node reboots, every other hour the disk is nearly full; "
        f"{TEXTS_A_MINUTE} texts a minute from the mesh, a command a minute from Telegram. What is kept for "
        "Telegram, 500 posts at most, is full after half of the time"
    )
    samples = {"MB": [*seen.megabytes], "CPU s": [seen.cpu], "requests": [float(seen.requests)]}
    return Measured(rows(seen), [note], {name: [*taken] for name, taken in samples.items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and the alerts as they were shown."""
    parser = argparse.ArgumentParser(prog="python -m bench.telegram_outage", description=__doc__)
    parser.add_argument("--hours", type=float, default=Effort().telegram_outage_hours)
    parser.add_argument("--scale", type=float, default=SCALE, help="how much faster than the machine's the clocks run")
    options = parser.parse_args(arguments)
    seen = outage_of(options.hours, options.scale)
    print(render(rows(seen)))
    print("\n\n".join(["", *seen.alerts]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
