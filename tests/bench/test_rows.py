"""The bench runs: every figure in its table was taken in that run, from both contenders where there are two."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = {  # by name: what one of its lines begins with
    "answer": "own time",
    "reconnections": "threads, sockets, descriptors",
    "traffic": "50 packets/s from 200 nodes",
    "page": "status page with 50 nodes",
    "flood": "30 forged commands/s by direct message from new numbers for 8 s",
    "assistant": "packets heard meanwhile",
    "faults": "12 commands through 2 link faults",
    "questions": "/nodes over 3,000 stored packets",
    "telegram": "a Telegram command to its answer",
    "telegram_burst": "6 group messages written without a link",
    "telegram_outage": "0.25 h without Telegram",
    "telegram_idle": "requests an hour to Telegram",
}


NO_VERDICT = {"imports": "memory: the bot's other modules"}


def bench(*arguments):
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("name", [*ROWS, *NO_VERDICT])
def test_a_row_is_measured_and_saved(tmp_path, name):
    saved = tmp_path / "figures.json"
    done = bench(name, "--quick", "--json", str(saved))
    assert done.returncode == 0, done.stdout + done.stderr
    begin, verdict = (NO_VERDICT[name], "–") if name in NO_VERDICT else (ROWS[name], "[✅❌]")
    assert re.search(rf"^\| {begin}.*\| {verdict} +\|$", done.stdout, re.MULTILINE)
    samples = json.loads(saved.read_text(encoding="utf-8"))["measures"][name]["samples"]
    assert len(samples) >= 2
    assert all(samples.values())


def test_what_must_not_be_lost_is_counted_whole():
    done = bench("assistant", "faults", "--quick")
    assert re.search(r"in the database +\| all +\| – +\| (\d+) of \1 +\| ✅", done.stdout), done.stdout + done.stderr
    assert re.search(r"lost, sent twice +\| 0, 0 +\| – +\| 0, 0 +\| ✅", done.stdout), done.stdout


def test_an_unknown_row_is_refused_with_the_names_there_are():
    done = bench("speed")
    assert done.returncode == 2
    assert "silence" in done.stderr
