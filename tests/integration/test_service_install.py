"""`meshbot service` for real, below a folder: files, rights, updates that fail, removal."""

import os
import shutil
import sys

import pytest

from meshbot.installation.layout import Layout
from meshbot.installation.plan import STAMP
from tests.support.installed import mode, root_with_libraries, run
from tests.support.process import ROOT

# -S: without the libraries, as on a machine where nothing is installed yet
SERVICE = (sys.executable, "-S", "-B", "-m", "meshbot.installation")


@pytest.fixture(autouse=True, scope="module")
def hiding_umask():
    """As a careful root has it: no right comes by itself."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def installed(tmp_path_factory, hiding_umask):
    """An installation that no test changes."""
    layout = root_with_libraries(tmp_path_factory.mktemp("installed") / "root")
    assert "sudo systemctl enable --now meshbot" in service(layout, "install").splitlines()[-1]
    return layout


@pytest.fixture
def layout(installed, tmp_path):
    """An installation of its own."""
    shutil.copytree(installed.root, tmp_path / "root", symlinks=True)
    return Layout(tmp_path / "root")


def service(layout, action, *arguments, code=0):
    return run(*SERVICE, action, "--root", layout.root, *arguments, code=code, cwd=ROOT)


def tree(folder):
    """Return every file with its content, but for compiled ones."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_an_installed_program_runs_alone_and_everybody_can_read_it(installed):
    version = run(installed.venv / "bin" / "python", installed.program / "main_bot.py", "--version", cwd="/")
    assert version.startswith("MeshBot ")
    files = [path for path in installed.program.rglob("*") if path.suffix != ".pyc"]
    assert {mode(path) for path in files if path.is_file()} == {0o644}
    folders = {path for file in files for path in file.parents if path.is_relative_to(installed.home)}
    assert {mode(path) for path in folders} == {0o755}
    assert (installed.program / "meshbot" / "runtime" / "__pycache__").is_dir()
    assert not installed.new.exists()


def test_the_installed_files_are_where_they_belong_with_their_rights(installed):
    layout = installed
    assert mode(layout.settings) == 0o755
    assert mode(layout.settings / "meshbot.toml") == 0o644
    assert mode(layout.settings / "meshbot.env") == 0o600
    assert mode(layout.launcher) == 0o755
    assert layout.unit.read_bytes() == (ROOT / "meshbot.service").read_bytes()
    assert all(path.is_file() for path in layout.shared.values())


def test_the_unit_starts_what_is_installed(installed):
    layout = installed
    (line,) = [line for line in layout.unit.read_text().splitlines() if line.startswith("ExecStart=")]
    paths = line.removeprefix("ExecStart=").split()
    assert all(layout.at(path).exists() for path in paths)


def test_an_update_keeps_settings_and_removes_what_the_program_no_longer_has(layout):
    (layout.settings / "meshbot.toml").write_text('tcp_host = "192.0.2.7"\n')
    (layout.settings / "meshbot.env").write_text("MESHBOT_LANGUAGE=en\n")
    (layout.program / "meshbot" / "gone.py").write_text("")
    layout.unit.write_text("[Service]\nMemoryMax=192M\n")
    output = service(layout, "update")
    assert (layout.settings / "meshbot.toml").read_text() == 'tcp_host = "192.0.2.7"\n'
    assert (layout.settings / "meshbot.env").read_text() == "MESHBOT_LANGUAGE=en\n"
    assert not (layout.program / "meshbot" / "gone.py").exists()
    assert layout.unit.read_bytes() == (ROOT / "meshbot.service").read_bytes()
    assert layout.former_unit.read_text() == "[Service]\nMemoryMax=192M\n"
    assert "meshbot.service.former" in output


def test_the_installed_program_updates_itself(layout):
    before = tree(layout.program)
    layout.unit.write_text("[Service]\n")
    run(layout.venv / "bin" / "python", layout.program / "main_bot.py", "service", "update", "--root", layout.root)
    assert tree(layout.program) == before
    assert layout.unit.read_bytes() == (ROOT / "meshbot.service").read_bytes()


def test_settings_that_the_new_version_refuses_leave_the_old_one_in_place(layout):
    (layout.settings / "meshbot.toml").write_text("no_such_setting = 1\n")
    layout.unit.write_text("[Service]\nMemoryMax=192M\n")
    before = tree(layout.program)
    output = service(layout, "update", code=1)
    assert "no_such_setting" in output
    assert "nothing was changed" in output.splitlines()[-1]
    assert tree(layout.program) == before
    assert layout.unit.read_text() == "[Service]\nMemoryMax=192M\n"
    (layout.settings / "meshbot.toml").write_text("")
    service(layout, "update")
    assert not layout.new.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's own file is refused")
def test_settings_that_are_roots_alone_stop_an_update(layout):
    (layout.settings / "meshbot.toml").chmod(0o600)
    assert "sudo chmod 644" in service(layout, "update", code=1)


def test_libraries_that_cannot_be_had_leave_the_old_version_in_place(layout, monkeypatch):
    before = tree(layout.home)
    (layout.venv / STAMP).write_text("3.11\nrequirements.txt\n")
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    output = service(layout, "update", code=1)
    assert "nothing was changed" in output.splitlines()[-1]
    after = {name: content for name, content in tree(layout.home).items() if not name.startswith("new/")}
    assert after | {f"venv/{STAMP}": b""} == before | {f"venv/{STAMP}": b""}


def test_a_removal_leaves_settings_and_data_and_a_purge_nothing(layout):
    data = layout.at("/var/lib/private/meshbot/meshbot.sqlite3")
    data.parent.mkdir(parents=True)
    data.write_bytes(b"")
    layout.at("/var/lib/meshbot").symlink_to(data.parent)
    service(layout, "remove")
    left = {str(path.relative_to(layout.root)) for path in layout.root.rglob("*") if path.is_file()}
    assert left == {"etc/meshbot/meshbot.toml", "etc/meshbot/meshbot.env", "var/lib/private/meshbot/meshbot.sqlite3"}
    assert not layout.home.exists()
    service(layout, "remove", "--purge")
    assert [path for path in layout.root.rglob("*") if not path.is_dir()] == []


def test_a_removal_leaves_what_is_not_ours_in_the_folder(layout):
    own = layout.home / "node_names.json"
    own.write_text("{}")
    service(layout, "remove", "--purge")
    assert own.read_text() == "{}"


def test_an_update_where_nothing_is_installed_says_so(tmp_path):
    layout = Layout(tmp_path)
    assert "no service to update" in service(layout, "update", code=1)


def test_a_place_that_cannot_be_written_gives_one_line(layout):
    shutil.rmtree(layout.settings)
    layout.settings.write_text("a file where a folder belongs")
    output = service(layout, "install", code=1)
    assert output.splitlines()[-1].startswith("❌ ")
    assert str(layout.settings) in output
