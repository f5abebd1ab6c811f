"""How soon a contender answers again: after a closed connection, after a node's absence, on a silent link."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.effort import Effort
from bench.program import Contender, await_ready, launch, side_by_side
from bench.scaled_clock import ScaledClock
from bench.table import UNMEASURED, Measured, Row, Samples, seconds, within
from meshbot.runtime import SystemClock
from meshbot.virtual_node import VirtualNode

CLOCK = SystemClock()
QUESTION = "/help"
# Seconds; longer than any pacing
ASK_AGAIN = 3.0
# Seconds longer away: a node that returns in step with a contender's retries would flatter it
LANES = (0.0, 0.3, 0.6)
LIMIT = 60.0  # seconds for an answer
# Seconds to notice a mute node; seven times the bot's limit
SILENCE_LIMIT = 120.0
# Seconds between two rounds: the sender's pacing is not measured
REST = 3.0
LASTING = {"tcp_stable_after": 0}  # a link of seconds counts as stable, as one of a minute does by default
# Of the half hour; a stall of the machine itself counts so many times
SCALE = 10.0
HALF_HOUR = 1800.0  # seconds of the scaled clock


def seconds_to_answer(node: VirtualNode, since: float, limit: float) -> float | None:
    """Ask until a question is answered; return the seconds from `since` (monotonic) to the first answer on air.

    None beyond `limit` seconds.
    """
    asked: set[int] = set()
    while CLOCK.monotonic() - since < limit:
        asked.add(node.hear_text(node.users[0].num, QUESTION))
        patience = min(ASK_AGAIN, max(0.0, since + limit - CLOCK.monotonic()))
        try:
            answer = node.wait_for(lambda sent: sent.reply_id in asked, patience)
        except TimeoutError:
            continue
        return answer.at - since
    return None


def wait_for_answer(node: VirtualNode, limit: float = 30.0) -> None:
    """Return once a question is answered; TimeoutError else."""
    if seconds_to_answer(node, CLOCK.monotonic(), limit) is None:
        raise TimeoutError(f"no answer to {QUESTION} within {limit:g} s")


def _pause(duration: float) -> None:
    threading.Event().wait(duration)


def _row(what: str, target: float, results: Mapping[Contender, Samples], name: str, limit: float) -> Row:
    stock, bot = results[Contender.STOCK][name], results[Contender.BOT][name]
    return Row(what, f"≤ {target:g} s", seconds(stock, limit), seconds(bot, limit), within(bot, target))


def _flat(results: Mapping[Contender, Samples]) -> Samples:
    return {
        f"{contender} {name}": list(taken) for contender, samples in results.items() for name, taken in samples.items()
    }


# -- a closed connection


def _closed(contender: Contender, rounds: int) -> Samples:
    samples: Samples = {"drop": [], "reset": []}
    with VirtualNode() as node, launch(contender, node.port, **LASTING) as program:
        await_ready(program, contender)
        wait_for_answer(node)
        for _ in range(rounds):
            for fault, taken in samples.items():
                _pause(REST)
                begun = CLOCK.monotonic()
                node.fault(fault)
                taken.append(seconds_to_answer(node, begun, LIMIT))
    return samples


def closed_connections(effort: Effort) -> Measured:
    results = side_by_side(lambda contender: _closed(contender, effort.rounds))
    rows = [
        _row("answers again after FIN", 3, results, "drop", LIMIT),
        _row("answers again after RST", 3, results, "reset", LIMIT),
    ]
    return Measured(
        rows, [f"from the fault to an answer on air, {effort.rounds} times each; tcp_stable_after=0"], _flat(results)
    )


# -- an absent node


def _absent(contender: Contender, longer: float) -> Samples:
    samples: Samples = {"away 5": [], "away 30": []}
    with VirtualNode() as node, launch(contender, node.port) as program:
        await_ready(program, contender)
        wait_for_answer(node)
        for away, taken in zip((5.0 + longer, 30.0 + longer), samples.values(), strict=True):
            _pause(REST)
            earliest_return = CLOCK.monotonic() + away
            node.fault("reboot", seconds=away)
            _pause(away)
            taken.append(seconds_to_answer(node, earliest_return, LIMIT))
    return samples


def absent_node(_: Effort) -> Measured:
    with ThreadPoolExecutor(len(LANES)) as threads:
        lanes = list(threads.map(lambda longer: side_by_side(lambda who: _absent(who, longer)), LANES))
    results = {
        contender: {name: [lane[contender][name][0] for lane in lanes] for name in ("away 5", "away 30")}
        for contender in Contender
    }
    rows = [
        _row("answers again after the node was away 5 s, from its return", 6, results, "away 5", LIMIT),
        _row("answers again after the node was away 30 s, from its return", 6, results, "away 30", LIMIT),
    ]
    longer = ", ".join(f"{extra:g}" for extra in LANES)
    note = (
        f"{len(LANES)} nodes that refuse connections while they reboot, away {longer} s longer; "
        "both programs try every second"
    )
    return Measured(rows, [note], _flat(results))


# -- faults in a row

FLAPPING: Final[tuple[tuple[str, dict[str, float], float], ...]] = (
    ("drop", {}, 2.0),
    ("reset", {}, 2.0),
    ("reboot", {"seconds": 5.0}, 3.0),
    ("mute", {"connections": 1}, 22.0),
)
NAMES = {"drop": "FIN", "reset": "RST", "reboot": "reboot of 5 s, from the node's return", "mute": "silence"}


def _flapping(contender: Contender) -> Samples:
    samples: Samples = {name: [] for name, _params, _target in FLAPPING}
    with VirtualNode() as node, launch(contender, node.port) as program:
        await_ready(program, contender)
        wait_for_answer(node)
        for name, params, _target in FLAPPING:
            _pause(REST)
            away = float(params.get("seconds", 0.0))
            begun = CLOCK.monotonic() + away
            node.fault(name, **params)
            _pause(away)
            taken = seconds_to_answer(node, begun, LIMIT)
            samples[name].append(taken)
            if taken is None:
                break
    return samples


def flapping_link(_: Effort) -> Measured:
    results = side_by_side(_flapping)
    rows = [
        _row(f"answers again after faults in a row: {NAMES[name]}", target, results, name, LIMIT)
        for name, _params, target in FLAPPING
    ]
    return Measured(rows, [f"faults in a row: {REST:g} s from an answer to the next; default settings"], _flat(results))


# -- a silent link


def _silent(contender: Contender) -> Samples:
    with VirtualNode() as node, launch(contender, node.port) as program:
        await_ready(program, contender)
        wait_for_answer(node)
        _pause(REST)
        connections = node.connections
        begun = CLOCK.monotonic()
        # The present connection; the next one is served
        node.fault("mute", connections=1)
        try:
            node.wait_until(lambda: node.connections > connections and node.configured, SILENCE_LIMIT)
        except TimeoutError:
            return {"mute": [None]}
        return {"mute": [seconds_to_answer(node, begun, SILENCE_LIMIT)]}


def silent_link(_: Effort) -> Measured:
    results = side_by_side(_silent)
    row = _row("silent link (mute) on a quiet mesh noticed, replaced, answering", 20, results, "mute", SILENCE_LIMIT)
    return Measured([row], ["silent link: default settings, real time; once"], _flat(results))


# -- a quiet mesh


def _quiet(contender: Contender) -> Samples:
    clock = ScaledClock(SCALE)
    with VirtualNode(clock=clock) as node, launch(contender, node.port, SCALE) as program:
        await_ready(program, contender)
        before = node.received.heartbeats
        _pause(HALF_HOUR / SCALE)
        return {"reconnections": [node.connections - 1.0], "heartbeats": [float(node.received.heartbeats - before)]}


def quiet_mesh(_: Effort) -> Measured:
    results = side_by_side(_quiet)
    shown = {
        contender: f"{samples['reconnections'][0]:g} ({samples['heartbeats'][0]:g} heartbeats)"
        for contender, samples in results.items()
    }
    bot = results[Contender.BOT]
    asked = bot["heartbeats"][0]
    # Without probes the row would prove nothing
    passed = bot["reconnections"][0] == 0 if asked else None
    what = "false reconnections in 30 min, node mute on the mesh, answering heartbeats"
    row = Row(what, "0", shown[Contender.STOCK], shown[Contender.BOT] if asked else UNMEASURED, passed)
    note = f"30 min: default settings; the clocks of bot, node and the library's heartbeat run {SCALE:g} times as fast"
    return Measured([row], [note], _flat(results))


# -- a slow one

SLOW_NODES = {
    "main loop stalls 10 s a minute": [("pauses", {"seconds": 10.0, "every": 60.0})],
    "4 s round trip, 20 % lost": [("delay", {"seconds": 4.0, "loss": 20.0})],
    "3 kbit/s": [("slow", {"rate": 375.0})],
}


def _slow(name: str) -> Samples:
    clock = ScaledClock(SCALE)
    with VirtualNode(clock=clock) as node, launch(Contender.BOT, node.port, SCALE) as program:
        await_ready(program, Contender.BOT)
        for fault, params in SLOW_NODES[name]:
            node.fault(fault, **params)
        before = node.received.heartbeats
        _pause(HALF_HOUR / SCALE)
        return {
            f"{name}: reconnections": [node.connections - 1.0],
            f"{name}: heartbeats": [float(node.received.heartbeats - before)],
        }


def slow_nodes(_: Effort) -> Measured:
    with ThreadPoolExecutor(len(SLOW_NODES)) as threads:
        taken = dict(zip(SLOW_NODES, threads.map(_slow, SLOW_NODES), strict=True))
    rows: list[Row] = []
    samples: Samples = {}
    for name, one in taken.items():
        (reconnections,), (heartbeats,) = one.values()
        shown = f"{reconnections:g} ({heartbeats:g} heartbeats)" if heartbeats else UNMEASURED
        passed = reconnections == 0 if heartbeats else None
        rows.append(Row(f"false reconnections in 30 min, {name}", "0", "–", shown, passed))
        samples |= one
    return Measured(rows, ["slow nodes: default settings, clocks as for the quiet mesh"], samples)
