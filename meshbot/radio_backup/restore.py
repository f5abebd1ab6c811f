"""Putting a backup back into the node: what may be restored where, in which order, and that it is there afterwards."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from queue import SimpleQueue
from typing import Final, Protocol

from meshbot.mesh_link import OwnSettings, differences, managing, restoring
from meshbot.runtime import Clock, MeshBotError

# Writing once is enough but for the first region, which changes other sections by itself
ROUNDS: Final = 3
# Seconds until a node that was told to reboot is gone: it waits 7
REBOOT_BEGINS: Final = 30.0
# Seconds until it can be asked again: an ESP32 takes 20, with WiFi a minute
REBOOT_LASTS: Final = 180.0
RETRY_EVERY: Final = 2.0
# Of what was written: the node is managed again
MANAGEMENT: Final = "is_managed"


class RestoreProblem(Enum):
    """Why nothing was restored."""

    OTHER_DEVICE = auto()
    OTHER_FIRMWARE = auto()
    MANAGED = auto()
    INCOMPLETE = auto()  # the node does not tell all: it is locked
    REFUSED = auto()  # detail: the node's error
    UNREACHABLE = auto()  # detail: the reason
    DID_NOT_RETURN = auto()  # after the reboot


class RestoreError(MeshBotError):
    """Nothing, or not all, was restored; free of secrets."""

    def __init__(self, problem: RestoreProblem, detail: str = "") -> None:
        super().__init__(f"{problem.name} {detail}".strip())
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it, as read back."""

    before: OwnSettings
    after: OwnSettings
    changed: tuple[str, ...]  # the parts that were written
    remaining: tuple[str, ...]  # those of the backup that the node has otherwise all the same


class Client(Protocol):
    """A connection to the node; OwnNodeClient is one."""

    def settings(self) -> OwnSettings | None:
        """Return the node's configuration, None if it is not whole."""

    def send(self, message: bytes) -> str:
        """Send an admin message; return the node's answer."""
        ...

    def wait_for_reboot(self, timeout: float) -> None:
        """Wait until the node closes the connection."""


# Raises OSError on entering if the node cannot be reached
Connect = Callable[[], AbstractContextManager[Client]]


def obstacle(wanted: OwnSettings, present: OwnSettings | None) -> RestoreProblem | None:
    """Return why a backup does not belong into that node, None if it does."""
    if present is None:
        return RestoreProblem.INCOMPLETE
    if present.is_managed:
        return RestoreProblem.MANAGED
    if wanted.device_id and present.device_id and wanted.device_id != present.device_id:
        return RestoreProblem.OTHER_DEVICE
    if wanted.hw_model != present.hw_model:
        return RestoreProblem.OTHER_DEVICE
    return None if _series(wanted.firmware) == _series(present.firmware) else RestoreProblem.OTHER_FIRMWARE


def restore(wanted: OwnSettings, connect: Connect, clock: Clock, *, force: bool = False) -> Restored:
    """Write what differs, let the node reboot, and read back; again if something still differs. Raises RestoreError.

    `force`: also into another device, or one with another series of firmware.
    """
    present = first = _look(connect)
    problem = obstacle(wanted, present)
    if problem in {RestoreProblem.OTHER_DEVICE, RestoreProblem.OTHER_FIRMWARE} and force:
        problem = None
    if problem is not None or present is None or first is None:
        raise RestoreError(problem or RestoreProblem.INCOMPLETE, present.firmware if present else "")
    changed: list[str] = []
    # a managed node takes nothing more, not even the end of the transaction
    free = wanted.with_management(is_managed=False)
    for _round in range(ROUNDS):
        differing = differences(free, present)
        if not differing:
            break
        changed += [name for name in differing if name not in changed]
        _write(restoring(free, present), connect)
        present = read_back(connect, clock)
    if wanted.is_managed and not differences(free, present):
        changed.append(MANAGEMENT)
        _write([managing(wanted)], connect)
        present = read_back(connect, clock)
    return Restored(first, present, tuple(changed), tuple(differences(wanted, present)))


def _look(connect: Connect) -> OwnSettings | None:
    try:
        with connect() as client:
            return client.settings()
    except OSError as exc:
        raise RestoreError(RestoreProblem.UNREACHABLE, str(exc)) from exc


def _write(messages: list[bytes], connect: Connect) -> None:
    try:
        with connect() as client:
            for message in messages:
                if (answer := client.send(message)) != "NONE":
                    raise RestoreError(RestoreProblem.REFUSED, answer)
            client.wait_for_reboot(REBOOT_BEGINS)
    except OSError as exc:
        raise RestoreError(RestoreProblem.UNREACHABLE, str(exc)) from exc


def read_back(connect: Connect, clock: Clock) -> OwnSettings:
    """Return the configuration once the node is there again."""
    deadline = clock.monotonic() + REBOOT_LASTS
    reason = ""
    while clock.monotonic() < deadline:
        try:
            with connect() as client:
                if (settings := client.settings()) is not None:
                    return settings
                reason = "incomplete"
        except OSError as exc:
            reason = str(exc)
        # nothing is ever put in: a wait that the clock ends
        clock.get(SimpleQueue[None](), clock.monotonic() + RETRY_EVERY)
    raise RestoreError(RestoreProblem.DID_NOT_RETURN, reason)


def _series(firmware: str) -> tuple[str, ...]:
    """Return major and minor: within them settings keep their meaning."""
    return tuple(firmware.split(".")[:2])
