"""A host's name looked up by a process, which unlike a thread can be ended when it hangs."""

from __future__ import annotations

import ipaddress
import logging
import socket
import subprocess
import threading
from typing import Final

LOGGER = logging.getLogger(__name__)
# The system's own resolver: hosts file, DNS, mDNS
COMMAND: Final = ("getent", "ahosts")
# Seconds for a killed process to be gone
KILLED_WITHIN: Final = 1.0
LOOKED_UP_WITHIN: Final = 3.0


class NameLookup:
    """One lookup: `run` in one thread, `end` from any."""

    def __init__(self, host: str) -> None:
        """Take a name; OSError for one that there cannot be, `a..b` or a label of 64 characters."""
        self._name = _ascii(host)
        # protects what follows
        self._lock = threading.Lock()
        self._is_ended = False
        self._process: subprocess.Popen[str] | None = None

    def end(self) -> None:
        """End it at once: `run` raises ConnectionAbortedError."""
        with self._lock:
            self._is_ended = True
            if self._process is not None:
                self._process.kill()

    def run(self, timeout: float) -> list[str]:
        """Return its addresses, the system's choice first; OSError if there are none within `timeout` seconds."""
        process = self._start()
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise OSError(socket.EAI_AGAIN, f"nom d'hôte sans réponse en {timeout:g} s: {self._name}") from None
        finally:
            self._finish(process)
        lines = [line.split() for line in output.splitlines()]
        found = [words[0] for words in lines if words[1:2] == ["STREAM"]]
        if not found:
            self._check_not_ended()
            raise OSError(socket.EAI_NONAME, f"nom d'hôte inconnu: {self._name}")
        return found

    def _check_not_ended(self) -> None:
        if self._is_ended:
            raise ConnectionAbortedError("the lookup was ended")

    def _start(self) -> subprocess.Popen[str]:
        with self._lock:
            self._check_not_ended()
            self._process = subprocess.Popen(  # noqa: S603 - the name is an argument, no shell reads it
                (*COMMAND, self._name),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            return self._process

    def _finish(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            self._process = None
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
        try:
            process.wait(KILLED_WITHIN)
        except subprocess.TimeoutExpired:
            # the system will end it when it can: it waits for a disk or a driver
            LOGGER.debug("lookup %d does not end yet", process.pid)


def is_address(host: str) -> bool:
    """Return whether it is an address, which needs no lookup."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_same_host(one: str, other: str) -> bool:
    """Return whether two names or addresses are one host's; waits LOOKED_UP_WITHIN for each name at most."""
    first, second = (name.lower().rstrip(".") for name in (one, other))
    return first == second or not _addresses(first).isdisjoint(_addresses(second))


def _addresses(host: str) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = [host] if is_address(host) else NameLookup(host).run(LOOKED_UP_WITHIN)
    # a name that nobody knows is no other's
    except OSError as exc:
        LOGGER.debug("lookup of %s: %s", host, exc)
        return set()
    addresses = (ipaddress.ip_address(each) for each in found)
    return {getattr(each, "ipv4_mapped", None) or each for each in addresses}


def _ascii(host: str) -> str:
    """Return the name as DNS has it."""
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError as exc:
        raise OSError(f"nom d'hôte impossible: {host}") from exc
    if name.startswith("-"):
        raise OSError(f"nom d'hôte impossible: {host}")
    return name
