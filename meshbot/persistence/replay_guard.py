"""Each order of an admin counts once: what was given is remembered, over restarts too."""

from __future__ import annotations

import threading
from collections import OrderedDict

from meshbot.storage import KEPT, ReplayKey, ReplayStore


class ReplayGuard:
    """Thread-safe. `is_new` never waits; `flush` is for the thread that may wait for the disk."""

    def __init__(self, store: ReplayStore | None) -> None:
        """Without a store nothing outlives the process."""
        self._store = store
        self._orders_lock = threading.Lock()  # protects what follows; held for no I/O
        self._known: OrderedDict[ReplayKey, None] = OrderedDict()
        self._unsaved: list[ReplayKey] = []
        self._generation = 0  # of the database that holds what is not unsaved; 0 before it was read

    def is_new(self, sender: int, packet_id: int) -> bool:
        """Note an order and return whether it was not given before; one without id cannot be told from another."""
        order = (sender, packet_id)
        with self._orders_lock:
            if not packet_id or order in self._known:
                return False
            self._known[order] = None
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
            self._unsaved.append(order)
            return True

    def flush(self) -> None:
        """Read what earlier processes left, if that is yet to be done, and write what is new. Raises StorageError."""
        store = self._store
        if store is None:
            return
        if self._generation != store.generation:
            self._load(store)
        with self._orders_lock:
            orders, self._unsaved = self._unsaved[-KEPT:], []
        if not orders:
            return
        try:
            store.add(orders)
        except Exception:
            with self._orders_lock:
                self._unsaved = orders + self._unsaved
            raise

    def _load(self, store: ReplayStore) -> None:
        """Take in what the database holds, under what was given meanwhile; one that was begun anew gets it all."""
        earlier = store.load()
        with self._orders_lock:
            given = list(self._known)
            self._known = OrderedDict.fromkeys([*earlier, *given][-KEPT:])
            kept = set(earlier)
            self._unsaved = [order for order in given if order not in kept]
        self._generation = store.generation
