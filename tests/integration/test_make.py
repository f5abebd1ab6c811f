"""The commands that the documents name."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISED = {
    *(
        "setup",
        "setup-dev",
        "install",
        "demo",
        "test",
        "test-unit",
        "test-property",
        "test-integration",
        "test-e2e",
        "test-bench",
        "test-systemd",
    ),
    *("lint", "types", "bench", "mutants", "example", "diagram", "timelines", "manual", "wheel", "deb", "catalogs"),
    *("chaos", "soak", "clean", "help"),
}


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def test_make_alone_lists_every_target_with_its_meaning():
    done = run(["make", "--no-print-directory", "-C", ROOT])
    assert done.returncode == 0
    assert set(re.findall(r"^make ([a-z0-9-]+) +\S", done.stdout, re.MULTILINE)) == PROMISED


@pytest.mark.parametrize("target", sorted(PROMISED - {"help", "clean", "setup", "deb"}))
def test_every_target_that_needs_the_environment_makes_it_first(target):
    plan = run(["make", "--dry-run", "--no-print-directory", "-C", ROOT, target])
    assert plan.returncode == 0
    assert "scripts/setup" in plan.stdout.splitlines()[0]


def test_clean_leaves_data_and_settings_alone():
    plan = run(["make", "--dry-run", "--no-print-directory", "-C", ROOT, "clean"]).stdout
    assert ".venv" in plan
    assert not re.search(r"\bdata\b|meshbot\.toml|git clean", plan)


def ci(tmp_path, make):
    """Run .ci/run with another `make` before the real one in PATH."""
    fake = tmp_path / "make"
    fake.write_text(f"#!/bin/sh\n{make}\n")
    fake.chmod(0o755)
    return run([ROOT / ".ci" / "run"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, stdin=subprocess.PIPE)


def test_ci_runs_the_documented_commands_and_the_demo_without_a_terminal(tmp_path):
    done = ci(tmp_path, 'test -t 0 && exit 1; echo "made $2"')
    assert re.findall(r"made (\S+)", done.stdout) == ["setup", "demo", "lint", "types", "test", "test-bench"]
    assert done.returncode == 0


def test_ci_ends_with_the_first_failure_and_its_code(tmp_path):
    done = ci(tmp_path, 'echo "made $2"; test "$2" != types || exit 2')
    assert re.findall(r"made (\S+)", done.stdout) == ["setup", "demo", "lint", "types"]
    assert done.returncode == 2
