"""The watchdog: which threads must go on, and which may wait for the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshbot.commands import Dispatcher
from meshbot.mesh_link import CurrentLink, PubkeySync, PublishingBeat, ReaderBeat
from meshbot.runtime import Beating, HealthCheck, Service, Watchdog, watchdog_interval
from tcp_interface_manager import TCPInterfaceManager

if TYPE_CHECKING:
    from meshbot.telegram_bot import TelegramService


def watchdog(
    radio_side: Sequence[Service],
    disk_side: Sequence[Service],
    *,
    link: CurrentLink,
    tcp: TCPInterfaceManager,
    pubkey_sync: PubkeySync,
    commands_run: Sequence[Dispatcher | TelegramService | None],
) -> Watchdog:
    """Return what notices that one of these hangs, or a thread of the library's, a session, the key sync, commands."""
    running = [each for each in commands_run if each is not None]
    watched: list[Beating] = [*radio_side, PublishingBeat(), ReaderBeat(link.interface)]
    watched += [
        HealthCheck("TCP-Session", lambda: not tcp.is_stuck),
        HealthCheck("TCP-PubkeySync", lambda: not pubkey_sync.is_late),
    ]
    workers = HealthCheck("Commands", lambda: not any(each.is_stuck for each in running))
    return Watchdog(watchdog_interval(), watched, disk_bound=disk_side, disk_users=(workers,))
