"""The pictures that go with the answers to commands."""

from __future__ import annotations

import logging
from collections.abc import Callable

from meshbot.commands import Translate, whole_number
from meshbot.commands.builtin import HOURS, MOST_PAGES, parse_argument
from meshbot.mesh_memory import MeshMemory
from meshbot.pictures import BadDataError, Picture, PictureError, PictureRenderer
from meshbot.runtime import Clock
from meshbot.storage import StorageError
from meshbot.telegram_bot.picture_data import histogram_data, nodes_data, signal_data

LOGGER = logging.getLogger(__name__)


class Pictures:
    """Thread-safe; one picture is drawn at a time."""

    def __init__(self, memory: MeshMemory, clock: Clock, own_num: Callable[[], int], painter: PictureRenderer) -> None:
        self._memory = memory
        self._clock = clock
        self._own_num = own_num
        self._painter = painter

    def beside(self, command: str, argument: str, node: int | None, tr: Translate) -> bytes:
        """Return the PNG that goes with the answer to a command of the registry, by its name, empty if there is none.

        `node` is the asker's own one, if any. Blocks as long as Painter.draw does; raises nothing: where a picture
        cannot be drawn the log says why, and the answer's text stands alone.
        """
        try:
            picture = self._picture(command, argument, node, tr)
            return self._painter.draw(picture) if picture else b""
        except (PictureError, BadDataError, StorageError) as error:
            LOGGER.warning("⚠️ Réponse à /%s sans image: %s", command, error)
            return b""

    def cancel(self) -> None:
        """End a drawing at once and begin none any more."""
        self._painter.cancel()

    def _picture(self, command: str, argument: str, node: int | None, tr: Translate) -> Picture | None:
        now = self._clock.now().timestamp()
        match command:
            case "stats":
                topic, hours = parse_argument(argument) or ("", 0)
                return histogram_data(self._memory, now, hours, tr) if topic == "histo" else None
            case "my" if node is not None:
                return signal_data(self._memory, node, now, HOURS, tr)
            case "nodes":
                return nodes_data(self._memory, self._own_num(), now, tr)
        return None


def has_picture(command: str, argument: str) -> bool:
    """Return whether a picture may go with the answer, so that somebody can be told that it takes a while.

    A question that is wrong has none; the map of all nodes is beside their first page.
    """
    match command:
        case "my":
            return True
        case "nodes":
            return whole_number(argument or "1", 1, MOST_PAGES) == 1
        case "stats":
            return (parse_argument(argument) or ("",))[0] == "histo"
    return False
