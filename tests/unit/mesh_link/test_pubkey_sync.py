"""The thread TCP-PubkeySync: one sync a READY, cancelled with its link."""

import logging
import threading

import pytest

from meshbot.mesh_link.pubkey_sync import LONGEST_SYNC, PubkeySync
from tests.support.fake_clock import FakeClock

DELAY = 15
PATIENCE = 30.0


class Syncing:
    """A sync that counts its calls and raises at the test's will."""

    def __init__(self):
        self.clock = FakeClock()
        self.error = None
        self.calls = []
        self.pubkey_sync = PubkeySync(self.clock, self._sync)

    def _sync(self):
        self.calls.append(self.clock.monotonic())
        if self.error is not None:
            raise self.error
        return 2

    def schedule(self, generation):
        self.pubkey_sync.schedule(generation, DELAY)
        self.clock.wait_parked(self.clock.monotonic() + DELAY)


@pytest.fixture
def syncing(caplog):
    caplog.set_level(logging.DEBUG)
    syncing = Syncing()
    yield syncing
    syncing.pubkey_sync.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "TCP-PubkeySync"]


def test_the_sync_runs_after_its_delay(syncing, caplog):
    syncing.schedule(1)
    syncing.clock.advance(DELAY - 0.1)
    assert syncing.calls == []
    syncing.clock.advance(0.1)
    assert syncing.calls == [1000.0 + DELAY]
    assert caplog.messages == [
        "🔑 Synchronisation clés publiques programmée dans 15s...",
        "🔑 Démarrage synchronisation clés publiques différée...",
        "✅ 2 clés publiques re-synchronisées",
    ]


def test_a_lost_link_cancels_its_sync(syncing, caplog):
    syncing.schedule(1)
    syncing.pubkey_sync.cancel()
    syncing.clock.advance(DELAY)
    assert syncing.calls == []
    assert "Synchronisation des clés annulée: le lien 1 n'est plus" in caplog.messages


def test_the_next_ready_has_its_own_sync_alone(syncing):
    syncing.schedule(1)
    syncing.clock.advance(10)
    syncing.schedule(2)
    syncing.clock.advance(2 * DELAY)
    assert syncing.calls == [1010.0 + DELAY]


def test_a_sync_that_fails_is_one_error_line(syncing, caplog):
    syncing.error = RuntimeError("no nodes")
    syncing.schedule(1)
    syncing.clock.advance(DELAY)
    assert caplog.record_tuples[-1][1:] == (logging.ERROR, "⚠️ Erreur re-sync clés: no nodes")


def test_stop_ends_a_waiting_thread_at_once(syncing):
    syncing.schedule(1)
    syncing.pubkey_sync.stop()
    assert syncing.calls == []


def test_a_sync_that_hangs_is_late_after_half_a_minute():
    begun, release, clock = threading.Event(), threading.Event(), FakeClock()
    pubkey_sync = PubkeySync(clock, lambda: begun.set() or release.wait(PATIENCE))
    assert not pubkey_sync.is_late
    pubkey_sync.schedule(1, 0)
    assert begun.wait(PATIENCE)
    # `advance` would wait for the thread
    clock._now += LONGEST_SYNC
    assert not pubkey_sync.is_late
    clock._now += 1
    assert pubkey_sync.is_late
    release.set()
    pubkey_sync.stop()
    assert not pubkey_sync.is_late
