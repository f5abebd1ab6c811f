"""The CPU time of a node's configuration at its client: the interface alone, and the whole process.

`python -m bench.configuring CONTENDER PORT` is the child that measures its interface.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from statistics import median

from bench.effort import Effort
from bench.inspection import settled
from bench.program import Contender, Program, await_ready, launch
from bench.table import Measured, Row, Samples
from meshbot.virtual_node import VirtualNode

NODES = 10_000
# A configuration that costs next to nothing: the rest is the start
FEW_NODES = 2
TARGET = 1 / 5
CONFIG_TIMEOUT = 60.0  # seconds
Connect = Callable[[], int]  # connects, and returns how many nodes it then knows
Costs = dict[Contender, list[float]]  # seconds


def configuration(effort: Effort) -> Measured:
    cpu: Costs = {contender: [] for contender in Contender}
    wall: Costs = {contender: [] for contender in Contender}
    whole: Costs = {contender: [] for contender in Contender}
    with VirtualNode(nodes=NODES) as node, VirtualNode(nodes=FEW_NODES) as empty:
        # The node makes its frames once, for its first client
        _interface(Contender.STOCK, node)
        for _ in range(effort.runs):
            for contender in Contender:
                taken = _interface(contender, node)
                cpu[contender].append(taken["cpu"])
                wall[contender].append(taken["wall"])
        for _ in range(effort.whole_runs):
            for contender in Contender:
                whole[contender].append(_process(contender, node) - _process(contender, empty))
    rows = [
        _cpu_row(f"configuration of {NODES:,} nodes, CPU time", "≤ 1/5", cpu),
        _wall_row(wall),
        _cpu_row("the same, CPU time of the whole process, database included", "–", whole),
    ]
    interface_note = (
        f"configuration: best of {effort.runs} processes each (median: {_medians(cpu)}), after their imports, from "
        "connect to the complete configuration, node in another process"
    )
    process_note = (
        f"whole process: best of {effort.whole_runs} (median: {_medians(whole)}), with {NODES:,} nodes minus with "
        f"{FEW_NODES}, until at rest; the bot also writes names and keys to its database"
    )
    named = {"CPU": cpu, "wall": wall, "whole process CPU": whole}
    samples: Samples = {f"{who} {name}, s": [*costs[who]] for name, costs in named.items() for who in Contender}
    return Measured(rows, [interface_note, process_note], samples)


def _medians(costs: Costs) -> str:
    return ", ".join(f"{contender} {median(taken):.2f} s" for contender, taken in costs.items())


def _cpu_row(what: str, target: str, costs: Costs) -> Row:
    stock, bot = (min(costs[contender]) for contender in Contender)
    share = f"{bot:.2f} s, 1/{stock / bot:.1f}"
    return Row(what, target, f"{stock:.2f} s", share, None if target == "–" else bot <= stock * TARGET)


def _wall_row(wall: Costs) -> Row:
    stock, bot = (f"{min(wall[contender]):.2f} s" for contender in Contender)
    return Row(f"configuration of {NODES:,} nodes, wall time", "–", stock, bot)


def _interface(contender: Contender, node: VirtualNode) -> dict[str, float]:
    """Return what one configuration took a child process, in seconds."""
    with Program(["-m", "bench.configuring", contender, str(node.port)]) as child:
        taken: dict[str, float] = json.loads(child.finish().splitlines()[-1])
    if taken["nodes"] != NODES:
        raise RuntimeError(f"{contender} knows {taken['nodes']} nodes, not {NODES}")
    return taken


def _process(contender: Contender, node: VirtualNode) -> float:
    """Return the CPU seconds of a whole process, from its start until it has nothing left to do."""
    with launch(contender, node.port) as program:
        await_ready(program, contender)
        return settled(program.pid).cpu


# -- in the child


class _Listener:
    """The smallest LinkListener."""

    def __init__(self) -> None:
        self.ready = threading.Event()

    def accepted(self) -> None:
        pass

    def fetched(self) -> None:
        pass

    def connected(self, *, answers_probes: bool) -> None:  # noqa: ARG002 - LinkListener's signature
        self.ready.set()

    def restarted(self) -> None:
        pass

    def lost(self, failure: object) -> None:
        pass

    def renumbered(self, own: object) -> None:
        pass

    def client_warning(self, packet_id: int, text: str) -> None:
        pass

    def queue_status(self, packet_id: int, result: int) -> None:
        pass


def _stock(port: int) -> Connect:
    from meshtastic.tcp_interface import TCPInterface  # noqa: PLC0415 - each child imports its own, and no more

    def connect() -> int:
        return len(TCPInterface("127.0.0.1", portNumber=port).nodes)

    return connect


def _bot(port: int) -> Connect:
    import assembly  # noqa: PLC0415 - the same
    from config import Settings  # noqa: PLC0415 - the same
    from meshbot.mesh_link import MeshTCPInterface  # noqa: PLC0415 - the same

    target = assembly.target(Settings(tcp_host="127.0.0.1", tcp_port=port))

    def connect() -> int:
        listener = _Listener()
        interface = MeshTCPInterface(target, listener, time.monotonic)
        interface.connect()
        if not listener.ready.wait(CONFIG_TIMEOUT):
            raise TimeoutError("no configuration")
        return len(interface.nodes)

    return connect


def _measure(connect: Connect) -> dict[str, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    nodes = connect()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "nodes": nodes}


if __name__ == "__main__":
    prepare = {Contender.STOCK: _stock, Contender.BOT: _bot}[Contender(sys.argv[1])]
    print(json.dumps(_measure(prepare(int(sys.argv[2])))), flush=True)
