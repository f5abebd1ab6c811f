"""What our own radio holds at a READY, beside what the bot trusts and what the radio held before; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from meshbot.mesh_link import Contact
from meshbot.storage import OwnRadioRow

# Nodes that a database must have held for the loss of half of them to mean something
LEAST_NODES: Final = 4


class Outcome(Enum):
    """How giving a key back to the radio ended; the values are the log's words."""

    HELD = "la radio l'a"
    FORGOTTEN = "la radio l'a oubliée"  # a revoked one
    NO_LINK = "pas de lien"
    MANAGED = "le nœud est géré à distance (is_managed)"
    LOCKED = "le nœud est verrouillé (lockdown)"
    OLD_FIRMWARE = "firmware antérieur à 2.6.8"
    DAY_FULL = "limite du jour atteinte"
    UNSEEN = "les nœuds de la radio ne sont pas encore arrivés"
    NO_KEY = "aucune clé connue du bot"
    DOUBTFUL = "clé douteuse: changée, partagée ou faible"
    PINNED = "la radio en tient une autre, à vérifier"
    REFUSED = "refusée par la radio"
    NO_ANSWER = "ni le nœud ni la radio n'ont répondu"
    NOT_KEPT = "base de données inaccessible"


# Waiting changes nothing about these
FINAL_OUTCOMES: Final = frozenset(
    {
        Outcome.FORGOTTEN,
        Outcome.MANAGED,
        Outcome.LOCKED,
        Outcome.OLD_FIRMWARE,
        Outcome.NO_KEY,
        Outcome.DOUBTFUL,
        Outcome.PINNED,
    }
)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """What the bot would teach the radio of a node."""

    contact: Contact
    verified: bool = False  # by an operator
    doubtful: bool = False  # another key waits, other nodes have this one, or everybody has its private half

    @property
    def key(self) -> bytes:
        """Return the public key."""
        return self.contact.public_key


@dataclass(frozen=True, slots=True)
class RadioState:
    """The radio as its configuration showed it."""

    own: OwnRadioRow
    keys: Mapping[int, bytes]  # by node
    favourites: frozenset[int]
    # why it takes no keys, if it does not
    obstacle: Outcome | None = None
    # with the other nodes, which a slow link leaves for later
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class KeyTally:
    """How many of the trusted keys the radio holds, lacks, and holds differently."""

    held: int
    lacking: int
    different: int

    @property
    def trusted(self) -> int:
        """Return how many are trusted."""
        return self.held + self.lacking + self.different


def tally(trusted: Mapping[int, bytes], radio: Mapping[int, bytes]) -> KeyTally:
    """Compare the keys that are trusted with the radio's, by node."""
    held = sum(radio.get(num) == key for num, key in trusted.items())
    lacking = sum(num not in radio for num in trusted)
    return KeyTally(held, lacking, len(trusted) - held - lacking)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the radio has lost since the last READY."""

    before: OwnRadioRow
    now: OwnRadioRow

    @property
    def key(self) -> bool:
        """Whether its own key is another one."""
        return bool(self.before.public_key) and self.before.public_key != self.now.public_key

    @property
    def nodes(self) -> bool:
        """Whether under half of its nodes are left."""
        return self.before.nodes >= LEAST_NODES and 2 * self.now.nodes < self.before.nodes

    @property
    def region(self) -> bool:
        """Whether its region was set and no longer is: it cannot send."""
        return self.before.region != 0 and self.now.region == 0

    @property
    def number(self) -> bool:
        """Whether it has another number, which alone is no loss: firmware 2.8 gives one at the upgrade."""
        return self.before.num != self.now.num

    def __bool__(self) -> bool:
        """Return whether anything was lost."""
        return self.key or self.nodes or self.region
