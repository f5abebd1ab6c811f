"""Reading and writing the files that commands are given, and who else uses the data."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from meshbot.cli.errors import CommandError
from meshbot.commands import mark as _
from meshbot.runtime import FolderInUseError, lock_folder, private_file

STANDARD: Final = "-"


def read_file(name: str, longest: int) -> bytes:
    """Return a file's content, `-` is the standard input; no more than one byte beyond `longest` is read."""
    try:
        if name == STANDARD:
            return sys.stdin.buffer.read(longest + 1)
        path = Path(name)
        if path.exists() and not path.is_file():
            raise CommandError(_("{name} is no file."), name=name)
        with path.open("rb") as file:
            return file.read(longest + 1)
    except OSError as exc:
        raise CommandError(_("{name} cannot be read: {reason}"), name=name, reason=exc.strerror or exc) from None


def write_file(name: str, content: bytes) -> None:
    """Write a file that only its owner can read; `-` is the standard output."""
    with writing(name) as file:
        file.write(content)


@contextmanager
def writing(name: str) -> Iterator[BinaryIO]:
    """Give a file to write that only its owner can read, there once it is whole; `-` is the standard output."""
    try:
        if name == STANDARD:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            with private_file(Path(name)) as file:
                yield file
    # who read it has seen enough, as with `| head`: see main.py
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise CommandError(_("{name} cannot be written: {reason}"), name=name, reason=exc.strerror or exc) from None


@contextmanager
def alone(folder: Path, work: str) -> Iterator[None]:
    """Hold the data folder, which the running bot does too; `work` says what needs that."""
    try:
        descriptor = lock_folder(folder)
    except FolderInUseError:
        raise CommandError(
            _("The bot is running and uses {folder}: stop it for {work} (sudo systemctl stop meshbot), then start it."),
            folder=folder,
            work=work,
        ) from None
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
            _give_to_owner(folder)


def _give_to_owner(folder: Path) -> None:
    """Give what root has made in the data folder to the bot, whose the folder is."""
    if os.geteuid():
        return
    owner = folder.stat()
    for path in folder.iterdir():
        found = path.lstat()
        if found.st_uid == 0 and stat.S_ISREG(found.st_mode):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
