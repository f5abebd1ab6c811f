"""What an operator's tools cost and how long they take: status page, metrics, doctor, reload."""

from __future__ import annotations

import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Final

from bench.effort import Effort
from bench.inspection import look, settled
from bench.program import ROOT, Contender, Program, await_ready, launch
from bench.table import Measured, Row, Samples
from meshbot.virtual_node import VirtualNode

PAGE_TARGET, METRICS_TARGET = 100.0, 20.0  # ms
SIZE_TARGET = 200.0  # kB
SHARE_TARGET = 8.0  # MB
DOCTOR_TARGET = 10.0  # seconds
# Seconds after which the page is made anew, and a little
MADE_ANEW: Final = 5.2
PATIENCE: Final = 60.0  # seconds, for a machine that has other things to do
SHOWN: Final = "Page d'état"
RELOADED: Final = "Réglages relus"
CONNECTED: Final = r"(Connexion|Reconnexion) TCP (établie|réussie)"


def page(effort: Effort) -> Measured:
    with VirtualNode(nodes=effort.page_nodes) as node:
        with launch(Contender.BOT, node.port) as program:
            await_ready(program, Contender.BOT)
            without = settled(program.pid).megabytes
        port = _free_port()
        with launch(Contender.BOT, node.port, status_port=port) as program:
            await_ready(program, Contender.BOT)
            program.wait_for(SHOWN)
            before = settled(program.pid).megabytes
            cpu = [look(program.pid).cpu]
            pages = [_fresh_page(port) for _ in range(effort.page_requests)]
            cpu.append(look(program.pid).cpu)
            metrics = [_get(port, "/metrics") for _ in range(effort.page_requests)]
            cpu.append(look(program.pid).cpu)
            after = settled(program.pid).megabytes
            reloads = [_reload(program, times) for times in range(1, effort.rounds + 1)]
            links = program.count(CONNECTED)
    with VirtualNode(nodes=effort.page_nodes) as node:
        doctor = [_doctor(node.port) for _ in range(effort.runs)]
    nodes = f"{effort.page_nodes:,} nodes"
    times = [milliseconds for milliseconds, _size in pages], [milliseconds for milliseconds, _size in metrics]
    size = max(size for _milliseconds, size in pages) / 1e3
    rows = [
        _times(f"status page with {nodes}: median", PAGE_TARGET, times[0], cpu[1] - cpu[0]),
        Row("… its size", f"≤ {SIZE_TARGET:g} kB", "–", f"{size:.0f} kB", size <= SIZE_TARGET),
        _times(f"metrics with {nodes}: median", METRICS_TARGET, times[1], cpu[2] - cpu[1]),
        Row(
            "memory (RSS) of page and metrics, asked for",
            f"≤ {SHARE_TARGET:g} MB",
            "–",
            f"{after - without:+.1f} MB, before the first question {before - without:+.1f} MB",
            after - without <= SHARE_TARGET,
        ),
        Row(
            f"meshbot doctor, {nodes}, without a running bot",
            f"≤ {DOCTOR_TARGET:g} s",
            "–",
            f"{statistics.median(doctor):.1f} s, worst {max(doctor):.1f} s",
            max(doctor) <= DOCTOR_TARGET,
        ),
        Row(
            "reload by SIGHUP: links lost",
            "0",
            "–",
            f"{links - 1}; {statistics.median(reloads):.0f} ms, worst {max(reloads):.0f} ms",
            links == 1,
        ),
    ]
    note = (
        f"page, metrics: {effort.page_requests} requests each on a connection of their own, each page made anew; "
        "CPU: the whole bot's, a request; "
        f"doctor: {effort.runs} runs of the command, its start included; reload: from the signal to its line"
    )
    samples: Samples = {"page ms": [*times[0]], "metrics ms": [*times[1]], "doctor s": [*doctor]}
    samples |= {"reload ms": [*reloads], "MB": [without, before, after]}
    return Measured(rows, [note], samples)


def _times(what: str, target: float, milliseconds: list[float], cpu: float) -> Row:
    median = statistics.median(milliseconds)
    each = cpu / len(milliseconds) * 1e3
    shown = f"{median:.1f} ms, worst {max(milliseconds):.1f} ms; CPU {each:.0f} ms"
    return Row(what, f"≤ {target:g} ms", "–", shown, median <= target)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1e3


def _get(port: int, path: str) -> tuple[float, int]:
    """Return the milliseconds and the bytes of an answer; RuntimeError if it is a refusal."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    body = b""

    def ask() -> None:
        nonlocal body
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status}")

    try:
        return _milliseconds(ask), len(body)
    finally:
        connection.close()


def _fresh_page(port: int) -> tuple[float, int]:
    """Return the same of a page that is made for this request."""
    threading.Event().wait(MADE_ANEW)
    return _get(port, "/")


def _reload(program: Program, times: int) -> float:
    os.kill(program.pid, signal.SIGHUP)
    return _milliseconds(lambda: program.wait_for(RELOADED, times))


def _doctor(port: int) -> float:
    """Return the seconds of one run; RuntimeError if it did not get as far as the configuration."""
    settings = {"MESHBOT_TCP_HOST": "127.0.0.1", "MESHBOT_TCP_PORT": str(port), "LANG": "en_US.UTF-8"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(ROOT / "main_bot.py"), "doctor"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    seconds = time.perf_counter() - began
    if not re.search(r"heartbeat", done.stdout, re.IGNORECASE):
        raise RuntimeError(done.stdout[-500:] + done.stderr[-500:])
    return seconds
