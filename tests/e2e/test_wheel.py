"""The program as a package: built, installed into a fresh environment, and run far from the project's files."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from meshbot.installation.layout import MODULES, PACKAGES
from meshbot.pictures.data import to_json
from meshbot.version import __version__, commit_of
from tests.support.installed import root_with_libraries
from tests.support.pictures import HISTOGRAM
from tests.support.process import ROOT
from tests.support.terminal import Terminal

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build it with the pinned backend of requirements-dev.txt: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    run(*PIP, "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return `meshbot` in an environment that has the wheel, and the libraries of this one, but not the project."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    run(*PIP, "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(site) / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin" / "meshbot"


@pytest.fixture
def elsewhere(tmp_path):
    """Return how to run it there: another folder, and none of the project's variables."""
    variables = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {"cwd": tmp_path, "env": variables | {"LANG": "en_GB.UTF-8"}}


def test_the_installed_program_says_its_version_and_commit(installed, elsewhere):
    commit = commit_of(ROOT)
    expected = f"MeshBot {__version__} ({commit[:10]})" if commit else f"MeshBot {__version__}"
    assert run(installed, "--version", **elsewhere).strip() == expected


def test_the_installed_program_checks_settings(installed, elsewhere, tmp_path):
    (tmp_path / "meshbot.toml").write_text('tcp_host = "192.0.2.7"\n')
    assert 'tcp_host = "192.0.2.7"' in run(installed, "check", **elsewhere)


def test_the_installed_program_speaks_french(installed, elsewhere):
    variables = elsewhere["env"] | {"LANG": "fr_FR.UTF-8"}
    assert "essaie le bot sur un nœud virtuel" in run(installed, "--help", cwd=elsewhere["cwd"], env=variables)


def test_the_installed_demo_migrates_answers_and_draws(installed, elsewhere):
    terminal = Terminal(installed, "demo", **elsewhere)
    try:
        terminal.wait_for(rf"🤖 MeshBot {re.escape(__version__)}")
        terminal.wait_for("Connexion TCP établie")
        terminal.type("/help")
        terminal.wait_for("📻 bot → vous : Commandes : /help /ping")
        terminal.type("!keys")
        terminal.wait_for(r"🔑 \d+ clés notées par le bot")
        terminal.type("!quit")
        assert terminal.end() == 0, terminal.screen
    finally:
        terminal.close()


def test_the_installed_program_draws_pictures(installed, elsewhere):
    command = (installed.with_name("python"), "-m", "meshbot.pictures")
    done = subprocess.run(command, input=to_json(HISTOGRAM), capture_output=True, timeout=110, check=True, **elsewhere)
    assert done.stdout.startswith(b"\x89PNG")


def test_the_installed_program_installs_the_service(installed, elsewhere, tmp_path):
    layout = root_with_libraries(tmp_path / "root")
    assert "sudo systemctl enable" in run(installed, "service", "install", "--root", layout.root, **elsewhere)
    version = run(layout.venv / "bin" / "python", layout.program / "main_bot.py", "--version", **elsewhere)
    assert version == run(installed, "--version", **elsewhere)
    assert layout.unit.read_bytes() == (ROOT / "meshbot.service").read_bytes()


def test_the_wheel_has_every_file_that_the_program_has(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    tracked = run("git", "ls-files", "meshbot", *(f"{name}.py" for name in MODULES), cwd=ROOT).splitlines()
    assert set(tracked) <= held


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("meshbot.1", "share/man/man1/meshbot.1"),
        ("meshbot.fr.1", "share/man/fr/man1/meshbot.1"),
        ("meshbot.bash", "share/bash-completion/completions/meshbot"),
    ],
)
def test_manual_and_completion_are_installed_where_they_are_looked_for(installed, source, place):
    assert (installed.parents[1] / place).read_bytes() == (ROOT / "packaging" / source).read_bytes()


def test_the_wheel_asks_for_exactly_the_pinned_libraries(wheel):
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read(f"meshbot-{__version__}.dist-info/METADATA").decode())

    def pins(name):
        return {line.lower().replace("_", "-") for line in (ROOT / name).read_text().splitlines() if "==" in line[:40]}

    wanted = {each.lower() for each in metadata.get_all("Requires-Dist")}
    core = {each for each in wanted if "extra" not in each}
    assert core == pins("requirements.txt") | pins("requirements-unused.txt")
    for extra in ("pictures", "postgresql"):
        asked = {each.partition(";")[0] for each in wanted if f"extra == '{extra}'" in each}
        assert asked == pins(f"requirements-{extra}.txt")


def test_every_module_beside_the_package_is_packed():
    modules = {path.stem for path in ROOT.glob("*.py")} - {"hatch_build"}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench", "chaos", "scripts", "tests"}
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert (set(MODULES), set(PACKAGES)) == (modules, packages)
    assert set(packed["only-include"]) == {f"{name}.py" for name in modules} | packages


def test_the_build_s_own_libraries_are_those_of_the_tests():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    installed = (ROOT / "requirements-dev.txt").read_text() + (ROOT / "requirements.txt").read_text()
    assert set(wanted) <= set(installed.splitlines())


@pytest.mark.skipif(not shutil.which("git"), reason="a tree without git has no commit to compare with")
def test_the_commit_is_the_one_that_git_names():
    assert commit_of(ROOT) == run("git", "rev-parse", "HEAD", cwd=ROOT).strip()
