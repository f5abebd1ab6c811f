"""The faults of a round, switched on and healed: the virtual node's, the host's, Telegram's."""

from __future__ import annotations

import resource
import signal
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from chaos.catalogue import OF_A_VICTIM, Part
from chaos.schedule import Fault
from chaos.surroundings import Surroundings
from tests.support import bot_api_faults as api_faults
from tests.support.resolver import FINDS, HANGS

TELEGRAM: Final[Mapping[str, api_faults.Fault]] = {
    "hangs": api_faults.hangs,
    "slow": api_faults.slow(1.0),
    "flood": api_faults.flood(1),
    "conflict": api_faults.conflict(),
    "page": api_faults.page(502),
    "internal_error": api_faults.internal_error(),
    "not_json": api_faults.not_json,
    "truncated": api_faults.truncated,
    "resets": api_faults.resets,
    "resets_in_answer": api_faults.resets_in_answer,
    "loses_answer": api_faults.loses_answer,
    "does_without_answer": api_faults.does_without_answer,
}


class Faults:
    """Those of one lane; one thread."""

    def __init__(self, lane: Surroundings) -> None:
        self._lane = lane
        self._on: list[Fault] = []
        self._cures: list[Callable[[], object]] = []

    def begin(self, fault: Fault) -> None:
        """Switch one on."""
        self._on.append(fault)
        match fault.part:
            case Part.NODE:
                self._node(fault)
            case Part.HOST:
                self._host(fault.name, dict(fault.values))
            case Part.TELEGRAM:
                self._telegram(fault.name)

    def resume(self) -> None:
        """Let a paused process run: it is to take a signal."""
        self._lane.bot.signal(signal.SIGCONT)

    def again(self) -> None:
        """Switch on for a new process what ended with the old one."""
        for fault in self._on:
            if fault.part is Part.HOST and fault.name in {"stdout_unread", "disk_full"}:
                self._host(fault.name, {})

    def heal(self) -> None:
        """Switch all off."""
        self._lane.node.heal()
        for cure in reversed(self._cures):
            cure()
        self._cures.clear()
        self._on.clear()

    def _node(self, fault: Fault) -> None:
        values = dict(fault.values)
        node, victim = self._lane.node, int(values.pop("victim", 0))
        if fault.name in OF_A_VICTIM:
            values["user"] = node.users[victim].short_name
        node.fault(fault.name, **values)

    def _host(self, name: str, values: Mapping[str, object]) -> None:
        lane = self._lane
        match name:
            case "stdout_unread":
                lane.bot.leave_unread()
                # of the process that is there then
                self._cures.append(lambda: lane.bot.read_on())  # noqa: PLW0108
            case "lookup_hangs":
                lane.resolver.says(HANGS)
                self._cures.append(lambda: lane.resolver.says(FINDS))
            case "database_locked":
                self._lock()
            case "disk_full":
                lane.bot.limit_files(1)
                self._cures.append(lambda: lane.bot.limit_files(resource.RLIM_INFINITY))
            case "paused":
                lane.bot.signal(signal.SIGSTOP)
                self._cures.append(lambda: lane.bot.signal(signal.SIGCONT))
            case "clock_step":
                offset = lane.folder / "offset"
                offset.write_text(str(values["seconds"]), encoding="ascii")
                self._cures.append(lambda: offset.write_text("0", encoding="ascii"))

    def _lock(self) -> None:
        """Hold the database as a backup or somebody's shell does."""
        path = self._lane.folder / "data" / "meshbot.db"
        connection = sqlite3.connect(path, isolation_level=None, timeout=2)
        try:
            connection.execute("BEGIN IMMEDIATE")
        # the bot itself holds it
        except sqlite3.OperationalError:
            connection.close()
            return
        self._cures.append(connection.close)

    def _telegram(self, name: str) -> None:
        api = self._lane.api
        if name == "offline":
            api.goes_offline()
            self._cures.append(api.comes_back)
            return
        self._cures.append(api.trouble(TELEGRAM[name]).end)
