"""The thread TCP-PubkeySync: after each READY it waits, then puts the public keys into interface.nodes, and ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from math import inf
from queue import SimpleQueue
from typing import Final

from meshbot.mesh_link.actions import Generation
from meshbot.runtime import Clock

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error
# Seconds; a waiting sync ends at once, a running one is nearly done
PUBKEY_SYNC_JOIN: Final = 0.5
# Seconds; thousands of keys take less than one
LONGEST_SYNC: Final = 30.0


class PubkeySync:
    """One sync a READY; the next READY or a lost link cancels one that still waits."""

    def __init__(self, clock: Clock, sync: Callable[[], int]) -> None:
        """`sync` puts the keys into the present interface and returns how many; it may raise anything."""
        self._clock = clock
        self._sync = sync
        # None while the link is not READY
        self._generation: Generation | None = None
        self._running: tuple[threading.Thread, SimpleQueue[str]] | None = None
        # monotonic seconds; inf while none is at work
        self._began = inf

    @property
    def is_late(self) -> bool:
        """Whether a sync that has begun takes longer than LONGEST_SYNC; any thread may ask."""
        return self._clock.monotonic() > self._began + LONGEST_SYNC

    def schedule(self, generation: Generation, delay: float) -> None:
        """Have the keys synced in `delay` seconds if the link is still of this generation; returns at once."""
        info_print("🔑 Synchronisation clés publiques programmée dans %ss...", delay)
        self.cancel()
        self._generation = generation
        cancelled: SimpleQueue[str] = SimpleQueue()
        due = self._clock.monotonic() + delay

        def deferred_pubkey_sync() -> None:
            if self._clock.get(cancelled, due) is not None or self._generation != generation:
                LOGGER.debug("Synchronisation des clés annulée: le lien %d n'est plus", generation)
                return
            self._sync_now()

        # daemon: a sync that hangs must not keep the process from exiting
        thread = threading.Thread(target=deferred_pubkey_sync, daemon=True, name="TCP-PubkeySync")
        self._running = thread, cancelled
        thread.start()

    def cancel(self) -> None:
        """Take back a sync that still waits: its link is gone. Returns at once."""
        self._generation = None
        if self._running is not None:
            self._running[1].put("annulée")

    def stop(self) -> None:
        """Cancel, and wait for the thread's end within PUBKEY_SYNC_JOIN."""
        self.cancel()
        if self._running is not None:
            self._running[0].join(PUBKEY_SYNC_JOIN)

    def _sync_now(self) -> None:
        self._began = self._clock.monotonic()
        try:
            info_print("🔑 Démarrage synchronisation clés publiques différée...")
            injected = self._sync()
            if injected > 0:
                info_print("✅ %d clés publiques re-synchronisées", injected)
            else:
                info_print("ℹ️ Aucune clé à re-synchroniser")
        except Exception as sync_error:  # noqa: BLE001 - the specification's: a failed sync harms nothing else
            error_print("⚠️ Erreur re-sync clés: %s", sync_error)
        finally:
            self._began = inf
