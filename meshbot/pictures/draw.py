"""The bot's side of drawing: a process of its own draws, and the memory that matplotlib takes ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from meshbot.pictures.data import BadDataError, Picture, to_json
from meshbot.runtime import MeshBotError

ROOT: Final = Path(__file__).resolve().parents[2]
# Seconds: 1 s on a fast computer, 2 s for the first picture with its fonts; a Pi Zero is 15 times slower
TIMEOUT: Final = 60.0
KEPT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
PNG: Final = b"\x89PNG\r\n\x1a\n"


class PictureError(MeshBotError):
    """No picture; the text says why in one line."""


class PictureRenderer:
    """Draws one picture at a time. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Keep matplotlib's list of fonts in `folder`, made when needed; without it each picture takes longer."""
        self._folder = folder
        # One process at a time: two are too many for 512 MB
        self._turn = threading.Lock()
        # Protects the next two attributes; never held while waiting
        self._process_lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_cancelled = False

    def draw(self, picture: Picture, *, timeout: float = TIMEOUT) -> bytes:
        """Return the picture as PNG within `timeout` seconds, waiting for its turn included. Raises PictureError."""
        give_up = time.monotonic() + timeout
        try:
            source = to_json(picture)
        except BadDataError as error:
            raise PictureError(str(error)) from error
        if not self._turn.acquire(timeout=timeout):
            raise PictureError(f"another picture has been drawn for {timeout:g} s")
        try:
            with self._writable_folder() as folder:
                return self._draw(source, _environment(folder), give_up, timeout)
        except OSError as error:
            raise PictureError(f"the drawing process cannot be started: {error}") from error
        finally:
            self._turn.release()

    def cancel(self) -> None:
        """End the drawing at once with a PictureError in `draw`, and refuse later ones."""
        with self._process_lock:
            self._is_cancelled = True
            if self._process is not None:
                self._process.kill()

    def _draw(self, source: bytes, environment: dict[str, str], give_up: float, timeout: float) -> bytes:
        process = self._start(environment)
        try:
            png, complaint = process.communicate(source, max(0.0, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise PictureError(f"not drawn within {timeout:g} s") from None
        finally:
            with self._process_lock:
                self._process = None
            if process.poll() is None:
                process.kill()
                process.communicate()
        if process.returncode or not png.startswith(PNG):
            raise PictureError(self._reason(process.returncode, complaint))
        return png

    def _start(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self._process_lock:
            if self._is_cancelled:
                raise PictureError("the bot is stopping")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "meshbot.pictures"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Ctrl-C goes to the bot alone, which cancels
                start_new_session=True,
            )
            return self._process

    @contextmanager
    def _writable_folder(self) -> Iterator[Path]:
        """Provide the folder, or a temporary one if that is not writable."""
        if _is_writable(self._folder):
            yield self._folder
            return
        with tempfile.TemporaryDirectory(prefix="meshbot-") as spare:
            yield Path(spare)

    def _reason(self, code: int, complaint: bytes) -> str:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        if self._is_cancelled:
            return "the bot is stopping"
        if code < 0:
            return f"the drawing process was ended by signal {-code}"
        return lines[-1] if lines else f"the drawing process ended with code {code} and no picture"


def _environment(folder: Path) -> dict[str, str]:
    """Return the process's environment: no secret, one thread, its writable folder."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(folder),
        # Each takes 30 MB of address space
        "OPENBLAS_NUM_THREADS": "1",
    }


def _is_writable(folder: Path) -> bool:
    """Return whether a file can be made there, making the folder if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
