"""A whole OutboxStore in a file, which can be made to refuse."""

from __future__ import annotations

import json
from dataclasses import asdict

from meshbot.storage.errors import StorageError
from meshbot.storage.outbox import OutboxRow


class FileStore:
    """`broken` makes it refuse; `commits` counts."""

    def __init__(self, path):
        self.path = path
        self.broken = False
        self.generation = 1
        self.commits = 0

    def load(self):
        self._check()
        return list(self.rows().values())

    def save(self, rows, gone):
        self._check()
        kept = self.rows() | {row.id: row for row in rows}
        kept = [asdict(row) for row in kept.values() if row.id not in gone]
        self.path.write_text(json.dumps(kept))
        self.commits += 1

    def rows(self):
        found = json.loads(self.path.read_text()) if self.path.exists() else []
        return {row["id"]: OutboxRow(**row) for row in found}

    def replace(self):
        self.path.unlink()
        self.generation += 1

    def _check(self):
        if self.broken:
            raise StorageError("disque plein")
