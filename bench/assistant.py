"""The cost of a held /bot call for other users: the time of /ping beside it, and the packets heard meanwhile."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from bench.effort import Effort
from bench.inspection import Mark, stored_packets
from bench.mesh_traffic import MeshTraffic
from bench.peer import Peer
from bench.program import Contender, launch
from bench.scaled_clock import ScaledClock
from bench.table import Measured, Row, percentile
from meshbot.virtual_node import sender_of

CALLS = 4  # as many as the bot works on at a time
SCALE = 8.0  # as fast as 600 s of the bot's patience allow with calls of 60
# Seconds of the bot's clock between two questions: its sender is idle again after 2.2
PACE = 2.4
RATE = 20  # packets a second, in real time
WARM_UP = 3  # first questions load what is loaded once
PATIENCE = 30.0  # seconds for the calls to arrive, and for their answers
SLOWER_TARGET = 1.0  # ms that the median may take longer than without the calls
ANSWER_TARGET = 20.0  # ms
SETTINGS = {"bot_timeout": 600, "tcp_pubkey_sync_delay": 0}


class HoldingServer:
    """An assistant's HTTP server that takes every question and answers none until released; ends with `with`."""

    def __init__(self) -> None:
        self.held = 0
        self.release = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                owner.held += 1
                owner.release.wait()
                body = json.dumps({"choices": [{"message": {"content": "C'est long, mais le voici."}}]}).encode()
                # The bot has closed the connection already
                with suppress(ConnectionError):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), name="Bench-Assistant")

    @property
    def url(self) -> str:
        """Return what the setting bot_url wants."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer all calls and stop."""
        self.release.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@dataclass(slots=True)
class Beside:
    """What was measured."""

    idle: list[float] = field(default_factory=list)  # ms of /ping without calls
    busy: list[float] = field(default_factory=list)  # the same beside them
    held: float = 0.0  # seconds
    heard: set[Mark] = field(default_factory=set)  # packets that the node heard beside them
    stored: int = 0  # of them
    answered: int = 0  # calls


class _Mesh:
    """Users at a peer; some broadcast, one asks."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._background = MeshTraffic(peer.users)
        self.heard: set[Mark] = set()

    def ping(self) -> float:
        """Return the ms that the answer took."""
        return self._peer.ask("/ping") * 1000

    def chat(self, seconds: float) -> None:
        """Let the others broadcast for that long."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            packet = self._background.packet()
            self.heard.add((sender_of(packet), packet.id))
            self._peer.hear(packet)
            self._peer.rest(1 / RATE)

    def chat_until(self, condition: Callable[[], bool]) -> None:
        """Let the others broadcast until the condition holds; TimeoutError if it does not."""
        until = time.perf_counter() + PATIENCE
        while not condition():
            if time.perf_counter() > until:
                raise TimeoutError(f"not so within {PATIENCE:g} s")
            self.chat(1 / RATE)

    def pings(self, seconds: float) -> list[float]:
        """Return the ms of each question asked in that time."""
        taken, until = [], time.perf_counter() + seconds
        while time.perf_counter() < until:
            taken.append(self.ping())
            self.chat(PACE / SCALE)
        return taken


def _measure(peer: Peer, server: HoldingServer, seconds: float) -> Beside:
    mesh, beside = _Mesh(peer), Beside()
    for _ in range(WARM_UP):
        mesh.ping()
        mesh.chat(PACE / SCALE)
    beside.idle = mesh.pings(seconds)
    # The node sends direct answers to users with a key alone
    callers = [user for user in peer.users[1:] if user.public_key][:CALLS]
    calls = [peer.hear_text(user, "/bot raconte") for user in callers]
    mesh.chat_until(lambda: server.held == CALLS)
    began = time.perf_counter()
    # Each got a notice to wait
    mesh.chat_until(lambda: all(peer.answers(call) == 1 for call in calls))
    mesh.chat(PACE / SCALE)
    mesh.heard.clear()
    beside.busy = mesh.pings(seconds - (time.perf_counter() - began))
    beside.heard = set(mesh.heard)
    beside.held = time.perf_counter() - began
    server.release.set()
    mesh.chat_until(lambda: all(peer.answers(call) == 2 for call in calls))
    beside.answered = sum(peer.answers(call) == 2 for call in calls)
    return beside


def held_calls(effort: Effort) -> Measured:
    clock = ScaledClock(SCALE)
    with TemporaryDirectory(prefix="meshbot-bench-") as folder:
        with ExitStack() as stack:
            server = stack.enter_context(HoldingServer())
            peer = stack.enter_context(Peer(clock))
            where = {"data_dir": folder, "bot_url": server.url}
            stack.enter_context(launch(Contender.BOT, peer.port, SCALE, **where, **SETTINGS))
            peer.configure()
            beside = _measure(peer, server, effort.held_seconds)
        beside.stored = len(beside.heard & set(stored_packets(Path(folder))))
    note = (
        f"held calls: an HTTP server that takes {CALLS} /bot calls and stays silent for {beside.held:.0f} s; "
        f"/ping at a node on one blocking socket, {len(beside.idle)} times before and {len(beside.busy)} beside them; "
        f"about {RATE} packets/s from the others all the time; the clock runs {SCALE:g} times as fast, so that more "
        f"questions fit between two texts; all these seconds and milliseconds are real; "
        f"released, {beside.answered} of {CALLS} calls were answered"
    )
    return Measured(_rows(beside), [note], {"idle ms": [*beside.idle], "beside ms": [*beside.busy]})


def _rows(beside: Beside) -> list[Row]:
    what = f"/ping beside {CALLS} /bot calls held for {beside.held:.0f} s"
    idle, busy = ([percentile(taken, percent) for percent in (50, 99)] for taken in (beside.idle, beside.busy))
    heard = len(beside.heard)
    return [
        Row(
            f"{what}: p50",
            f"≤ idle + {SLOWER_TARGET:g} ms",
            "–",
            f"{busy[0]:.2f} ms, idle {idle[0]:.2f} ms",
            busy[0] <= idle[0] + SLOWER_TARGET,
        ),
        Row(
            f"{what}: p99",
            f"≤ {ANSWER_TARGET:g} ms",
            "–",
            f"{busy[1]:.2f} ms, idle {idle[1]:.2f} ms",
            busy[1] <= ANSWER_TARGET,
        ),
        Row(
            "packets heard meanwhile, in the database",
            "all",
            "–",
            f"{beside.stored} of {heard}",
            beside.stored == heard,
        ),
    ]
