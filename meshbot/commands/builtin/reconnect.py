"""/reconnect: closes the link and opens another."""

from __future__ import annotations

from collections.abc import Callable

from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Request
from meshbot.commands.roles import Role


def reconnect_command(reconnect: Callable[[], None]) -> Command:
    """Make the command; `reconnect` requests it and returns at once."""

    def run(request: Request) -> str:
        """Answer; the reconnection is requested once the answer has left."""
        request.after_answer(reconnect)
        return request.translate(_("🔄 I drop the link and take it anew."))

    return Command(
        name="reconnect",
        summary=_("drops the link to the node and takes it anew"),
        run=run,
        role=Role.ADMIN,
        examples=(Example("/reconnect", "🔄 I drop the link and take it anew."),),
    )
