"""What the database may refuse; each text says why, in French, and what to do."""

from __future__ import annotations

from meshbot.runtime import MeshBotError


class StorageError(MeshBotError):
    """The database refused; the text says why and what to do."""


class DamagedError(StorageError):
    """The content cannot be read as a database."""


class TooSlowError(StorageError):
    """A question took longer than it may; the database itself is well."""


class RefusedRowError(StorageError):
    """A row contradicts what is stored, or cannot be stored at all; the database itself is well."""
