"""What the tour and the console share: a virtual node, the bot on it, and a user who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from meshbot.demo.bot import BotProcess
from meshbot.runtime import SystemClock
from meshbot.storage import NodeStore, open_database
from meshbot.virtual_node import VirtualNode

NODES = 42
READY = r"✅ (Connexion TCP établie|Reconnexion TCP réussie)"
SYNCED = "clés publiques re-synchronisées|Aucune clé à re-synchroniser"  # the sync's last line
# Ordinary settings, shortened so that a visitor need not wait for what takes a minute at home
SHORTENED: dict[str, object] = {
    "tcp_probe_after": 2,
    "tcp_probe_timeout": 2,
    "tcp_config_silence": 3,
    "tcp_pubkey_sync_delay": 3,
    "tcp_stable_after": 0,
    "rate_limit_commands": 0,  # a visitor may ask as often as they like
}


@dataclass(frozen=True)
class DemoFault:
    """One fault of the link, and the log line after which it is healed."""

    title: str
    inject: Callable[[VirtualNode], None]
    noticed: str | None = None  # None: it heals by itself

    def __call__(self, stage: Stage) -> None:
        """Inject it; heal it once the bot has noticed."""
        seen = stage.bot.count(self.noticed) if self.noticed else 0
        self.inject(stage.node)
        if self.noticed:
            stage.bot.wait_for(self.noticed, seen + 1, timeout=60)
            stage.node.heal()


def _stall(node: VirtualNode) -> None:
    node.fault("stall", after=20)
    node.fault("drop")


FAULTS = {
    "cut": DemoFault("la connexion est coupée (FIN)", lambda node: node.fault("drop")),
    "silence": DemoFault("le nœud se tait, connexion ouverte", lambda node: node.fault("mute"), "SILENCE TCP"),
    "reboot": DemoFault("le nœud redémarre (5 s)", lambda node: node.fault("reboot", seconds=5.0)),
    # All that follows is on firmware 2.8
    "upgrade": DemoFault(
        "le nœud passe au firmware 2.8 et change de numéro (1 s)",
        lambda node: node.upgrade("2.8.0", seconds=1.0, silence=0.1),
    ),
    "stall": DemoFault("coupure, puis configuration bloquée après 20 nœuds", _stall, "configuration incomplète"),
}


class Stage:
    """Node and bot; they run within `with`."""

    def __init__(self, folder: Path, on_line: Callable[[str], None]) -> None:
        self._folder = folder
        self._on_line = on_line
        self.node = VirtualNode(nodes=NODES)
        self.exit_code: int | None = None

    def __enter__(self) -> Self:
        """Start the node, then the bot."""
        self.node.start()
        settings = SHORTENED | {"tcp_host": "127.0.0.1", "tcp_port": self.node.port, "data_dir": self._folder}
        self.bot = BotProcess(settings, self._folder, self._on_line)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the bot, then the node."""
        self.exit_code = self.bot.stop()
        self.node.stop()

    def ask(self, question: str) -> int:
        """Send the bot a user's text; return the packet id."""
        return self.node.hear_text(self.node.users[0].num, question)

    def answer_to(self, packet_id: int, timeout: float = 30.0) -> str:
        """Return the bot's answer on air; TimeoutError if none comes."""
        return self.node.wait_for(lambda sent: sent.reply_id == packet_id, timeout).text

    def stored_keys(self) -> int:
        """Return how many nodes' public keys the bot has stored."""
        database = open_database(self._folder, SystemClock())
        try:
            return len(NodeStore(database).load().trusted)
        finally:
            database.close()
