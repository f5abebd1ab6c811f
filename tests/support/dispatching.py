"""A running dispatcher with commands that do as a test wants, and what it sends on."""

import sys
import threading
from queue import SimpleQueue

from meshbot.commands.dispatcher import Dispatcher
from meshbot.commands.executor import CommandLimits
from meshbot.commands.filter import MessageFilter
from meshbot.commands.language import translator
from meshbot.commands.registry import Command, Registry, Way
from meshbot.commands.roles import Role
from meshbot.mesh_link.receiver import RawPacket
from tests.support.fake_clock import FakeClock
from tests.support.sample_commands import open_access

OWN, ASKER = 0x9999, 0x1234
PATIENCE = 30.0  # real seconds: only a failure waits so long
LIMITS = CommandLimits(workers=2, slow_workers=2, timeout=30.0, answer_ttl=120.0)
SLOW_TIMEOUT = 90.0


class Sinks:
    """Keeps what the dispatcher sends on; `next_text` waits for it."""

    def __init__(self):
        self.sent = SimpleQueue()
        self.packets = []
        self.orders = SimpleQueue()
        self.node_infos = []
        self.routing_answers = []
        self.routes = []
        self.texts = []

    def packet_heard(self, packet):
        self.packets.append(packet)

    def node_info_heard(self, heard):
        self.node_infos.append(heard)

    def routing_answer(self, answer):
        self.routing_answers.append(answer)

    def route_heard(self, route):
        self.routes.append(route)

    def text_heard(self, message):
        self.texts.append(message)

    def send_text(self, message):
        self.sent.put(message)

    def after_answer(self, order):
        self.orders.put(order)

    def next_text(self):
        return self.sent.get(timeout=PATIENCE)


class Bench:
    """A running dispatcher with commands that hang, fail, exit or answer nothing at the test's will."""

    def __init__(self, access=None):
        self.clock = FakeClock()
        self.sinks = Sinks()
        self.release = threading.Event()
        self.begun = SimpleQueue()
        self.done = []
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
            Command("letter", "", lambda request: request.argument, aliases=("lettre",), private=True),
            Command("press", "", lambda _request: "pressed", ways=frozenset({Way.TELEGRAM})),
        ]
        self.dispatcher = Dispatcher(
            self.clock,
            Registry(commands),
            MessageFilter([2], 300.0, refuse_mqtt=False),
            access or open_access(),
            translator("en"),
            LIMITS,
            self.sinks,
        )
        self._ids = iter(range(1, 10_000))

    def _order(self, request):
        request.afterwards(lambda: self.done.append("ordered"))
        return "so be it"

    def _hang(self, request):
        self.begun.put(request.argument)
        assert self.release.wait(PATIENCE)
        return "at last"

    def _think(self, request):
        request.say("hm")
        return self._hang(request)

    def ask(self, text, **details):
        decoded = {"portnum": "TEXT_MESSAGE_APP", "text": text}
        self.offer({"from": ASKER, "to": OWN, "id": next(self._ids), "decoded": decoded} | details)

    def offer(self, packet, own_num=OWN):
        assert self.dispatcher.offer(RawPacket(packet, own_num))

    def settle(self):
        self.clock.advance(0)

    def think(self, *askers):
        for asker in askers:
            self.ask("/think", **{"from": asker})
        for _ in askers:
            self.begun.get(timeout=PATIENCE)
            assert self.sinks.next_text().text == "hm"

    def hang(self, count=1):
        for _ in range(count):
            self.ask("/hang")
        for _ in range(count):
            self.begun.get(timeout=PATIENCE)
