"""The commands about the bot itself, its link and its node, over the parts of the running bot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from meshbot.commands.builtin.echo import echo_command
from meshbot.commands.builtin.keys import KeyRing, keys_command
from meshbot.commands.builtin.reboot import reboot_command
from meshbot.commands.builtin.reconnect import reconnect_command
from meshbot.commands.builtin.status import status_command
from meshbot.commands.builtin.sync import sync_command
from meshbot.commands.builtin.sys import sys_command
from meshbot.commands.builtin.trust import WaitingKeys, trust_command
from meshbot.commands.node_lookup import Directory, short_name_of
from meshbot.commands.registry import Command
from meshbot.mesh_link import BROADCAST_NUM, LinkFigures
from meshbot.runtime import Clock, read_host
from meshbot.sending import Origin, OutgoingText

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error
REBOOT_IN = 5  # seconds: our answer is acknowledged, or repeated, before


class OperatedInterface(Protocol):
    """The part of the interface that an operator's commands use."""

    @property
    def radio_keys(self) -> Mapping[int, bytes]:
        """The keys in the node's own database."""

    @property
    def is_managed(self) -> bool:
        """Whether the node takes no orders."""

    def send_reboot(self, seconds: int) -> None:
        """Have the node reboot; OSError if the link is gone."""


class OperatedNodes(KeyRing, WaitingKeys, Protocol):
    """What the bot knows of nodes and keys; NodeManager is one."""

    def confirm_key(self, num: int, key: bytes) -> bool:
        """Trust `key` on an operator's word; False for an impossible key."""
        ...

    def sync_pubkeys_to_interface(self, interface: Any, force: bool = False) -> int:  # noqa: FBT001, FBT002 - specified so
        """Put trusted keys into the interface's nodes; return how many."""
        ...

    @property
    def synced(self) -> bool:
        """Whether the last synchronisation went through."""
        ...


@dataclass(frozen=True, slots=True)
class OperatorOptions:
    """What the settings say of the operator's commands."""

    answer_ttl: float  # seconds
    echo_channel: int
    answer_max_bytes: int
    data_dir: Path


@dataclass(frozen=True, slots=True)
class BotParts:
    """What the running bot lends to its commands; nothing here waits."""

    clock: Clock
    nodes: OperatedNodes
    directory: Directory
    interface_of: Callable[[], OperatedInterface | None]  # asked each time, never kept
    link_figures: Callable[[], LinkFigures]
    waiting: Callable[[], int]  # packets for the radio
    is_holding: Callable[[], bool]  # whether the channel is too busy for all but direct answers
    reconnect: Callable[[], None]
    send_text: Callable[[OutgoingText], None]


def operator_commands(parts: BotParts, options: OperatorOptions) -> tuple[Command, ...]:
    """Return them in the order in which help lists them."""
    nodes = parts.nodes

    def say_on_channel(text: str, channel: int, origin: Origin | None) -> bool:
        expires_at = parts.clock.monotonic() + options.answer_ttl
        parts.send_text(OutgoingText(text, BROADCAST_NUM, channel, expires_at=expires_at, origin=origin))
        return not parts.is_holding()

    return (
        status_command(parts.link_figures, parts.waiting, nodes.counts),
        keys_command(nodes, parts.directory, lambda: _radio_keys(parts)),
        echo_command(
            say_on_channel,
            lambda num: short_name_of(parts.directory, num),
            options.echo_channel,
            options.answer_max_bytes,
        ),
        sys_command(lambda: read_host(options.data_dir)),
        sync_command(lambda: _sync(parts), nodes.counts),
        trust_command(nodes, parts.directory, lambda num, key: _trust(parts, num, key)),
        reconnect_command(parts.reconnect),
        reboot_command(lambda: _reboot(parts), lambda: _is_managed(parts)),
    )


def _radio_keys(parts: BotParts) -> Mapping[int, bytes] | None:
    interface = parts.interface_of()
    return None if interface is None else interface.radio_keys


def _sync(parts: BotParts) -> int | None:
    """Sync the public keys; None if that failed."""
    interface = parts.interface_of()
    if interface is None:
        return None
    injected = parts.nodes.sync_pubkeys_to_interface(interface, force=True)
    return injected if parts.nodes.synced else None


def _trust(parts: BotParts, num: int, key: bytes) -> bool:
    """Trust the key, and give it to the present link."""
    trusted = parts.nodes.confirm_key(num, key)
    interface = parts.interface_of()
    if trusted and interface is not None:
        parts.nodes.sync_pubkeys_to_interface(interface)
    return trusted


def _is_managed(parts: BotParts) -> bool:
    interface = parts.interface_of()
    return interface is not None and interface.is_managed


def _reboot(parts: BotParts) -> None:
    """Have the node reboot; the link machine takes it from there."""
    interface = parts.interface_of()
    try:
        if interface is None:
            raise ConnectionError("pas de lien")
        interface.send_reboot(REBOOT_IN)
    except OSError as exc:
        error_print("❌ Redémarrage du nœud non demandé: %s", exc)
    else:
        info_print("🔁 Redémarrage du nœud demandé, dans %d s", REBOOT_IN)
