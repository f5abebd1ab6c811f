"""Which version this is: the release's number, and the commit that it was made from."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

__version__ = "0.1.0"
ROOT: Final = Path(__file__).resolve().parents[1]
# What a wheel has in place of a repository; hatch_build.py writes it
COMMIT_FILE: Final = "meshbot/commit.txt"
COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
SHORT: Final = 10  # hexadecimal digits


@cache
def version_text() -> str:
    """Return the version with its commit, `0.1.0 (1a2b3c4d5e)`, or alone where no commit is known."""
    commit = commit_of(ROOT)
    return f"{__version__} ({commit[:SHORT]})" if commit else __version__


def commit_of(root: Path) -> str:
    """Return the commit that these files were installed from or are checked out at, nothing if neither is known.

    Git itself is not asked: it may be missing, and refuses a repository of another user.
    """
    commit = _read(root / COMMIT_FILE) or _checked_out(root / ".git")
    return commit if COMMIT.fullmatch(commit) else ""


def _checked_out(git: Path) -> str:
    """Read .git/HEAD as gitrepository-layout(5) has it, also that of a worktree."""
    if git.is_file():
        git = git.parent / _read(git).removeprefix("gitdir: ")
    common = git / (_read(git / "commondir") or ".")
    head = _read(git / "HEAD")
    if not head.startswith("ref: "):
        return head
    ref = head.removeprefix("ref: ")
    packed = re.search(rf"^(\S+) {re.escape(ref)}$", _read(common / "packed-refs"), re.MULTILINE)
    return _read(git / ref) or _read(common / ref) or (packed[1] if packed else "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
