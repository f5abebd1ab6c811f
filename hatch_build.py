"""What the wheel takes from elsewhere: its dependencies from the requirements files, its commit from the repository."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from meshbot.version import COMMIT_FILE, commit_of  # noqa: E402 - the build does not look for modules here by itself


def pins(name: str) -> list[str]:
    """Return the pinned requirements of a file, without those of files that it names."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.partition(" #")[0].strip() for line in lines if re.match(r"[A-Za-z0-9]", line)]


class Dependencies(MetadataHookInterface):
    """One list of versions: what `make setup` installs is what a wheel asks for."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what pyproject.toml calls dynamic."""
        metadata["dependencies"] = pins("requirements.txt") + pins("requirements-unused.txt")
        metadata["optional-dependencies"] = {
            "pictures": pins("requirements-pictures.txt"),
            "postgresql": pins("requirements-postgresql.txt"),
            "setup": pins("requirements-setup.txt"),
        }


class Commit(BuildHookInterface[Any]):
    """Keeps the commit, which an installed program cannot ask a repository for."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Write the commit beside the build, and have it taken in."""
        file = Path(self.directory) / "commit.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(commit_of(ROOT) + "\n", encoding="utf-8")
        build_data["force_include"][str(file)] = COMMIT_FILE
