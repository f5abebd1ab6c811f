"""/reboot: the bot's own node restarts."""

from __future__ import annotations

from collections.abc import Callable

from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Request
from meshbot.commands.roles import Role


def reboot_command(reboot: Callable[[], None], is_managed: Callable[[], bool]) -> Command:
    """Make the command; `reboot` returns at once, `is_managed` tells whether the node takes no such order."""

    def run(request: Request) -> str:
        """Answer, and have it done once the answer has left."""
        tr = request.translate
        if is_managed():
            return tr(_("⚠️ The node is managed: it takes no orders from me."))
        request.afterwards(reboot)
        return tr(_("🔁 The node restarts; I am back as soon as it is."))

    return Command(
        name="reboot",
        summary=_("restarts the bot's own node"),
        run=run,
        role=Role.ADMIN,
        examples=(Example("/reboot", "🔁 The node restarts; I am back as soon as it is."),),
    )
