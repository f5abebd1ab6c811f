"""A disk that is read-only or full, then well again: the bot on it recovers by itself."""

import json
import subprocess
import sys

import pytest

from tests.support.faulty_disk import ALICE, BOB, NODES
from tests.support.process import ROOT

NAMESPACE = ("unshare", "--map-root-user", "--mount")


def may_mount():
    try:
        return subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not may_mount(), reason="no mount namespaces here")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("read-only", "impossible d'ouvrir"),
        ("read-only, killed", "écriture refusée"),
        ("full", "disque plein"),
    ],
)
def test_a_disk_that_takes_writes_again_gets_all_and_mail_works(tmp_path, fault, words):
    command = [*NAMESPACE, sys.executable, "-m", "tests.support.faulty_disk", str(tmp_path), fault]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT, timeout=120).stdout)
    assert found["during"] == [False] * 3
    assert found["is_due"], "without another packet"
    assert found["after"] == [True] * 3
    assert found["kept"] == NODES - (ALICE if fault.startswith("read-only") else BOB)
    first, last = found["lines"]
    assert first.startswith(f"❌ Base de données: {words}")
    assert last == "✅ Base de données de nouveau accessible"
