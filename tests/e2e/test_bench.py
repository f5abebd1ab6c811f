"""The bench runs: every figure in its table was taken in that run, from both contenders."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bench(*arguments):
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize(("name", "what"), [("answer", "own time"), ("reconnections", "threads, sockets, descriptors")])
def test_a_row_is_measured_and_saved(tmp_path, name, what):
    saved = tmp_path / "figures.json"
    done = bench("--only", name, "--quick", "--json", str(saved))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^\| {what}.*\| [✅❌] +\|$", done.stdout, re.MULTILINE)
    figures = json.loads(saved.read_text(encoding="utf-8"))
    samples = figures["measures"][name]["samples"]
    assert len(samples) == 2
    assert all(any(sample) for sample in samples.values())


def test_an_unknown_row_is_refused_with_the_names_there_are():
    done = bench("--only", "speed")
    assert done.returncode == 2
    assert "silence" in done.stderr
