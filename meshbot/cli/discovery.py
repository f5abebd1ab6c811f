"""Nodes of the local network, by the name that their firmware announces over mDNS."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from meshbot.runtime import MeshBotError

SERVICE: Final = "_meshtastic._tcp.local."
# Seconds: a node answers within one, and is asked again after another
SEARCH_TIME: Final = 3.0
# Milliseconds for one node's address
ADDRESS_TIME: Final = 1000


class NoSearchError(MeshBotError):
    """The library is not installed, or the network cannot be searched."""


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node that answered; its texts are whatever it says."""

    address: str
    port: int
    name: str  # short name, may be empty
    ident: str  # `!a1b2c3d4`, may be empty


def find_nodes(seconds: float = SEARCH_TIME, interfaces: Sequence[str] | None = None) -> list[FoundNode]:
    """Search for so long, on all interfaces unless some are given; raise NoSearchError."""
    try:
        from zeroconf import InterfaceChoice, ServiceBrowser, Zeroconf  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise NoSearchError(str(error)) from error
    try:
        search = Zeroconf(interfaces=list(interfaces) if interfaces else InterfaceChoice.All)
    except OSError as error:
        raise NoSearchError(str(error)) from error
    names: set[str] = set()

    def heard(name: str, **_more: Any) -> None:
        names.add(name)

    try:
        browser = ServiceBrowser(search, SERVICE, handlers=[heard])
        # nothing sets it: all that answer within the time are wanted
        threading.Event().wait(seconds)
        browser.cancel()
        infos = [search.get_service_info(SERVICE, name, ADDRESS_TIME) for name in sorted(names)]
    finally:
        search.close()
    return [node for info in infos if info is not None for node in _nodes_of(info)]


def _nodes_of(info: Any) -> list[FoundNode]:
    texts = {key: (value or b"").decode(errors="replace") for key, value in info.properties.items()}
    name, ident = texts.get(b"shortname", ""), texts.get(b"id", "")
    addresses = info.parsed_scoped_addresses()
    return [FoundNode(addresses[0], info.port or 0, name, ident)] if addresses else []
