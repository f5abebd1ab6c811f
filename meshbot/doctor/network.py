"""The way to the node: its name, the route, the TCP connection, and who else is connected from here."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from meshbot.commands import mark as _
from meshbot.doctor.findings import Result, bad, good

# The system's own resolver, as the bot uses it: hosts file, DNS, mDNS; as a process it can be ended
LOOKUP: Final = ("getent", "ahosts")
NAME_TIMEOUT: Final = 3.0  # seconds, as is the next
CONNECT_TIMEOUT: Final = 3.0
MDNS: Final = ".local"
ESTABLISHED: Final = "01"  # in /proc/net/tcp


def addresses_of(host: str) -> list[str]:
    """Return the addresses of a name or address; OSError with the system's reason if there are none."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        done = subprocess.run(  # noqa: S603 - behind « -- » the name is no option
            [*LOOKUP, "--", host], capture_output=True, text=True, timeout=NAME_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError("no answer") from None
    found = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    if not found:
        raise OSError("unknown")
    return list(dict.fromkeys(found))


def name(host: str, found: Callable[[list[str]], object]) -> Result:
    """Look the node's name up; `found` gets its addresses."""
    try:
        addresses = addresses_of(host)
    except (OSError, ValueError):
        text = _("{host} is not known")
        if host.endswith(MDNS):
            cure = _("That is an mDNS name: sudo apt install avahi-daemon libnss-mdns; or set tcp_host to its address.")
            return bad(text, cure, host=host)
        return bad(text, _("Set tcp_host to the node's address, or its name in your router."), host=host)
    found(addresses)
    if addresses == [host]:
        return good(_("{host} is an address"), host=host)
    return good(_("{host} is {addresses}"), host=host, addresses=", ".join(addresses))


def route(address: str, port: int) -> Result:
    """Ask the system which way leads to the node; nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, port))
            own = sock.getsockname()[0]
    except OSError as exc:
        cure = _("Is this machine in the same network? ip route; nmcli device")
        return bad(_("no route to {address}: {reason}"), cure, address=address, reason=exc.strerror or exc)
    return good(_("from {own} to {address}"), own=own, address=address)


def tcp(address: str, port: int) -> Result:
    """Connect once, and close: only where nobody else is connected."""
    try:
        socket.create_connection((address, port), CONNECT_TIMEOUT).close()
    except TimeoutError:
        cure = _("Is the node switched on and in the WiFi? Does its screen show this address?")
        return bad(_("{address}:{port} does not answer"), cure, address=address, port=port)
    except ConnectionRefusedError:
        cure = _("Is that the node, with WiFi or Ethernet enabled? It listens on port 4403.")
        return bad(_("{address}:{port} refuses"), cure, address=address, port=port)
    except OSError as exc:
        cure = _("Is the node switched on and in the WiFi? Does its screen show this address?")
        return bad(_("{address}: {reason}"), cure, address=address, reason=exc.strerror or exc)
    return good(_("{address}:{port} accepts"), address=address, port=port)


def others_from_here(addresses: list[str], port: int, root: Path = Path("/")) -> int:
    """Return how many connections of this machine to the node stand."""
    wanted = {ipaddress.ip_address(address.partition("%")[0]) for address in addresses}
    count = 0
    for table in ("proc/net/tcp", "proc/net/tcp6"):
        try:
            lines = (root / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            remote, _sep, remote_port = fields[2].partition(":")
            if fields[3] == ESTABLISHED and int(remote_port, 16) == port and _address(remote) in wanted:
                count += 1
    return count


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address as the kernel writes it: each word of 32 bits in the machine's order."""
    raw = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def others(count: int, *, is_bot_connected: bool) -> Result:
    """Judge how many connections of this machine to the node there are."""
    if count > int(is_bot_connected):
        cure = _("Close the other program: the node serves one client. sudo ss -tnp | grep :4403 names it.")
        return bad(_("another program of this machine is connected to the node"), cure)
    return good(_("no other program of this machine is connected to the node"))
