"""The metrics for Prometheus: what happened is counted as it does, what is so is looked up for each scrape."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from meshbot.commands import Command, Request
from meshbot.mesh_link import Action, LinkDown, LinkReady, LinkState, PacketRecord
from meshbot.nodes import KeyState
from meshbot.runtime import Clock, Incident, LinkCause
from meshbot.sending import Account, DeliveryReport
from meshbot.status_page.sources import Sources

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
# PortNum: a stranger can send any of 512 numbers, and each label is kept for the process's life
PORTS: Final = {
    None: "encrypted",
    1: "text",
    3: "position",
    4: "nodeinfo",
    5: "routing",
    6: "admin",
    34: "paxcounter",
    65: "store_forward",
    66: "range_test",
    67: "telemetry",
    70: "traceroute",
    71: "neighborinfo",
    73: "map_report",
}
OTHER: Final = "other"
# Seconds: a reboot of the node takes 10 to 20, a night without power hours
OUTAGES: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400)
COMMANDS: Final = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
# Of a card that stalls, or a server far away
TRANSACTIONS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
ACCOUNTS: Final = {Account.EVERYTHING: "all", Account.STRANGERS: "strangers", Account.FORWARDED: "forwarded"}
RESTARTED: Final = "node_restarted"  # on the same connection
STATES: Final = tuple(state.name.lower() for state in LinkState)


class BotMetrics:
    """Counts what happens, on whatever thread it happens; nothing here waits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # one more series for each counter, which tells what process_start_time_seconds does
        disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types
        self.registry = registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        self._cause = RESTARTED
        self._outages = Histogram(
            "meshbot_link_outage_seconds", "Outages of the link that are over", buckets=OUTAGES, registry=registry
        )
        self._reconnections = Counter(
            "meshbot_link_reconnections",
            "Links that came up after another one, by the reason for which the one before was lost",
            ["cause"],
            registry=registry,
        )
        self._packets = Counter("meshbot_packets", "Packets heard, by port", ["port"], registry=registry)
        self._commands = Histogram(
            "meshbot_command_seconds",
            "Work of commands, by where they were asked",
            ["command", "platform"],
            buckets=COMMANDS,
            registry=registry,
        )
        self._failures = Counter(
            "meshbot_command_failures", "Commands that ended by an error", ["command"], registry=registry
        )
        self._texts = Counter(
            "meshbot_texts",
            "Texts for the radio that are done with, and how",
            ["priority", "status"],
            registry=registry,
        )
        self._transactions = Histogram(
            "meshbot_database_transaction_seconds",
            "Transactions that were committed",
            buckets=TRANSACTIONS,
            registry=registry,
        )
        self._incidents = Counter("meshbot_incidents", "Incidents, by kind", ["kind"], registry=registry)
        # each is there from the start: a rate needs the zero before the first one
        for cause in (RESTARTED, *(each.name.lower() for each in LinkCause)):
            self._reconnections.labels(cause)
        for port in (OTHER, *PORTS.values()):
            self._packets.labels(port)

    # -- what happens

    def link(self, actions: Sequence[Action], _outage_since: float | None, _now: float) -> None:
        """See LinkObserver."""
        for action in actions:
            match action:
                case LinkDown():
                    if action.was_ready or self._cause == RESTARTED:
                        self._cause = action.failure.cause.name.lower()
                case LinkReady():
                    if action.reconnection:
                        self._outages.observe(action.outage)
                        self._reconnections.labels(self._cause).inc()
                    self._cause = RESTARTED

    def packet(self, record: PacketRecord) -> None:
        """Take a packet of any kind."""
        self._packets.labels(PORTS.get(record.portnum, OTHER)).inc()

    def report(self, report: DeliveryReport) -> None:
        """Take what becomes of a text."""
        if report.is_end:
            self._texts.labels(report.message.priority.name.lower(), report.status.name.lower()).inc()

    def transaction(self, seconds: float) -> None:
        """Take a commit."""
        self._transactions.observe(seconds)

    def incident(self, incident: Incident) -> None:
        """Take an incident."""
        self._incidents.labels(type(incident).__name__).inc()

    def timed(self, commands: Iterable[Command]) -> tuple[Command, ...]:
        """Return the commands with their work timed."""
        return tuple(self._timed(command) for command in commands)

    def _timed(self, command: Command) -> Command:
        words = {word: self._timed(each) for word, each in command.words.items()}
        without = command.without_argument and self._timed(command.without_argument)
        return replace(command, run=self._timing(command), words=words, without_argument=without)

    def _timing(self, command: Command) -> Callable[[Request], str]:
        def run(request: Request) -> str:
            began = self._clock.monotonic()
            try:
                return command.run(request)
            except BaseException:
                self._failures.labels(command.name).inc()
                raise
            finally:
                seconds = self._clock.monotonic() - began
                self._commands.labels(command.name, request.platform.name.lower()).observe(seconds)

        return run

    # -- what is so

    def look_at(self, sources: Sources) -> None:
        """Add what `sources` tells; once."""
        self.registry.register(_Present(sources))

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self.registry)


class _Present(Collector):
    """What is so when it is asked."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: the sources may not be ready."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        sources = self._sources
        yield _gauge("build_info", "Version and Python", {(sources.version, platform.python_version()): 1},
                     "version", "python")  # fmt: skip
        yield from _link(sources)
        yield from _outbox(sources)
        yield from _keys(sources)
        yield from _disk(sources)
        yield from _threads(sources)


def _link(sources: Sources) -> Iterator[Metric]:
    figures, state = sources.link(), sources.link_state()
    yield _gauge("link_up", "Whether packets can flow", figures.ready_for is not None)
    yield _gauge("link_state", "Where the link stands: 1 at one state", {(s,): s == state for s in STATES}, "state")
    yield _gauge("link_down_seconds", "How long it has been down; 0: it is up", figures.down_for or 0.0)
    yield _gauge("node_locked", "Whether the node is in lockdown", sources.is_locked())
    if figures.round_trip is not None:
        yield _gauge("probe_round_trip_seconds", "From the last heartbeat to its answer", figures.round_trip)
    own = sources.memory.node(sources.own_num())
    if own is not None and own.utilization is not None:
        yield _gauge("channel_utilization_percent", "As our own node last told", own.utilization)
    if own is not None and own.air_tx is not None:
        yield _gauge("node_air_tx_percent", "Of an hour in which our own node sent, as it last told", own.air_tx)


def _outbox(sources: Sources) -> Iterator[Metric]:
    outbox = sources.outbox()
    waiting = {(priority.name.lower(),): each for priority, each in outbox.waiting.items()}
    packets = {label: each.packets for label, each in waiting.items()}
    yield _gauge("outbox_packets", "Packets that the node has not accepted", packets, "priority")
    ages = {label: each.oldest for label, each in waiting.items()}
    yield _gauge("outbox_oldest_seconds", "How long the oldest text waits", ages, "priority")
    used = {(ACCOUNTS[account],): seconds for account, seconds in outbox.air_used.items()}
    yield _gauge("air_time_used_seconds", "Time on air in the last hour, by whose texts", used, "class")
    limits = {(ACCOUNTS[account],): seconds for account, seconds in outbox.air_limit.items()}
    yield _gauge("air_time_limit_seconds", "Time on air that an hour has", limits, "class")


def _keys(sources: Sources) -> Iterator[Metric]:
    counts, states = sources.keys.counts(), sources.keys.key_states()
    yield _gauge("nodes", "Nodes that are known", counts.nodes)
    yield _gauge("keys", "Public keys, by state", {(s.name.lower(),): states.get(s, 0) for s in KeyState}, "state")
    tally = sources.radio_keys()
    if tally is not None:
        radio = {("held",): tally.held, ("lacking",): tally.lacking, ("different",): tally.different}
        yield _gauge("radio_keys", "Trusted keys, by what the radio has in their place", radio, "state")


def _disk(sources: Sources) -> Iterator[Metric]:
    yield _gauge("database_up", "Whether the database took the last transaction", not sources.database_fails())
    yield _gauge("database_waiting_rows", "Packets heard that are yet to be written", sources.memory.waiting)
    telegram = sources.telegram()
    if telegram is not None:
        yield _gauge("telegram_up", "Whether Telegram can be reached", telegram.is_reachable)
        yield _gauge("telegram_waiting_messages", "Messages that wait to be sent there", telegram.waiting)


def _threads(sources: Sources) -> Iterator[Metric]:
    drops = {(f"{reason}_packet",): count for reason, count in sources.refused_packets().items()}
    drops |= {(f"inbox_{thread}",): count for thread, count in sources.inbox_drops().items()}
    yield _counter("drops", "What was not taken, by reason", drops, "reason")
    beats = sources.beats()
    answered = {(thread,): count for thread, count, _ in beats}
    yield _counter("thread_beats", "Pings that each thread has answered", answered, "thread")
    silent = {(thread,): seconds for thread, _, seconds in beats}
    yield _gauge("thread_silent_seconds", "How long each thread has left a ping unanswered", silent, "thread")


Values = Mapping[Any, float]


def _gauge(name: str, text: str, values: float | Values, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(f"meshbot_{name}", text, labels=labels), values)


def _counter(name: str, text: str, values: Values, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(f"meshbot_{name}", text, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: float | Values) -> Metric:
    for label, value in values.items() if isinstance(values, Mapping) else [((), values)]:
        family.add_metric(label, float(value))
    return family
