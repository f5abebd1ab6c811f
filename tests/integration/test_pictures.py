"""Real pictures by real processes, and each way in which one can fail."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from meshbot.pictures import style
from meshbot.pictures.data import MOST_NODES, from_json, to_json
from meshbot.pictures.draw import ROOT, PictureError, PictureRenderer
from tests.support.pictures import HISTOGRAM, HOSTILE, SIGNAL, hostile, node_map, pixels_like, seen

PATIENCE = 100.0  # seconds that a busy machine may take


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def painter(folder):
    return PictureRenderer(folder)


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Puts something in matplotlib's place."""

    def put(source):
        (tmp_path / "matplotlib.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return PictureRenderer(tmp_path / "cache")

    return put


def strictly(picture, folder):
    """Draw with every warning an error; return the picture, and all output."""
    variables = {"MPLBACKEND": "Agg", "MPLCONFIGDIR": str(folder), "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "meshbot.pictures"],
        input=to_json(picture),
        capture_output=True,
        cwd=ROOT,
        env=os.environ | variables,
        timeout=PATIENCE,
        check=False,
    )
    return run.stdout, run.stderr.decode()


def test_the_histogram_shows_each_kind_in_its_colour(painter):
    png = painter.draw(HISTOGRAM, timeout=PATIENCE)
    width, height, colours = seen(png)
    assert (width, height) == (1080, 1000)
    text, telemetry = pixels_like(colours, style.SERIES[0]), pixels_like(colours, style.SERIES[3])
    assert text > 40_000
    # Six packets each
    assert text == pytest.approx(telemetry, rel=0.1)
    # No positions
    assert pixels_like(colours, style.SERIES[1]) < 500
    assert len(png) < 150_000


def test_the_signal_shows_points_and_packets(painter, folder):
    _width, _height, colours = seen(painter.draw(SIGNAL, timeout=PATIENCE))
    assert pixels_like(colours, style.SNR) > 500
    assert pixels_like(colours, style.RSSI) > 500
    assert pixels_like(colours, style.RELAYED) > pixels_like(colours, style.DIRECT) > 5000
    silent = replace(SIGNAL, points=SIGNAL.points[1:2])
    png, output = strictly(silent, folder)
    assert output == ""
    assert pixels_like(seen(png)[2], style.SNR) == 0


def test_the_map_shows_nodes_by_age(painter):
    few = seen(painter.draw(node_map(4), timeout=PATIENCE))
    many = seen(painter.draw(node_map(40), timeout=PATIENCE))
    for age in style.AGES:
        assert pixels_like(many[2], age) > pixels_like(few[2], age) > 300


@pytest.mark.parametrize(
    "picture", [HISTOGRAM, SIGNAL, node_map(len(HOSTILE), HOSTILE)], ids=["histogram", "signal", "nodes"]
)
def test_the_worst_names_are_drawn_without_warnings(picture, folder):
    png, output = strictly(hostile(picture), folder)
    assert output == ""
    assert pixels_like(seen(png)[2], style.INK) > 1000


def test_the_largest_map_is_drawn_and_small_enough_to_send(painter):
    png = painter.draw(node_map(MOST_NODES, HOSTILE, spread=150), timeout=PATIENCE)
    assert len(png) < 400_000
    assert pixels_like(seen(png)[2], style.INK) > 1000


def test_the_bot_does_not_grow_with_the_pictures_it_has_drawn(painter):
    pages, imported = [], set(sys.modules)
    for _turn in range(6):
        painter.draw(HISTOGRAM, timeout=PATIENCE)
        pages.append(int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]))
    # 4 MB; matplotlib would be 15 times that
    assert pages[-1] - pages[0] < 1000
    # another test of this process may have drawn in it
    assert "matplotlib" not in set(sys.modules) - imported


def test_nonsense_on_the_pipe_gives_one_line_and_an_exit_code():
    run = subprocess.run(
        [sys.executable, "-m", "meshbot.pictures"],
        input=b"[1]",
        capture_output=True,
        cwd=ROOT,
        timeout=PATIENCE,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr == b"nothing to draw: one JSON object is expected\n"


def test_a_number_that_is_not_finite_starts_no_process(tmp_path):
    with pytest.raises(PictureError, match="not finite"):
        PictureRenderer(tmp_path / "never").draw(
            replace(SIGNAL, points=(replace(SIGNAL.points[0], rssi=float("nan")),))
        )
    assert not (tmp_path / "never").exists()


def test_a_missing_matplotlib_is_reported_with_what_to_do(broken):
    with pytest.raises(PictureError, match=r"make setup.*gone"):
        broken("raise ImportError('gone')").draw(HISTOGRAM, timeout=PATIENCE)


def test_a_failing_matplotlib_is_reported_in_one_line(broken):
    with pytest.raises(PictureError, match=r"^RuntimeError: first second$"):
        broken("raise RuntimeError('first\\nsecond')").draw(HISTOGRAM, timeout=PATIENCE)


def test_a_process_that_wants_all_memory_gets_no_more_than_its_share(broken):
    with pytest.raises(PictureError, match="no memory left within"):
        broken("bytearray(10**9)").draw(HISTOGRAM, timeout=PATIENCE)


def test_a_process_killed_from_outside_is_reported(broken):
    with pytest.raises(PictureError, match="signal 9"):
        broken("import os; os.kill(os.getpid(), 9)").draw(HISTOGRAM, timeout=PATIENCE)


def test_a_process_that_draws_nothing_is_reported(broken):
    with pytest.raises(PictureError, match="no picture"):
        broken("import os; os._exit(0)").draw(HISTOGRAM, timeout=PATIENCE)


HANGING = """
import os, pathlib, threading
pathlib.Path(__file__).with_name("started").write_text(str(os.getpid()))
threading.Event().wait()
"""


def test_a_hanging_process_is_killed_and_the_next_one_draws(broken, tmp_path):
    painter = broken(HANGING)
    with pytest.raises(PictureError, match="not drawn within 3 s"):
        painter.draw(HISTOGRAM, timeout=3.0)
    (tmp_path / "matplotlib.py").unlink()
    assert painter.draw(HISTOGRAM, timeout=PATIENCE)
    # A very busy machine may kill it before
    if (tmp_path / "started").exists():
        assert not Path("/proc", (tmp_path / "started").read_text()).exists()


def wait_for(path):
    waiting = threading.Event()
    for _turn in range(int(PATIENCE * 20)):
        if path.exists() and path.read_text():
            return int(path.read_text())
        waiting.wait(0.05)
    raise AssertionError(f"{path} did not come")


def test_a_cancelled_drawing_ends_its_process_and_no_other_starts(broken, tmp_path):
    painter, errors = broken(HANGING), []

    def draw():
        try:
            painter.draw(HISTOGRAM, timeout=PATIENCE)
        except PictureError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=draw) for _ in range(3)]
    for thread in threads:
        thread.start()
    pid = wait_for(tmp_path / "started")
    painter.cancel()
    for thread in threads:
        thread.join(PATIENCE)
    assert errors == ["the bot is stopping"] * 3
    assert not Path("/proc", str(pid)).exists()
    with pytest.raises(PictureError, match="stopping"):
        painter.draw(HISTOGRAM)


def test_two_pictures_are_never_drawn_at_once(broken, tmp_path):
    painter = broken(HANGING)

    def draw():
        with suppress(PictureError):
            painter.draw(HISTOGRAM, timeout=PATIENCE)

    first = threading.Thread(target=draw)
    first.start()
    pid = wait_for(tmp_path / "started")
    with pytest.raises(PictureError, match="another picture"):
        painter.draw(HISTOGRAM, timeout=0.2)
    assert wait_for(tmp_path / "started") == pid
    painter.cancel()
    first.join(PATIENCE)


def test_without_a_writable_folder_a_picture_comes_and_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    spare = tmp_path / "tmp"
    spare.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    assert PictureRenderer(tmp_path / "file" / "cache").draw(HISTOGRAM, timeout=PATIENCE)
    assert list(spare.iterdir()) == []


def test_nothing_is_written_but_the_list_of_fonts(folder, painter):
    painter.draw(HISTOGRAM, timeout=PATIENCE)
    assert all(path.name.startswith("fontlist") for path in folder.iterdir())


def test_the_process_gets_no_secret(broken, tmp_path, monkeypatch):
    monkeypatch.setenv("MESHBOT_TELEGRAM_TOKEN", "12:secret")
    with pytest.raises(PictureError, match="RuntimeError") as error:
        broken("import os; raise RuntimeError(sorted(os.environ))").draw(HISTOGRAM, timeout=PATIENCE)
    assert "MPLCONFIGDIR" in str(error.value)
    assert "MESHBOT" not in str(error.value)


def test_what_the_pipe_carries_is_what_was_asked_for():
    assert from_json(to_json(node_map(MOST_NODES))) == node_map(MOST_NODES)
