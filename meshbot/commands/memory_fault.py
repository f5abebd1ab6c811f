"""What an asker gets while the database cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Callable

from meshbot.commands.language import mark as _
from meshbot.commands.registry import Request
from meshbot.storage import StorageError

LOGGER = logging.getLogger(__name__)


def unless_the_database_fails(run: Callable[[Request], str]) -> Callable[[Request], str]:
    """Return `run` with an excuse for its StorageError, whose cause goes to the log."""

    def guarded(request: Request) -> str:
        try:
            return run(request)
        except StorageError as error:
            LOGGER.warning("⚠️ Commande /%s: %s", request.command, error)
            return request.translate(_("⚠️ My memory cannot be read at the moment. Try again later."))

    return guarded
