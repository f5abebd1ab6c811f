"""Why the link is down, for people: what the log says of it in French or the system in English, put in words; pure."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from commands.language import Translate
from commands.language import mark as _

SHOWN: Final = 120  # characters of a cause that is not known
NUMBER: Final = re.compile(r"\[Errno (-?\d+)\]")
NAME_ERRORS: Final = (-2, -3, -5)  # of getaddrinfo: not known, try again, no address
NAME_UNKNOWN: Final = _("Its name is not found in the network.")
NO_ANSWER: Final = _("It does not answer.")
NO_WAY: Final = _("No way leads to it.")
SILENT: Final = _("It says nothing any more.")
CLOSED: Final = _("It has closed the connection.")
BY_NUMBER: Final[Mapping[int, str]] = MappingProxyType(
    dict.fromkeys(NAME_ERRORS, NAME_UNKNOWN)
    | dict.fromkeys((errno.ETIMEDOUT, errno.EHOSTDOWN), NO_ANSWER)
    | dict.fromkeys((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN), NO_WAY)
    | dict.fromkeys((errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED), CLOSED)
    | {errno.ECONNREFUSED: _("It refuses the connection: it is starting, or its TCP server is off.")}
)
BY_REASON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pas de réponse": NO_ANSWER,
        "configuration incomplète": _("It answers, but does not deliver its configuration."),
        "silence": SILENT,
        "fermé par le nœud": CLOSED,
    }
)


def cause_in_words(cause: str, translate: Translate) -> str:
    """Return a sentence; the cause as it is where it is none of those known, nothing for an empty one."""
    number = NUMBER.search(cause)
    known = BY_NUMBER.get(int(number[1])) if number else BY_REASON.get(cause)
    if known is not None:
        return translate(known)
    return f"« {cause[:SHOWN]} »" if cause else ""
