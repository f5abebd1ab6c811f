"""The bot's own time from a Telegram command to its answer, both measured at the Bot API server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import telegram_side
from bench.effort import Effort
from bench.inspection import settled
from bench.mesh_traffic import MeshTraffic
from bench.program import Contender, await_ready
from bench.table import Measured, Row, percentile
from meshbot.virtual_node import VirtualNode
from tests.support.bot_api import BotApi
from tests.support.bot_api_chats import TelegramUser
from tests.support.bot_api_faults import Exchange

COMMANDS = ("/help", "/ping", "/nodes", "/status", "/stats")
# Which follows the answer, drawn in a process of its own; the next question waits for it
WITH_PICTURE = "/nodes"
PEOPLE = 24
# Seconds from an answer to the next question; each of the people asks every 2.4 at least
PACE = 0.1
PACKETS_RATE = 250  # a second, before the questions
WARM_UP = 2 * len(COMMANDS)  # first questions load what is loaded once
PATIENCE = 30.0  # seconds for an answer
TARGET = 50.0  # ms


class Asking:
    """People who ask one after the other; used with `noting`."""

    def __init__(self, api: BotApi) -> None:
        self._api = api
        self._handed: dict[int, float] = {}  # update id: when it went to the bot
        self._pictures = 0

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Record when the bot gets each update."""
        with self._api.trouble(self._hand_out, "getUpdates"):
            yield

    def ask(self, person: TelegramUser, text: str) -> float:
        """Return the ms from handing out the question to the arrival of the request that answers it."""
        asked = time.monotonic()
        person.says(text)
        update = self._api.world.last_update
        came: list[float] = []

        def answered() -> bool:
            came[:] = [
                request.at
                for request in list(self._api.requests)[-5:]
                if request.method == "sendMessage" and request.at > asked and _chat(request.parameters) == person.id
            ]
            return bool(came) and update in self._handed

        self._api.wait_until(answered, PATIENCE)
        if text == WITH_PICTURE:
            pictures = self._pictures = self._pictures + 1
            self._api.wait_until(lambda: self._api.counts["sendPhoto"] >= pictures, PATIENCE)
        return (came[0] - self._handed[update]) * 1000

    def _hand_out(self, exchange: Exchange) -> None:
        reply = exchange.execute()
        ids = [update["update_id"] for update in json.loads(reply.body).get("result", [])]
        self._handed |= dict.fromkeys(ids, time.monotonic())
        exchange.line.send(reply.on_wire())


def _chat(parameters: object) -> int:
    return int(parameters["chat_id"]) if isinstance(parameters, dict) else 0


def own_times(questions: int, nodes: int, packets: int) -> dict[str, list[float]]:
    """Return the ms of each question, by command."""
    taken: dict[str, list[float]] = {command: [] for command in COMMANDS}
    with (
        TemporaryDirectory(prefix="meshbot-bench-") as folder,
        VirtualNode(nodes=nodes) as node,
        telegram_side.bot_api() as api,
    ):
        telegram_side.admin(api)
        telegram_side.group(api)
        people = telegram_side.people(api, PEOPLE)
        asking = Asking(api)
        values = telegram_side.settings(api, node.port, PEOPLE, Path(folder)) | {"tcp_pubkey_sync_delay": 0}
        with asking.noting(), telegram_side.start(values) as program:
            await_ready(program, Contender.BOT)
            telegram_side.wait_for_poll(api, program)
            background = MeshTraffic(node.users)
            for _ in range(packets):
                node.hear(background.packet())
                telegram_side.pause(1 / PACKETS_RATE)
            settled(program.pid)
            for number in range(WARM_UP + questions):
                command = COMMANDS[number % len(COMMANDS)]
                own = asking.ask(people[number % len(people)], command)
                if number >= WARM_UP:
                    taken[command].append(own)
                telegram_side.pause(PACE)
    return taken


def answers(effort: Effort) -> Measured:
    taken = own_times(effort.telegram_questions, effort.traffic_nodes, effort.telegram_packets)
    every = [own for samples in taken.values() for own in samples]
    slowest = max(taken, key=lambda command: percentile(taken[command], 50))
    p50, p99 = (percentile(every, percent) for percent in (50, 99))
    what = f"a Telegram command to its answer, own time with {effort.traffic_nodes:,} nodes"
    rows = [
        Row(
            f"{what}: p50",
            f"≤ {TARGET:g} ms",
            "–",
            f"{p50:.1f} ms; {slowest} {percentile(taken[slowest], 50):.1f} ms",
            p50 <= TARGET,
        ),
        Row(f"{what}: p99", f"≤ {TARGET:g} ms", "–", f"{p99:.1f} ms, worst {max(every):.1f} ms", p99 <= TARGET),
    ]
    shown = ", ".join(f"{command} {percentile(samples, 50):.1f}" for command, samples in taken.items())
    note = (
        f"Telegram commands: {len(every)} of them one after the other, main_bot.py in real time; {PEOPLE} people in "
        f"turn, so that the pacing of each chat has passed, after the picture that follows {WITH_PICTURE}; from the "
        f"server's handing the update out to the arrival of sendMessage there. Medians in ms: {shown}"
    )
    return Measured(rows, [note], {f"{command} ms": [*samples] for command, samples in taken.items()})
