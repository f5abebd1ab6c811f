"""/reboot: restarts the bot's own node."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Request
from meshbot.commands.roles import Role

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error
# Seconds until the node restarts: before that our answer is acknowledged, or repeated
REBOOT_IN: Final = 5


class RebootableInterface(Protocol):
    """The part of the interface that restarts the node."""

    @property
    def is_managed(self) -> bool:
        """Whether the node takes no orders."""

    def send_reboot(self, seconds: int) -> None:
        """Have the node reboot; OSError if the link is gone."""


def reboot_command(interface_of: Callable[[], RebootableInterface | None]) -> Command:
    """Make the command; `interface_of` returns the present interface, None without a link."""

    def run(request: Request) -> str:
        """Answer; the node is asked once the answer has left."""
        tr = request.translate
        interface = interface_of()
        if interface is not None and interface.is_managed:
            return tr(_("⚠️ The node is managed: it takes no orders from me."))
        request.after_answer(lambda: _reboot(interface_of()))
        return tr(_("🔁 The node restarts; I am back as soon as it is."))

    return Command(
        name="reboot",
        summary=_("restarts the bot's own node"),
        run=run,
        role=Role.ADMIN,
        examples=(Example("/reboot", "🔁 The node restarts; I am back as soon as it is."),),
    )


def _reboot(interface: RebootableInterface | None) -> None:
    """Have the node reboot; the link's state machine sees the rest."""
    try:
        if interface is None:
            raise ConnectionError("pas de lien")
        interface.send_reboot(REBOOT_IN)
    except OSError as exc:
        error_print("❌ Redémarrage du nœud non demandé: %s", exc)
    else:
        info_print("🔁 Redémarrage du nœud demandé, dans %d s", REBOOT_IN)
