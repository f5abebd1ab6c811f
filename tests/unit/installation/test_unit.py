"""Whether the unit that started the bot is this version's."""

import pytest

from meshbot.installation import outdated_unit
from meshbot.installation.unit import differences, unit_for
from tests.support.process import ROOT

CURRENT = (ROOT / "meshbot.service").read_text(encoding="utf-8")
OLD = CURRENT.replace("MemoryMax=256M", "MemoryMax=192M").replace("\nOOMPolicy=continue", "")
STARTED = {"INVOCATION_ID": "0123"}


@pytest.fixture
def system(tmp_path):
    """A root folder in which our process belongs to a unit that is installed as given."""

    def made(text=None, folder="etc/systemd/system", unit="meshbot.service"):
        (tmp_path / "proc" / "self").mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc" / "self" / "cgroup").write_text(f"0::/system.slice/{unit}\n")
        if text is not None:
            (tmp_path / folder).mkdir(parents=True)
            (tmp_path / folder / "meshbot.service").write_text(text, encoding="utf-8")
        return tmp_path

    return made


def test_the_current_unit_is_no_matter(system):
    assert outdated_unit(STARTED, system(CURRENT)) == ""


def test_an_old_unit_is_named_with_what_differs(system):
    root = system(OLD)
    path = root / "etc/systemd/system/meshbot.service"
    assert outdated_unit(STARTED, root) == f"{path}: MemoryMax, OOMPolicy"


def test_comments_blank_lines_and_order_do_not_count():
    lines = [line for line in CURRENT.splitlines() if line and not line.startswith("#")]
    assert differences("\n".join(["; mine", *lines[::-1]]), CURRENT) == []


def test_the_unit_that_comes_first_counts(system):
    system(OLD, "usr/lib/systemd/system")
    assert outdated_unit(STARTED, system(CURRENT)) == ""


@pytest.mark.parametrize(
    ("environ", "unit"), [({}, "meshbot.service"), (STARTED, "user@1000.service"), (STARTED, "session-1.scope")]
)
def test_a_bot_by_hand_or_of_another_unit_is_not_warned(system, environ, unit):
    assert outdated_unit(environ, system(OLD, unit=unit)) == ""


@pytest.mark.parametrize("text", [None, "\N{SNOWMAN}"])
def test_without_a_readable_unit_there_is_nothing_to_say(system, text):
    root = system("")
    path = root / "etc/systemd/system/meshbot.service"
    if text is None:
        path.unlink()
    else:
        path.write_bytes(b"\xff\xfe\x00")
    assert outdated_unit(STARTED, root) == ""


def test_a_unit_made_for_either_systemd_is_no_matter(system):
    newer = unit_for(CURRENT, 253)
    assert newer != CURRENT == unit_for(CURRENT, 252)
    assert "Type=notify-reload" in newer.splitlines()
    assert "ExecReload" not in newer
    assert outdated_unit(STARTED, system(newer)) == ""
