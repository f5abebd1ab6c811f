"""The root of the program's own exceptions, and what the system's have in common."""

from __future__ import annotations

import errno
from typing import Final

# Process or machine has no descriptor or memory for one more: what failed so fails again at once
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class MeshBotError(Exception):
    """What the program itself raises; each kind stands with the part that raises it.

    One that a library has to recognise is also of the library's kind.
    """
