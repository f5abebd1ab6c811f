"""The machine as the doctor sees it, below a root of the test's own."""

import os
import sqlite3
import time

import pytest

from meshbot.commands.language import translator
from meshbot.doctor import host
from meshbot.doctor.findings import Finding, Result, Verdict, bad, examine, good
from meshbot.storage.database import open_database
from tests.support.fake_clock import FakeClock

ENGLISH = translator("en")
NOW = 1_800_000_000.0


def told(result):
    return Finding("step", result, 0.0).text(ENGLISH)


def test_a_step_that_raises_is_a_finding_and_the_next_ones_come():
    def broken():
        raise KeyError("x")

    def several():
        yield good("one")
        yield bad("two", "do {this}", this="that")

    found = list(examine([("broken", broken), ("several", several)], FakeClock().monotonic))
    assert [each.result.verdict for each in found] == [Verdict.BAD, Verdict.GOOD, Verdict.BAD]
    assert "KeyError" in found[0].text(ENGLISH)
    assert found[2].as_json(ENGLISH)["cure"] == "do that"


def test_libraries_of_other_versions_are_named():
    pins = host.pinned("pytest==0.0.1\nno-such-library==1.0  # why\npydantic>=2\n")
    assert pins == {"pytest": "0.0.1", "no-such-library": "1.0"}
    *_, found = host.program("1", pins)
    assert found.verdict is Verdict.BAD
    assert "no-such-library – ≠ 1.0" in told(found)
    assert [each.verdict for each in host.program("1", {})] == [Verdict.GOOD]


@pytest.mark.parametrize(
    ("text", "mode", "verdict", "said"),
    [
        ("MESHBOT_TELEGRAM_TOKEN=1:a\n", 0o600, Verdict.GOOD, "its owner's alone"),
        ("# a\nexport MESHBOT_TELEGRAM_TOKEN=1:hunter2\n", 0o600, Verdict.BAD, "MESHBOT_TELEGRAM_TOKEN begin with"),
        ("MESHBOT_TELEGRAM_TOKEN=1:a\n", 0o644, Verdict.BAD, "read by others"),
        (None, 0, Verdict.UNKNOWN, "there is no"),
    ],
)
def test_the_file_of_secrets_is_judged_without_telling_them(tmp_path, text, mode, verdict, said):
    path = tmp_path / "etc/meshbot/meshbot.env"
    path.parent.mkdir(parents=True)
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    found = host.secrets_file(tmp_path)
    assert (found.verdict, said in told(found), "hunter2" in told(found)) == (verdict, True, False)


def test_the_unit_is_compared_with_this_version_s(tmp_path):
    assert host.unit(None, None).verdict is Verdict.UNKNOWN
    assert host.unit([], tmp_path).verdict is Verdict.GOOD
    assert "MemoryMax" in told(host.unit(["MemoryMax"], tmp_path))


def test_a_database_is_read_through(tmp_path):
    assert host.database(tmp_path).verdict is Verdict.UNKNOWN
    database = open_database(tmp_path, FakeClock())
    database.close()
    assert host.database(tmp_path).verdict is Verdict.GOOD
    path = tmp_path / "meshbot.db"
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    assert host.database(tmp_path).verdict is Verdict.BAD
    path.write_text("no database")
    assert host.database(tmp_path).verdict is Verdict.BAD


def test_a_large_database_is_left_to_another_command(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "LARGEST_READ", 10)
    sqlite3.connect(tmp_path / "meshbot.db").close()
    (tmp_path / "meshbot.db").write_bytes(b"x" * 11)
    assert host.database(tmp_path).cure == "meshbot db check"


def test_a_folder_that_is_missing_comes_with_its_cure(tmp_path):
    assert host.data_folder(tmp_path).verdict is Verdict.GOOD
    assert host.data_folder(tmp_path / "absent" / "below").verdict is Verdict.UNKNOWN
    (tmp_path / "file").touch()
    found = host.data_folder(tmp_path / "file" / "absent")
    assert (found.verdict, bool(found.cure)) == (Verdict.BAD, True)


def card(root, sectors, days, life=None):
    (root / "proc").mkdir()
    (root / "proc/uptime").write_text(f"{days * 86400} 0\n")
    device = root / "sys/block/mmcblk0/device"
    device.mkdir(parents=True)
    (device.parent / "stat").write_text(" ".join(["1"] * 6 + [str(sectors)] + ["1"] * 4))
    if life:
        (device / "life_time").write_text(life)


@pytest.mark.parametrize(("gigabytes", "verdict"), [(1, Verdict.GOOD), (40, Verdict.BAD)])
def test_what_wears_a_card_out_is_noticed(tmp_path, gigabytes, verdict):
    card(tmp_path, int(gigabytes * 1e9 / 512), 2.0, "0x01 0x03")
    room, wear = host.disk(tmp_path, 0.0, tmp_path)
    assert room.verdict is Verdict.GOOD
    assert wear.verdict is verdict
    assert told(wear) == f"mmcblk0: {gigabytes}.00 GB written in 2.0 days, 30 %"


def test_a_full_disk_and_a_machine_without_cards(tmp_path):
    [found] = host.disk(tmp_path, 1.0, tmp_path)
    assert found.verdict is Verdict.BAD


def test_a_clock_in_the_past_is_wrong(tmp_path):
    assert host.clock(1000.0, tmp_path).verdict is Verdict.BAD
    assert host.clock(NOW, tmp_path).verdict is Verdict.UNKNOWN
    (tmp_path / "run/systemd/timesync").mkdir(parents=True)
    (tmp_path / "run/systemd/timesync/synchronized").touch()
    assert host.clock(NOW, tmp_path).verdict is Verdict.GOOD
    assert time.time() > host.PLAUSIBLE


def test_settings_that_the_running_bot_does_not_have_are_named():
    assert [each.verdict for each in host.settings([], ["meshbot.toml"], [])] == [Verdict.GOOD]
    assert [each.verdict for each in host.settings([], [], ["port = 4404"])] == [Verdict.UNKNOWN, Verdict.BAD]
    assert [each.verdict for each in host.settings(["tcp_port: x"], [], [])] == [Verdict.BAD]
    assert isinstance(next(iter(host.settings([], [], []))), Result)
