"""What to do about each error: retry or give up, after how long, and its words for the log; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from meshbot.mesh_link import RoutingAnswer, routing_error_name
from meshbot.sending.outgoing import Priority

TX_QUEUE_FULL: Final = "TX_QUEUE_FULL"  # our name for a queueStatus's 32, which no routing error accompanies
NO_ACK: Final = "NO_ACK"  # our name for an acknowledgement that did not come
TX_QUEUE_FULL_RESULT: Final = 32  # as a Routing.Error it would be BAD_REQUEST, which a text never gets
LACKS_KEY: Final = "PKI_SEND_FAIL_PUBLIC_KEY"  # our node says so before anything is on air
PARTLY_SENT: Final = "PARTLY_SENT"  # our name for a text whose last packets came too late
MAX_TRIES: Final = 3  # retries of one packet, whatever the errors that do not hold all texts
LAST_TRY: Final = 5.0  # seconds before a text's end, for a last try of what holds all texts

SOON: Final = (5.0, 10.0, 20.0)  # the radio's own queue, a few packets
AIR_TIME: Final = (30.0,)  # the hour's quota of air time frees slowly
LATER: Final = (60.0, 600.0, 3600.0)  # a recipient out of reach
# The firmware itself sends our node's NodeInfo, which has the key; but once in 60 s, and so perhaps to another node
KEY_EXCHANGE: Final = (15.0, 60.0, 15.0)
# At most: a question to the recipient, a note, up to three messages to our node (nodes/custody.py). Then as for one out
# of reach
KEY_CURE: Final = (75.0, 600.0, 3600.0)
EVERYTHING: Final = frozenset(Priority)
MAY_REPEAT: Final = frozenset({Priority.MAIL})  # kinds that are better received twice than not at all


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What to do about one error. A retry goes under a new id: the node remembers the refused one."""

    words: str
    waits: tuple[float, ...] = ()  # seconds before each retry; none: give up
    kinds: Collection[Priority] = EVERYTHING  # those that are retried
    holds_all: bool = False  # no other text would go on air either
    on_air: bool = False  # the node had sent it, whether or not its confirmation came
    is_own: bool = False  # only our own node can give it: it comes before the air, or from the node's own waiting
    cures: bool = False  # of a direct message: our node is to get the recipient's key first, and that ends the wait

    def wait(self, priority: Priority, retries: int, left: float = inf) -> float | None:
        """Return the seconds before the next retry after `retries` of them, None to give up.

        What holds all texts is retried as long as it lasts, which costs no air, and once more just before the text's
        time is up; `left` seconds of it are left.
        """
        if priority not in self.kinds or retries >= (inf if self.holds_all else len(self.waits)):
            return None
        wait = self.waits[min(retries, len(self.waits) - 1)]
        return min(wait, max(left - LAST_TRY, LAST_TRY)) if self.holds_all else wait


UNKNOWN: Final = RetryPolicy("raison inconnue")
POLICIES: Final[Mapping[str, RetryPolicy]] = {
    # never went on air
    TX_QUEUE_FULL: RetryPolicy("file d'émission du nœud pleine", SOON, holds_all=True, is_own=True),
    "RATE_LIMIT_EXCEEDED": RetryPolicy("trop rapide pour le nœud", SOON, holds_all=True, is_own=True),
    "DUTY_CYCLE_LIMIT": RetryPolicy("temps d'émission du nœud épuisé", AIR_TIME, holds_all=True, is_own=True),
    # went on air, and whether it arrived is unknown: a repeat may be read twice
    "MAX_RETRANSMIT": RetryPolicy("personne ne l'a acquittée", LATER, MAY_REPEAT, on_air=True, is_own=True),
    NO_ACK: RetryPolicy("le destinataire ne l'a pas acquittée", LATER, MAY_REPEAT, on_air=True),
    # the receiver could not read it, and says so
    "PKI_UNKNOWN_PUBKEY": RetryPolicy("le destinataire n'a pas encore la clé de notre nœud", KEY_EXCHANGE),
    # without the recipient's key, or with a wrong one
    "NO_CHANNEL": RetryPolicy("canal ou clé que le destinataire, ou notre nœud, n'a pas", KEY_CURE, cures=True),
    LACKS_KEY: RetryPolicy("notre nœud n'a pas la clé du destinataire", KEY_CURE, is_own=True, cures=True),
    "PKI_FAILED": RetryPolicy("chiffrement impossible", KEY_CURE, is_own=True, cures=True),
    # waiting would not help
    PARTLY_SENT: RetryPolicy("une partie seulement est partie à temps"),
    "TOO_LARGE": RetryPolicy("texte trop long pour un paquet", is_own=True),
    "NO_INTERFACE": RetryPolicy("le nœud n'a pas de radio", is_own=True),
    "NO_ROUTE": RetryPolicy("aucun chemin vers le destinataire"),
    "GOT_NAK": RetryPolicy("refusée en chemin"),
    "TIMEOUT": RetryPolicy("délai dépassé en chemin"),
    "NO_RESPONSE": RetryPolicy("le destinataire ne sait qu'en faire"),
    "BAD_REQUEST": RetryPolicy("demande incorrecte"),
    "NOT_AUTHORIZED": RetryPolicy("envoi non autorisé"),
    "ADMIN_BAD_SESSION_KEY": RetryPolicy("session d'administration périmée"),
    "ADMIN_PUBLIC_KEY_UNAUTHORIZED": RetryPolicy("clé d'administration non autorisée"),
}


def error_name(result: int) -> str:
    """Return the name of a queueStatus's `res` other than 0, or its number if that has no name.

    The firmware puts two numberings into it, which share 32 to 35. For a text only 32 is met in the other one: the
    transmit queue is full.
    """
    if result == TX_QUEUE_FULL_RESULT:
        return TX_QUEUE_FULL
    return routing_error_name(result)


def policy_of(error: str, *, is_broadcast: bool = False) -> RetryPolicy:
    """Return what to do about an error; an unknown one is given up, and what a key would cure of a broadcast."""
    policy = POLICIES.get(error, UNKNOWN)
    return replace(policy, waits=(), cures=False) if policy.cures and is_broadcast else policy


def may_answer(answer: RoutingAnswer, recipient: int) -> bool:
    """Return whether who sent a routing answer can know what it says of a packet to `recipient`.

    The packet's id is in clear on air, so anybody can answer it. Nothing signs a routing answer, not even a direct
    message's: that the recipient sent it remains a claim (docs/decisions/0014-air-time.md).
    """
    return answer.is_own or (answer.sender == recipient and not policy_of(answer.error).is_own)
