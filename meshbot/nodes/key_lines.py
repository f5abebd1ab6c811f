"""The lines of the log about keys and numbers; `label` is a node's name and id. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.storage import KeyRow, KeySource

NAMED: Final = 4  # nodes, of those that share a key


def first_line(label: str, num: int, key: bytes) -> str:
    """Return the line about a listed admin's first key, which anybody may have sent."""
    return (
        f"⚠️ Première clé publique de {label}, de admin_nodes: {fingerprint_of(key)}, reçue d'un NODEINFO, que tout le "
        f"monde peut envoyer: sans droits tant qu'un opérateur ne l'a pas vérifiée (/keys verify !{num:08x})"
    )


def misnumbered_line(label: str, owner: str, key: bytes) -> str:
    """Return the line about a key that is not taken in: its number follows from the key of another node, `owner`."""
    return (
        f"⚠️ Clé publique {fingerprint_of(key)} annoncée sous {label}, le numéro qu'aura {owner} avec le firmware 2.8: "
        "ignorée, c'est sans doute une usurpation"
    )


def replaced_line(label: str, old: bytes, key: bytes, source: KeySource) -> str:
    """Return the line about a trusted key that another one has replaced."""
    by = "un opérateur" if source is KeySource.OPERATOR else "la base du nœud"
    return f"🔑 Clé publique de {label} changée par {by}: {fingerprint_of(old)} → {fingerprint_of(key)}"


def apart_line(label: str, trusted: KeyRow | None, key: bytes, source: KeySource) -> str:
    """Return the line about a key that waits for the operator, beside the trusted one, if there is one."""
    new = f"⚠️ Autre clé publique pour {label}: {fingerprint_of(key)} ({source})"
    if trusted is None:
        return f"{new}, après une clé révoquée: elle ne sert à rien tant qu'un opérateur ne l'a pas acceptée"
    old = fingerprint_of(trusted.public_key)
    return f"{new}, l'ancienne {old} reste en usage tant que la nouvelle n'est pas confirmée"


def shared_line(labels: Sequence[str], key: bytes) -> str:
    """Return the line about nodes that have one key."""
    more = f" et {len(labels) - NAMED} autres" if len(labels) > NAMED else ""
    return f"⚠️ Même clé publique {fingerprint_of(key)} chez {', '.join(labels[:NAMED])}{more}: copie ou usurpation"


def joined_line(old: str, label: str) -> str:
    """Return the line about a node that has another number now."""
    return f"🪪 {label} est {old} sous son nouveau numéro: nom, historique, courrier et rôle le suivent"


def parted_line(old: str, label: str) -> str:
    """Return the line about two numbers that are not one node's any more."""
    return f"⚠️ {old} parle de nouveau: {label} n'est plus tenu pour le même nœud, chacun reprend ce qui était à lui"


def full_line(limit: int) -> str:
    """Return the line about so many nodes that no more are taken in."""
    return f"⚠️ {limit} nœuds à garder: les nouveaux venus ne sont plus retenus, sauf par la base du nœud"


def evicted_line(limit: int) -> str:
    """Return the line about so many nodes that some are forgotten."""
    return f"⚠️ {limit} nœuds connus: les moins entendus sont oubliés au profit des nouveaux venus"
