"""What the processes hold: memory with few and with many nodes, and all of it after many reconnections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from virtual_node.server import VirtualNode

from bench.process_state import ProcessState, settled
from bench.program import Contender, await_ready, launch
from bench.table import Measured, Row

NODES = 42
MANY_NODES = 5_000
RECONNECTIONS = 200
SETTLED_AFTER = 20  # reconnections; what is allocated once has been by then
GROWTH_TARGET = 2.0  # MB
SYNC_SOON = {"tcp_pubkey_sync_delay": 0}
RESTLESS = SYNC_SOON | {"tcp_stable_after": 0, "tcp_interface_cleanup_delay": 0.05}
CONFIG_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Life:
    """A process at three moments of its life."""

    fresh: ProcessState
    early: ProcessState  # after SETTLED_AFTER reconnections
    late: ProcessState  # after RECONNECTIONS

    @property
    def growth(self) -> float:
        """Return the growth of the resident memory between the last two, in MB."""
        return self.late.megabytes - self.early.megabytes


def memory() -> Measured:
    with VirtualNode(nodes=NODES) as few, VirtualNode(nodes=MANY_NODES) as many:
        held = {
            size: {contender: _at_rest(contender, node).megabytes for contender in Contender}
            for size, node in ((NODES, few), (MANY_NODES, many))
        }
    rows = [
        Row(f"memory (RSS) with {size:,} nodes", "stated", *(f"{held[size][who]:.1f} MB" for who in Contender))
        for size in held
    ]
    samples = {f"{who} MB, {size} nodes": [figure] for size, both in held.items() for who, figure in both.items()}
    return Measured(rows, ["memory: MB of 10⁶ bytes, at rest after the configuration and the key sync"], dict(samples))


def reconnections() -> Measured:
    with ThreadPoolExecutor(len(Contender)) as threads:
        lives = dict(zip(Contender, threads.map(_live, Contender), strict=True))
    stock, bot = lives[Contender.STOCK], lives[Contender.BOT]
    rows = [
        Row(
            f"memory growth, reconnections {SETTLED_AFTER} to {RECONNECTIONS}",
            f"≤ {GROWTH_TARGET:g} MB",
            f"{stock.growth:+.2f} MB ({stock.late.megabytes:.1f} MB)",
            f"{bot.growth:+.2f} MB ({bot.late.megabytes:.1f} MB)",
            bot.growth <= GROWTH_TARGET,
        ),
        Row(
            f"threads, sockets, descriptors after {RECONNECTIONS} reconnections",
            "as before",
            _before_and_after(stock),
            _before_and_after(bot),
            bot.late.handles == bot.fresh.handles,
        ),
    ]
    note = (
        f"{RECONNECTIONS} reconnections after RST, {NODES} nodes; "
        + ", ".join(f"{name}={value:g}" for name, value in RESTLESS.items())
        + "; before: after the first configuration"
    )
    return Measured(rows, [note], {str(who): _figures(life) for who, life in lives.items()})


def _at_rest(contender: Contender, node: VirtualNode) -> ProcessState:
    with launch(contender, node.port, **SYNC_SOON) as program:
        await_ready(program, contender)
        return settled(program.pid)


def _live(contender: Contender) -> Life:
    with VirtualNode(nodes=NODES) as node, launch(contender, node.port, **RESTLESS) as program:
        await_ready(program, contender)
        states = [settled(program.pid)]
        for times in range(1, RECONNECTIONS + 1):
            node.fault("reset")
            await_ready(program, contender, 1 + times)
            if times in {SETTLED_AFTER, RECONNECTIONS}:
                states.append(settled(program.pid))
    return Life(*states)


def _before_and_after(life: Life) -> str:
    before, after = (", ".join(map(str, state.handles)) for state in (life.fresh, life.late))
    return f"{before} → {after}"


def _figures(life: Life) -> list[float | None]:
    return [figure for state in (life.fresh, life.early, life.late) for figure in (state.megabytes, *state.handles)]
