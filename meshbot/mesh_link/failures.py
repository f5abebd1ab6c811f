"""Why a link was lost or an attempt failed, and the words for the log."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from meshbot.runtime import LinkCause

LOG_WORDS: Final[Mapping[LinkCause, str]] = MappingProxyType(
    {
        LinkCause.NAME_UNKNOWN: "nom d'hôte inconnu",
        LinkCause.NO_ANSWER: "pas de réponse",
        LinkCause.NO_ROUTE: "pas de route",
        LinkCause.REFUSED: "connexion refusée",
        LinkCause.CLOSED: "fermé par le nœud",
        LinkCause.SILENCE: "silence",
        LinkCause.NO_CONFIGURATION: "configuration incomplète",
        LinkCause.NO_OWN_NODE: "configuration sans notre propre nœud",
        LinkCause.RESTARTS: "le nœud redémarre sans cesse",
        LinkCause.SEND_BLOCKED: "envoi bloqué",
        LinkCause.STUCK_SESSIONS: "sessions bloquées",
        LinkCause.REQUESTED: "reconnexion demandée",
        LinkCause.OTHER: "session terminée",
    }
)
BY_NUMBER: Final[Mapping[int, LinkCause]] = MappingProxyType(
    dict.fromkeys((socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_NODATA), LinkCause.NAME_UNKNOWN)
    | dict.fromkeys((errno.ETIMEDOUT, errno.EHOSTDOWN), LinkCause.NO_ANSWER)
    | dict.fromkeys((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN), LinkCause.NO_ROUTE)
    | dict.fromkeys((errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED), LinkCause.CLOSED)
    | {errno.ECONNREFUSED: LinkCause.REFUSED}
)


@dataclass(frozen=True, slots=True)
class LinkFailure:
    """The end of a session that was not ordered."""

    cause: LinkCause = LinkCause.OTHER
    detail: str = ""  # the system's own text, which the log has in place of LOG_WORDS

    def __str__(self) -> str:
        """Return it as the log has it."""
        return self.detail or LOG_WORDS[self.cause]


def failure_of(error: OSError, doing: str = "") -> LinkFailure:
    """Return what an error of the system means for the link; `doing` goes before its text."""
    cause = LinkCause.OTHER if error.errno is None else BY_NUMBER.get(error.errno, LinkCause.OTHER)
    return LinkFailure(cause, f"{doing}: {error}" if doing else str(error))
