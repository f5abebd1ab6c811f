"""An outbox with a link, its sender's part of the bargain, and short words for tests."""

from __future__ import annotations

from itertools import count

from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.sending.outgoing import DeliveryStatus, OutgoingText, Priority
from tests.support.configured import make_outbox

INTERVAL = 2.2
ASKER, OWN = 0x1234, 0x9999
EVERYBODY = BROADCAST_NUM
QUEUE_FULL, TOO_LARGE = 32, 7


class Box:
    """An Outbox whose parts take 40 bytes; `now` moves with `later`, `outcomes` and `queued` collect what is told."""

    def __init__(self, now=100.0, first_id=1, first_row=1, **settings):
        self.outbox = make_outbox(INTERVAL, 40, count(first_id).__next__, first_row=first_row, **settings)
        self.now = now
        self.outcomes = []  # all but the next
        self.queued = []

    def up(self, boots=0):
        self.outbox.link_up(self.now, boots)
        return self

    def down(self):
        self._note(self.outbox.link_down())

    def load(self, percent):
        self._note(self.outbox.channel_load(percent, self.now))

    def add(self, text="bonjour", to=ASKER, **details):
        """Queue a text; return what this alone led to."""
        return self._note(self.outbox.add(OutgoingText(text, to, **details), self.now))

    def mail(self, text="lettre", **details):
        return self.add(text, want_ack=True, priority=Priority.MAIL, **details)

    def take(self):
        return self.outbox.take(self.now)

    def status(self, packet, result=0):
        return self._note(self.outbox.on_queue_status(packet.packet_id, result, self.now))

    def routing(self, packet, error="NONE", sender=OWN):
        return self._note(self.outbox.on_routing(packet.packet_id, error, self.now, sender=sender))

    def later(self, seconds):
        """Let time pass without looking at it."""
        self.now += seconds
        return self

    def look(self):
        """Let the outbox see what time it is."""
        return self._note(self.outbox.on_deadline(self.now))

    def send(self):
        """Wait for the next packet, take it and have it confirmed."""
        packet = self.take_when_due()
        self.status(packet)
        return packet

    def take_when_due(self, within=10_000.0):
        """Go from deadline to deadline until a packet comes; it must come in time."""
        give_up = self.now + within
        while (packet := self.take()) is None:
            assert self.now < self.outbox.deadline <= give_up, f"nothing goes out, deadline {self.outbox.deadline}"
            self.now = self.outbox.deadline
            self.look()
        return packet

    def run_until_quiet(self):
        """Let time pass until nothing is due any more; packets that go out are neither confirmed nor refused."""
        while self.outbox.deadline < float("inf"):
            self.now = max(self.now, self.outbox.deadline)
            self.look()
            self.take()

    def fates(self):
        """All ends and stages so far: the text and its fate."""
        return [(outcome.message.text, outcome.status) for outcome in self.outcomes]

    def _note(self, outcomes):
        self.queued += [outcome for outcome in outcomes if outcome.status is DeliveryStatus.QUEUED]
        told = [outcome for outcome in outcomes if outcome.status is not DeliveryStatus.QUEUED]
        self.outcomes += told
        return [outcome.status for outcome in told]
