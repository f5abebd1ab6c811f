"""The smallest writer that keeps something, and a store that fails, is replaced, or changes hands on demand."""

from __future__ import annotations

from meshbot.persistence.write_behind import WriteBehind
from meshbot.storage.errors import StorageError


class KeyValueStore:
    """`broken` makes it refuse; like a Database, it is opened by its first use."""

    def __init__(self):
        self.rows = {}
        self.broken = False
        self.generation = 0
        self.replaced_by_next_save = False
        self.during_save = None

    def load(self):
        self._use()
        return dict(self.rows)

    def save(self, rows):
        self._use()
        if self.replaced_by_next_save:
            self.replaced_by_next_save = False
            self.replace()
        during, self.during_save = self.during_save, None
        if during is not None:
            during()
        self.rows |= rows

    def replace(self):
        """Begin another one, empty."""
        self.rows = {}
        self.generation += 1

    def _use(self):
        if self.broken:
            raise StorageError("disque plein")
        self.generation = self.generation or 1


class KeyValues(WriteBehind):
    """What was put last under each key."""

    subject = "Valeurs"
    retry_after = 10.0

    def __init__(self, store, clock):
        super().__init__(store, clock)
        self.known = {}
        self._unsaved = set()

    def put(self, key, value):
        self.known[key] = value
        self._unsaved.add(key)
        self.schedule(self._clock.monotonic())

    def _load(self, store):
        self.known = store.load() | self.known

    def _on_new_database(self, store):
        self._unsaved |= set(self.known)

    def _take_unsaved(self, *, last):
        taken, self._unsaved = self._unsaved, set()
        return {key: self.known[key] for key in taken}

    def _save(self, store, batch):
        if batch:
            store.save(batch)

    def _put_back(self, batch):
        self._unsaved |= set(batch)
