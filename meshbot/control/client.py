"""The other end of the control socket: asks the running bot, for the command line and for a bot that starts."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from meshbot.control.place import ServedNode, address_of, read_node
from meshbot.control.protocol import Verb, encode
from meshbot.runtime import MeshBotError, is_same_host

# Seconds for the connection and for an answer that needs no work
QUICK: Final = 5.0
READ_BYTES: Final = 65536
# Bytes of one answer: the bot itself lets no more than a quarter of it wait
LONGEST_ANSWER: Final = 1_000_000


class NoBotError(MeshBotError):
    """No bot answers."""


class NotAllowedError(NoBotError):
    """One may, but whoever asks may not use its socket; the text is the path."""


class ControlClient:
    """One connection; a context manager. Raises NoBotError when there is no bot, or none any more."""

    def __init__(self, paths: Iterable[Path], timeout: float | None = QUICK) -> None:
        """Connect to the first of the sockets at which a bot answers; `timeout` in seconds, None for ever."""
        self.path, self._socket = _connected(paths)
        self._socket.settimeout(timeout)
        self._rest = b""

    def be_patient(self, timeout: float | None) -> None:
        """Wait so many seconds for each answer from now on, None for ever."""
        self._socket.settimeout(timeout)

    def ask(self, verb: Verb, **fields: object) -> Iterator[dict[str, Any]]:
        """Ask, and return the answers as they come, up to the last; TimeoutError if the next one does not."""
        with suppress(BrokenPipeError, ConnectionResetError):
            # it may have answered and closed before: too many clients
            self._socket.sendall(encode({"verb": verb.value, **fields}))
        return self._answers()

    def _answers(self) -> Iterator[dict[str, Any]]:
        more = True
        while more:
            answer = self._next()
            more = bool(answer.get("more"))
            yield answer

    def last(self, verb: Verb, **fields: object) -> dict[str, Any]:
        """Return the last answer to one request."""
        *_, answer = self.ask(verb, **fields)
        return answer

    def _next(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            try:
                data = self._socket.recv(READ_BYTES)
            except TimeoutError:
                raise
            except OSError as exc:
                raise NoBotError(str(exc)) from None
            if not data:
                raise NoBotError("the bot has ended")
            self._rest += data
            if len(self._rest) > LONGEST_ANSWER:
                raise self._other_kind()
        line, _end, self._rest = self._rest.partition(b"\n")
        try:
            found = json.loads(line)
        # another program's socket: no JSON, not even UTF-8, brackets in brackets
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._other_kind()
        return found

    def _other_kind(self) -> NoBotError:
        return NoBotError(f"no bot of this kind answers at {self.path}")

    def __enter__(self) -> Self:
        """Connected already."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the connection."""
        self._socket.close()


def _connected(paths: Iterable[Path]) -> tuple[Path, socket.socket]:
    forbidden: Path | None = None
    for path in paths:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.settimeout(QUICK)
        try:
            with address_of(path) as address:
                sock.connect(address)
        except PermissionError:
            forbidden = forbidden or path
        # no such file, or a killed bot's
        except OSError:
            pass
        else:
            return path, sock
        sock.close()
    if forbidden is not None:
        raise NotAllowedError(str(forbidden))
    raise NoBotError("no bot answers")


def serving(paths: Iterable[Path], host: str, port: int) -> ServedNode | None:
    """Return the bot at one of these sockets that serves the node at that address already, None if there is none.

    A name and its address are the same node; looking names up takes some seconds at most.
    """
    for path in paths:
        found = _served(path)
        if found is not None and found.port == port and is_same_host(found.host, host):
            return found
    return None


def _served(path: Path) -> ServedNode | None:
    try:
        with ControlClient([path]) as client:
            status: Mapping[str, Any] = client.last(Verb.STATUS)
        return ServedNode(int(status["pid"]), str(status["host"]), int(status["port"]))
    # it may not be asked, or hangs, but it says beside its socket whose node it has
    except (NotAllowedError, TimeoutError):
        return read_node(path)
    except (NoBotError, OSError, LookupError, ValueError, TypeError, OverflowError):
        return None
