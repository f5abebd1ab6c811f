"""A send queue with a link and a clock, driven by short calls."""

from __future__ import annotations

from itertools import count

from meshbot.mesh_link.messages import RoutingAnswer
from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.sending.receipts import DeliveryStatus
from tests.support.configured import make_send_queue

INTERVAL = 2.2
ASKER, OWN = 0x1234, 0x9999
EVERYBODY = BROADCAST_NUM
QUEUE_FULL, TOO_LARGE = 32, 7


class QueueDriver:
    """A SendQueue; `later` moves `now`, `reports` and `queued` collect its reports."""

    def __init__(self, now=100.0, first_id=1, first_row=1, limit=40, **settings):
        self.queue = make_send_queue(INTERVAL, limit, count(first_id).__next__, first_row=first_row, **settings)
        self.now = now
        self.reports = []  # all but the next
        self.queued = []

    def up(self, boots=0, lora=None):
        self.queue.link_up(self.now, boots, lora)
        return self

    def down(self):
        self._note(self.queue.link_down())

    def load(self, percent):
        self._note(self.queue.channel_load(percent, self.now))

    def add(self, text="bonjour", to=ASKER, **details):
        """Queue a text; return what this alone led to."""
        return self._note(self.queue.add(OutgoingText(text, to, **details), self.now))

    def mail(self, text="lettre", **details):
        return self.add(text, want_ack=True, priority=Priority.MAIL, **details)

    def take(self):
        return self.queue.take(self.now)

    def status(self, packet, result=0):
        return self._note(self.queue.on_queue_status(packet.packet_id, result, self.now))

    def routing(self, packet, error="NONE", sender=OWN):
        """Have a routing answer come, which has an effect only if it may."""
        answer = RoutingAnswer(packet.packet_id, sender, error, is_own=sender == OWN)
        return self._note(self.queue.on_routing(answer, self.now) or [])

    def later(self, seconds):
        """Let time pass without looking at it."""
        self.now += seconds
        return self

    def look(self):
        """Let the queue see what time it is."""
        return self._note(self.queue.on_deadline(self.now))

    def send(self):
        """Wait for the next packet, take it and have it confirmed."""
        packet = self.take_when_due()
        self.status(packet)
        return packet

    def take_when_due(self, within=10_000.0):
        """Go from deadline to deadline until a packet comes; it must come in time."""
        give_up = self.now + within
        while (packet := self.take()) is None:
            assert self.now < self.queue.deadline <= give_up, f"nothing goes out, deadline {self.queue.deadline}"
            self.now = self.queue.deadline
            self.look()
        return packet

    def run_until_quiet(self):
        """Let time pass until nothing is due any more; packets that go out are neither confirmed nor refused."""
        while self.queue.deadline < float("inf"):
            self.now = max(self.now, self.queue.deadline)
            self.look()
            self.take()

    def statuses(self):
        """All ends and stages so far: the text and its status."""
        return [(report.message.text, report.status) for report in self.reports]

    def _note(self, reports):
        self.queued += [report for report in reports if report.status is DeliveryStatus.QUEUED]
        others = [report for report in reports if report.status is not DeliveryStatus.QUEUED]
        self.reports += others
        return [report.status for report in others]
