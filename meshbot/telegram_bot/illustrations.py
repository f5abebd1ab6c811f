"""Pictures behind their answers: drawn by a worker of their own, so that the answer does not wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from meshbot.commands import Command, Job, Request
from meshbot.pictures import TIMEOUT
from meshbot.telegram_bot.models import Post
from meshbot.telegram_bot.pictures import Pictures, has_picture
from meshbot.telegram_bot.request import ChatQuestion, TelegramRequest

PICTURE: Final = "picture"
TIME_TO_EXCUSE: Final = 5.0  # seconds between the drawing's bound and the worker's


class Illustrator:
    """Makes a second job of an answer that has a picture."""

    def __init__(self, pictures: Pictures, tell: Callable[[Post], object]) -> None:
        """`tell` takes the picture as a post, on a worker's thread."""
        self._pictures = pictures
        self._tell = tell

    def job_for(self, job: Job[ChatQuestion]) -> Job[ChatQuestion] | None:
        """Return the work on the picture beside an answer, None if it has none."""
        name = job.command.name
        if not has_picture(name, job.request.argument):
            return None
        # a command of its own for each: nobody's second picture waits for the first
        drawing = Command(PICTURE, "", self._draw, slow=True, timeout=TIMEOUT + TIME_TO_EXCUSE)
        return Job(job.question, replace(job.request, command=name), drawing)

    def cancel(self) -> None:
        """End what is being drawn, and draw nothing any more."""
        self._pictures.cancel()

    def _draw(self, request: Request) -> str:
        asked = request.asked if isinstance(request, TelegramRequest) else None
        picture = self._pictures.beside(request.command, request.argument, request.node, request.translate)
        if picture and asked is not None:
            self._tell(Post(asked.chat, "", reply_to=asked.message_id, silent=True, photo=picture))
        return ""
