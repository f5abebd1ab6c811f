"""The pictures that follow the answers to commands, each drawn by a job of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from meshbot.commands import Command, Job, Request, Translate, whole_number
from meshbot.commands.builtin import HOURS, MOST_PAGES, parse_stats_argument
from meshbot.mesh_memory import MeshMemory
from meshbot.pictures import TIMEOUT, BadDataError, Picture, PictureError, PictureRenderer, qr_png
from meshbot.runtime import Clock
from meshbot.storage import StorageError
from meshbot.telegram_bot.models import ChatQuestion, OutgoingMessage, TelegramRequest
from meshbot.telegram_bot.options import TelegramDependencies, TelegramOptions
from meshbot.telegram_bot.picture_data import histogram_data, nodes_data, signal_data

LOGGER = logging.getLogger(__name__)
PICTURE: Final = "picture"
LINK: Final = "https://"
JOB_MARGIN: Final = 5.0  # seconds that a job may take longer than its drawing


class Pictures:
    """Thread-safe; one picture is drawn at a time."""

    def __init__(self, memory: MeshMemory, clock: Clock, own_num: Callable[[], int], renderer: PictureRenderer) -> None:
        self._memory = memory
        self._clock = clock
        self._own_num = own_num
        self._renderer = renderer

    def for_answer(self, command: str, argument: str, node: int | None, tr: Translate) -> bytes:
        """Return the PNG that goes with the answer to a command, by its name in the registry; empty: there is none.

        `node` is the user's own one, if any. Blocks as long as PictureRenderer.draw does; raises nothing: where a
        picture cannot be drawn the reason is logged.
        """
        try:
            picture = self._picture(command, argument, node, tr)
            return self._renderer.draw(picture) if picture else b""
        except (PictureError, BadDataError, StorageError) as error:
            LOGGER.warning("⚠️ Réponse à /%s sans image: %s", command, error)
            return b""

    def cancel(self) -> None:
        """End a drawing at once and begin none any more."""
        self._renderer.cancel()

    def _picture(self, command: str, argument: str, node: int | None, tr: Translate) -> Picture | None:
        now = self._clock.now().timestamp()
        match command:
            case "stats":
                topic, hours = parse_stats_argument(argument) or ("", 0)
                return histogram_data(self._memory, now, hours, tr) if topic == "histo" else None
            case "my" if node is not None:
                return signal_data(self._memory, node, now, HOURS, tr)
            case "nodes":
                return nodes_data(self._memory, self._own_num(), now, tr)
        return None


class PictureJobs:
    """Makes the job that draws the picture of an answer and sends it."""

    def __init__(self, pictures: Pictures, send: Callable[[OutgoingMessage], object]) -> None:
        """`send` is called on a worker's thread."""
        self._pictures = pictures
        self._send = send

    def job_for(self, job: Job[ChatQuestion], answer: str) -> Job[ChatQuestion] | None:
        """Return the job for the picture of an answer, None if the answer has none."""
        name = job.command.name
        if job.command.has_qr and answer.startswith(LINK):
            return Job(job.question, job.request, Command(PICTURE, "", partial(self._draw_qr, answer), slow=True))
        if not has_picture(name, job.request.argument):
            return None
        # a slow command runs once at a time for each user: with a new one for each picture none waits for another
        drawing = Command(PICTURE, "", self._draw, slow=True, timeout=TIMEOUT + JOB_MARGIN)
        return Job(job.question, replace(job.request, command=name), drawing)

    def cancel(self) -> None:
        """See Pictures."""
        self._pictures.cancel()

    def _draw_qr(self, link: str, request: Request) -> str:
        return self._send_picture(qr_png(link), request)

    def _draw(self, request: Request) -> str:
        picture = self._pictures.for_answer(request.command, request.argument, request.node, request.translate)
        return self._send_picture(picture, request)

    def _send_picture(self, picture: bytes, request: Request) -> str:
        question = request.question if isinstance(request, TelegramRequest) else None
        if picture and question is not None:
            self._send(OutgoingMessage(question.chat, "", reply_to=question.message_id, silent=True, photo=picture))
        return ""


def pictures_of(options: TelegramOptions, dependencies: TelegramDependencies) -> Pictures:
    """Return the pictures that the memory has data for."""
    renderer = PictureRenderer(options.data_dir / "matplotlib")
    return Pictures(dependencies.memory, dependencies.clock, dependencies.own_num, renderer)


def has_picture(command: str, argument: str) -> bool:
    """Return whether a picture may go with the answer: a wrong question has none, /nodes only on its first page."""
    match command:
        case "my":
            return True
        case "nodes":
            return whole_number(argument or "1", 1, MOST_PAGES) == 1
        case "stats":
            return (parse_stats_argument(argument) or ("",))[0] == "histo"
    return False
