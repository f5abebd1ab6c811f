"""Where the parts of an installation are, and where its files come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshbot.version import ROOT, commit_of

UNIT: Final = "meshbot.service"
MODULES: Final = (
    "command_line",
    "config",
    "main_bot",
    "node_manager",
    "tcp_interface_manager",
)
PACKAGES: Final = ("assembly", "meshbot")
CORE: Final = "requirements.txt"
SETUP: Final = "requirements-setup.txt"
PICTURES: Final = "requirements-pictures.txt"
EXAMPLE: Final = "meshbot.toml.example"
MANUAL: Final = "packaging/meshbot.1"
FRENCH_MANUAL: Final = "packaging/meshbot.fr.1"
COMPLETION: Final = "packaging/meshbot.bash"
LICENSE: Final = "LICENSE"
# Beside the program in a checkout; a wheel has them in a folder of this package
DATA: Final = (CORE, SETUP, PICTURES, UNIT, EXAMPLE, MANUAL, FRENCH_MANUAL, COMPLETION)
PACKED: Final = "meshbot/installation/files"


def example_text(root: Path = ROOT) -> str:
    """Return the example of the settings as this version has it."""
    beside = root if (root / UNIT).exists() else root / PACKED
    return (beside / EXAMPLE).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of an installation below `root`, which is `/` but for tests and packages.

    A package of the distribution has its unit, command, manual and completion in /usr, not in /etc and /usr/local.
    """

    root: Path = Path("/")
    is_package: bool = False

    def at(self, path: str) -> Path:
        """Return an absolute path of the system, below the root."""
        return self.root / path.lstrip("/")

    @property
    def home(self) -> Path:
        """The folder of all that is installed but units, settings and data."""
        return self.at("/opt/meshbot")

    @property
    def venv(self) -> Path:
        """The service's own Python environment."""
        return self.home / "venv"

    @property
    def program(self) -> Path:
        """The program's files."""
        return self.home / "program"

    @property
    def new(self) -> Path:
        """Where the next version is made ready beside the running one."""
        return self.home / "new"

    @property
    def unit(self) -> Path:
        """The unit of systemd."""
        return self.at(f"{'/lib' if self.is_package else '/etc'}/systemd/system/{UNIT}")

    @property
    def former_unit(self) -> Path:
        """The unit that an update has replaced; systemd reads no file of that name."""
        return self.unit.with_name(f"{UNIT}.former")

    @property
    def settings(self) -> Path:
        """The folder of settings and secrets."""
        return self.at("/etc/meshbot")

    @property
    def credentials(self) -> Path:
        """The folder of secrets, one setting a file."""
        return self.settings / "credentials"

    @property
    def launcher(self) -> Path:
        """The command `meshbot`."""
        return self.at(f"{self._prefix}/bin/meshbot")

    @property
    def shared(self) -> Mapping[str, Path]:
        """Manual and completion: the file of DATA, and where it is looked for."""
        share = self.at(f"{self._prefix}/share")
        return {
            MANUAL: share / "man/man1/meshbot.1",
            FRENCH_MANUAL: share / "man/fr/man1/meshbot.1",
            COMPLETION: share / "bash-completion/completions/meshbot",
        }

    @property
    def _prefix(self) -> str:
        return "/usr" if self.is_package else "/usr/local"

    @property
    def state(self) -> tuple[Path, ...]:
        """The data: systemd keeps those of a dynamic user in `private`, and a link to them."""
        return self.at("/var/lib/meshbot"), self.at("/var/lib/private/meshbot")


@dataclass(frozen=True, slots=True)
class Source:
    """The files of the program that runs now: a checkout, a wheel, or an installation."""

    files: Mapping[str, Path]  # place in the new program: file to copy
    texts: Mapping[str, str]  # those of DATA
    commit: str

    @classmethod
    def of(cls, root: Path = ROOT) -> Source:
        """Find them; raises OSError if one is missing or cannot be read."""
        code = [root / f"{name}.py" for name in MODULES]
        code += sorted(each for name in PACKAGES for each in (root / name).rglob("*") if each.is_file())
        files = {
            str(path.relative_to(root)): path
            for path in code
            if "__pycache__" not in path.parts and not path.is_relative_to(root / PACKED)
        }
        beside = root if (root / UNIT).exists() else root / PACKED
        data = {name: beside / name for name in DATA}
        texts = {name: path.read_text(encoding="utf-8") for name, path in data.items()}
        return cls(files | data, texts, commit_of(root))
