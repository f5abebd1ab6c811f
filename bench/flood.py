"""A flood of commands under new numbers, in real time, on the whole bot as a process: who else is still answered?"""

from __future__ import annotations

import threading
from statistics import median
from tempfile import TemporaryDirectory

from bench.effort import Effort
from bench.program import Contender, await_ready, launch
from bench.table import Measured, Row
from config import AIR_TIME_LIMIT
from meshbot.mesh_link import LoraSettings, TextPacket
from meshbot.runtime import SystemClock
from meshbot.sending import SHARES, Account, modem_of, packet_bytes
from meshbot.virtual_node import VirtualNode

CLOCK = SystemClock()
RATE = 30.0  # forged commands a second
CHANNEL = 1  # where the forged commands are asked, in turn with direct messages
ASK_EVERY = 10.0  # seconds, by the one who is known by key
LAST_ANSWER = 10.0  # seconds
ANSWERED_TARGET = 95  # percent
MEDIAN_TARGET = 6.0  # seconds
HOUR = 3600.0  # seconds
EU_868 = 3  # the virtual node's region, with a duty cycle of 10 %


def flood(effort: Effort) -> Measured:
    rows: list[Row] = []
    samples: dict[str, list[float | None]] = {}
    for channel in ("direct", str(CHANNEL)):
        times, asked, spent = _answers(effort.flood_seconds, channel)
        where = "by direct message" if channel == "direct" else "on a channel"
        what = f"{RATE:g} forged commands/s {where} from new numbers for {effort.flood_seconds:g} s"
        rows += _rows(what, times, asked, spent)
        samples |= {f"{channel} answers s": [*times], f"{channel} air s": [spent]}
    note = (
        f"flood: in real time; somebody with a trusted key asks every {ASK_EVERY:g} s. On air counts what the node "
        "sent for the bot, by its preset and the texts' lengths; a node that has no key of a stranger refuses direct "
        "messages to it by itself"
    )
    return Measured(rows, [note], samples)


def _rows(what: str, times: list[float], asked: int, spent: float) -> list[Row]:
    percent, middle = 100 * len(times) / asked, median(times) if times else float("inf")
    budget = HOUR * AIR_TIME_LIMIT / 100
    part = budget * SHARES[Account.STRANGERS]
    return [
        Row(
            f"{what}: a proven user's commands answered",
            f"≥ {ANSWERED_TARGET} %",
            "–",
            f"{len(times)} of {asked}",
            percent >= ANSWERED_TARGET,
        ),
        Row("… median time to the answer", f"≤ {MEDIAN_TARGET:g} s", "–", f"{middle:.1f} s", middle <= MEDIAN_TARGET),
        Row(
            "… on air, of the hour's budget",
            f"≤ {budget:g} s",
            "–",
            f"{spent:.0f} s, of which strangers may have {part:g} s",
            spent <= budget,
        ),
    ]


def _answers(seconds: float, channel: str) -> tuple[list[float], int, float]:
    """Return the proven user's waiting times, how often it asked, and the seconds on air."""
    with TemporaryDirectory(prefix="meshbot-bench-") as folder, VirtualNode(nodes=12) as node:
        program = launch(
            Contender.BOT, node.port, data_dir=folder, air_time_limit=AIR_TIME_LIMIT, answer_on_channels=CHANNEL
        )
        with program:
            await_ready(program, Contender.BOT)
            asked = _ask(node, seconds, channel)
    sent = {each.reply_id: each.at for each in reversed(node.transmitted)}
    times = [sent[question] - at for question, at in asked.items() if question in sent]
    return times, len(asked), _seconds_on_air(node)


def _ask(node: VirtualNode, seconds: float, channel: str) -> dict[int, float]:
    """Return the questions of the proven user, each with its time."""
    asked: dict[int, float] = {}
    node.fault("flood", rate=RATE, channel=channel)
    began, pause = CLOCK.monotonic(), threading.Event()
    while (elapsed := CLOCK.monotonic() - began) < seconds:
        asked[node.hear_text(node.users[0].num, "/ping")] = CLOCK.monotonic()
        pause.wait(min(ASK_EVERY, seconds - elapsed))
    node.heal("flood")
    pause.wait(LAST_ANSWER)
    return asked


def _seconds_on_air(node: VirtualNode) -> float:
    modem = modem_of(LoraSettings(EU_868))
    packets = [sent.packet for sent in node.transmitted if sent.text]
    sizes = (
        packet_bytes(TextPacket(p.id, p.decoded.payload.decode(), p.to, 0, p.decoded.reply_id, want_ack=True))
        for p in packets
    )
    return sum(map(modem.milliseconds, sizes)) / 1000
