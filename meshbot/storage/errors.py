"""Errors of the database; each text names the reason and the remedy, in French."""

from __future__ import annotations

from meshbot.runtime import MeshBotError


class StorageError(MeshBotError):
    """The database refused; the text names the reason and the remedy."""


class DamagedError(StorageError):
    """The content cannot be read as a database."""


class TooSlowError(StorageError):
    """A query took longer than it may; the database itself works."""


class RefusedRowError(StorageError):
    """A row contradicts what is stored, or cannot be stored at all; the database itself works."""
