"""One lane: a bot, a node and a Bot API server of its own, which lives through rounds one after the other."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

from chaos import schedule
from chaos.bot import BotProcess, Gauge, links_of
from chaos.deeds import ADMIN, GROUP, GUEST, Deeds
from chaos.faults import Faults
from chaos.invariants import (
    STOP_WITHIN,
    UNSAVED,
    KeyRow,
    broken_keys,
    growth,
)
from chaos.log_order import misplaced
from chaos.schedule import Ending, Moment, Round
from chaos.starvation import Starvation
from meshbot.control import ControlClient, NoBotError, Verb
from meshbot.virtual_node import VirtualNode
from tests.support.bot_api import BotApi
from tests.support.resolver import FINDS, Resolver

NODES: Final = 12
# Seconds from the start of a process to READY, where all is well but the machine busy
START: Final = 30.0
# Seconds for what waits when all is over: answers, retries that are due soon
SETTLE: Final = 25.0
# Seconds for the answer that shows that the bot is not deaf, behind all that waits
ANSWER: Final = 40.0
TICK: Final = 0.05
MOMENT_WITHIN: Final = 5.0
SETTINGS: Final = {
    "language": "en",
    "tcp_host": "node",
    "data_dir": "data",
    "tcp_probe_after": schedule.PROBE_AFTER,
    "tcp_probe_timeout": schedule.PROBE_TIMEOUT,
    "tcp_probe_misses": schedule.PROBE_MISSES,
    "tcp_silent_timeout": 8,
    "tcp_config_silence": schedule.CONFIG_SILENCE,
    "tcp_config_timeout": 10,
    "tcp_connect_timeout": schedule.CONNECT_TIMEOUT,
    "tcp_close_timeout": schedule.CLOSE_TIMEOUT,
    "tcp_stable_after": 0,
    "tcp_pubkey_sync_delay": 0.3,
    "rate_limit_commands": 0,
    "air_time_limit": 100,
    "channel_utilization_limit": 100,
    "weather_url": "",
    "geocoding_url": "",
    "telegram_users": f"{ADMIN} admin,{GUEST} everyone",
    "telegram_commands": 0,
    "telegram_bridges": f"0 {GROUP}",
}


class Lane:
    """Use with `with`; `violations` is what did not hold."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.lives = 0
        self.done: list[Round] = []
        self._folder = TemporaryDirectory(prefix="meshbot-chaos-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self.node = VirtualNode(nodes=NODES)
        self.api = BotApi()
        self.pool = ThreadPoolExecutor(8, thread_name_prefix="Chaos")
        self.resolver = Resolver(self.folder / "bin")
        self.bot: BotProcess
        self.starvation = Starvation(lambda: self.bot.pid)
        self._ended = threading.Event()
        self._first: Gauge | None = None
        self._keys: list[KeyRow] = []

    def __enter__(self) -> Self:
        """Start everything, and wait for READY."""
        self.resolver.says(FINDS)
        (self.folder / "offset").write_text("0", encoding="ascii")
        self.node.start()
        self.api.__enter__()
        self.deeds = Deeds(self)
        self.faults = Faults(self)
        self.bot = self._start()
        self.starvation.start()
        self.pool.submit(self._watch)
        if not self._wait(self.is_ready, START):
            self.violations.append(f"not READY within {START:g} s of the first start")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End everything that was started."""
        self._ended.set()
        self.starvation.stop()
        self.bot.close()
        self.node.stop()
        self.api.__exit__(kind, error, None)
        self.pool.shutdown(wait=True, cancel_futures=True)
        self._folder.cleanup()

    # -- the process

    def _start(self) -> BotProcess:
        self.lives += 1
        self._first = None
        values = SETTINGS | {
            "tcp_port": self.node.port,
            "telegram_token": self.api.token,
            "telegram_base_url": self.api.base_url,
        }
        return BotProcess(self.folder, values, self.folder / "bin")

    def _stop(self) -> None:
        clock = self.fair_clock()
        self.bot.stop()
        if (seconds := clock()) > STOP_WITHIN:
            self.violations.append(f"it took {seconds:.1f} s to stop")

    def _restart(self) -> None:
        self.bot.close()
        self.violations += [f"log: {each}" for each in self._log_faults()]
        self.bot = self._start()

    def _log_faults(self) -> list[str]:
        return [*misplaced(self.bot.lines), *self.bot.matching(r"^Traceback|^\[CRITICAL\]")[:1]]

    def _watch(self) -> None:
        """Look all the time whether there are two sockets to the node."""
        while not self._ended.is_set():
            # the table and the list of files are read one after the other: what is there twice is there
            pid, port = self.bot.pid, self.node.port
            if len(links_of(pid, port)) > 1 and len(links := links_of(pid, port)) > 1:
                self.violations.append(f"{len(links)} sockets to the node at the same time: {', '.join(links)}")
                return
            self.pause(TICK)

    # -- looking at it

    def ask(self, verb: Verb, timeout: float = 3.0, **fields: object) -> dict[str, Any]:
        """Return the last answer of the control socket, {} if there is none in time."""
        try:
            with ControlClient([self.folder / "data" / "meshbot.sock"], timeout) as client:
                return client.last(verb, **fields)
        except (NoBotError, OSError, ValueError):
            return {}

    def is_ready(self) -> bool:
        """Whether both sides say so."""
        link = self.ask(Verb.STATUS).get("link", {})
        return link.get("state") == "ready" and self.node.configured

    def pause(self, seconds: float) -> None:
        """Let so much time pass, unless the lane ends before."""
        self._ended.wait(max(0.0, seconds))

    def _wait(self, condition: Callable[[], object], seconds: float) -> bool:
        clock = self.fair_clock()
        while not condition():
            if clock() > seconds:
                return False
            self.pause(TICK)
        return True

    def fair_clock(self) -> Callable[[], float]:
        """Return what tells the seconds from now on, without those in which the bot or its node had no processor."""
        began, starved = time.monotonic(), self.starvation.seconds
        return lambda: time.monotonic() - began - (self.starvation.seconds - starved)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what the bot's database answers, as another process reads it."""
        path = self.folder / "data" / "meshbot.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as connection:
            return connection.execute(query).fetchall()

    # -- a round

    def live(self, one: Round) -> bool:
        """Live through a round; return whether all that must hold has held."""
        self.done.append(one)
        self.deeds.begin(one)
        self._reach(one)
        self.pause(one.wait)
        self._disturb(one)
        self.faults.heal()
        self._recover(one)
        self._check()
        return not self.violations

    def _reach(self, one: Round) -> None:
        """Bring the bot to the moment at which the faults begin."""
        node = self.node
        match one.moment:
            case Moment.READY:
                return
            case Moment.SENDING:
                seen = len(node.received.packets)
                self.deeds.command(0)
                self._wait(lambda: len(node.received.packets) > seen, MOMENT_WITHIN)
            case Moment.CLOSING:
                self.pool.submit(self.ask, Verb.RECONNECT)
            case Moment.CONNECTING | Moment.CONFIGURATION:
                seen = node.connections
                if one.moment is Moment.CONFIGURATION:
                    node.fault("slow", rate=3000.0)
                self.pool.submit(self.ask, Verb.RECONNECT)
                self._wait(lambda: node.connections > seen, MOMENT_WITHIN)

    def _disturb(self, one: Round) -> None:
        began = time.monotonic()
        for fault in one.faults:
            self.faults.begin(fault)
        ending = () if one.ending is Ending.NOTHING else ((one.ending_at, partial(self._end, one.ending)),)
        timed: list[tuple[float, Callable[[], object]]] = [
            *((act.at, partial(self.deeds.do, act)) for act in one.acts),
            *ending,
        ]
        for at, action in sorted(timed, key=lambda each: each[0]):
            self.pause(began + at - time.monotonic())
            action()
        self.pause(began + one.lasts - time.monotonic())

    def _end(self, ending: Ending) -> None:
        if ending is Ending.KILL:
            self.bot.kill()
            self.deeds.killed(time.monotonic() - UNSAVED)
        else:
            self.faults.resume()
            self._stop()
            self.deeds.killed(time.monotonic() - UNSAVED)
        self._restart()
        self.faults.again()

    def _recover(self, one: Round) -> None:
        if self.bot.code is not None:
            self.violations.append(f"the process has ended by itself with exit code {self.bot.code}")
            return
        within = schedule.ready_within(one) + (START if one.ending is not Ending.NOTHING else 0.0)
        if one.asks_to_reconnect and not self.is_ready():
            self.ask(Verb.RECONNECT)
        if not self._wait(self.is_ready, within):
            state = self.ask(Verb.STATUS).get("link", "the control socket does not answer")
            self.violations.append(f"not READY within {within:.0f} s after the faults were over: {state}")
            return
        self.deeds.prove_hearing(ANSWER, self.fair_clock())

    # -- what must hold

    def _check(self) -> None:
        self.violations += [f"log: {each}" for each in self._log_faults()]
        gauge = self.bot.gauge()
        if gauge is not None:
            self._first = self._first or gauge
            self.violations += growth(self._first, gauge)
        try:
            keys = [KeyRow(*row) for row in self.rows("SELECT num, public_key, status FROM public_keys")]
        except sqlite3.Error as error:
            self.violations.append(f"the database cannot be read: {error}")
            return
        self.violations += broken_keys(self._keys, keys, self.deeds.genuine())
        self._keys = keys

    def settle(self) -> None:
        """Wait for what is under way, stop the bot, and count what was accepted."""
        if self.violations:
            return
        self._wait(self.deeds.is_settled, SETTLE)
        self._stop()
        waiting = {str(row[0]) for row in self.rows("SELECT text FROM outbox")}
        questions = {str(row[0]) for row in self.rows("SELECT reply_id FROM outbox")}
        self.violations += self.deeds.unkept(waiting | questions)
        self.violations += [f"log: {each}" for each in self._log_faults()]
