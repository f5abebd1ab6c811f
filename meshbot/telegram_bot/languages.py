"""The language of each person: that of the phone if there is a translation, else that of the settings; pure."""

from __future__ import annotations

from typing import Final

from meshbot.commands import Translate, translator
from meshbot.runtime import RecentKeys

TRANSLATED: Final = ("fr", "en")
REMEMBERED: Final = 1000  # messages


class Languages:
    """For one thread. Remembers the languages of the authors of messages, for what is told of these later."""

    def __init__(self, default: str) -> None:
        """`default` is the language of the settings."""
        self._default = default
        self._translators = {language: translator(language) for language in dict.fromkeys((default, *TRANSLATED))}
        self._by_message: RecentKeys[tuple[int, int], str] = RecentKeys(REMEMBERED)  # by chat and message id

    def translate(self, code: str) -> Translate:
        """Return the translator for a phone's language, as `fr` or `en-gb`; empty: not told."""
        language = code.lower().partition("-")[0]
        return self._translators[language if language in TRANSLATED else self._default]

    def note(self, chat_id: int, message_id: int, code: str) -> None:
        """Remember the language of a message's author."""
        self._by_message.put((chat_id, message_id), code)

    def translate_for(self, chat_id: int, message_id: int) -> Translate:
        """Return the translator for the author of a message."""
        return self.translate(self._by_message.get((chat_id, message_id)) or "")
