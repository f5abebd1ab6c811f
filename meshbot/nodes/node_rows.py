"""What is reported of a node, as a row: screened, cleaned, laid over what is known; pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Final

from meshbot import bounds
from meshbot.mesh_link import BROADCAST_NUM, KEY_BYTES
from meshbot.storage import DAY, KeyRow, KeySource, NodeRow
from meshbot.text import folded, one_line

LOGGER = logging.getLogger(__name__)
# Bytes of UTF-8: the shortest name that a radio may have cut from a longer one. Firmware 2.8 keeps 24; less the emoji
# that does not fit, what joined it and the space before it
LEAST_CLIPPED: Final = 16
CUT_MARK: Final = "\ufffd"
# Seconds; many keys made at once must be as old before they count for more than strangers
NEWCOMER_FOR: Final = DAY

# What a source reports of a node, and its key, which may be empty
NodeReport = tuple[NodeRow, bytes]


def with_whole_name(known: NodeRow, reported: NodeRow) -> NodeRow:
    """Return the report without a long name that is only the beginning of the known one, as radios cut it."""
    return replace(reported, long_name="") if _is_clipped(reported.long_name, known.long_name) else reported


def _is_clipped(name: str, whole: str) -> bool:
    """Return whether the name may be the other one, cut; a character that was cut itself may be a mark at its end."""
    stem = name.rstrip(CUT_MARK)
    return name != whole and len(stem.encode()) >= LEAST_CLIPPED and whole.startswith(stem)


def renamed(known: NodeRow, row: NodeRow, now: int) -> NodeRow:
    """Return the row with its former name if it is called otherwise than before."""
    for old, new in ((known.long_name, row.long_name), (known.short_name, row.short_name)):
        if old and folded(old) != folded(new) and not _is_clipped(old, new):
            return replace(row, former_name=old, renamed_at=now)
    return row


def overlay(base: NodeRow, top: NodeRow) -> NodeRow:
    """Return `base` with the fields that `top` has."""
    known = {field.name: value for field in fields(top) if (value := getattr(top, field.name)) not in ("", None)}
    return replace(base, **known)


def screened(reports: Iterable[NodeReport]) -> Iterator[NodeReport]:
    """Leave out impossible nodes and places, unusable keys, and what does not belong into a line of text."""
    for row, key in reports:
        if not 0 < row.num < BROADCAST_NUM:
            LOGGER.debug("Nœud %d ignoré: numéro impossible", row.num)
            continue
        if key and not is_usable(key):
            LOGGER.debug("Clé publique inutilisable de !%08x ignorée (%d octets)", row.num, len(key))
        yield legible_row(row), key if is_usable(key) else b""


def is_usable(key: bytes) -> bool:
    """Return whether `key` can be a public key at all."""
    return len(key) == KEY_BYTES and any(key)


def legible_row(row: NodeRow) -> NodeRow:
    """Return the row with its texts as lines of what can be seen."""
    latitude, longitude = bounds.place(row.latitude, row.longitude) or (None, None)
    return replace(
        row,
        long_name=one_line(row.long_name),
        short_name=one_line(row.short_name),
        hw_model=one_line(row.hw_model),
        role=one_line(row.role),
        latitude=latitude,
        longitude=longitude,
        altitude=bounds.altitude(row.altitude),
    )


def came_lately(key: KeyRow | None, now: int) -> bool:
    """Return whether a key came by air within NEWCOMER_FOR: anybody can make a thousand such nodes."""
    return key is not None and is_by_air(key) and 0 <= now - key.first_seen < NEWCOMER_FOR


def is_by_air(key: KeyRow) -> bool:
    """Return whether a NODEINFO brought a key first: the radio's database may have learnt it from the same packet."""
    return key.source is KeySource.NODEINFO or (key.source is KeySource.NODEDB and key.changed_at != key.first_seen)


def confirms(source: KeySource, over: KeySource) -> bool:
    """Return whether `source` is a better one for a key than `over`."""
    return source is KeySource.OPERATOR or (source is KeySource.NODEDB and over is not KeySource.OPERATOR)
