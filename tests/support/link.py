"""A link machine whose time a test plays, deadline by deadline."""

from meshbot.mesh_link.actions import (
    LinkDown,
    OpenLink,
)
from meshbot.mesh_link.backoff import Backoff
from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.machine import LinkMachine
from meshbot.mesh_link.states import Evidence, LinkEvent, LinkState
from meshbot.runtime.incidents import LinkCause
from tests.support.configured import make_times

E, S = LinkEvent, LinkState
T0 = 1000.0


class Link:
    """A machine and its time; `at(seconds)` plays every deadline on the way, as the shell does."""

    def __init__(self, *, cleanup_delay=1.0, **times):
        self.machine = LinkMachine(make_times(**times), Backoff(cleanup_delay, lambda: 0.0))
        self.now = T0

    def tell(self, event, **details):
        return self.machine.handle(event, self.now, self.machine.generation, **details)

    def at(self, seconds):
        actions = []
        while (due := self.machine.deadline) <= T0 + seconds:
            self.now = max(self.now, due)
            actions += self.tell(E.DEADLINE)
        self.now = T0 + seconds
        return actions

    def after(self, seconds):
        return self.at(self.now - T0 + seconds)

    def heard(self):
        self.machine.heard(self.machine.generation, self.now)

    def start(self):
        return self.tell(E.START)

    def become_ready(self, *, answers_probes=True, boots=0):
        self.tell(E.ACCEPTED)
        return self.tell(E.CONNECTED, evidence=Evidence(answers_probes=answers_probes, boots=boots))

    def lose(self):
        return self.tell(E.LOST, failure=LinkFailure(LinkCause.CLOSED)) + self.tell(E.CLOSED)

    def fail(self):
        return self.tell(E.FAILED, failure=LinkFailure(LinkCause.REFUSED)) + self.tell(E.CLOSED)

    def await_attempt(self):
        actions = []
        # an alert may come before
        while not of(OpenLink, actions):
            self.now = self.machine.deadline
            actions += self.tell(E.DEADLINE)
        return actions


def of(kind, actions):
    return [action for action in actions if isinstance(action, kind)]


def wait_of(actions):
    (down,) = of(LinkDown, actions)
    return down.retry_in


def lose_young(link):
    """Lose the link a second after READY, as to another client."""
    link.become_ready()
    link.after(1)
    return link.lose()
