"""The order of the log's lines that operators rely on; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

# By a line's name: its pattern, and what may come right before it
Family = Mapping[str, tuple[str, frozenset[str]]]
# Of the link: what may come right before each line, lines of other kinds left out; "" is the start
LINK: Final[Family] = {
    "first": (r"🌐 Connexion TCP à ", frozenset({"", "first"})),
    "attempt": (r"🔄 Reconnexion TCP #\d+ à ", frozenset({"first", "attempt", "up"})),
    "scheduled": (
        r"🔑 Synchronisation clés publiques programmée dans ",
        frozenset({"first", "attempt", "up"}),
    ),
    "up": (r"✅ (Connexion TCP établie|Reconnexion TCP réussie)", frozenset({"scheduled"})),
}
# Of the sync of keys; one that a stop or a lost link ends leaves its last lines out
SYNC: Final[Family] = {
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


# What a sync has that no deferred one began: an operator's, or one after keys were learnt
WITHOUT_BEGIN: Final = frozenset({"starting", "current", "complete"})


def misplaced(lines: Iterable[str]) -> list[str]:
    """Return each line of one process that came after a line which it may not follow."""
    lines = list(lines)
    return [*_complaints(_named(lines, LINK), LINK), *_complaints(_deferred(_named(lines, SYNC)), SYNC)]


def _named(lines: Iterable[str], family: Family) -> Iterator[tuple[str, str]]:
    """Yield the names of the lines that belong to the family, each with its line."""
    for line in lines:
        name = next((name for name, (pattern, _) in family.items() if re.search(pattern, line)), None)
        if name is not None:
            yield name, line


def _deferred(named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out the syncs that were not deferred: their callers say what came of them."""
    is_deferred, before = False, ""
    for name, line in named:
        if name == "begins":
            is_deferred = True
        elif name == "starting" and before != "begins":
            is_deferred = False
        if is_deferred or name not in WITHOUT_BEGIN:
            yield name, line
        before = name


def _complaints(named: Iterable[tuple[str, str]], family: Family) -> list[str]:
    before, found = "", []
    for name, line in named:
        if before not in family[name][1]:
            found.append(f"{line.strip()!r} came after {before or 'the start'}")
        before = name
    return found
