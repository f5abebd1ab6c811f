"""The older bot's `node_names.json`: read, then text in, rows and complaints out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from meshbot.mesh_link import BROADCAST_NUM, KEY_BYTES
from meshbot.storage import NodeRow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error
MAX_NUM = BROADCAST_NUM - 1
# Seconds since 1970: far beyond any real clock, well within a column
MAX_TIME = 1 << 40


@dataclass(frozen=True, slots=True)
class NodeNames:
    """What is read from the file."""

    entries: list[tuple[NodeRow, bytes]] = field(default_factory=list)  # a node and its key, which may be empty
    complaints: list[str] = field(default_factory=list)  # one a faulty entry, in French


def read_names_file(path: Path) -> tuple[NodeNames, str] | None:
    """Read the file; return its content and that content's SHA-256, None if it is absent or, with a line, unusable."""
    try:
        if path.exists() and not path.is_file():
            raise OSError("pas un fichier")  # noqa: TRY301 - a pipe would be read for ever
        content = path.read_bytes()
        return read_node_names(content), hashlib.sha256(content).hexdigest()
    except FileNotFoundError:
        LOGGER.debug("Pas de fichier %s à importer", path)
    except (OSError, ValueError) as exc:
        error_print(f"❌ {path} n'est pas importé ({exc}): corrigez-le ou retirez-le")
    return None


def read_node_names(content: bytes) -> NodeNames:
    """Read an object of {decimal node number: name, or object with a name}; ValueError when it is no such object."""
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"ce n'est pas du JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise ValueError("un objet JSON est attendu")  # noqa: TRY004 - a fault of the file, not of the caller
    names = NodeNames()
    for number, value in document.items():
        _read_entry(number, value, names)
    return names


def parse_key(text: str) -> bytes:
    """Return the key written as base64 (either alphabet, padded or not, `base64:` allowed) or hex; else ValueError."""
    text = text.strip().removeprefix("base64:")
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text)
        padded = text.rstrip("=").translate(str.maketrans("-_", "+/"))
        key = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (ValueError, binascii.Error) as exc:
        raise ValueError("clé illisible") from exc
    if len(key) != KEY_BYTES:
        raise ValueError(f"clé de {len(key)} octets")
    return key


def _read_entry(number: str, value: Any, names: NodeNames) -> None:
    """Add the entry; a faulty field, or entry, is left out and becomes a complaint."""
    fields = {"name": value} if isinstance(value, str) else value
    if not (
        number.isascii() and number.isdecimal() and len(number) <= len(str(MAX_NUM)) and 0 < int(number) <= MAX_NUM
    ):
        names.complaints.append(f"{number[:20]!r}: pas un numéro de nœud")
    elif not isinstance(fields, dict):
        names.complaints.append(f"{number}: ni nom ni objet")
    else:
        faults: list[str] = []
        read = {key: _read_field(fields, key, check, faults) for key, check in CHECKS.items()}
        key = read.pop("publicKey") or b""
        row = NodeRow(int(number), **{COLUMNS[name]: found for name, found in read.items() if found is not None})
        names.entries.append((row, key))
        if faults:
            names.complaints.append(f"{number}: {', '.join(faults)} ignoré")


def _read_field(fields: dict[str, Any], key: str, check: Callable[[Any], Any], faults: list[str]) -> Any:
    """Return the field's checked value, or None when it is absent, null or faulty."""
    value = fields.get(key)
    if value is None or value == "":
        return None
    try:
        return check(value)
    except (TypeError, ValueError, OverflowError):
        faults.append(key)
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _key(value: Any) -> bytes:
    return parse_key(_text(value))


def _number(limit: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if not math.isfinite(value) or abs(value) > limit:
            raise ValueError
        return value

    return check


def _whole(limit: int) -> Callable[[Any], int]:
    check = _number(limit)
    return lambda value: round(check(value))


COLUMNS = {
    "name": "long_name",
    "shortName": "short_name",
    "hwModel": "hw_model",
    "lat": "latitude",
    "lon": "longitude",
    "alt": "altitude",
    "last_update": "last_update",
}
CHECKS: dict[str, Callable[[Any], Any]] = {
    "name": _text,
    "shortName": _text,
    "hwModel": _text,
    "lat": _number(90),
    "lon": _number(180),
    "alt": _whole(1_000_000),
    "last_update": _whole(MAX_TIME),
    "publicKey": _key,
}
