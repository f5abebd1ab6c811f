"""From the node's name to a connected socket: every step is bounded, and can be cut from another thread."""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from meshbot.runtime import NameLookup, is_address

LOGGER = logging.getLogger(__name__)
# Of connect_timeout, for the lookup of a name
LOOKUP_SHARE: Final = 0.5
# Seconds for it when an address is known that worked
KNOWN_LOOKUP_TIMEOUT: Final = 2.0
# linux/tcp.h's struct tcp_info as far as tcpi_rtt
TCP_INFO: Final = struct.Struct("=8B16I")
# Times in a row that the system repeated our bytes: 1.4 s on a local network
REPEATED_IN_VAIN: Final = 3
# Round trips; TCP_USER_TIMEOUT is never below, or a slow link would be cut while TCP repairs it
ROUND_TRIPS_FOR_REPAIR: Final = 30
# Seconds for an attempt to a node that has been connected before, and round trips: the system repeats a SYN that nobody
# answers after 1, 3 and 7 s, so a long attempt meets a node's return late. A new one begins with a SYN
QUICK_ATTEMPT: Final = 2.0
QUICK_ROUND_TRIPS: Final = 4
# One of so many in vain takes its full time: the way may have become slow
FULL_ATTEMPT_EVERY: Final = 8


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """Where the node is, and the socket's bounds in seconds."""

    host: str
    port: int
    connect_timeout: float
    send_timeout: float
    user_timeout: float  # TCP_USER_TIMEOUT; 0 leaves the system's


class KnownAddress:
    """The last address that worked, for when its name is not resolved; lasts longer than a connection."""

    def __init__(self) -> None:
        self.address: str | None = None
        # seconds, of its last connection's beginning
        self.round_trip = 0.0
        # attempts in vain since then
        self.failures = 0
        # it was said that the name does not resolve, until it does
        self.is_reported = False

    def attempt_timeout(self, longest: float) -> float:
        """Return the seconds for the next attempt to connect, `longest` at most."""
        if self.address is None or self.failures % FULL_ATTEMPT_EVERY == FULL_ATTEMPT_EVERY - 1:
            return longest
        return min(longest, max(QUICK_ATTEMPT, QUICK_ROUND_TRIPS * self.round_trip))

    def connected(self, address: str, round_trip: float) -> None:
        """Note a connection."""
        self.address, self.round_trip, self.failures = address, round_trip, 0


class TcpInfo(NamedTuple):
    """What the system knows of a connection."""

    round_trip: float  # seconds, smoothed
    is_repeating: bool  # our bytes were sent REPEATED_IN_VAIN times over, and no acknowledgement came


def tcp_info(sock: socket.socket) -> TcpInfo:
    """Ask the system; OSError if the socket is closed."""
    fields = TCP_INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size))
    retransmits, unacknowledged, round_trip = fields[2], fields[12], fields[23]
    return TcpInfo(round_trip / 1e6, unacknowledged > 0 and retransmits >= REPEATED_IN_VAIN)


class Connecting:
    """One attempt: `run` in one thread, `cut` from any."""

    def __init__(self, target: LinkTarget, known: KnownAddress) -> None:
        self._target = target
        self._known = known
        # protects what follows
        self._lock = threading.Lock()
        self._is_cut = False
        self._lookup: NameLookup | None = None
        self._socket: socket.socket | None = None

    def cut(self) -> None:
        """End the attempt at once, or the connection that it made."""
        with self._lock:
            self._is_cut = True
            if self._lookup is not None:
                self._lookup.end()
            if self._socket is not None:
                shut(self._socket)

    def run(self) -> socket.socket:
        """Try each address of the host in turn, within connect_timeout in all; OSError if none answers."""
        host, timeout = self._target.host, self._target.connect_timeout
        if is_address(host):
            hosts = [host]
        else:
            hosts = self._look_up(host, timeout * LOOKUP_SHARE)
            timeout *= 1 - LOOKUP_SHARE
        timeout = self._known.attempt_timeout(timeout)
        error: OSError = ConnectionError(f"no address for {host}")
        for one in hosts:
            family, kind, protocol, _name, address = _numeric(one, self._target.port)
            try:
                sock = self._connect(socket.socket(family, kind, protocol), address, timeout / len(hosts))
            except OSError as exc:
                error = exc
            else:
                self._known.connected(one, tcp_info(sock).round_trip)
                return sock
        self._known.failures += 1
        raise error

    # -- the name

    def _look_up(self, host: str, timeout: float) -> list[str]:
        """Return its addresses, the last one that worked first; that one alone if the name cannot be resolved."""
        known = self._known.address
        try:
            found = self._ask(host, timeout if known is None else min(timeout, KNOWN_LOOKUP_TIMEOUT))
        except OSError as exc:
            # an ended attempt says nothing about the name
            if known is None or isinstance(exc, ConnectionAbortedError):
                raise
            if not self._known.is_reported:
                self._known.is_reported = True
                LOGGER.warning("⚠️ %s; essai avec la dernière adresse connue, %s", exc.strerror or exc, known)
            return [known]
        self._known.is_reported = False
        return sorted(found, key=lambda address: address != known)

    def _ask(self, host: str, timeout: float) -> list[str]:
        lookup = NameLookup(host)
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError("the session was ended")
            self._lookup = lookup
        try:
            return lookup.run(timeout)
        finally:
            with self._lock:
                self._lookup = None

    # -- the connection

    def _connect(self, sock: socket.socket, address: Any, timeout: float) -> socket.socket:
        sock.settimeout(0)
        with self._lock:
            if self._is_cut:
                sock.close()
                raise ConnectionAbortedError("the session was ended")
            self._socket = sock
            # once it has begun, the shutdown in `cut` ends it
            error = sock.connect_ex(address)
        try:
            _finish_connecting(sock, error, timeout)
            self._set_bounds(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def _set_bounds(self, sock: socket.socket) -> None:
        sock.settimeout(self._target.send_timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wanted = self._target.user_timeout
        bound = max(wanted, ROUND_TRIPS_FOR_REPAIR * tcp_info(sock).round_trip) if wanted else 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(bound * 1000))


def shut(sock: socket.socket) -> None:
    """Release everything that waits on the socket."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        # not connected, or shut already
        return


def _numeric(address: str, port: int) -> Any:
    """Return what a socket needs for an address, whose interface's name it may carry."""
    return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]


def _finish_connecting(sock: socket.socket, error: int, timeout: float) -> None:
    """Wait for a connection that `connect_ex` began with `error`; OSError if it does not come to stand."""
    if error == errno.EINPROGRESS:
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        ended = poll.poll(timeout * 1000)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if ended else errno.ETIMEDOUT
    if error:
        raise OSError(error, os.strerror(error))
