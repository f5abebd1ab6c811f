"""A program as a person at a terminal has it: what it shows, what is typed, and always ended."""

import os
import pty
import re
import select
import subprocess
import time

from tests.support.process import SIGNALLED

PATIENCE = 60.0


class Terminal:
    """A program at a pseudo terminal."""

    def __init__(self, *command, **options):
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen([*SIGNALLED, *command], stdin=slave, stdout=slave, stderr=slave, **options)
        os.close(slave)
        self.screen = ""

    def type(self, line):
        os.write(self._master, f"{line}\n".encode())

    def wait_for(self, pattern, count=1):
        deadline = time.monotonic() + PATIENCE
        while len(re.findall(pattern, self.screen)) < count:
            assert time.monotonic() < deadline, f"{count} × {pattern!r} not in:\n{self.screen}"
            if select.select([self._master], [], [], 1.0)[0]:
                self.screen += os.read(self._master, 65536).decode(errors="replace")

    def end(self):
        """Return the exit code; what is printed meanwhile is read, or the program would wait for us."""
        while self._process.poll() is None:
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.screen += os.read(self._master, 65536).decode(errors="replace")
                # The terminal's other end is closed
                except OSError:
                    break
        return self._process.wait(PATIENCE)

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)
