"""The order of the log's lines that operators rely on; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

# Of the link: what may come right before each line, lines of other kinds left out; "" is the start
LINK: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "first": (r"🌐 Connexion TCP à ", frozenset({"", "first"})),
    "attempt": (r"🔄 Reconnexion TCP #\d+ à ", frozenset({"first", "attempt", "up"})),
    "scheduled": (
        r"🔑 Synchronisation clés publiques programmée dans ",
        frozenset({"first", "attempt", "up"}),
    ),
    "up": (r"✅ (Connexion TCP établie|Reconnexion TCP réussie)", frozenset({"scheduled"})),
}
# Of the sync of keys; one that a stop or a lost link ends leaves its last lines out
SYNC: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "begins": (r"🔑 Démarrage synchronisation clés publiques différée", frozenset({"", "end", "error", "begins"})),
    "starting": (r"🔄 Starting public key synchronization", frozenset({"", "begins", "end", "error", "complete"})),
    "current": (r"   Current interface\.nodes count: \d+", frozenset({"starting"})),
    "complete": (r"✅ SYNC COMPLETE: \d+ public keys", frozenset({"current"})),
    "error": (
        r"(⚠️ Error accessing interface\.nodes|❌ Cannot sync pubkeys|⚠️ Erreur re-sync clés)",
        frozenset({"begins", "starting", "current", "complete", "error"}),
    ),
    "end": (r"(✅ \d+ clés publiques re-synchronisées|ℹ️ Aucune clé à re-synchroniser)", frozenset({"complete"})),
}


def misplaced(lines: Iterable[str]) -> list[str]:
    """Return each line of one process that came after a line which it may not follow."""
    lines = list(lines)
    return [*_misplaced(lines, LINK), *_misplaced(lines, SYNC)]


def _misplaced(lines: Iterable[str], family: Mapping[str, tuple[str, frozenset[str]]]) -> list[str]:
    before, found = "", []
    for line in lines:
        name = next((name for name, (pattern, _) in family.items() if re.search(pattern, line)), None)
        if name is None:
            continue
        if before not in family[name][1]:
            found.append(f"{line.strip()!r} came after {before or 'the start'}")
        before = name
    return found
