"""The real bot in this process, in a thread of its own, on settings that are quick by default."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self
from unittest import mock

from config import Settings
from main_bot import MeshBot
from meshbot.commands.registry import Command
from tests.support.autojump import AutojumpClock
from tests.support.waiting import PATIENCE, LogWatch

READY = r"✅ (Connexion TCP établie|Reconnexion TCP réussie \(background\))"
QUICK = {
    "tcp_probe_after": 60,  # a busy machine may keep the node from answering for a while: that is no silence
    "tcp_interface_cleanup_delay": 0.1,
    "tcp_stable_after": 0,
    "tcp_pubkey_sync_delay": 0.2,
    "tcp_config_silence": 1,
    "tcp_config_timeout": 5,
    "tcp_connect_timeout": 2,
    "tcp_close_timeout": 2,
    "rate_limit_commands": 0,
}
# For a bot on a clock that runs fast: what waits for the machine must not be quick there
UNHURRIED = {
    "tcp_probe_after": 15,
    "tcp_probe_timeout": 15,
    "tcp_silent_timeout": 120,
    "tcp_interface_cleanup_delay": 1,
    "tcp_stable_after": 0,
    "tcp_pubkey_sync_delay": 15,
    "tcp_config_silence": 60,
    "tcp_config_timeout": 120,
    "tcp_connect_timeout": 60,
    "tcp_close_timeout": 20,
}

NOTICING = {"tcp_probe_after": 5, "tcp_probe_timeout": 6}  # for those tests that want silence noticed


class RunningBot:
    """Starts with `with`, and is stopped and joined at its end."""

    def __init__(
        self, port: int, data_dir: Path, clock: Any = None, commands: Sequence[Command] | None = None, **settings: Any
    ) -> None:
        values = {"tcp_host": "127.0.0.1", "tcp_port": port, "data_dir": data_dir} | QUICK | settings
        values.setdefault("node_names_file", data_dir / "node_names.json")
        self.settings = Settings(**values)
        self.log = LogWatch()
        # what a reload reads
        self.written = self.settings
        self.bot = MeshBot(self.settings, clock, commands=commands, load=lambda: self.written)
        self._jumping = clock if isinstance(clock, AutojumpClock) else None
        self._loops = mock.patch("asyncio.new_event_loop", clock.new_event_loop) if self._jumping else nullcontext()
        self.exit_code: int | None = None
        self._thread = threading.Thread(target=self._main, name="Test-Bot")

    def _main(self) -> None:
        self.exit_code = self.bot.run()

    def wait_ready(self, times: int = 1) -> None:
        """Wait until the link has been READY that often, and on a clock that jumps until its nodes are known."""
        self.log.wait_for(READY, times)
        if self._jumping is not None:
            self._jumping.wait_for_rest()

    def __enter__(self) -> Self:
        """Start the bot."""
        self._loops.__enter__()
        self.log.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the bot; it must end."""
        self.bot.stop()
        self._thread.join(PATIENCE)
        self.log.__exit__()
        self._loops.__exit__(None, None, None)
        assert not self._thread.is_alive(), "the bot did not stop"
        assert self.exit_code == 0, "a service crashed"
