"""The lists of libraries are complete without those that nothing imports: `pip --no-deps` installs nothing else."""

import re
import subprocess
import sys
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.process import ROOT

RUNTIME = ("requirements.txt", "requirements-setup.txt")
PICTURES = (*RUNTIME, "requirements-pictures.txt")
POSTGRESQL = "requirements-postgresql.txt"
ALL = (*PICTURES, POSTGRESQL, "requirements-dev.txt")
UNUSED = ("requirements-unused.txt",)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64", "armv7l")
# Imports everything that may be imported in the bot's own process, with some names refused, and meets a node
PROGRAM = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Refuse())
import pkgutil, importlib, main_bot, meshbot
for _, name, _ in pkgutil.walk_packages(meshbot.__path__, "meshbot."):
    if not name.startswith({left!r}) and not name.endswith("__main__") and ".migrations." not in name:
        importlib.import_module(name)
"""


def pins(names):
    """Return each pinned package's version, under its canonical name."""
    lines = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)==(\S+)$", lines, re.MULTILINE)
    assert len(found) == len({canonicalize_name(name) for name, _ in found}), "a package is pinned once"
    return {canonicalize_name(name): version for name, version in found}


def environments():
    return [
        {
            "python_version": version,
            "python_full_version": f"{version}.4",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "platform_machine": machine,
            "extra": "",
        }
        for version in PYTHONS
        for machine in MACHINES
    ]


def missing(names):
    """Return what the packages of these files need, on any machine and Python that we support, and no file has."""
    pinned, unused, found = pins(names), pins(UNUSED), set()
    for package in pinned:
        for text in requires(package) or ():
            needed = Requirement(text)
            name = canonicalize_name(needed.name)
            if needed.marker is not None and not any(needed.marker.evaluate(each) for each in environments()):
                continue
            if name in unused and package == "meshtastic":
                continue
            if name not in pinned or not needed.specifier.contains(pinned[name]):
                found.add(f"{package} needs {text}")
    return found


@pytest.mark.parametrize("names", [RUNTIME, PICTURES, ALL], ids=["runtime", "pictures", "all"])
def test_the_files_list_all_that_their_packages_need(names):
    assert missing(names) == set()


def test_what_is_left_out_is_what_meshtastic_alone_asks_for():
    asked = {canonicalize_name(Requirement(text).name) for text in requires("meshtastic")}
    brought = {"dbus-fast"}  # by bleak
    assert set(pins(UNUSED)) - brought <= asked
    assert not set(pins(UNUSED)) & set(pins(ALL))


def test_every_line_of_the_files_is_an_exact_pin():
    for name in (*ALL, *UNUSED, "requirements-mutants.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            assert re.fullmatch(r"|#.*|[A-Za-z0-9][\w.-]*==[\w.]+", line), f"{name}: {line}"


def imports_without(refused, left=()):
    program = PROGRAM.format(refused=set(refused), left=tuple(left))
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_whole_program_imports_without_what_is_left_out():
    done = imports_without(("bleak", "dbus_fast", "yaml"))
    assert done.returncode == 0, done.stderr


def test_the_bot_imports_without_the_libraries_of_pictures():
    drawing = ("canvas", "charts", "labels", "node_map", "style")
    libraries = ("matplotlib", "numpy", "PIL", "contourpy", "kiwisolver", "fontTools")
    done = imports_without(libraries, tuple(f"meshbot.pictures.{name}" for name in drawing))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["serial", "requests", "tabulate", "packaging"])
def test_meshtastic_still_imports_what_is_installed_for_it_alone(name):
    """One that it no longer imports can be left out too."""
    done = imports_without((name,))
    assert f"ModuleNotFoundError: {name}" in done.stderr
