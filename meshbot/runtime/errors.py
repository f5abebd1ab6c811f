"""The root of the program's own exceptions."""

from __future__ import annotations


class MeshBotError(Exception):
    """What the program itself raises; each kind stands with the part that raises it.

    One that a library has to recognise is also of the library's kind.
    """
