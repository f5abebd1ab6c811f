"""What the processes hold: memory with few and with many nodes, memory and handles after many reconnections."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.effort import Effort
from bench.imports import memory as resident
from bench.inspection import ProcessState, settled
from bench.program import Contender, Program, await_ready, launch, side_by_side
from bench.table import Measured, Row, Samples
from meshbot.virtual_node import VirtualNode

NODES = 42
MANY_NODES = 5_000
GROWTH_TARGET = 2.0  # MB
RESTLESS = {"tcp_pubkey_sync_delay": 0, "tcp_stable_after": 0, "tcp_interface_cleanup_delay": 0.05}
# Seconds of READY before each reset: the library's first heartbeat must be through
MOMENT = 0.1
PATIENCE = 20.0  # seconds for a reconnection, else the process is stuck


@dataclass(slots=True)
class Life:
    """A process at three moments, fresh, early and late, or as many of them as it reached."""

    states: list[ProcessState] = field(default_factory=list)
    reconnections: int = 0

    @property
    def complete(self) -> bool:
        """Whether it passed all reconnections."""
        return len(self.states) == 3

    @property
    def growth(self) -> float:
        """Return the growth of the resident memory from early to late, in MB."""
        return self.states[2].megabytes - self.states[1].megabytes

    @property
    def kept_handles(self) -> bool:
        """Whether threads, sockets and descriptors are as they were."""
        return self.states[2].handles == self.states[0].handles


def memory(effort: Effort) -> Measured:
    samples: Samples = {}
    rows = []
    for nodes in (NODES, MANY_NODES):
        with VirtualNode(nodes=nodes) as node:
            held = {contender: _held(contender, node, effort.few_reconnections) for contender in Contender}
        for moment, what in enumerate(("", f", after {effort.few_reconnections} reconnections")):
            stock, bot = (f"{held[contender][moment]:.1f} MB" for contender in Contender)
            rows.append(Row(f"memory (RSS) with {nodes:,} nodes{what}", "stated", stock, bot))
        samples |= {f"{contender} MB, {nodes} nodes": [*figures] for contender, figures in held.items()}
    note = "memory: MB of 10⁶ bytes, at rest after the configuration and, with the bot, the key sync"
    return Measured(rows, [note], samples)


def reconnections(effort: Effort) -> Measured:
    lives = side_by_side(lambda contender: _live(contender, effort))
    bot = lives[Contender.BOT]
    rows = [
        Row(
            f"memory growth, reconnections {effort.early_reconnections} to {effort.reconnections}",
            f"≤ {GROWTH_TARGET:g} MB",
            _or_stuck(lives[Contender.STOCK], _growth),
            _or_stuck(bot, _growth),
            bot.complete and bot.growth <= GROWTH_TARGET,
        ),
        Row(
            f"threads, sockets, descriptors after {effort.reconnections} reconnections",
            "as before",
            _or_stuck(lives[Contender.STOCK], _handles),
            _or_stuck(bot, _handles),
            bot.complete and bot.kept_handles,
        ),
    ]
    settings = ", ".join(f"{name}={value:g}" for name, value in RESTLESS.items())
    note = (
        f"{effort.reconnections} reconnections: RST {MOMENT:g} s after each READY, {NODES} nodes; {settings}; "
        "before: after the first configuration"
    )
    return Measured(rows, [note], {str(who): _figures(life) for who, life in lives.items()})


def imports(effort: Effort) -> Measured:  # noqa: ARG001 - as every measure
    """Tell what each step of the bot's imports adds, and what running adds to that."""
    with Program(["-m", "bench.imports"]) as child:
        steps: list[tuple[str, float, float]] = [tuple(json.loads(line)) for line in child.finish().splitlines()]
    with VirtualNode(nodes=NODES) as node, launch(Contender.BOT, node.port, **RESTLESS) as program:
        await_ready(program, Contender.BOT)
        settled(program.pid)
        steps.append((f"running, at rest, with {NODES} nodes", *resident(program.pid)))
    rows, before = [], 0.0
    for step, rss, pss in steps:
        rows.append(Row(f"memory: {step}", "stated", "–", f"{rss - before:+.1f} = {rss:.1f} MB (PSS {pss:.1f})"))
        before = rss
    note = "memory by step: RSS, and PSS, of one fresh process that imports; of another one that runs"
    return Measured(rows, [note], {step: [rss, pss] for step, rss, pss in steps})


def _held(contender: Contender, node: VirtualNode, resets: int) -> tuple[float, float]:
    """Return the MB after the first configuration, and after some reconnections."""
    with launch(contender, node.port, **RESTLESS) as program:
        await_ready(program, contender)
        first = settled(program.pid).megabytes
        for times in range(1, resets + 1):
            node.fault("reset")
            await_ready(program, contender, 1 + times)
            settled(program.pid)
        return first, settled(program.pid).megabytes


def _live(contender: Contender, effort: Effort) -> Life:
    life, pause = Life(), threading.Event()
    with VirtualNode(nodes=NODES) as node, launch(contender, node.port, **RESTLESS) as program:
        await_ready(program, contender)
        life.states.append(settled(program.pid))
        for times in range(1, effort.reconnections + 1):
            pause.wait(MOMENT)
            node.fault("reset")
            try:
                await_ready(program, contender, 1 + times, PATIENCE)
            except TimeoutError:
                return life
            life.reconnections = times
            if times in {effort.early_reconnections, effort.reconnections}:
                life.states.append(settled(program.pid))
    return life


def _or_stuck(life: Life, shown: Callable[[Life], str]) -> str:
    return shown(life) if life.complete else f"stuck after {life.reconnections} reconnections"


def _growth(life: Life) -> str:
    return f"{life.growth:+.2f} MB to {life.states[2].megabytes:.1f} MB"


def _handles(life: Life) -> str:
    before, after = (", ".join(map(str, state.handles)) for state in (life.states[0], life.states[2]))
    return f"{before} → {after}"


def _figures(life: Life) -> list[float | None]:
    return [figure for state in life.states for figure in (state.megabytes, *state.handles)]
