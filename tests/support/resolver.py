"""The system's resolver as a script of the test's, first on the PATH."""

from pathlib import Path

HANGS = "exec sleep 600"
FINDS = "echo '127.0.0.1 STREAM node'"
UNKNOWN = "exit 2"


class Resolver:
    """A program `getent` that does what `says` says, and counts its runs."""

    def __init__(self, folder: Path) -> None:
        self._program, self._runs = folder / "getent", folder / "runs"
        folder.mkdir()
        self._runs.touch()

    def says(self, command: str) -> None:
        text = f"#!/bin/sh\necho $$ $2 >> {self._runs}\n{command}\n"
        # replaced as a whole: it may be running
        new = self._program.with_suffix(".new")
        new.write_text(text, "utf-8")
        new.chmod(0o755)
        new.replace(self._program)

    def runs(self) -> list[list[str]]:
        return [line.split() for line in self._runs.read_text("utf-8").splitlines()]

    def running(self) -> list[str]:
        return [number for number, _name in self.runs() if Path(f"/proc/{number}").exists()]
