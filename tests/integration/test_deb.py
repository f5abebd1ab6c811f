"""The Debian package, built by dpkg-deb with libraries that are here already."""

import re
import shutil
import subprocess
import sys

import pytest

from meshbot.version import __version__
from scripts.make_deb import SCRIPTS, build
from tests.support.installed import root_with_libraries
from tests.support.process import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="only Debian has dpkg-deb")


def told(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=True).stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deb")
    root_with_libraries(folder / "root")
    return build(folder / "root", folder)


@pytest.fixture(scope="module")
def contents(package):
    """Each file's rights, by its path."""
    lines = told("dpkg-deb", "--contents", package).splitlines()
    return {line.split()[5].removeprefix("."): line.split()[:2] for line in lines}


def test_it_names_its_version_and_the_python_of_its_environment(package):
    fields = dict(re.findall(r"^(\w[\w-]*): (.*)$", told("dpkg-deb", "--field", package), re.MULTILINE))
    assert fields["Version"] == __version__
    major, minor = sys.version_info[:2]
    assert fields["Depends"] == f"python3 (>= {major}.{minor}~), python3 (<< {major}.{minor + 1}~), systemd"
    assert int(fields["Installed-Size"]) > 1000


def test_everything_is_roots_and_secrets_are_roots_alone(contents):
    assert {owner for _, owner in contents.values()} == {"root/root"}
    assert contents["/etc/meshbot/meshbot.env"][0] == "-rw-------"
    assert contents["/etc/meshbot/meshbot.toml"][0] == "-rw-r--r--"
    assert contents["/opt/meshbot/program/main_bot.py"][0] == "-rw-r--r--"


def test_unit_command_manual_and_completion_are_where_a_package_has_them(contents):
    wanted = {
        "/lib/systemd/system/meshbot.service",
        "/usr/bin/meshbot",
        "/usr/share/man/man1/meshbot.1",
        "/usr/share/man/fr/man1/meshbot.1",
        "/usr/share/bash-completion/completions/meshbot",
    }
    assert wanted <= set(contents)
    assert not any(path.startswith(("/usr/local", "/etc/systemd", "/opt/meshbot/new")) for path in contents)


def test_nothing_in_it_names_the_folder_that_it_was_built_in(contents):
    scripts = {path.rpartition("/")[2] for path in contents if path.startswith("/opt/meshbot/venv/bin/")}
    assert all(name.startswith("python") for name in scripts if name)
    assert not any("/program/" in path and path.endswith(".pyc") for path in contents)


def test_settings_are_configuration_files_of_dpkg(package):
    files = told("dpkg-deb", "--info", package, "conffiles")
    assert files.split() == ["/etc/meshbot/meshbot.toml", "/etc/meshbot/meshbot.env"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_its_scripts_are_good_shell_and_end_at_an_error(package, tmp_path, name):
    script = tmp_path / name
    script.write_text(told("dpkg-deb", "--info", package, name))
    assert script.read_text().startswith("#!/bin/sh\nset -e\n")
    told("sh", "-n", script)


def test_another_python_than_debian_s_is_refused():
    if sys.prefix == "/usr" or sys.base_prefix == "/usr":
        pytest.skip("this is Debian's Python")
    program = [sys.executable, ROOT / "scripts" / "make_deb.py"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "/usr/bin/python3 scripts/make_deb.py" in done.stderr
