"""`make setup` on machines that lack something: a message, a cure, an exit code; on others a .venv, made once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "dirname", "cat", "cmp", "env", "grep", "head", "mkdir", "rm", "sed", "tail")
FILES = (
    "requirements.txt",
    "requirements-setup.txt",
    "requirements-pictures.txt",
    "requirements-postgresql.txt",
    "requirements-dev.txt",
)
CALLS = "calls.txt"

# A Python that answers what scripts/setup asks; {venv}: whether it can make environments, {pip}: what pip does
FAKE = """\
#!/bin/sh
case "$*" in
    *'sys.version_info < '*) {recent} ;;
    *'print('*) echo {version} ;;
    *ensurepip*) {venv} ;;
    '-m venv '*) echo venv >>"{calls}"; mkdir .venv/bin; cp "$0" .venv/bin/python ;;
    '-m pip install --no-deps -r '*) echo pip >>"{calls}"; shift 4; echo "$*" >.venv/installed; {pip} ;;
    *) echo "unexpected: $*" >&2; exit 64 ;;
esac
"""


class Machine:
    """A folder with the project's setup files, and a PATH that holds only what a test puts there."""

    def __init__(self, folder):
        self.project = folder / "the project"
        self.path = folder / "bin"
        self.path.mkdir()
        (self.project / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "setup", self.project / "scripts")
        for name in FILES:
            (self.project / name).write_text(f"# {name}\n")
        for tool in (*TOOLS, "cp"):
            (self.path / tool).symlink_to(shutil.which(tool))

    def python(self, name="python3", version="3.11", *, venv=True, pip="true"):
        recent = "true" if tuple(map(int, version.split("."))) >= (3, 11) else "false"
        fake = self.path / name
        can_venv = "true" if venv else "false"
        calls = self.project / CALLS
        fake.write_text(FAKE.format(version=version, recent=recent, venv=can_venv, pip=pip, calls=calls))
        fake.chmod(0o755)
        return fake

    def setup(self, *arguments, **environ):
        return subprocess.run(
            [self.project / "scripts" / "setup", *arguments],
            env={"PATH": str(self.path), **environ},
            cwd=self.path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def installed(self):
        """Return which files of requirements pip was last given."""
        return tuple((self.project / ".venv" / "installed").read_text().replace("-r ", "").split())

    def calls(self):
        """Return what was run since the last time."""
        path = self.project / CALLS
        done = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return done


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def failure(done, french, english):
    """Check that it failed in words of both languages, without a traceback or a shell's complaint."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert french in lines[-2]
    assert english in lines[-1]
    return lines


def test_without_python_setup_explains_how_to_install_it(machine):
    lines = failure(machine.setup(), "Python est introuvable", "Python was not found")
    assert all("sudo apt install python3 python3-venv" in line for line in lines)
    assert len(lines) == 2


def test_an_old_python_is_named_with_its_version_and_the_cure(machine):
    machine.python(version="3.9")
    lines = failure(machine.setup(), "Il faut Python 3.11 ou plus récent", "Python 3.11 or newer is needed")
    assert all("python3, version 3.9" in line for line in lines)
    assert all("make setup PYTHON=" in line for line in lines)


def test_without_the_venv_module_setup_names_its_package(machine):
    machine.python(version="3.13", venv=False)
    machine.python("python3.11", version="3.9")
    lines = failure(machine.setup(), "module venv ou ensurepip absent", "venv or ensurepip missing")
    assert all("sudo apt install python3-venv" in line and "python3.13-venv" in line for line in lines)


def test_a_shim_that_does_not_run_counts_as_absent(machine):
    shim = machine.path / "python3"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert len(failure(machine.setup(), "Python est introuvable", "Python was not found")) == 2


@pytest.mark.parametrize("name", ["python3.13", "python3.12", "python3.11"])
def test_where_python3_is_too_old_a_newer_one_is_found(machine, name):
    machine.python(version="3.9")
    machine.python(name, version=name.removeprefix("python"))
    assert machine.setup().returncode == 0
    assert machine.calls() == ["venv", "pip"]


def test_a_python_that_was_named_is_taken_and_no_other(machine, tmp_path):
    machine.python()
    named = machine.python("my python", version="3.12")
    assert machine.setup(PYTHON=str(named)).returncode == 0
    assert "3.12" in (machine.project / ".venv" / "meshbot-installed").read_text()
    absent = str(tmp_path / "absent")
    shutil.rmtree(machine.project / ".venv")
    assert all(absent in line for line in failure(machine.setup(PYTHON=absent), "introuvable", "not found"))


def test_it_works_once_and_is_silent_when_nothing_changed(machine):
    machine.python()
    assert "✅" in machine.setup().stdout
    assert machine.calls() == ["venv", "pip"]
    again = machine.setup()
    assert (again.returncode, again.stdout, again.stderr, machine.calls()) == (0, "", "", [])


@pytest.mark.parametrize("name", FILES)
def test_changed_requirements_are_installed_into_what_is_there(machine, name):
    machine.python()
    machine.setup("dev")
    machine.calls()
    (machine.project / name).write_text("another==1\n")
    assert machine.setup().returncode == 0
    assert machine.calls() == ["pip"]


@pytest.mark.parametrize(
    ("arguments", "environ", "files"),
    [((), {}, FILES[:3]), ((), {"PICTURES": "no"}, FILES[:2]), (("any",), {}, FILES[:3]), (("dev",), {}, FILES)],
)
def test_only_what_was_asked_for_is_installed(machine, arguments, environ, files):
    machine.python()
    assert machine.setup(*arguments, **environ).returncode == 0
    assert machine.installed() == files
    assert machine.setup(*arguments, **environ).stdout == ""


def test_more_is_added_and_nothing_is_taken_away(machine):
    machine.python()
    machine.setup(PICTURES="no")
    machine.calls()
    machine.setup("any")
    assert machine.calls() == []
    machine.setup()
    assert machine.installed() == FILES[:3]
    machine.setup("dev")
    assert machine.installed() == FILES
    machine.calls()
    for arguments, environ in (((), {}), (("any",), {}), ((), {"PICTURES": "no"})):
        assert machine.setup(*arguments, **environ).returncode == 0
    assert machine.calls() == []


def test_another_python_gets_what_the_former_had(machine):
    machine.python()
    machine.setup("dev")
    machine.setup(PYTHON=str(machine.python("python3.12", version="3.12")))
    assert machine.installed() == FILES


def test_the_installer_is_told_a_python_and_nothing_is_made(machine):
    failure(machine.setup("python"), "Python est introuvable", "Python was not found")
    machine.python()
    done = machine.setup("python")
    assert (done.returncode, done.stdout) == (0, "python3\n")
    assert not (machine.project / ".venv").exists()


def test_an_interrupted_environment_is_made_again(machine):
    machine.python(pip="kill $PPID")
    assert machine.setup().returncode != 0
    machine.python()
    machine.calls()
    (machine.project / ".venv" / "leftover").touch()
    assert machine.setup().returncode == 0
    assert machine.calls() == ["venv", "pip"]
    assert not (machine.project / ".venv" / "leftover").exists()


def test_an_environment_with_a_lost_or_changed_python_is_made_again(machine):
    machine.python()
    machine.setup()
    (machine.project / ".venv" / "bin" / "python").unlink()
    machine.calls()
    assert machine.setup().returncode == 0
    shutil.copy(machine.python(version="3.13"), machine.project / ".venv" / "bin" / "python")
    assert machine.setup().returncode == 0
    assert machine.calls() == ["venv", "pip", "venv", "pip"]


def test_a_moved_folder_gets_a_new_environment(machine):
    machine.python()
    machine.setup()
    machine.calls()
    machine.project = machine.project.rename(machine.project.with_name("moved"))
    machine.python()
    (machine.project / ".venv" / "bin" / "python").write_text((machine.path / "python3").read_text())
    assert machine.setup().returncode == 0
    assert machine.calls() == ["venv", "pip"]


def test_naming_another_python_makes_the_environment_again(machine):
    machine.python()
    machine.setup()
    machine.calls()
    other = machine.python("python3.12", version="3.12")
    assert machine.setup(PYTHON=str(other)).returncode == 0
    assert machine.calls() == ["venv", "pip"]


@pytest.mark.parametrize(
    ("pip_says", "french", "english"),
    [
        ("Retrying after connection broken by 'NewConnectionError'", "injoignable", "cannot be reached"),
        ("No matching version (from versions: none)", "injoignable", "cannot be reached"),
        ("Temporary failure in name resolution", "injoignable", "cannot be reached"),
        ("ERROR: [Errno 28] No space left on device", "Plus de place sur le disque", "The disk is full"),
        ("ERROR: Failed to build wheel", "meshbot-install.log", "meshbot-install.log"),
    ],
)
def test_a_failed_installation_is_explained_and_tried_again_next_time(machine, pip_says, french, english):
    machine.python(pip=f'echo "{pip_says}"; exit 1')
    assert pip_says in failure(machine.setup(), french, english)
    machine.python()
    machine.calls()
    assert machine.setup().returncode == 0
    assert machine.calls()[-1] == "pip"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_explained(machine):
    machine.python()
    machine.project.chmod(0o555)
    try:
        failure(machine.setup(), "Pas le droit d'écrire", "No right to write")
    finally:
        machine.project.chmod(0o755)
