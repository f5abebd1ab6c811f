"""The thread Key-Custody: tells the radio, the database and people what `Custody` decides."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final, Protocol

from meshbot.mesh_link import (
    Administration,
    LoraSettings,
    NodeInfoPacket,
    PacketRecord,
    RadioDatabase,
    ReceivedText,
    RoutingAnswer,
    takes_contacts,
)
from meshbot.nodes.custody import Custody
from meshbot.nodes.custody_records import CustodyChanges, CustodyRecords
from meshbot.nodes.custody_steps import (
    Action,
    AddContact,
    AskNode,
    CureEnded,
    Introduce,
    KeepNote,
    Moment,
    RadioKey,
    RadioLost,
    RemoveFavourite,
    RemoveNode,
)
from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.nodes.radio_state import KeyTally, Loss, Outcome, RadioState, TrustedKey, tally
from meshbot.runtime import Clock, RadioForgot, Report, Service, log
from meshbot.storage import DAY, CustodyRow, OwnRadioRow

LOGGER = logging.getLogger(__name__)
# Packets of 20 s of the busiest mesh
INBOX_LIMIT: Final = 1000
# Seconds that an operator waits: a commit and three answers of a radio that is well take two
TEACH_WAIT: Final = 20.0


class TrustedKeys(Protocol):
    """Whose key is trusted; NodeManager is one."""

    def trusted_key(self, num: int) -> TrustedKey | None:
        """Return what the radio would be taught of a node."""

    def trusted_keys(self) -> Mapping[int, bytes]:
        """Return all trusted keys by node, each node under its present number alone."""

    def is_revoked(self, num: int, key: bytes) -> bool:
        """Return whether an operator has revoked this key of this node."""
        ...


class Radio(Protocol):
    """The part of the interface that shows and changes what the radio knows."""

    database: RadioDatabase
    administration: Administration
    own_num: int

    @property
    def firmware(self) -> str:
        """Return the version of the node's firmware."""

    @property
    def lora(self) -> LoraSettings:
        """Return how its radio is set."""

    @property
    def is_managed(self) -> bool:
        """Whether it takes no administration by its client."""

    @property
    def is_redacted(self) -> bool:
        """Whether it is in lockdown, so that its configuration tells nothing."""

    def introduce(self) -> None:
        """Have it broadcast itself; OSError if the link is gone."""


@dataclass(frozen=True, slots=True)
class CustodyRestored:
    """What an earlier process has kept."""

    rows: Mapping[int, CustodyRow]
    own: OwnRadioRow | None


@dataclass(frozen=True, slots=True)
class RadioReady:
    """The radio's keys are to be looked at; these nodes need theirs whether or not direct messages came."""

    people: Collection[int]


class LookAtKeys:
    """The keys were synced: the radio's are to be looked at, once it is known who needs them."""


@dataclass(frozen=True, slots=True)
class NoteKept:
    """A node's note is in the database."""

    num: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    num: int
    lacks: bool


@dataclass(frozen=True, slots=True)
class _Teaching:
    num: int
    reply: SimpleQueue[Outcome]


class _Lost:
    """The link is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyLinks:
    """Who does what custody decides; each only fills an inbox."""

    # have a node introduce itself
    ask: Callable[[int], object]
    # told what came of a node's key
    ended: Callable[[int, Outcome], object]
    # None: there is no database
    save: Callable[[CustodyChanges], object] | None
    report: Report
    # whether the node is connected and in lockdown
    is_locked: Callable[[], bool] = lambda: False


class KeyCustody(Service):
    """Gives the radio the keys of nodes that direct messages are exchanged with. Any thread may call what follows."""

    name = "Key-Custody"

    def __init__(
        self,
        clock: Clock,
        keys: TrustedKeys,
        radio_of: Callable[[], Radio | None],
        new_id: Callable[[], int],
        links: CustodyLinks,
    ) -> None:
        """`radio_of` returns the interface of the READY link, None without one."""
        super().__init__(clock, INBOX_LIMIT)
        self._keys = keys
        self._radio_of = radio_of
        self._links = links
        self._records = CustodyRecords()
        self._custody = Custody(
            self._records, self._trusted, new_id, is_revoked=keys.is_revoked, can_note=links.save is not None
        )
        self._replies: dict[int, list[SimpleQueue[Outcome]]] = {}
        # protects `_loss`
        self._loss_lock = threading.Lock()
        self._loss: tuple[Loss, float] | None = None

    # -- any thread

    def teach(self, num: int) -> Outcome:
        """Have the radio follow what an operator has decided about a node's keys: know the trusted one, no revoked one.

        Return within TEACH_WAIT what it has acknowledged, or why it has not.
        """
        reply = SimpleQueue[Outcome]()
        until = self._clock.monotonic() + TEACH_WAIT
        self.tell(_Teaching(num, reply))
        return self._clock.get(reply, until) or Outcome.NO_ANSWER

    def cure(self, num: int, lacks: bool) -> None:  # noqa: FBT001 - as Mesh-Sender calls it
        """Have a node's key cared for: a message waits. `lacks`: the radio itself says that it has none."""
        self.tell(_Wanted(num, lacks))

    def link_lost(self) -> None:
        """Take the loss of the link."""
        self.tell(_Lost())

    def packet_heard(self, record: PacketRecord) -> None:
        """Take a packet; one to us that the radio could not decrypt is evidence."""
        radio = self._radio_of()
        if record.portnum is None and radio is not None and record.to == radio.own_num:
            self.offer(record)

    def text_heard(self, text: ReceivedText) -> None:
        """Take a text; one to us under its sender's key shows that its key is needed."""
        message = text.message
        if message.pki_encrypted and message.to == text.own_num != message.sender:
            self.offer(text)

    def answer_heard(self, answer: RoutingAnswer) -> None:
        """Take a routing answer; only the radio's own count."""
        if answer.is_own:
            self.offer(answer)

    def tally(self) -> KeyTally | None:
        """Compare the trusted keys with the radio's; None while these are not known."""
        radio = self._radio_of()
        if radio is None or radio.is_redacted or not radio.database.is_whole:
            return None
        return tally(self._keys.trusted_keys(), radio.database.keys)

    def loss(self) -> tuple[Loss, float] | None:
        """Return what the radio has lost within a day, and how many seconds ago."""
        with self._loss_lock:
            found = self._loss
        if found is None or (ago := self._clock.monotonic() - found[1]) > DAY:
            return None
        return found[0], ago

    # -- the thread

    def deadline(self) -> float:
        """See Service."""
        return self._custody.deadline

    def on_deadline(self) -> None:
        """See Service."""
        self._perform(self._custody.on_deadline(self._moment()))

    def handle(self, message: Any) -> None:
        """See Service."""
        at, custody = self._moment(), self._custody
        match message:
            case RadioReady():
                self._look(message.people, at)
            case _Lost():
                self._perform(custody.lost())
            case _Wanted():
                self._perform(custody.cure(message.num, at, lacks=message.lacks))
            case _Teaching() if self._radio_of() is None:
                message.reply.put(Outcome.LOCKED if self._links.is_locked() else Outcome.NO_LINK)
            case _Teaching():
                self._replies.setdefault(message.num, []).append(message.reply)
                self._perform(custody.teach(message.num, at))
            case RoutingAnswer():
                self._perform(custody.answered(message.request_id, message.error, at))
            case _:
                self._learn(message, at)

    def _learn(self, message: Any, at: Moment) -> None:
        match message:
            case NodeInfoPacket():
                num, key = message.record.num, message.record.public_key
                # also before the first look: the radio has heard it
                if (radio := self._radio_of()) is not None:
                    radio.database.learn(num, key)
                self._perform(self._custody.introduced(num, key, at))
            case PacketRecord():
                self._perform(self._custody.unreadable(message.sender, at))
            case ReceivedText():
                self._records.direct_message(message.message.sender, at.wall)
                self._save()
            case NoteKept():
                self._perform(self._custody.noted(message.num, at))
            case CustodyRestored():
                self._records.restore(message.rows, message.own)

    def _look(self, people: Collection[int], at: Moment) -> None:
        if (radio := self._radio_of()) is None:
            return
        self._perform(self._custody.ready(state_of(radio), people, at))
        if (found := self.tally()) is not None:
            LOGGER.info(
                "🗝️ Clés publiques dans la radio: %d sur %d; %d absentes, %d différentes",
                found.held,
                found.trusted,
                found.lacking,
                found.different,
            )

    def _perform(self, actions: Collection[Action]) -> None:
        for action in actions:
            try:
                self._do(action)
            except OSError as exc:
                # the link is gone, which ends every cure
                LOGGER.debug("Clés de la radio: %s", exc)
        self._save()

    def _do(self, action: Action) -> None:
        match action:
            case AskNode():
                LOGGER.info(
                    "🗝️ !%08x est prié de se présenter: la radio n'a pas sa clé, ou un message n'a pu être lu",
                    action.num,
                    extra=log.about(node=action.num),
                )
                self._links.ask(action.num)
            case KeepNote():
                self._save(action.num)
            case CureEnded():
                self._end(action)
            case RadioLost():
                self._report(action.loss)
            case _:
                if (radio := self._radio_of()) is not None:
                    change(radio, action)

    def _end(self, cure: CureEnded) -> None:
        if cure.outcome is Outcome.HELD and cure.taught:
            LOGGER.info("🗝️ Clé de !%08x apprise à la radio", cure.num, extra=log.about(node=cure.num))
        elif cure.outcome is Outcome.FORGOTTEN:
            LOGGER.info("🗝️ Clé révoquée de !%08x oubliée par la radio", cure.num, extra=log.about(node=cure.num))
        elif cure.outcome is not Outcome.HELD:
            # without a link it goes on at the next one
            level = logging.DEBUG if cure.outcome is Outcome.NO_LINK else logging.WARNING
            text = "⚠️ Clé de !%08x non rendue à la radio: %s"
            LOGGER.log(level, text, cure.num, cure.outcome.value, extra=log.about(node=cure.num))
        for reply in self._replies.pop(cure.num, ()):
            reply.put(cure.outcome)
        self._links.ended(cure.num, cure.outcome)

    def _report(self, loss: Loss) -> None:
        with self._loss_lock:
            self._loss = loss, self._clock.monotonic()
        before, now = loss.before, loss.now
        old, new = (fingerprint_of(each.public_key) if loss.key else "" for each in (before, now))
        LOGGER.warning(
            "🧠 La radio a perdu la mémoire%s%s%s: vérifiez-la, les clés lui sont rendues peu à peu",
            f"; sa clé {old} est devenue {new}" if loss.key else "",
            f"; nœuds: {before.nodes} → {now.nodes}" if loss.nodes else "",
            "; région non réglée, elle n'émet plus" if loss.region else "",
        )
        lost = before.nodes if loss.nodes else None
        self._links.report(RadioForgot(old, new, lost, now.nodes, region_unset=loss.region))

    def _save(self, note: int | None = None) -> None:
        changes = self._records.take_changes(note)
        if changes is not None and self._links.save is not None:
            self._links.save(changes)

    def _trusted(self, num: int) -> TrustedKey | None:
        radio = self._radio_of()
        # our own node is no other
        return None if radio is not None and num == radio.own_num else self._keys.trusted_key(num)

    def _moment(self) -> Moment:
        return Moment(self._clock.monotonic(), int(self._clock.now().timestamp()))


def state_of(radio: Radio) -> RadioState:
    """Return what the radio holds, and whether it can be changed."""
    database, keys = radio.database, radio.database.keys
    own = OwnRadioRow(radio.own_num, keys.get(radio.own_num, b""), radio.lora.region, max(0, len(database) - 1))
    obstacle = None
    if radio.is_redacted:
        obstacle = Outcome.LOCKED
    elif not database.is_whole:
        obstacle = Outcome.UNSEEN
    elif radio.is_managed:
        obstacle = Outcome.MANAGED
    elif not takes_contacts(radio.firmware):
        obstacle = Outcome.OLD_FIRMWARE
    return RadioState(own, keys, database.favourites, obstacle, database.is_whole and not radio.is_redacted)


def change(radio: Radio, action: Action) -> None:
    """Have the radio do it; OSError if the link is gone."""
    match action:
        case RemoveNode():
            radio.administration.remove_node(action.packet_id, action.num)
        case AddContact():
            radio.administration.add_contact(action.packet_id, action.contact)
        case RemoveFavourite():
            radio.administration.remove_favourite(action.packet_id, action.num)
        case Introduce():
            radio.introduce()
        case RadioKey():
            radio.database.set_key(action.num, action.key)
