"""One backup as a file: JSON around what is encrypted with a key made from the passphrase; pure but for randomness.

The key is scrypt's (RFC 7914) with 32 MiB, which a Pi with 512 MB has and the service's MemoryMax allows; the cipher is
ChaCha20-Poly1305 (RFC 8439), with all that stands around it authenticated too. Both are the library's.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Final

from meshbot.mesh_link import OwnSettings, is_readable
from meshbot.runtime import MeshBotError

FORMAT: Final = "meshbot-radio-backup"
VERSION: Final = 1
# scrypt's cost: 128 bytes times n times r of memory
N, R, P = 2**15, 8, 1
LEAST_N: Final = 2
# What a file may ask for: 128 MiB, or a damaged one could take all memory
MOST_N: Final = 2**17
SALT_BYTES, NONCE_BYTES = 16, 12
# A configuration has about 2 kB
LONGEST: Final = 200_000


class BackupProblem(Enum):
    """Why a file is no backup that can be used."""

    NOT_A_BACKUP = auto()
    NEWER = auto()  # made by a later version of the program
    PASSPHRASE_OR_DAMAGED = auto()  # cryptography cannot tell which
    UNREADABLE = auto()  # decrypted, and not what a backup holds


class BackupError(MeshBotError):
    """The file cannot be used; the text has neither passphrase nor content."""

    def __init__(self, problem: BackupProblem) -> None:
        super().__init__(problem.name)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Backup:
    """A node's configuration at one time."""

    settings: OwnSettings
    saved_at: int  # seconds since 1970


def seal_backup(backup: Backup, passphrase: str) -> bytes:
    """Return the file. Takes a quarter of a second and 32 MiB."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "kdf": {"name": "scrypt", "n": N, "r": R, "p": P, "salt": _text(secrets.token_bytes(SALT_BYTES))},
        "cipher": {"name": "chacha20-poly1305", "nonce": _text(secrets.token_bytes(NONCE_BYTES))},
    }
    content = json.dumps(_plain(backup)).encode()
    sealed = _cipher(header, passphrase).encrypt(_nonce(header), content, _canonical(header))
    return (json.dumps({**header, "data": _text(sealed)}, indent=1) + "\n").encode()


def open_backup(content: bytes, passphrase: str) -> Backup:
    """Return what the file holds; raise BackupError."""
    header = _header(content)
    try:
        sealed, cipher, nonce = _raw(header.pop("data")), _cipher(header, passphrase), _nonce(header)
    except (KeyError, TypeError, ValueError):
        raise BackupError(BackupProblem.NOT_A_BACKUP) from None
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - 7 MB that a bot without backups does not need

    try:
        plain = json.loads(cipher.decrypt(nonce, sealed, _canonical(header)))
    except (InvalidTag, ValueError):
        raise BackupError(BackupProblem.PASSPHRASE_OR_DAMAGED) from None
    try:
        backup = _backup(plain)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BackupError(BackupProblem.UNREADABLE) from None
    if not is_readable(backup.settings):
        raise BackupError(BackupProblem.UNREADABLE)
    return backup


def same_settings(one: OwnSettings, other: OwnSettings) -> bool:
    """Return whether both are the same but for the firmware's version."""
    return replace(one, firmware="") == replace(other, firmware="")


def _header(content: bytes) -> dict[str, Any]:
    try:
        header = json.loads(content) if len(content) <= LONGEST else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise BackupError(BackupProblem.NOT_A_BACKUP)
    if header.get("version") != VERSION:
        raise BackupError(BackupProblem.NEWER)
    return header


def _cipher(header: dict[str, Any], passphrase: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415 - the same

    kdf = header["kdf"]
    n, r, p, salt = kdf["n"], kdf["r"], kdf["p"], _raw(kdf["salt"])
    known = kdf["name"] == "scrypt" and header["cipher"]["name"] == "chacha20-poly1305"
    if not known or type(n) is not int or not LEAST_N <= n <= MOST_N or n & (n - 1) or (r, p) != (R, P):
        raise ValueError("an unknown way of encryption")
    return ChaCha20Poly1305(Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(passphrase.encode()))


def _nonce(header: dict[str, Any]) -> bytes:
    nonce = _raw(header["cipher"]["nonce"])
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce of another length")
    return nonce


def _canonical(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _plain(backup: Backup) -> dict[str, Any]:
    settings = backup.settings
    return {
        "saved_at": backup.saved_at,
        "num": settings.num,
        "firmware": settings.firmware,
        "hw_model": settings.hw_model,
        "device_id": _text(settings.device_id),
        "owner": _text(settings.owner),
        "configs": {name: _text(content) for name, content in settings.configs.items()},
        "modules": {name: _text(content) for name, content in settings.modules.items()},
        "channels": [_text(content) for content in settings.channels],
    }


def _backup(plain: dict[str, Any]) -> Backup:
    settings = OwnSettings(
        int(plain["num"]),
        str(plain["firmware"]),
        str(plain["hw_model"]),
        _raw(plain["device_id"]),
        _raw(plain["owner"]),
        {str(name): _raw(content) for name, content in plain["configs"].items()},
        {str(name): _raw(content) for name, content in plain["modules"].items()},
        tuple(map(_raw, plain["channels"])),
    )
    return Backup(settings, int(plain["saved_at"]))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
