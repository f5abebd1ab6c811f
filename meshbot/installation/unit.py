"""systemd's unit: whether the one that started the bot is this version's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from meshbot.installation.layout import CORE, PACKED, UNIT
from meshbot.version import ROOT

# In systemd's order of precedence, systemd.unit(5)
FOLDERS: Final = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)


# The oldest systemd that waits for the end of a reload, and what it needs in place of what older ones do
NOTIFY_RELOAD_SINCE: Final = 253
RELOAD_BY_KILL: Final = "Type=notify\nExecReload=kill -HUP $MAINPID\n"
RELOAD_BY_NOTIFY: Final = "Type=notify-reload\n"


def unit_for(text: str, systemd: int) -> str:
    """Return the unit for that version of systemd."""
    return text.replace(RELOAD_BY_KILL, RELOAD_BY_NOTIFY) if systemd >= NOTIFY_RELOAD_SINCE else text


def outdated_unit(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str:
    """Return what differs between the unit that started this process and this version's, as `path: Name, Name`.

    Nothing if they are the same, or if no unit of that name started it.
    """
    if "INVOCATION_ID" not in environ or _own_unit(root) != UNIT:
        return ""
    installed, names = installed_unit(root) or (None, [])
    return f"{installed}: {', '.join(names)}" if names else ""


def installed_unit(root: Path = Path("/")) -> tuple[Path, list[str]] | None:
    """Return the installed unit and the names of what differs from this version's; None if there is none to compare."""
    installed = next((path for folder in FOLDERS if (path := root / folder / UNIT).exists()), None)
    if installed is None:
        return None
    try:
        there, text = installed.read_text(encoding="utf-8"), data_text(UNIT)
        # systemd may have been updated since
        forms = (unit_for(text, version) for version in (0, NOTIFY_RELOAD_SINCE))
        return installed, min((differences(there, form) for form in forms), key=len)
    except (OSError, ValueError):
        return None


def core_requirements() -> str:
    """Return the list of the libraries that the bot runs with; raises OSError if it is missing."""
    return data_text(CORE)


def data_text(name: str) -> str:
    """Return a file of DATA: beside a checkout's program, in a folder of a wheel's."""
    path = next((path for path in (ROOT / name, ROOT / PACKED / name) if path.exists()), ROOT / name)
    return path.read_text(encoding="utf-8")


def differences(installed: str, current: str) -> list[str]:
    """Return the names of the settings of which one unit has another value; comments do not count."""
    changed = _settings(installed) ^ _settings(current)
    return sorted({line.partition("=")[0] for line in changed})


def _settings(text: str) -> set[str]:
    lines = (line.strip() for line in text.splitlines())
    return {line for line in lines if line and line[0] not in "#;["}


def _own_unit(root: Path) -> str:
    """Return the unit of this process, by its control group."""
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    return next((line.rpartition("/")[2] for line in groups if line.endswith(".service")), "")
