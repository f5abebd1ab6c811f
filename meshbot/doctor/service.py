"""The settings of the service as its unit gives them, for whoever may read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = "etc/meshbot"
STATE: Final = "/var/lib/meshbot"
PREFIX: Final = "MESHBOT_"


def settings_file(root: Path = Path("/")) -> Path | None:
    """Return the service's file of settings, None if there is none."""
    path = root / FOLDER / "meshbot.toml"
    return path if path.exists() else None


def environment(root: Path = Path("/")) -> dict[str, str]:
    """Return the variables of the service: its state directory, its file of variables, its credentials.

    What only root may read is left out for others.
    """
    found = {"STATE_DIRECTORY": STATE}
    found.update(_assignments(_text(root / FOLDER / "meshbot.env")))
    for path in _files(root / FOLDER / "credentials"):
        found[PREFIX + path.name.upper()] = _text(path).rstrip("\r\n")
    return found


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """Yield the variables of a file as systemd reads it: no `export`, quotes around a value are not part of it."""
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name.isidentifier():
            value = value.strip()
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            yield name, value[1:-1] if is_quoted else value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []
