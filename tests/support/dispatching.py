"""A running dispatcher with commands that do as a test wants, and what it sends."""

import sys
import threading
from math import inf
from queue import SimpleQueue

from meshbot.commands.dispatcher import Dispatcher
from meshbot.commands.executor import CommandLimits
from meshbot.commands.filter import MessageFilter
from meshbot.commands.language import translator
from meshbot.commands.registry import Acknowledgement, Command, Platform, Registry
from meshbot.commands.roles import Role
from meshbot.mesh_link.messages import ReceivedText, TextMessage
from meshbot.sending.sender import AfterAnswer
from tests.support.fake_clock import FakeClock
from tests.support.sample_commands import open_access

OWN, ASKER = 0x9999, 0x1234
# Nodes of the settings; everybody else is a stranger
KNOWN = frozenset(range(1, 99))
# Real seconds: only a failure waits so long
PATIENCE = 30.0
LIMITS = CommandLimits(workers=2, slow_workers=2, timeout=30.0, answer_ttl=120.0)
SLOW_TIMEOUT = 90.0


class Sent:
    """Keeps what the dispatcher hands to the sender; `next_text` waits for it."""

    def __init__(self):
        self.texts = SimpleQueue()
        self.actions = SimpleQueue()

    def __call__(self, message):
        (self.actions if isinstance(message, AfterAnswer) else self.texts).put(message)

    def next_text(self):
        return self.texts.get(timeout=PATIENCE)


class Bench:
    """A running dispatcher with commands that hang, fail, exit or answer nothing at the test's will."""

    def __init__(self, access=None):
        self.clock = FakeClock()
        self.sent = Sent()
        self.release = threading.Event()
        self.begun = SimpleQueue()
        self.done = []
        self.awaited = set()  # nodes whose texts a person elsewhere waits for
        self.channel_is_busy = False
        self.answers_go_in = {False: 0.0, True: 0.0}  # seconds, by whether for a stranger
        commands = [
            Command("echo", "", lambda request: request.argument),
            Command("where", "", lambda request: f"on {request.channel}"),
            Command("hang", "", self._hang, aliases=("h",)),
            Command("fail", "", lambda request: request.nothing),
            Command("may", "", lambda request: " ".join(command.name for command in request.available)),
            Command("order", "", self._order, role=Role.ADMIN),
            Command("exit", "", lambda _request: sys.exit("the library's way")),
            Command("think", "", self._think, slow=True, timeout=SLOW_TIMEOUT),
            Command("look", "", self._hang, slow=True),
            Command("wonder", "", self._hang, slow=True, queue_limit=5),
            Command("keep", "", lambda _request: Acknowledgement("kept"), despite_load=True),
            Command("letter", "", lambda request: request.argument, aliases=("lettre",), private=True),
            Command("press", "", lambda _request: "pressed", platforms=frozenset({Platform.TELEGRAM})),
        ]
        self.dispatcher = Dispatcher(
            self.clock,
            Registry(commands),
            MessageFilter([2], 300.0, refuse_mqtt=False),
            access or open_access(KNOWN),
            translator("en"),
            LIMITS,
            self.sent,
            self._answer_at,
            lambda message: message.sender in self.awaited,
        )
        self._ids = iter(range(1, 10_000))

    def _answer_at(self, *, for_stranger, despite_load):
        held = inf if self.channel_is_busy and not despite_load else 0.0
        return self.clock.monotonic() + self.answers_go_in[for_stranger] + held

    def _order(self, request):
        request.after_answer(lambda: self.done.append("ordered"))
        return "so be it"

    def _hang(self, request):
        self.begun.put(request.argument)
        assert self.release.wait(PATIENCE)
        return "at last"

    def _think(self, request):
        request.send_interim("hm")
        return self._hang(request)

    def ask(self, text, *, own_num=OWN, is_repeat=False, **details):
        values = {"packet_id": next(self._ids), "sender": ASKER, "to": OWN, "channel": 0, "text": text} | details
        assert self.dispatcher.offer(ReceivedText(TextMessage(**values), own_num, is_repeat))

    def settle(self):
        self.clock.advance(0)

    def think(self, *askers):
        for asker in askers:
            self.ask("/think", sender=asker)
        for _ in askers:
            self.begun.get(timeout=PATIENCE)
            assert self.sent.next_text().text == "hm"

    def hang(self, count=1):
        for _ in range(count):
            self.ask("/hang")
        for _ in range(count):
            self.begun.get(timeout=PATIENCE)
