"""NodeManager: who is on the mesh, which public key to trust, and giving those keys back to a fresh interface."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from meshbot import bounds
from meshbot.nodes import (
    EVICTED,
    ImportResult,
    KeyDecision,
    KeyEntry,
    KnownNodes,
    LastSync,
    NodeActivity,
    OperatorTrust,
    import_keys,
    is_heard,
    is_proof,
    legible_row,
    read_names_file,
    reported_by_radio,
    screened,
    sync_keys,
    to_evict,
)
from meshbot.persistence import WriteBehind
from meshbot.runtime import Report, log, unreported
from meshbot.storage import Changes, ImportRow, KeySource, NodeRow, NodeStore, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from meshbot.mesh_link import NodeRecord, PacketRecord, ReceivedText
    from meshbot.nodes import NodeReport
    from meshbot.runtime import Clock

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error

# Of a file to import, in one log line
COMPLAINTS_SHOWN: Final = 5


class NodeManager(KnownNodes, WriteBehind[NodeStore, Changes]):
    """Keeps names and public keys: in memory for reading, in the database as soon as they are learnt. Thread-safe.

    A database that fails stops nothing: what was learnt stays in memory and is written as soon as it can be. One that
    cannot be read at the start is read later, and what was learnt until then is judged again by what it holds.
    """

    subject: ClassVar = "Nœuds et clés"
    retry_after: ClassVar = 10.0

    def __init__(
        self,
        store: NodeStore | None,
        clock: Clock,
        report: Report = unreported,
        admins: Collection[int] = frozenset(),
    ) -> None:
        """Read nothing yet: the first `flush` does. Without a store nothing outlives the process.

        The keys of `admins` are changed by an operator alone.
        """
        super().__init__(store, clock)
        self._report = report
        self._activity: Callable[[], NodeActivity] = NodeActivity
        self._admins = set(admins)
        self._own_num: Callable[[], int] = int
        self._started = self._now()
        self._trust = OperatorTrust(Snapshot(), self._started, self._admins)
        # what is in memory; held for no I/O
        self._trust_lock = threading.Lock()
        # for the operator: what the database contradicts of what was learnt before it could be read
        self._load_lines: list[str] = []
        # NODEINFO packets taken in: each may have made the library forget a key
        self._nodeinfos = 0
        self._last_sync = LastSync()
        # an interface that was synced then lacks the keys that were read since
        self._synced_before_load = False

    def set_activity(self, activity: Callable[[], NodeActivity], own_num: Callable[[], int] = int) -> None:
        """Take who knows which nodes are to be forgotten first when there are too many; it may wait for the disk.

        `own_num` returns the number of our own node, 0 before it is known, and never waits.
        """
        self._activity, self._own_num = activity, own_num

    def set_admins(self, admins: Collection[int]) -> None:
        """Take other nodes whose keys are changed by an operator alone."""
        with self._trust_lock:
            self._admins.clear()
            self._admins.update(admins)

    def kept(self) -> Collection[int]:
        """Return the present numbers of the nodes with mail or a role, and our own; it may wait for the disk."""
        kept = self._activity().kept
        with self._trust_lock:
            return {self._trust.identities.numbers(num)[0] for num in kept}

    def hear(self, packet: PacketRecord) -> None:
        """Take in a packet that was heard now, no repetition: whether its sender's old number speaks again."""
        if not is_heard(packet):
            return
        now = self._now()
        with self._trust_lock:
            at = bounds.past(packet.reception.rx_time or None, now) or now
            lines = self._trust.hear(packet.sender, at, now, is_signed=packet.reception.signed)
        self._note(lines)

    def hear_text(self, received: ReceivedText) -> None:
        """Take in whose private key a direct message proves; never waits."""
        message, now = received.message, self._now()
        if not is_proof(received):
            return
        at = bounds.past(message.reception.rx_time or None, now) or now
        with self._trust_lock:
            lines = self._trust.prove(message.sender, message.public_key, at, now)
        self._note(lines)

    def _settle(self) -> None:
        """Join what may be joined by now."""
        now = self._now()
        if self._trust.identities.due <= now:
            with self._trust_lock:
                lines = self._trust.settle(now)
            self._note(lines)

    def _note(self, lines: Sequence[str]) -> None:
        """Log what has become of numbers, and have it written."""
        with self._trust_lock:
            notes = self._trust.take_notes()
            self.schedule(self._trust.save_due(self._clock.monotonic()))
        for note in notes:
            info_print(note)
        for line in lines:
            LOGGER.warning(line)
        if lines:
            self._report_keys()

    # Learning

    def learn_from_node_database(self, records: Iterable[NodeRecord]) -> int:
        """Take in the radio's own node database, whose keys are right; return how many trusted keys are new.

        Only what the node itself sent during its configuration belongs here: an interface that was synced already
        would confirm our own keys to us.
        """
        records, now = list(records), self._now()
        with self._trust_lock:
            self._trust.identities.know_own(self._own_num())
            for record in records:
                if not record.via_mqtt and (at := bounds.past(record.last_heard, now)):
                    self._trust.identities.remember_heard(record.num, at)
        changed = self._learn(map(reported_by_radio, records), KeySource.NODEDB)
        with self._trust_lock:
            for record in records:
                if record.has_signed and (at := bounds.past(record.last_heard, now)):
                    self._trust.prove_by_signature(record.num, at)
        return changed

    def learn_from_nodeinfo(self, record: NodeRecord, *, at_once: bool = True) -> int:
        """Take in a NODEINFO packet, `num` being the packet's sender; return how many trusted keys are new.

        A node's first key is trusted; another one is set apart and reported once. Not `at_once`, the next `flush`
        writes it, which is due then, or a little later for names alone.
        """
        return self.learn_from_nodeinfos([record], at_once=at_once)

    def learn_from_nodeinfos(self, records: Sequence[NodeRecord], *, at_once: bool = True) -> int:
        """Take in several NODEINFO packets, as one commit."""
        with self._trust_lock:
            self._nodeinfos += len(records)
        return self._learn(map(reported_by_radio, records), KeySource.NODEINFO, at_once=at_once)

    def confirm_key(self, num: int, key: bytes) -> bool:
        """Trust `key` for an operator, whom only an operator overrules; return False for an impossible key."""
        self._learn([(NodeRow(num), key)], KeySource.OPERATOR)
        return self.public_key(num) == key

    def decide_key(self, num: int, key: bytes, decision: KeyDecision, by: str) -> bool:
        """Carry out an operator's decision, and write it; return False for a key that it cannot be about.

        `by` names the operator, for the log and the database. See KeyTrust.decide.
        """
        with self._trust_lock:
            line = self._trust.decide(num, key, decision, by, self._now())
            self.schedule(self._clock.monotonic())
        if line is None:
            return False
        LOGGER.warning(line, extra=log.about(node=num))
        self._report_keys()
        if not self.is_backing_off:
            self.flush()
        return True

    def acknowledged(self, num: int, radio_key: bytes | None = None) -> None:
        """Note that the node has acknowledged a direct message under its trusted key; never waits.

        `radio_key` is the key that the radio has for the node, if that is known: under another one it proves nothing.
        """
        with self._trust_lock:
            is_due = self._trust.acknowledged(num, radio_key, self._now())
        if is_due:
            self.schedule(self._clock.monotonic())

    def report_imported(self) -> None:
        """Report the keys that wait for an operator since a file was imported without the running bot."""
        with self._trust_lock:
            self._trust.report_imported(self._now())
            self.schedule(self._clock.monotonic())
        self._report_keys()

    def import_keys(self, entries: Iterable[KeyEntry]) -> Mapping[ImportResult, Sequence[int]]:
        """Take in the keys of a file, and write them; what is known here is never overwritten.

        Returns the nodes by what came of their keys.
        """
        with self._trust_lock:
            results = import_keys(self._trust, entries, self._now())
            self.schedule(self._clock.monotonic())
        self.flush()
        return results

    def import_node_names(self, path: Path) -> int:
        """Import the older bot's `node_names.json`; return the number of nodes, 0 if it is absent or was imported.

        The same content is imported once. What is known already wins over the file.
        """
        if (read := read_names_file(path)) is None:
            return 0
        names, digest = read
        mark = ImportRow(digest, str(path), self._now())
        with self._trust_lock:
            if mark.digest in self._trust.imported:
                return 0
        self._learn(names.entries, KeySource.IMPORT, mark)
        LOGGER.info("📥 %d nœuds importés de %s", len(names.entries), path)
        if names.complaints:
            shown = "; ".join(names.complaints[:COMPLAINTS_SHOWN])
            LOGGER.warning("⚠️ %s: %d entrées fautives: %s", path.name, len(names.complaints), shown)
        return len(names.entries)

    def flush(self, *, last: bool = False) -> bool:
        """See WriteBehind."""
        saved = super().flush(last=last)
        with self._trust_lock:
            lines, self._load_lines = self._load_lines, []
        for line in lines:
            LOGGER.warning(line)
        self._report_keys()
        return saved

    # See WriteBehind

    def _load(self, store: NodeStore) -> None:
        snapshot = store.load()
        # an earlier version may have kept what cannot be seen
        snapshot.nodes.update({num: legible_row(row) for num, row in snapshot.nodes.items()})
        trust = OperatorTrust(snapshot, self._started, self._admins)
        with self._trust_lock:
            self._load_lines = trust.merge(self._trust, self._now())
            self._trust = trust
            self._synced_before_load = self._last_sync.is_done
        self._last_sync.forget()

    def _on_new_database(self, store: NodeStore) -> None:  # noqa: ARG002 - see WriteBehind
        with self._trust_lock:
            self._trust.mark_all_unsaved()

    def _take_unsaved(self, *, last: bool) -> Changes:  # noqa: ARG002 - see WriteBehind
        with self._trust_lock:
            return self._trust.take_unsaved()

    def _save(self, store: NodeStore, batch: Changes) -> None:
        store.save(batch)

    def _put_back(self, batch: Changes) -> None:
        with self._trust_lock:
            self._trust.put_back(batch)

    def _learn(
        self, reports: Iterable[NodeReport], source: KeySource, mark: ImportRow | None = None, *, at_once: bool = True
    ) -> int:
        """Learn, write `at_once` or when `flush` is due, report; return how many nodes got a new trusted key."""
        usable = list(screened(reports))
        now = self._now()
        made_room = self._make_room([row.num for row, _key in usable])
        with self._trust_lock:
            before = self._trust.trust_changes
            lines: list[tuple[int | None, str]] = [(None, made_room)] if made_room else []
            lines += [(row.num, line) for row, key in usable if (line := self._trust.learn(row, key, source, now))]
            if mark is not None:
                self._trust.mark_imported(mark)
            changed = self._trust.trust_changes - before
            lines += [(None, line) for line in self._trust.settle(now)]
            notes = self._trust.take_notes()
            self.schedule(self._trust.save_due(self._clock.monotonic()))
        # Another thread's flush may have taken what was learnt here: this one then waits for its commit
        if at_once and not self.is_backing_off:
            self.flush()
        for note in notes:
            info_print(note)
        for num, line in lines:
            LOGGER.warning(line, extra=log.about(node=num))
        self._report_keys()
        return changed

    def _make_room(self, nums: Sequence[int]) -> str | None:
        """Forget nodes if there is no room for these; return a line for the operator."""
        with self._trust_lock:
            lacking = self._trust.lacking(nums)
        if not lacking:
            return None
        # asked without the lock: the answer takes locks of its own
        known = self._activity()
        with self._trust_lock:
            kept = {each for num in known.kept for each in self._trust.identities.numbers(num)}
            kept |= self._trust.revoked.nums
            gone = to_evict(self._trust.nodes, self._trust.trusted, replace(known, kept=kept), max(lacking, EVICTED))
            return self._trust.evict(gone)

    def _report_keys(self) -> None:
        # Reported under the lock, which keeps the order: a report only fills an inbox
        with self._trust_lock:
            for incident in self._trust.take_incidents():
                self._report(incident)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    # Giving keys back

    def sync_pubkeys_to_interface(self, interface: Any, force: bool = False) -> int:  # noqa: FBT001, FBT002 - specified so
        """Put the trusted keys that `interface.nodes` lacks or has otherwise there; return how many. Raises nothing.

        Not forced, it does nothing when neither the keys nor the interface changed since the last sync.
        """
        with self._trust_lock:
            revision = self._trust.trust_changes + self._nodeinfos
        if not force and self._last_sync.is_of(interface, revision):
            LOGGER.debug("Clés publiques inchangées depuis la dernière synchronisation")
            return 0
        self._last_sync.forget()
        info_print("🔄 Starting public key synchronization to interface.nodes...")
        try:
            return self._sync(interface, revision)
        except Exception as exc:  # noqa: BLE001 - whatever the library raises, the bot goes on
            error_print(f"⚠️ Error accessing interface.nodes: {exc}")
            error_print("❌ Cannot sync pubkeys: interface.nodes not accessible")
            return 0

    def restore_keys(self, interface: Any) -> None:
        """Give missing keys back to the interface, if there is one."""
        if interface is not None:
            self.sync_pubkeys_to_interface(interface)

    def sync_after_load(self, interface: Any) -> None:
        """Give an interface that was synced before the database could be read the keys that were in it."""
        if self._synced_before_load and interface is not None:
            self.sync_pubkeys_to_interface(interface, force=True)

    @property
    def synced(self) -> bool:
        """Whether the last synchronisation went through."""
        return self._last_sync.is_done

    def _sync(self, interface: Any, revision: int) -> int:
        nodes = getattr(interface, "nodes", None)
        if nodes is None:
            error_print("❌ Cannot sync pubkeys: interface.nodes is None")
            return 0
        info_print(f"   Current interface.nodes count: {len(nodes)}")
        with self._trust_lock:
            keyed = self._trust.keyed()
        changed = sync_keys(interface, nodes, keyed)
        self._last_sync.remember(interface, nodes, revision)
        info_print(f"✅ SYNC COMPLETE: {len(keyed)} public keys synchronized to interface.nodes")
        return changed
