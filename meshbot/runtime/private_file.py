"""Files that only their owner can read."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write_private(path: Path, content: bytes) -> None:
    """Write the file with rights 600: whole or not at all. Raises OSError."""
    with private_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write, with rights 600, that takes its name when the work on it succeeds. Raises OSError."""
    # `/`, or nothing at all
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # one that an earlier attempt left may have other rights
            os.fchmod(descriptor, 0o600)
            yield file
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
