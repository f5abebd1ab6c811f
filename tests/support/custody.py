"""A radio as custody sees it, in a few lines: it answers at once, or not at all."""

from dataclasses import dataclass, field

from meshbot.mesh_link.messages import Contact
from meshbot.nodes.custody import Custody
from meshbot.nodes.custody_records import CustodyRecords
from meshbot.nodes.custody_steps import (
    Action,
    AddContact,
    AskNode,
    CureEnded,
    KeepNote,
    Moment,
    RemoveFavourite,
    RemoveNode,
)
from meshbot.nodes.radio_state import Outcome, RadioState, TrustedKey
from meshbot.storage.custody import CustodyRow, OwnRadioRow

ALICE, BRUNO, CAROLE = 0x20001EEF, 0x20001EF0, 0x20001EF1
OWN_NUM, EU_868 = 0x10000001, 3
OWN_KEY = bytes([9]) * 32
START = Moment(1000.0, 1_800_000_000)


def key(number: int) -> bytes:
    return bytes([number]) * 32


def trusted(num: int, public_key: bytes, *, verified: bool = False, doubtful: bool = False) -> TrustedKey:
    return TrustedKey(Contact(num, public_key, f"Node {num:x}", "N"), verified, doubtful)


def after(seconds: float, since: Moment = START) -> Moment:
    return Moment(since.now + seconds, since.wall + int(seconds))


@dataclass
class Bench:
    """Custody, a radio that does what it is told, and the nodes of the mesh."""

    keys: dict[int, bytes] = field(default_factory=dict)  # the radio's
    favourites: set[int] = field(default_factory=set)
    trust: dict[int, TrustedKey] = field(default_factory=dict)
    present: dict[int, bytes] = field(default_factory=dict)  # nodes that introduce themselves when asked, by their key
    revoked: set[tuple[int, bytes]] = field(default_factory=set)
    obstacle: Outcome | None = None
    region: int = EU_868
    own_num: int = OWN_NUM
    own_key: bytes = OWN_KEY
    nodes: int = 40
    answers: bool = True  # to admin messages
    commits: bool = True
    can_note: bool = True
    at: Moment = START
    done: list[Action] = field(default_factory=list)
    records: CustodyRecords = field(default_factory=CustodyRecords)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Start a new process: what was kept remains."""
        saved, self.records = self.records, CustodyRecords()
        self.records.restore(saved.rows, saved.own)
        self._ids = 0
        self.custody = Custody(
            self.records,
            self.trust.get,
            self._new_id,
            is_revoked=lambda num, key: (num, key) in self.revoked,
            can_note=self.can_note,
        )

    def _new_id(self) -> int:
        self._ids += 1
        return self._ids

    def talk(self, *nums: int) -> None:
        for num in nums:
            self.records.direct_message(num, self.at.wall)

    def state(self) -> RadioState:
        own = OwnRadioRow(self.own_num, self.own_key, self.region, self.nodes)
        return RadioState(own, dict(self.keys), frozenset(self.favourites), self.obstacle)

    def ready(self, people: set[int] = frozenset()) -> None:
        self.do(self.custody.ready(self.state(), people, self.at))

    def wait(self, seconds: float) -> None:
        """Let time pass, each deadline at its moment."""
        end = after(seconds, self.at)
        while (due := self.custody.deadline) <= end.now:
            self.at = after(max(due - self.at.now, 0.001), self.at)
            self.do(self.custody.on_deadline(self.at))
        self.at = end

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            self.done.append(action)
            self.do(self._respond(action))

    def _respond(self, action: Action) -> list[Action]:
        match action:
            case AskNode(num) if num in self.present:
                self.keys.setdefault(num, self.present[num])
                return self.custody.introduced(num, self.present[num], self.at)
            case KeepNote(num) if self.commits:
                return self.custody.noted(num, self.at)
            case RemoveNode() | AddContact() | RemoveFavourite() if self.answers:
                self.apply(action)
                return self.custody.answered(action.packet_id, "NONE", self.at)
        return []

    def apply(self, action: Action) -> None:
        match action:
            case RemoveNode(num):
                self.keys.pop(num, None)
                self.favourites.discard(num)
            case AddContact(contact):
                self.keys[contact.num] = contact.public_key
                self.favourites.add(contact.num)
            case RemoveFavourite(num):
                self.favourites.discard(num)

    def of(self, kind: type) -> list:
        return [each for each in self.done if isinstance(each, kind)]

    def asked(self) -> list[int]:
        return [each.num for each in self.of(AskNode)]

    def taught(self) -> list[int]:
        return [each.contact.num for each in self.of(AddContact)]

    def outcomes(self) -> dict[int, Outcome]:
        return {each.num: each.outcome for each in self.of(CureEnded)}

    def row(self, num: int) -> CustodyRow:
        return self.records.row(num)
