"""What a command says when it cannot do its work."""

from __future__ import annotations

from meshbot.commands import Translate
from meshbot.runtime import MeshBotError


class CommandError(MeshBotError):
    """A marked text for the person at the terminal, with its values; the command ends with code 1."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text.format(**values) if values else text)
        self.text = text
        self.values = values

    def translated(self, translate: Translate) -> str:
        """Return the text in a language; values that are errors themselves are translated too."""
        values = {
            name: value.translated(translate) if isinstance(value, CommandError) else value
            for name, value in self.values.items()
        }
        return translate(self.text).format(**values)
