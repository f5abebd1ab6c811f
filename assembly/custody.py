"""The custody of the radio's keys, put together: it spans the link, the sender, the database and people."""

from __future__ import annotations

from collections.abc import Callable

from meshbot.mesh_link import CurrentLink, needs_keys
from meshbot.nodes import (
    FINAL_OUTCOMES,
    CustodyChanges,
    CustodyLinks,
    CustodyRestored,
    KeyCustody,
    LookAtKeys,
    NoteKept,
    Outcome,
    RadioReady,
)
from meshbot.persistence import CustodyWriter, Takers
from meshbot.runtime import Clock, Report
from meshbot.sending import KeyCure, KeyCures, KeyQuestion, new_packet_id
from meshbot.storage import DAY, CustodyStore, Database
from node_manager import NodeManager

Tell = Callable[[object], object]


def key_custody(
    clock: Clock,
    nodes: NodeManager,
    link: CurrentLink,
    *,
    sender: Tell,
    disk: Tell,
    database: Database | None,
    report: Report,
) -> KeyCustody:
    """Return the service; the sender asks nodes on air for it, and the disk keeps what it must not forget."""

    def ended(num: int, outcome: Outcome) -> None:
        # lessons are counted by days of UTC
        wait = DAY - clock.now().timestamp() % DAY if outcome is Outcome.DAY_FULL else 0.0
        sender(KeyCure(num, outcome is Outcome.HELD, outcome in FINAL_OUTCOMES, outcome.value, wait))

    links = CustodyLinks(
        ask=lambda num: sender(KeyQuestion(num)),
        ended=ended,
        save=None if database is None else disk,
        report=report,
        is_locked=link.is_locked,
    )
    return KeyCustody(clock, nodes, link.interface, new_packet_id, links)


def key_cures(nodes: NodeManager, link: CurrentLink) -> KeyCures:
    """Return the queue's view: what a node of old firmware would send in clear waits for the key."""

    def lacks(num: int) -> bool:
        interface = link.interface()
        if interface is None or needs_keys(interface.firmware):
            return False
        return interface.database.lacks_key(num) and nodes.public_key(num) is not None

    return KeyCures(lacks)


def custody_writer(database: Database | None, clock: Clock, custody: KeyCustody) -> CustodyWriter | None:
    """Return what keeps it over a restart, if there is a database."""
    if database is None:
        return None
    return CustodyWriter(
        CustodyStore(database),
        clock,
        lambda rows, own: custody.tell(CustodyRestored(rows, own)),
        lambda num: custody.tell(NoteKept(num)),
    )


def custody_takers(custody: KeyCustody, writer: CustodyWriter | None, nodes: NodeManager) -> Takers:
    """Return who takes what is told to Housekeeping."""

    def look(_due: LookAtKeys) -> None:
        # asked where one may wait for the disk
        custody.tell(RadioReady(nodes.kept()))

    return {LookAtKeys: (look,), CustodyChanges: () if writer is None else (writer.take,)}
