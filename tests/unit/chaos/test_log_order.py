"""The log contract's order: what is in order passes, what is not is named."""

import pytest

from chaos.log_order import misplaced

START = [
    "🤖 MeshBot 0.1.0: nœud node:4403",
    "🌐 Connexion TCP à node:4403...",
    "🔑 Synchronisation clés publiques programmée dans 15.0s...",
    "✅ Connexion TCP établie",
]
SYNC = [
    "🔑 Démarrage synchronisation clés publiques différée...",
    "🔄 Starting public key synchronization to interface.nodes...",
    "   Current interface.nodes count: 12",
    "✅ SYNC COMPLETE: 10 public keys synchronized to interface.nodes",
    "ℹ️ Aucune clé à re-synchroniser",
]
AGAIN = [
    "🔄 Reconnexion TCP #1 à node:4403...",
    "🔑 Synchronisation clés publiques programmée dans 15.0s...",
    "✅ Reconnexion TCP réussie (background)",
]


def test_a_life_in_order_passes():
    assert misplaced([*START, *SYNC, *AGAIN, "autre ligne", *SYNC[:-1], "✅ 2 clés publiques re-synchronisées"]) == []


def test_lines_of_another_thread_may_come_between():
    mixed = [*START, *AGAIN[:1], SYNC[0], AGAIN[1], SYNC[1], AGAIN[2], *SYNC[2:]]
    assert misplaced(mixed) == []


def test_a_sync_that_fails_says_so_in_order():
    failed = [
        *SYNC[:2],
        "⚠️ Error accessing interface.nodes: x",
        "❌ Cannot sync pubkeys: interface.nodes not accessible",
    ]
    assert misplaced([*START, *failed, *SYNC]) == []


@pytest.mark.parametrize("missing", range(1, len(START) - 1))
def test_a_missing_line_of_the_link_is_noticed(missing):
    assert misplaced([line for number, line in enumerate(START) if number != missing])


@pytest.mark.parametrize("first", range(len(SYNC) - 1))
def test_two_lines_of_a_sync_in_the_wrong_order_are_noticed(first):
    lines = [*SYNC]
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    assert misplaced([*START, *lines])


def test_a_success_without_a_scheduled_sync_is_noticed():
    assert misplaced([*START, AGAIN[0], AGAIN[2]]) == ["'✅ Reconnexion TCP réussie (background)' came after attempt"]


def test_a_sync_that_was_not_deferred_ends_as_it_likes():
    assert misplaced([*START, *SYNC[1:4], *SYNC, *SYNC[1:4], *SYNC]) == []


def test_a_deferred_sync_without_its_end_is_noticed():
    assert misplaced([*START, *SYNC[:4], *SYNC])
