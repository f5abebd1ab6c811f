"""Does the steps, and finds out what they depend on."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from meshbot.installation.layout import Layout
from meshbot.installation.plan import SECRETS, SETTINGS, STAMP, Facts
from meshbot.installation.steps import (
    CopyFiles,
    MakeFolder,
    Remove,
    RemoveEmpty,
    Replace,
    Run,
    Say,
    Step,
    WriteFile,
)
from meshbot.runtime import MeshBotError

FOLDER_MODE: Final = 0o755
FILE_MODE: Final = 0o644
# A Pi Zero that fetches and unpacks all libraries; systemd's own limit for a start is 60 s
LONGEST: Final = 3600.0
# To tell its version
SHORT: Final = 30.0
SHOWN: Final = 5  # lines of a failed command
# systemd makes it on every system that it has started: sd_booted(3)
BOOTED: Final = Path("/run/systemd/system")


class StepFailedError(MeshBotError):
    """A command failed: a marked text with its values, and the command's last lines."""

    def __init__(self, text: str, lines: str) -> None:
        super().__init__(text)
        self.text = text
        self.lines = lines


def facts_of(layout: Layout, command: str) -> Facts:
    """Return what is there."""
    settings = layout.settings / SETTINGS
    return Facts(
        python=Path(os.path.realpath(sys.executable)),
        version=f"{sys.version_info.major}.{sys.version_info.minor}",
        command=command,
        is_root=os.geteuid() == 0,
        has_systemd=layout.root == Path("/") and BOOTED.is_dir(),
        stamp=_text(layout.venv / STAMP),
        unit=_text(layout.unit),
        systemd=_systemd_version(),
        exported=exported(_text(layout.settings / SECRETS)),
        has_settings=settings.exists(),
        settings_are_readable=not settings.exists() or _is_for_others(settings),
    )


def _systemd_version() -> int:
    """Return the version of the systemd that is installed, running or not; 0: none."""
    program = shutil.which("systemctl")
    if program is None:
        return 0
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=SHORT, check=False)  # noqa: S603 - systemd's own
    found = re.match(r"systemd (\d+)", done.stdout)
    return int(found[1]) if found else 0


def exported(secrets: str) -> tuple[str, ...]:
    """Return the names that stand after `export`, for which systemd would print the whole line."""
    return tuple(re.findall(r"(?m)^\s*export\s+(\w+)", secrets))


def _is_for_others(path: Path) -> bool:
    """Return whether a file is not root's alone."""
    status = path.stat()
    return bool(status.st_mode & stat.S_IROTH or status.st_uid or status.st_gid)


def run(steps: Iterable[Step], say: Callable[[Say], None]) -> None:
    """Do the steps in order; raise StepFailedError at the first command that fails, OSError where a file cannot be."""
    for step in steps:
        match step:
            case Say():
                say(step)
            case Run():
                _run(step)
            case _:
                _change(step)


def _change(step: MakeFolder | WriteFile | CopyFiles | Replace | Remove | RemoveEmpty) -> None:
    match step:
        case MakeFolder(path, mode):
            _make_folder(path)
            path.chmod(mode)
        case WriteFile(path, text, mode, keep):
            if not (keep and path.exists()):
                _write(path, text.encode(), mode)
        case CopyFiles(folder, files):
            for name, source in files.items():
                _write(folder / name, source.read_bytes(), FILE_MODE)
        case Replace(path, by):
            _remove(path)
            by.rename(path)
        case Remove(path):
            _remove(path)
        case RemoveEmpty(path):
            _remove_empty(path)


def _make_folder(path: Path) -> None:
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(FOLDER_MODE)
            # whatever the umask
            folder.chmod(FOLDER_MODE)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all, never with more rights than `mode`."""
    _make_folder(path.parent)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)
    part.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_empty(path: Path) -> None:
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()


def _run(step: Run) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MESHBOT_", "PYTHON"))}
    done = subprocess.run(  # noqa: S603 - commands of the plan, no shell
        [str(part) for part in step.command],
        env=variables | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        umask=0o022,
        timeout=LONGEST,
        check=False,
    )
    if done.returncode and not step.may_fail:
        raise StepFailedError(step.failure, "\n".join(done.stdout.splitlines()[-SHOWN:]))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
