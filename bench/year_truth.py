"""What is true on the mesh of `bench.year`, and what its bot is found to have done with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from meshtastic.protobuf import admin_pb2

from bench.one_thread import Station
from meshbot.commands import Role
from meshbot.mesh_link import TextMessage
from meshbot.nodes import fingerprint_of
from meshbot.runtime import KeyChanged, KeyChangeSource, KeyShared
from meshbot.sending import DeliveryReport, DeliveryStatus

# Seconds within which whatever has begun ends
SETTLED: Final = 600.0
# Of the orders that teach the radio a key: each n-th is the last thing that goes over its link
LINK_ENDS_AFTER: Final = 7


@dataclass(frozen=True, slots=True)
class Plan:
    """How large, how long, and how much happens."""

    days: int = 365
    nodes: int = 2000
    capacity: int = 100  # of the radio's node database
    seed: int = 1
    heard: int = 60  # introductions a day
    messages: int = 20  # a day each way
    impostors: int = 1000
    false_keys: int = 40  # announced under others' numbers
    reset_days: int = 30  # between two losses of the radio's node database


@dataclass(slots=True)
class Node:
    """One node of the mesh as it is in truth."""

    num: int
    key: bytes
    is_helpful: bool = True  # introduces itself when asked
    role: Role = Role.EVERYONE
    is_cloned: bool = False  # or the clone
    is_attacked: bool = False  # by an impostor or a clone, so that alarms are right
    upgrades_at: float = 0.0  # days
    former: int = 0  # its number before the upgrade
    letter: str = ""


@dataclass(slots=True)
class Sent:
    """A direct message of the bot's to a node whose true key it held."""

    node: Node
    num: int
    key: bytes
    # another key waits for the operator, or others have this one
    in_doubt: bool
    status: DeliveryStatus | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """What the reports of a direct message come back with."""

    number: int


@dataclass(slots=True)
class Findings:
    """What became of everything; `faults` name each thing that should not have happened."""

    sent: int = 0  # of which the key was in no doubt
    delivered: int = 0
    doubtful: int = 0
    doubtful_delivered: int = 0
    changed_meanwhile: int = 0  # the node had another number or key before it was delivered
    written: int = 0  # by people to the bot
    read: int = 0
    questions: int = 0  # that asked a node to introduce itself
    taught: int = 0
    wrong_taught: int = 0
    favourites_left: int = 0
    favourites_lost: int = 0
    changes: int = 0
    alerted_once: int = 0
    false_keys: int = 0  # announced by others
    swapped: int = 0  # of them, trusted before the operator decided
    upgraded: int = 0
    joined: int = 0  # in the end, also by nothing but signatures
    proven: int = 0  # wrote to the bot after the upgrade
    followed: int = 0
    letters: int = 0
    letters_followed: int = 0
    roles: int = 0
    roles_followed: int = 0
    false_alarms: int = 0
    impostors: int = 0
    adopted: int = 0
    alerts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def claims(self) -> dict[str, tuple[int, int]]:
        """Return for each promise how often it was kept, and how often it had to be."""
        return {
            "messages to nodes whose true key we hold are delivered": (self.delivered, self.sent),
            "taught keys are right": (self.taught - self.wrong_taught, self.taught),
            "favourites of ours left": (self.favourites_left, 0),
            "favourites of the operator's lost": (self.favourites_lost, 0),
            "real changes of keys alerted exactly once": (self.alerted_once, self.changes),
            "false keys trusted without the operator": (self.swapped, 0),
            "false alarms for nodes that were left in peace": (self.false_alarms, 0),
            "nodes that proved their new number are followed": (self.followed, self.proven),
            "letters follow": (self.letters_followed, self.letters),
            "roles follow": (self.roles_followed, self.roles),
            "impostors adopted": (self.adopted, 0),
        }


class Judge:
    """Knows the truth, and looks at the bot and at its radio."""

    def __init__(self, nodes: list[Node], state: Any) -> None:
        """`state` is the radio's."""
        self.found = Findings()
        self.nodes, self.state = nodes, state
        self.sent: dict[int, Sent] = {}
        # keys that each number's node has had
        self.had: dict[int, set[bytes]] = {node.num: {node.key} for node in nodes}
        # changes of keys that the operator is to learn of, by number and new fingerprint
        self.changes: set[tuple[int, str]] = set()
        # those of the operator's
        self.favourites: set[int] = set()
        self.station: Station

    @property
    def manager(self) -> Any:
        """The bot's memory of nodes."""
        return self.station.bot.node_manager

    def fault(self, what: str) -> None:
        """Note what should not have happened."""
        self.found.faults.append(what)

    def change(self, node: Node, key: bytes) -> None:
        """Take a node's new key."""
        if self.manager.public_key(node.num) is not None:
            self.found.changes += 1
            self.changes.add((node.num, fingerprint_of(key)))
        node.key = key
        self.had[node.num].add(key)

    def on_report(self, report: DeliveryReport) -> None:
        """Take what became of a direct message."""
        if report.is_end and isinstance(report.message.origin, Letter):
            sent = self.sent[report.message.origin.number]
            sent.status, sent.detail = report.status, report.detail
            trusted = self.manager.trusted_key(sent.num)
            sent.in_doubt |= trusted is None or trusted.doubtful

    def marked(self) -> set[int]:
        """Return the radio's favourites."""
        return {info.num for info in self.state.nodes.others() if info.is_favorite}

    def judge_favourites(self) -> None:
        """Look at them once everything has come to its end."""
        self.station.run(self.station.clock.monotonic() + SETTLED)
        marked = self.marked()
        if left := marked - self.favourites:
            self.found.favourites_left += len(left)
            self.fault(f"favourites of ours: {left}")
        if lost := self.favourites - marked:
            self.found.favourites_lost += len(lost)
            self.fault(f"favourites of the operator's: {lost}")
        self.favourites &= marked

    def judge_order(self, message: admin_pb2.AdminMessage) -> bool:
        """Judge what the radio is told; return whether the link is lost right after."""
        if message.WhichOneof("payload_variant") != "add_contact":
            return False
        num, key = message.add_contact.node_num, message.add_contact.user.public_key
        owner = next((node for node in self.nodes if num in {node.num, node.former}), None)
        self.found.taught += 1
        if key not in self.had.get(num, ()) or (owner is not None and key != owner.key):
            self.found.wrong_taught += 1
            self.fault(f"wrong key taught of !{num:08x}")
        return self.found.taught % LINK_ENDS_AFTER == 0

    def judge_false_key(self, node: Node, key: bytes) -> None:
        """Look what became of a key that somebody else has announced."""
        self.found.false_keys += 1
        if self.manager.public_key(node.num) == key:
            self.found.swapped += 1
            self.fault(f"the false key of !{node.num:08x} is trusted")

    def judge_followed(self, node: Node, message: TextMessage) -> None:
        """Look what has followed a node that has proven its new number by that message."""
        self.found.proven += 1
        is_joined = self.manager.numbers(node.num) == (node.num, node.former)
        mails = [mail.text for mail in self.station.bot.memory.mailbox.mails_of(node.num)]
        has_role = self.station.access.user_of(message).role is node.role
        self.found.followed += is_joined
        self.found.letters_followed += bool(node.letter) and node.letter in mails
        self.found.roles_followed += node.role is not Role.EVERYONE and has_role
        if not (is_joined and has_role and (not node.letter or node.letter in mails)):
            self.fault(f"!{node.former:08x} is not !{node.num:08x}: {is_joined}, {has_role}, {node.letter!r}, {mails}")

    def judge_impostor(self, node: Node, num: int) -> None:
        """Look whether somebody without a node's private key is taken for it."""
        if node.former:
            return
        role = self.station.access.user_of(TextMessage(1, num, self.state.own.num, 0, "/mail")).role
        mails = self.station.bot.memory.mailbox.mails_of(num)
        if self.manager.numbers(num) != (num,) or mails or role is not Role.EVERYONE:
            self.found.adopted += 1
            self.fault(f"impostor !{num:08x} is taken for !{node.num:08x}")

    def judge_messages(self) -> None:
        """Count the direct messages."""
        found = self.found
        for number, sent in self.sent.items():
            is_delivered = sent.status is DeliveryStatus.ACKNOWLEDGED
            if sent.in_doubt:
                found.doubtful += 1
                found.doubtful_delivered += is_delivered
            elif (sent.node.num, sent.node.key) != (sent.num, sent.key) and not is_delivered:
                found.changed_meanwhile += 1
            else:
                found.sent += 1
                found.delivered += is_delivered
                if not is_delivered:
                    self.fault(f"message {number} to !{sent.num:08x}: {sent.status} {sent.detail}")

    def judge_alerts(self) -> None:
        """Count what the operator was told."""
        found, times = self.found, Counter[tuple[int, str]]()
        peaceful = {num for node in self.nodes if not node.is_attacked for num in (node.num, node.former)}
        for incident in self.station.incidents:
            found.alerts[type(incident).__name__] += 1
            # what the operator does himself is confirmed, no alarm; an admin's first key is to be compared
            no_alarms = {KeyChangeSource.OPERATOR, KeyChangeSource.FIRST}
            if isinstance(incident, KeyChanged) and incident.source not in no_alarms:
                times[incident.num, incident.new] += 1
            if isinstance(incident, KeyShared) and peaceful.intersection(num for num, _ in incident.nodes):
                found.false_alarms += 1
                self.fault(f"false alarm: {incident}")
        found.alerted_once = sum(times[change] == 1 for change in self.changes)
        for change in self.changes:
            if times[change] != 1:
                self.fault(f"alerted {times[change]} times: {change}")
        for change, number in times.items():
            if change[0] in peaceful and change not in self.changes:
                found.false_alarms += number
                self.fault(f"false alarm: {change}")
