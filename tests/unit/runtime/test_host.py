"""The host's figures, from files laid out as Linux does, and from this very machine."""

import os
from pathlib import Path

import pytest

from meshbot.runtime.host import PAGE, TICKS, HostFigures, read_host

FILES = {
    "sys/class/thermal/thermal_zone0/temp": "48250\n",
    "proc/loadavg": "0.12 0.30 0.25 1/123 4567\n",
    "proc/meminfo": "MemTotal:        1000 kB\nMemFree:  100 kB\nMemAvailable:    590 kB\nHugePages_Total: 0\n",
    "proc/uptime": "1000.50 3000.00\n",
    "proc/self/stat": "4321 (python) odd) (x) S " + " ".join(str(number) for number in range(1, 50)),
}


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_everything_is_read(root):
    figures = read_host(root, root)
    assert (figures.temperature, figures.load, figures.uptime) == (48.25, 0.12, 1000.5)
    assert figures.memory_used == pytest.approx(0.41)
    assert 0 <= figures.disk_used <= 1
    process = figures.process
    assert (process.cpu, process.threads, process.started) == ((11 + 12) / TICKS, 17, 19 / TICKS)
    assert process.memory == 21 * PAGE


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("sys/class/thermal/thermal_zone0/temp", "temperature"),
        ("proc/loadavg", "load"),
        ("proc/meminfo", "memory_used"),
        ("proc/uptime", "uptime"),
        ("proc/self/stat", "process"),
    ],
)
@pytest.mark.parametrize("text", [None, "", "rubbish\n", "1 (x) S\n"])
def test_what_is_missing_or_odd_is_left_out_and_the_rest_stays(root, name, figure, text):
    if text is None:
        (root / name).unlink()
    else:
        (root / name).write_text(text)
    figures = read_host(root, root)
    value = getattr(figures, figure)
    assert value is None or (figure in {"load", "uptime"} and value == 1)
    assert sum(getattr(figures, name) is None for name in HostFigures.__dataclass_fields__) <= 1


def test_a_zone_that_cannot_be_read_is_passed_over(root):
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("")
    second = root / "sys/class/thermal/thermal_zone1/temp"
    second.parent.mkdir()
    second.write_text("51000\n")
    assert read_host(root, root).temperature == 51.0


def test_a_missing_folder_has_no_disk_figures(root):
    assert read_host(root / "nothing", root).disk_used is None


def test_this_machine_has_figures_of_this_process():
    process = read_host(Path()).process
    assert process.threads >= 1
    assert process.memory > 1024 * 1024
    assert 0 <= process.started <= read_host(Path()).uptime
    assert process.cpu <= sum(os.times()[:2]) + 1
