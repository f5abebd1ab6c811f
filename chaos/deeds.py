"""What people, scripts and attackers do in a lane, and whether the bot kept what it accepted."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from meshtastic.protobuf import portnums_pb2

from chaos.catalogue import VICTIMS
from chaos.invariants import Accepted, lost_and_repeated
from chaos.schedule import Act, Deed, Round
from chaos.surroundings import Surroundings
from meshbot.control import ControlClient, NoBotError, Verb
from meshbot.virtual_node import BROADCAST_NUM, User, data_packet, user_message

GROUP: Final = -1_000_000_000_777
ADMIN, GUEST = 111, 333
ASKERS: Final = 4
NEWCOMERS: Final = 20
SAY_WITHIN: Final = 60.0
TICK: Final = 0.05
# Seconds from a question to the next one
ASKED_AGAIN: Final = 8.0
# Of the node: they make a text go again under another id, or hide that it went
REPEATERS: Final = frozenset({"nak", "forged_routing", "unheard", "forget_nodes", "mistake_our_key", "cut_at_text"})
# Of the node or host: a question may be taken for an old one, or the node may not have its asker's key any more
ASKED_IN_VAIN: Final = frozenset({"clock_step", "forget_nodes"})
BAD_REQUESTS: Final = (b"\x00\xff\xfe\n", b"{\n", b'{"verb": "say"}\n', b"[" * 9000 + b"\n")


@dataclass(slots=True)
class Question:
    """A command by direct message, which the node has handed on to the bot or not."""

    packet_id: int
    asker: int
    at: float
    text: str
    one: Round
    may_be_lost: bool = False


class Deeds:
    """Those of one lane; one thread, beside the pool's that wait for answers."""

    def __init__(self, lane: Surroundings) -> None:
        self._lane = lane
        api = lane.api
        # gets the alerts
        api.user(ADMIN, "Ada")
        self._guest = api.user(GUEST, "Gus")
        self._group = api.group(GROUP, "Mesh")
        self._count = 0
        self._rng = Random(0)
        self._questions: list[Question] = []
        self._said: dict[str, Accepted] = {}
        self._chatted: dict[str, Accepted] = {}
        self._messages: dict[str, int] = {}  # their numbers in the group
        self._lines: list[str] = []  # of the processes that have ended
        self._keys: dict[int, set[bytes]] = defaultdict(set)
        self._learn_keys()

    def begin(self, one: Round) -> None:
        """Take the next round."""
        self._one = one
        self._rng = Random(f"deeds/{one.number}")

    def genuine(self) -> Mapping[int, Collection[bytes]]:
        """Return by number the keys that its node has ever had."""
        self._learn_keys()
        return self._keys

    def _learn_keys(self) -> None:
        for user in (*self._lane.node.users, self._lane.node.own):
            known = self._lane.node.node_info(user.num)
            held = b"" if known is None else known.user.public_key
            self._keys[user.num] |= {key for key in (user.public_key, held) if key}

    # -- what is done

    def do(self, act: Act) -> None:
        """Do one deed."""
        user = self._lane.node.users[act.who]
        doing: Mapping[Deed, Callable[[], object]] = {
            Deed.COMMAND: lambda: self.command(act.who),
            Deed.MENTION: lambda: self._lane.node.hear_text(user.num, self._text("mention"), BROADCAST_NUM),
            Deed.SAY: lambda: self._lane.pool.submit(self._say, self._text("say"), self._one),
            Deed.STATUS: lambda: self._lane.pool.submit(self._lane.ask, Verb.STATUS),
            Deed.RELOAD: self._reload,
            Deed.BAD_REQUEST: lambda: self._lane.pool.submit(self._send_raw, BAD_REQUESTS[act.who]),
            Deed.CHAT_COMMAND: lambda: self._guest.says("/ping"),
            Deed.CHAT_TEXT: self._chat,
            Deed.IMPOSTOR: lambda: self._imitate(self._lane.node.users[VICTIMS[act.who]]),
            Deed.RENAMING: lambda: self._introduce(replace(user, long_name=f"Name {self._rng.random()}")),
            Deed.REPLAY: self._replay,
            Deed.NEWCOMERS: lambda: self._meet(user),
        }
        doing[act.deed]()

    def command(self, who: int) -> int:
        """Let a user ask; return the packet's id."""
        user, text = self._lane.node.users[who], f"/ping {self._text('ask')}"
        at = time.monotonic()
        packet_id = self._lane.node.hear_text(user.num, text)
        self._questions.append(Question(packet_id, user.num, at, text, self._one))
        return packet_id

    def killed(self, since: float) -> None:
        """Note that the process has ended: what it took after `since` may be lost."""
        self._lines += self._lane.bot.lines
        for question in self._questions:
            question.may_be_lost |= not self._answers(question)
        # what waits is stored with the time of day at which it expires: an hour off, and it may have expired at once
        if "clock_step" in self._one.names():
            since = 0.0
        for kept in (self._said, self._chatted):
            kept.update({text: replace(each, may_be_lost=True) for text, each in kept.items() if each.at > since})

    def prove_hearing(self, seconds: float, clock: Callable[[], float]) -> None:
        """Ask until it is answered: a bot that is READY and deaf is the worst of all; TimeoutError."""
        node, asked = self._lane.node, set[int]()
        while clock() < seconds:
            # a radio that lost its keys refuses to send to who has not introduced itself
            node.hear_nodeinfo(node.users[0].num)
            asked.add(self.command(0))
            again = min(seconds, clock() + ASKED_AGAIN)
            while clock() < again:
                if any(sent.reply_id in asked for sent in node.transmitted):
                    return
                self._lane.pause(TICK)
        raise TimeoutError(f"READY, and no answer within {seconds:g} s to {len(asked)} questions")

    def _text(self, kind: str) -> str:
        self._count += 1
        return f"{kind} {self._one.number}.{self._count}"

    def _say(self, text: str, one: Round) -> None:
        """Have the bot say it, and note what it answers up to the end."""
        path = self._lane.folder / "data" / "meshbot.sock"
        repeats = bool(one.names() & REPEATERS)
        try:
            with ControlClient([path], SAY_WITHIN) as client:
                for answer in client.ask(Verb.SAY, text=text, to="0"):
                    if answer.get("ok") and text not in self._said:
                        self._said[text] = Accepted(text, time.monotonic(), may_be_repeated=repeats)
                    if answer.get("error") and text in self._said:
                        self._said[text] = replace(self._said[text], refused=True)
        # the process has ended, or it is in no hurry
        except (NoBotError, OSError, ValueError):
            return

    def _send_raw(self, data: bytes) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2.0)
            try:
                client.connect(str(self._lane.folder / "data" / "meshbot.sock"))
                client.sendall(data)
                client.recv(4096)
            # it may be away
            except OSError:
                return

    def _chat(self) -> None:
        text = self._text("chat")
        repeats = bool(self._one.names() & REPEATERS)
        self._messages[text] = self._guest.says(text, self._group)
        self._chatted[text] = Accepted(text, time.monotonic(), may_be_repeated=repeats)

    def _reload(self) -> None:
        # before it has said anything it has no handler yet: systemd waits for READY with a reload
        if self._lane.bot.lines:
            self._lane.bot.signal(signal.SIGHUP)

    def _imitate(self, user: User) -> None:
        self._introduce(replace(user, public_key=self._rng.randbytes(32)))

    def _meet(self, like: User) -> None:
        for _ in range(NEWCOMERS):
            number, key = self._rng.randrange(0x1000_0000, 0xF000_0000), self._rng.randbytes(32)
            self._keys[number].add(key)
            self._introduce(replace(like, num=number, public_key=key))

    def _introduce(self, user: User) -> None:
        message = user_message(user)
        payload, port = message.SerializeToString(), portnums_pb2.PortNum.NODEINFO_APP
        number = self._rng.randrange(1, 1 << 32)
        self._lane.node.hear(data_packet(user.num, BROADCAST_NUM, port, payload, number, hop_start=3, hop_limit=2))

    def _replay(self) -> None:
        """Send a question again as it was recorded."""
        if self._questions:
            old = self._rng.choice(self._questions)
            self._lane.node.hear_text(old.asker, old.text, packet_id=old.packet_id)

    # -- what was kept

    def lines(self) -> list[str]:
        """Return the log of all processes so far."""
        return [*self._lines, *self._lane.bot.lines]

    def _answers(self, question: Question) -> int:
        """Return under how many ids an answer went on air."""
        return len({sent.packet.id for sent in self._lane.node.transmitted if sent.reply_id == question.packet_id})

    def _accepted(self, question: Question) -> Accepted | None:
        """Return a question that the bot has taken, None for one that never reached it."""
        lines = self.lines()
        taken = f"📨 MESSAGE BRUT: '{question.text}'"
        at = next((number for number, line in enumerate(lines) if taken in line), None)
        if at is None:
            return None
        asker = f"{question.asker:08x}"
        refused = any(
            asker in line and re.search("non remise|expirée|🚪|⛔|🚫|WARN|ERROR", line) for line in lines[at + 1 :]
        )
        names = question.one.names()
        return Accepted(
            str(question.packet_id),
            question.at,
            may_be_lost=question.may_be_lost or bool(names & ASKED_IN_VAIN),
            may_be_repeated=bool(names & REPEATERS),
            refused=refused,
        )

    def is_settled(self) -> bool:
        """Whether nothing accepted waits any more."""
        return not self.unkept(()) and not self._lane.api.pending_updates

    def unkept(self, waiting: Collection[str]) -> list[str]:
        """Return what the bot accepted and did not do once; `waiting`: texts, and ids of questions, in its outbox."""
        sent = self._lane.node.transmitted
        replies = {str(q.packet_id): self._answers(q) for q in self._questions}
        texts: Counter[str] = Counter()
        for text in (*self._said, *self._chatted):
            texts[text] = len({each.packet.id for each in sent if each.text.endswith(text)})
        replied = {shown.reply_to for shown in self._lane.api.messages(self._group, by_bot=True)}
        chatted = [replace(each, refused=self._messages[each.text] in replied) for each in list(self._chatted.values())]
        held = {text for text in texts if any(str(one).endswith(text) for one in waiting)} | set(waiting)
        questions = [one for one in map(self._accepted, self._questions) if one is not None]
        return [
            *lost_and_repeated(questions, replies, held),
            *lost_and_repeated([*self._said.values(), *chatted], texts, held),
        ]
