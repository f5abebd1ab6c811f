"""Messages to systemd: ready, alive, stopping (sd_notify(3), sd_watchdog_enabled(3))."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

LOGGER = logging.getLogger(__name__)


def notify(*assignments: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send systemd `READY=1`, `STATUS=…`, `WATCHDOG=1` or `STOPPING=1`; return whether it was sent.

    Does nothing outside systemd. Never raises and never blocks: a message that finds no room is given up.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    # an abstract socket
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "\n".join(assignment.replace("\n", " ") for assignment in assignments)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(0)
            sock.sendto(message.encode("utf-8", "backslashreplace"), address)
    except (OSError, ValueError) as error:
        LOGGER.debug("🩺 systemd n'a pas entendu %s: %s", assignments, error)
        return False
    return True


def watchdog_interval(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return the seconds between two `WATCHDOG=1`, half of what systemd allows; None when it does not watch us."""
    own_pid = str(os.getpid())
    try:
        allowed = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    if allowed <= 0 or environ.get("WATCHDOG_PID", own_pid) != own_pid:
        return None
    return allowed / 2_000_000
