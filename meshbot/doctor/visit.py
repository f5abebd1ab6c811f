"""The doctor's own session with the node, where no bot has one: judged step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from meshbot.commands import mark as _
from meshbot.doctor.findings import Result, Words, bad, good, unknown
from meshbot.mesh_link import Visit
from meshbot.runtime import LinkCause

# Seconds for a whole configuration, from where it is slow: 42 nodes take a healthy ESP32 two
SLOW: Final = 20.0
WATCHED: Final = _("Another client of the node: phone app, web client, second bot. Close it.")


# Why a visit ended; a failure's own text is French, as the log is
CAUSES: Final[Mapping[LinkCause, str]] = MappingProxyType(
    {
        LinkCause.NAME_UNKNOWN: _("its name was not found"),
        LinkCause.NO_ANSWER: _("it did not answer"),
        LinkCause.NO_ROUTE: _("no way led to it"),
        LinkCause.REFUSED: _("it refused the connection"),
        LinkCause.CLOSED: _("it closed the connection"),
        LinkCause.NO_OWN_NODE: _("its configuration lacked the node itself"),
        LinkCause.SEND_BLOCKED: _("it took no more data"),
    }
)


def _why(visit: Visit) -> str:
    """Return it in words that are translated, else in the program's own."""
    if visit.failure is None:
        return "–"
    words = CAUSES.get(visit.failure.cause)
    return Words(words) if words else str(visit.failure)


def connection(visit: Visit) -> Iterator[Result]:
    """Judge the connection and the handshake."""
    if visit.connected is None:
        yield bad(_("no connection: {reason}"), _("See the step TCP."), reason=_why(visit))
        return
    yield good(_("connected in {ms:.0f} ms"), ms=visit.connected * 1000)
    if visit.first_byte is None:
        cure = _("The node accepts and says nothing: switch it off and on. Or another client holds it.")
        yield bad(_("not a byte in {seconds:.0f} s"), cure, seconds=visit.took)
        return
    yield good(_("the first byte after {ms:.0f} ms"), ms=visit.first_byte * 1000)


def configuration(visit: Visit) -> Iterator[Result]:
    """Judge the configuration."""
    if visit.report is None or visit.configured is None:
        text = _("incomplete: {bytes} bytes in {seconds:.1f} s ({reason})")
        yield bad(text, WATCHED, bytes=visit.bytes, seconds=visit.took, reason=_why(visit))
        return
    text = _("{bytes} bytes, {nodes} nodes, {keys} keys in {seconds:.1f} s")
    values = {"bytes": visit.bytes, "seconds": visit.configured}
    values |= {"nodes": visit.report.nodes, "keys": visit.report.keys}
    slow = _("The node's WiFi is weak, or it is busy: move it closer to the access point.")
    yield good(text, **values) if visit.configured < SLOW else unknown(text, slow, **values)


def heartbeat(visit: Visit) -> Result:
    """Judge the answer to a heartbeat."""
    if visit.report is None:
        return unknown(_("not asked"))
    if visit.round_trip is not None:
        return good(_("answered in {ms:.0f} ms"), ms=visit.round_trip * 1000)
    if visit.report.answers_probes:
        return bad(_("not answered in {seconds:.0f} s"), _("The node stalls, or its WiFi loses packets."), seconds=3.0)
    return unknown(_("not answered, as by any firmware before 2.7.6"))


def taken(visit: Visit) -> Result:
    """Judge whether somebody else took the node meanwhile."""
    if visit.report is not None and visit.failure is not None:
        return bad(_("the connection did not stay: {reason}"), WATCHED, reason=_why(visit))
    return good(_("the connection was kept for {seconds:.1f} s"), seconds=visit.took)
