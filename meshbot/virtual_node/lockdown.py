"""Lockdown of firmware 2.8: what a client may send until it has given the passphrase."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import admin_pb2, mesh_pb2, portnums_pb2

from meshbot.virtual_node.state import NodeState

State = mesh_pb2.LockdownStatus.State
BOOTS: Final = 50  # that a passphrase is good for, if the client asks for no other number
FIRST_BACKOFF, LONGEST_BACKOFF = 5, 900  # seconds after a wrong passphrase; each one more doubles them
REBOOT_AFTER_LOCK: Final = 7.0  # seconds


@dataclass(slots=True)
class Session:
    """Whether one client has given the passphrase."""

    state: NodeState
    is_proven: bool = False

    @property
    def _is_active(self) -> bool:
        return "lockdown" in self.state.faults and self.state.is_2_8

    @property
    def is_locked(self) -> bool:
        """Whether the client gets little and may send nothing yet."""
        return self._is_active and not self.is_proven

    def status(self) -> mesh_pb2.FromRadio | None:
        """Return what the client is told behind a configuration, None for nothing."""
        if self.is_locked:
            return _status(State.LOCKED, lock_reason="needs_auth")
        return None

    def may_send(self, packet: mesh_pb2.MeshPacket, now: float) -> bool:
        """Whether the firmware handles the packet as usual; it takes passphrases itself, and drops what it may not."""
        if not self._is_active:
            return True
        admin = _admin_in(packet) if packet.to == self.state.own.num else None
        if admin is not None and admin.WhichOneof("payload_variant") == "lockdown_auth":
            self.state.phone.news.append(self._authenticate(admin.lockdown_auth, now))
            return False
        return self.is_proven

    def _authenticate(self, wanted: admin_pb2.LockdownAuth, now: float) -> mesh_pb2.FromRadio:
        faults = self.state.faults
        if wanted.lock_now:
            if not self.is_proven:
                return _status(State.UNLOCK_FAILED)
            self.is_proven = False
            self.state.reboot_due = now + REBOOT_AFTER_LOCK
            return _status(State.LOCKED)
        if not wanted.passphrase:
            return _status(State.UNLOCK_FAILED)
        if (left := self._backoff(now)) > 0 or wanted.passphrase != faults.text("lockdown", "passphrase").encode():
            if left <= 0:
                self.state.wrong_passphrases.append(now)
            return _status(State.UNLOCK_FAILED, backoff_seconds=ceil(self._backoff(now)))
        self.state.wrong_passphrases.clear()
        self.is_proven = True
        return _status(
            State.UNLOCKED,
            boots_remaining=wanted.boots_remaining or BOOTS,
            valid_until_epoch=wanted.valid_until_epoch,
        )

    def _backoff(self, now: float) -> float:
        """Return for how many seconds no passphrase is looked at."""
        wrong = self.state.wrong_passphrases
        pause = min(FIRST_BACKOFF * 2 ** (len(wrong) - 1), LONGEST_BACKOFF) if wrong else 0
        return wrong[-1] + pause - now if wrong else 0


def _status(state: int, **content: Any) -> mesh_pb2.FromRadio:
    return mesh_pb2.FromRadio(lockdown_status=mesh_pb2.LockdownStatus(state=state, **content))


def _admin_in(packet: mesh_pb2.MeshPacket) -> admin_pb2.AdminMessage | None:
    if packet.decoded.portnum != portnums_pb2.PortNum.ADMIN_APP:
        return None
    try:
        return admin_pb2.AdminMessage.FromString(packet.decoded.payload)
    except DecodeError:
        return None
