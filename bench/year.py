"""`python -m bench.year`: a year of a mesh's life in moved time, larger than its radio's memory; who kept what.

Each node's number and key are known here as nobody on the mesh knows them: what the bot trusts, teaches, joins and
tells its operator is judged by that (bench/year_truth.py). See bench/one_thread.py for what is real.
"""

# ruff: noqa: SLF001 - the parts of a bot that does not run have no other way in

from __future__ import annotations

import argparse
import heapq
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final
from zlib import crc32

from meshtastic.protobuf import portnums_pb2

from bench.effort import Effort
from bench.one_thread import MovedClock, Station, publishing_at_once, settings_in
from bench.table import Measured, Row
from bench.year_truth import SETTLED, Findings, Judge, Letter, Node, Plan, Sent
from meshbot.commands import Role
from meshbot.mesh_link import TextMessage
from meshbot.nodes import KeyDecision
from meshbot.sending import OutgoingText, Priority
from meshbot.virtual_node.firmware import Firmware
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from meshbot.virtual_node.population import user_message

PortNum = portnums_pb2.PortNum
DAY: Final = 86_400.0
HOUR: Final = 3600.0
# Seconds between two tries of somebody who writes to the bot
AGAIN: Final = 70.0
TRIES: Final = 6
TEXTS_KEPT: Final = 100
REBOOT: Final = 20.0
LINK_DAYS: Final = 3  # between two losses of the link
REBOOT_DAYS: Final = 7  # of the radio, which loses what it has not saved, and of the bot
FIRST_EVENTS: Final = 8.0  # days, by when everybody has been heard
# Of the year
UPGRADES: Final = (0.66, 0.75)
# Of the nodes
UNHELPFUL: Final = 0.1  # do not introduce themselves when asked
KNOWN: Final = 0.05  # listed in known_nodes
WITH_LETTER: Final = 0.15
TALKERS: Final = 0.05  # write to the bot, and get half of its messages
CHANGED: Final = 0.01
CLONED: Final = 0.001
ADMINS: Final = 3
FAVOURITES: Final = 5
OPERATOR: Final = "bench"
# Where databases wait for no disk, if there is such a place
MEMORY: Final = Path("/dev/shm")


class Year(Judge):
    """Runs once."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.rng, clock = plan, Random(plan.seed), MovedClock()
        self._start = clock.monotonic()
        firmware = Firmware(
            nodes=plan.nodes + 1,
            seed=plan.seed,
            version="2.7.26",
            keys=plan.nodes,
            chatter=0.0,
            queue_size=32,
            airtime=0.15,
            capacity=plan.capacity,
            now=clock.monotonic(),
            epoch=int(clock.now().timestamp()),
            region="US",
        )
        super().__init__([Node(user.num, user.public_key) for user in firmware.users], firmware._state)
        self._choose()
        self.station = Station(self._settings(folder), clock, firmware)
        self.station.on_admin = self.judge_order
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()
        self._clones: set[int] = set()

    # -- the mesh

    def _choose(self) -> None:
        """Choose who is like what, before anything happens."""
        for node in self.nodes:
            node.is_helpful = self.rng.random() >= UNHELPFUL
            self._set_manners(node)
        for place, node in enumerate(self.rng.sample(self.nodes, ADMINS + round(KNOWN * len(self.nodes)))):
            node.role = Role.ADMIN if place < ADMINS else Role.KNOWN
        self._talkers = self.rng.sample(self.nodes, max(2, round(TALKERS * len(self.nodes))))

    def _set_manners(self, node: Node) -> None:
        if not node.is_helpful:
            self.state.peers.get(node.num).introduced_at = float("inf")

    def _settings(self, folder: Path) -> Any:
        listed = {role: [f"!{node.num:08x}" for node in self.nodes if node.role is role] for role in Role}
        return settings_in(folder, admin_nodes=listed[Role.ADMIN], known_nodes=listed[Role.KNOWN])

    @property
    def now(self) -> float:
        """The present, in seconds."""
        return self.station.clock.monotonic()

    # -- the plan of the year

    def run(self) -> Findings:
        """Live through it; return what was found."""
        self._listen()
        self._plan()
        for day in range(self.plan.days + 1):
            self._live_until(self._start + day * DAY)
            self._each_day(day)
        self.station.run(self.now + 3 * DAY)
        self.judge_favourites()
        self.found.questions = self.station.questions
        self.found.joined = sum(self.manager.numbers(node.num) == (node.num, node.former) for node in self.nodes)
        self.judge_messages()
        self.judge_alerts()
        return self.found

    def at(self, day: float, action: Callable[[], object]) -> None:
        """Plan something."""
        heapq.heappush(self._events, (self._start + day * DAY, next(self._order), action))

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Plan something from now on."""
        heapq.heappush(self._events, (self.now + seconds, next(self._order), action))

    def _live_until(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            due, _, action = heapq.heappop(self._events)
            self.station.run(due)
            action()
        self.station.run(until)

    def _plan(self) -> None:
        plan, rng, days = self.plan, self.rng, self.plan.days
        for node in self.nodes:
            self.at(rng.uniform(0, FIRST_EVENTS - 2), partial(self._introduce, node))
            if node.role is Role.ADMIN:
                # heard by air, it has its rights once the operator has compared it
                self.at(FIRST_EVENTS - 1, partial(self._decide, node))
        for _ in range(plan.heard * days):
            self.at(rng.uniform(0, days), lambda: self._introduce(rng.choice(self.nodes)))
        for _ in range(plan.messages * days):
            self.at(rng.uniform(FIRST_EVENTS, days), self._send)
            self.at(rng.uniform(FIRST_EVENTS, days), self._be_written_to)
        first, last = (share * days for share in UPGRADES)
        for node in self.nodes:
            node.upgrades_at = rng.uniform(first, last)
            self.at(node.upgrades_at, partial(self._upgrade, node))
            if rng.random() < WITH_LETTER:
                self.at(node.upgrades_at - 1, partial(self._leave_letter, node))
        self.at((first + last) / 2, self._upgrade_ours)
        self._plan_troubles()

    def _plan_troubles(self) -> None:
        plan, rng = self.plan, self.rng
        chosen = iter(rng.sample(self.nodes, len(self.nodes)))
        # at most so many, that everybody else is left in peace
        victims = [next(chosen) for _ in range(min(plan.impostors, len(self.nodes) // 2))]
        for number in range(plan.impostors):
            node = victims[number % len(victims)]
            node.is_attacked = True
            self.at(rng.uniform(FIRST_EVENTS, node.upgrades_at - 1.5), partial(self._imitate, node))
        for _ in range(max(1, round(CHANGED * plan.nodes))):
            node = next(chosen)
            self.at(rng.uniform(FIRST_EVENTS, node.upgrades_at - 6), partial(self._change_key, node))
        for _ in range(max(1, round(CLONED * plan.nodes))):
            node = next(chosen)
            node.is_attacked = True
            self.at(rng.uniform(FIRST_EVENTS, node.upgrades_at - 6), partial(self._clone, node))
        for _ in range(plan.false_keys):
            node = rng.choice(victims)
            self.at(rng.uniform(FIRST_EVENTS, node.upgrades_at - 6), partial(self._announce_false_key, node))
        favourites = [next(chosen) for _ in range(FAVOURITES)]
        for node in favourites:
            self.at(FIRST_EVENTS, partial(self._mark_favourite, node))
        # its radio is taught another key of one
        self.at(FIRST_EVENTS + 2, partial(self._change_key, favourites[0]))

    def _each_day(self, day: int) -> None:
        """Lose the link, and now and then more: the radio's memory, what it has not saved, the bot's process."""
        self.judge_favourites()
        self.station.upkeep()
        if day and day % self.plan.reset_days == 0:
            self.favourites.clear()
            self.station.firmware.forget_nodes()
        if day % REBOOT_DAYS == 0:
            self.station.firmware.reboot(self.now, REBOOT, forget_recent=True)
            self._restart(is_orderly=day % 2 == 0)
        if day % LINK_DAYS == 0:
            self.station.drop()

    def _restart(self, *, is_orderly: bool) -> None:
        self.station.restart(is_orderly=is_orderly)
        self._listen()

    def _listen(self) -> None:
        origin: Any = Letter
        self.station.bot._reports.route(origin, self.on_report)

    # -- what happens

    def _introduce(self, node: Node) -> None:
        self.station.firmware.hear_nodeinfo(node.num, self.now)

    def _send(self) -> None:
        node = self.rng.choice(self._talkers if self.rng.random() < 1 / 2 else self.nodes)
        trusted = self.manager.trusted_key(node.num)
        if trusted is None or trusted.key != node.key:
            return
        number = len(self.sent)
        self.sent[number] = Sent(node, node.num, node.key, in_doubt=trusted.doubtful)
        text = OutgoingText(
            f"✉️ {number}",
            node.num,
            want_ack=True,
            priority=Priority.MAIL,
            origin=Letter(number),  # type: ignore[arg-type] # its own
        )
        self.station.bot._sender.tell(text)

    def _be_written_to(self) -> None:
        self.found.written += 1
        self._write(self.rng.choice(self._talkers), self._count_read)

    def _count_read(self, _node: Node, _message: TextMessage) -> None:
        self.found.read += 1

    def _write(self, node: Node, then: Callable[[Node, TextMessage], object], tries: int = TRIES) -> None:
        """Have a node write to the bot, again if that does not come; `then` takes what came."""
        packet_id = self.station.firmware.hear_text(node.num, "Bonjour", self.now)
        self.later(AGAIN, lambda: self._look_for(node, packet_id, then, tries - 1))

    def _look_for(self, node: Node, packet_id: int, then: Callable[[Node, TextMessage], object], tries: int) -> None:
        texts, self.station.texts = self.station.texts, []
        for text in texts:
            if text.message.packet_id == packet_id and text.message.pki_encrypted:
                then(node, text.message)
                return
        self.station.texts = texts[-TEXTS_KEPT:]
        if tries:
            # it goes on introducing itself meanwhile
            self.later(3 * HOUR, lambda: self._introduce(node))
            self.later(3 * HOUR + AGAIN, lambda: self._write(node, then, tries))
        elif then != self._count_read:
            self.found.faults.append(f"!{node.num:08x} cannot reach the bot")

    def _leave_letter(self, node: Node) -> None:
        node.letter = f"for {node.num:08x}"
        sender = self.rng.choice(self.nodes)
        self.station.bot.memory.mailbox.send(sender.num, node.num, node.letter)

    def _upgrade(self, node: Node) -> None:
        if node.num in self._clones:
            return
        node.former = node.num
        node.num = self.station.firmware.upgrade_user(node.num, self.now).num
        self.had.setdefault(node.num, set()).add(node.key)
        self._set_manners(node)
        self.found.upgraded += 1
        if not node.is_cloned:
            self.found.letters += bool(node.letter)
            self.found.roles += node.role is not Role.EVERYONE
        if (node.letter or node.role is not Role.EVERYONE) and not node.is_cloned:
            self.later(self.rng.uniform(SETTLED, DAY), lambda: self._write(node, self._wait_and_judge))

    def _upgrade_ours(self) -> None:
        self.station.firmware.upgrade("2.8.0", REBOOT, self.now)

    def _change_key(self, node: Node) -> None:
        self.change(node, self.station.firmware.change_key(node.num, self.now).public_key)
        self._set_manners(node)
        self.later(self.rng.uniform(1, 3) * DAY, lambda: self._decide(node))

    def _decide(self, node: Node, false_key: bytes = b"") -> None:
        """Have the operator, who has asked the node's owner, settle its keys."""
        if false_key:
            self.judge_false_key(node, false_key)
        decide = self.manager.decide_key
        if not decide(node.num, node.key, KeyDecision.ACCEPT, OPERATOR):
            decide(node.num, node.key, KeyDecision.VERIFY, OPERATOR)
        for key in self.manager.pending_keys().get(node.num, set()):
            decide(node.num, key, KeyDecision.REJECT, OPERATOR)
        self.station.bot._custody.teach(node.num)

    def _clone(self, node: Node) -> None:
        users = self.state.users
        copy = replace(users[node.num], num=self.rng.randrange(0x02000000, 0x0FFFFFFF), long_name="Copy")
        users[copy.num] = copy
        clone = Node(copy.num, node.key, is_helpful=True, is_cloned=True, is_attacked=True)
        node.is_cloned = True
        self._clones.add(clone.num)
        self.nodes.append(clone)
        self.had[copy.num] = {node.key}
        self.later(30, partial(self._introduce, clone))

    def _imitate(self, node: Node) -> None:
        """Have somebody without a node's private key pretend to be it after its upgrade."""
        self.found.impostors += 1
        num = crc32(node.key)
        self.had.setdefault(num, set()).add(node.key)
        user = replace(self.state.users[node.num], num=num)
        self._hear(num, BROADCAST_NUM, user_message(user).SerializeToString())
        self._hear(num, self.state.own.num, b"/mail", is_text=True, encrypted=True)
        self._hear(num, self.state.own.num, b"/mail", is_text=True, public_key=node.key, via_mqtt=True)
        self.later(SETTLED, lambda: self.judge_impostor(node, num))

    def _announce_false_key(self, node: Node) -> None:
        """Have somebody announce a key of his own under a node's number; the operator says later which is right."""
        user = replace(self.state.users[node.num], public_key=self.rng.randbytes(32))
        self._hear(node.num, BROADCAST_NUM, user_message(user).SerializeToString())
        self.later(self.rng.uniform(1, 3) * DAY, partial(self._decide, node, user.public_key))

    def _hear(self, num: int, to: int, payload: bytes, *, is_text: bool = False, **how: Any) -> None:
        port = PortNum.TEXT_MESSAGE_APP if is_text else PortNum.NODEINFO_APP
        packet = data_packet(num, to, port, payload, self.state.new_id(), hop_start=3, hop_limit=2, rx_snr=5.0)
        if how.get("encrypted"):
            packet.encrypted = self.rng.randbytes(40)
        if "public_key" in how:
            packet.pki_encrypted, packet.public_key, packet.via_mqtt = True, how["public_key"], True
        self.station.firmware.hear(packet, self.now)

    def _mark_favourite(self, node: Node) -> None:
        """Have the operator mark a node by an app, which takes the link, when it has just been heard."""
        self._introduce(node)
        self.station.drop()
        self.state.nodes.protect(node.num, "is_favorite")
        if node.num in self.marked():
            self.favourites.add(node.num)

    def _wait_and_judge(self, node: Node, message: TextMessage) -> None:
        self.later(SETTLED, lambda: self.judge_followed(node, message))


def live(plan: Plan) -> Findings:
    """Live through one year."""
    logging.getLogger().addHandler(logging.NullHandler())
    where = MEMORY if MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="meshbot-bench-", dir=where) as folder, publishing_at_once():
        year = Year(plan, Path(folder))
        try:
            return year.run()
        finally:
            year.station.close()


def year_of_life(effort: Effort) -> Measured:
    """Measure what is kept through a year."""
    found = live(plan := Plan(*effort.year))
    rows = [Row(f"a year: {what}", *_shown(*kept)) for what, kept in found.claims().items()]
    note = (
        f"year: {plan.days} days, {plan.nodes} nodes, a node database of {plan.capacity}, seed {plan.seed}; "
        f"{found.upgraded} nodes and ours upgraded to 2.8, {found.joined} of them joined in the end; "
        f"{found.doubtful_delivered} of {found.doubtful} messages to keys in doubt delivered, "
        f"{found.read} of {found.written} messages of people read; {found.questions} questions, {found.taught} taught; "
        f"{found.changes} keys changed, {found.false_keys} false ones announced, {found.impostors} impostors"
    )
    return Measured(rows, [note, *found.faults])


def _shown(kept: int, wanted: int) -> tuple[str, str, str, bool]:
    target, result = (f"{wanted} of {wanted}", f"{kept} of {wanted}") if wanted else ("0", str(kept))
    return target, "–", result, kept == wanted


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; return 0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.year", description=__doc__)
    parser.add_argument("--seed", type=int, default=Plan().seed)
    parser.add_argument("--days", type=int, default=Plan().days)
    parser.add_argument("--nodes", type=int, default=Plan().nodes)
    parser.add_argument("--capacity", type=int, default=Plan().capacity, help="nodes that the radio remembers")
    parser.add_argument("--impostors", type=int, default=Plan().impostors)
    found = live(Plan(**vars(parser.parse_args(arguments))))
    for what, (kept, wanted) in found.claims().items():
        print(f"{what}: {kept} ({wanted})")
    print(found)
    return int(any(kept != wanted for kept, wanted in found.claims().values()))


if __name__ == "__main__":
    sys.exit(main())
