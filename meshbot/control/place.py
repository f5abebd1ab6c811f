"""Where the control socket is, who may use it, and which node its bot serves."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAME: Final = "meshbot.sock"
# Beside it, for those who may not ask: whose node this is
NODE_FILE: Final = "meshbot.json"
# Of the service; systemd.exec(5), RuntimeDirectory
SERVICE_FOLDER: Final = Path("/run/meshbot")
MODE: Final = 0o660
NODE_FILE_MODE: Final = 0o644
# Bytes of a socket's path with its end, unix(7)
LONGEST_PATH: Final = 108
CREDENTIALS: Final = struct.Struct("3i")  # struct ucred
# unix(7); the module socket does not name it
SO_PEERGROUPS: Final = 59
MOST_GROUPS: Final = 256


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as the kernel vouches for it."""

    pid: int
    uid: int
    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class ServedNode:
    """A bot and the node that it serves."""

    pid: int
    host: str
    port: int


def service_socket() -> Path:
    """Return where the service's bot listens."""
    return SERVICE_FOLDER / NAME


def socket_path(data_dir: Path, environ: Mapping[str, str]) -> Path:
    """Return where the bot listens: in the service's RUNTIME_DIRECTORY, else in its data folder."""
    # systemd names several with colons between
    folder = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return (Path(folder) if folder else data_dir) / NAME


def candidates(data_dir: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return where a bot may listen, the likeliest first."""
    return list(dict.fromkeys((socket_path(data_dir, environ), data_dir / NAME, service_socket())))


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Give the address of a socket, also of one whose path is longer than an address may be; OSError without folder."""
    if len(os.fsencode(path)) < LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def peer_of(sock: socket.socket) -> Peer:
    """Return who is at the other end; OSError if it has gone."""
    pid, uid, gid = CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    groups = {gid}
    # one in more groups is judged by its first; kernels before 4.13 do not tell
    with suppress(OSError):
        found = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 4 * MOST_GROUPS)
        groups.update(struct.unpack(f"{len(found) // 4}I", found))
    return Peer(pid, uid, frozenset(groups))


def is_allowed(peer: Peer, uid: int, gid: int) -> bool:
    """Return whether a peer may ask a bot that runs as `uid` and `gid`: root, the same user, or one of its group."""
    # a bot that runs as root in root's group: whoever is in that one is an administrator anyway
    return peer.uid in {0, uid} or gid in peer.groups


def listen(path: Path) -> socket.socket:
    """Return the listening socket; OSError says why there is none.

    What a killed bot has left is removed; a bot that still answers there keeps its place.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        with address_of(path) as address:
            _clear(path, address)
            sock.bind(address)
        # before it listens nobody can connect
        path.chmod(MODE)
        sock.listen()
    except BaseException:
        sock.close()
        raise
    return sock


def _clear(path: Path, address: str) -> None:
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as other:
        try:
            other.connect(address)
        # a full backlog is that of a bot which is there
        except BlockingIOError:
            pass
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise OSError(None, "un autre bot y répond")


def file_at(path: Path) -> tuple[int, int] | None:
    """Return which file stands there, by device and number; None if there is none, or nobody may see it."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def write_node(path: Path, node: ServedNode) -> None:
    """Tell beside a socket which node its bot serves, to all who can see the folder; OSError."""
    file = path.with_name(NODE_FILE)
    file.write_text(json.dumps({"pid": node.pid, "host": node.host, "port": node.port}) + "\n", encoding="utf-8")
    file.chmod(NODE_FILE_MODE)


def read_node(path: Path) -> ServedNode | None:
    """Return which node the bot at a socket serves, None if nothing tells or its process is gone."""
    try:
        found = json.loads(path.with_name(NODE_FILE).read_text(encoding="utf-8"))
        node = ServedNode(int(found["pid"]), str(found["host"]), int(found["port"]))
    except (OSError, ValueError, LookupError, TypeError, OverflowError):
        return None
    return node if _is_alive(node.pid) else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    # another user's
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
