"""The asker's own node, which a user of Telegram may not have."""

from __future__ import annotations

from meshbot.commands.language import mark as _
from meshbot.commands.registry import Request


def own_node(request: Request) -> int | str:
    """Return the number of the asker's node, or what to answer to who has none."""
    if request.node is not None:
        return request.node
    return request.translate(_("Your Telegram account has no node: the operator can set one in telegram_users."))
