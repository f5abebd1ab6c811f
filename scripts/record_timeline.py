"""Record a lost link twice, with the plain library and with our bot, through the same faults, side by side.

`python scripts/record_timeline.py` writes the timelines into docs/TCP_RECONNECTION_VISUAL_COMPARISON.md; with
`--check` it records again and reports where the document no longer shows what happens, seconds aside.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Final, Protocol

ROOT = Path(__file__).resolve().parent.parent
# Run as a script, Python looks for modules beside it alone
sys.path.insert(0, str(ROOT))

from meshbot.demo import (  # noqa: E402 - the same
    NODES,
    SHORTENED,
    BotProcess,
)
from meshbot.runtime import SystemClock  # noqa: E402 - the same
from meshbot.virtual_node import VirtualNode  # noqa: E402 - the same

DOCUMENT = ROOT / "docs" / "TCP_RECONNECTION_VISUAL_COMPARISON.md"
PLAIN_LOOP = ROOT / "scripts" / "plain_loop.py"
CLOCK = SystemClock()
ABSENT_NUM = 0x0A11CE00  # a node whose key both programs know and the radio's own database does not
ABSENT_KEY = base64.b64encode(bytes(range(1, 33))).decode()
ASK_AGAIN = 3.0  # seconds between two questions of the user
START_LIMIT = 60.0  # seconds for a program to connect and sync before the fault
STOP_LIMIT = 5.0  # seconds
BOT_SYNCED = "clés publiques re-synchronisées"
STATE = "as it knows: "
PLAIN_READY = "TCPInterface() returns"
# The lines of the bot's log that are recorded: the link and the keys
SHOWN = re.compile(r"SILENCE TCP|Lien TCP|Connexion TCP|Reconnexion TCP|clés publiques|SYNC COMPLETE|ℹ️ Coupure")
LOG_PREFIX = re.compile(r"^\d\d:\d\d:\d\d \[[A-Z]+\] ")
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+:\d+")
# What differs from one run to the next: seconds, jitter, how many attempts fit
VARIES = re.compile(r"#\d+|\d+(?:\.\d+)? ?s\b|\d+ tentative")
EVENT = re.compile(r"^T\+ *(?P<at>[\d.]+) s  (?P<source>\w+) +(?P<text>.*)$")
BLOCK = re.compile(r"(?P<head><!-- (?P<name>[a-z ]+) -->\n)(?P<body>.*?)(?P<tail><!-- /(?P=name) -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Event:
    """One event, `at` seconds after the fault; `source` is node, user, loop (plain) or log (bot)."""

    at: float
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault, and the time that a program gets to recover."""

    name: str
    title: str
    inject: Callable[[VirtualNode], None]
    window: float  # seconds


def _stall_then(how: str) -> Callable[[VirtualNode], None]:
    def inject(node: VirtualNode) -> None:
        # The present connection, which is configured already, and the next one
        node.fault("stall", after=20, connections=2)
        node.fault(how)

    return inject


SCENARIOS: Final = (
    Scenario("fin", "the node closes the connection (FIN)", lambda node: node.fault("drop"), 15),
    Scenario("mute", "the node falls silent on an open connection", lambda node: node.fault("mute", connections=1), 40),
    Scenario("reboot", "the node reboots and is away for 5 s", lambda node: node.fault("reboot", seconds=5.0), 25),
    Scenario("stall", "FIN, and the next configuration stops after 20 nodes", _stall_then("drop"), 40),
    Scenario("hang", "RST, and the next configuration stops after 20 nodes", _stall_then("reset"), 40),
)
CONTENDERS: Final = ("before", "after")


class Recording:
    """The events since the fault, and the lines before it; thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._began: float | None = None
        self._lines: list[str] = []
        self._events: list[Event] = []

    def note(self, source: str, text: str) -> None:
        """Add an event, with its time once the fault is injected."""
        with self._changed:
            self._lines.append(text)
            if self._began is not None:
                self._events.append(Event(CLOCK.monotonic() - self._began, source, text))
            self._changed.notify_all()

    def wait_for(self, text: str, timeout: float, count: int = 1) -> str:
        """Return the `count`-th line with that text since the start or the fault; TimeoutError if it does not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._with(text)) >= count, timeout):
                raise TimeoutError(f"{text!r} did not come; the last was {self._lines[-1:]}")
            return self._with(text)[count - 1]

    def begin(self) -> None:
        """Count time and events from now."""
        with self._changed:
            self._began = CLOCK.monotonic()
            self._lines.clear()

    def has(self, text: str) -> bool:
        """Whether an event with that text came since the fault."""
        with self._changed:
            return bool(self._with(text))

    def elapsed(self) -> float:
        """Return the seconds since the fault."""
        return CLOCK.monotonic() - (self._began or 0.0)

    def events(self) -> list[Event]:
        """Return the events so far."""
        with self._changed:
            return list(self._events)

    def _with(self, text: str) -> list[str]:
        return [line for line in self._lines if text in line]


# -- the two programs


class Program(Protocol):
    """A program that is recorded."""

    def stop(self) -> object:
        """End it."""


class PlainProgram:
    """scripts/plain_loop.py as a child process."""

    def __init__(self, port: int, recording: Recording) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", str(PLAIN_LOOP), str(port), str(ABSENT_NUM), ABSENT_KEY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # The library's own log
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout, recording), daemon=True)
        self._reader.start()

    @staticmethod
    def _read(stdout: IO[str], recording: Recording) -> None:
        with stdout:
            for line in stdout:
                recording.note("loop", line.rstrip())

    def ask_state(self, recording: Recording, count: int = 1) -> str:
        """Ask for what it knows of its link, for the `count`-th time in the recording."""
        if self._process.stdin is not None:
            self._process.stdin.write("state\n")
            self._process.stdin.flush()
        return recording.wait_for(STATE, STOP_LIMIT, count)

    def stop(self) -> None:
        """End it, by force if its threads hang."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(STOP_LIMIT)


def start_bot(port: int, folder: Path, recording: Recording) -> BotProcess:
    """Start our bot, which knows the absent node's key from an older bot's file."""
    absent = {str(ABSENT_NUM): {"name": "Absent", "publicKey": ABSENT_KEY}}
    (folder / "node_names.json").write_text(json.dumps(absent), encoding="utf-8")

    def on_line(line: str) -> None:
        if SHOWN.search(line):
            recording.note("log", ADDRESS.sub("node:4403", LOG_PREFIX.sub("", line)))

    settings = SHORTENED | {"tcp_host": "127.0.0.1", "tcp_port": port, "data_dir": folder}
    return BotProcess(settings, folder, on_line)


# -- one recording


def record(scenario: Scenario, contender: str, starting: threading.Lock) -> list[Event]:
    """Run one program through one fault; `starting` lets one program at a time load."""
    recording = Recording()
    with tempfile.TemporaryDirectory(prefix="timeline-") as folder, VirtualNode(nodes=NODES) as node:
        program: PlainProgram | BotProcess
        with starting:
            if contender == "before":
                program, ready = PlainProgram(node.port, recording), PLAIN_READY
            else:
                program, ready = start_bot(node.port, Path(folder), recording), BOT_SYNCED
            try:
                recording.wait_for(ready, START_LIMIT)
            except TimeoutError:
                program.stop()
                raise
        try:
            _run_fault(scenario, node, recording, program)
        finally:
            program.stop()
        return recording.events()


def _run_fault(scenario: Scenario, node: VirtualNode, recording: Recording, program: PlainProgram | BotProcess) -> None:
    clients = node.connections
    known = program.ask_state(recording) if isinstance(program, PlainProgram) else ""
    recording.begin()
    if known:
        recording.note("loop", known)
    recording.note("node", scenario.title)
    scenario.inject(node)
    user = User(node, recording)
    while recording.elapsed() < scenario.window and not _is_back(recording, program):
        user.ask_if_due()
        if node.connections > clients:
            clients = node.connections
            recording.note("node", "a new client has the link")
        user.hear()
        left = max(0.0, scenario.window - recording.elapsed())
        try:
            node.wait_until(
                lambda: node.connections > clients or user.has_news() or _is_back(recording, program),  # noqa: B023 - used now
                min(left, user.patience()),
            )
        except TimeoutError:
            # Time to ask again, or to end
            continue
    if not user.answered:
        recording.note("user", "/help still has no answer")
    if isinstance(program, PlainProgram):
        program.ask_state(recording, count=2)


def _is_back(recording: Recording, program: PlainProgram | BotProcess) -> bool:
    """Whether the rest of the window would show nothing more."""
    return recording.has(User.HEARD) and (isinstance(program, PlainProgram) or recording.has(BOT_SYNCED))


class User:
    """Asks at once and every ASK_AGAIN seconds until one question is answered on air."""

    HEARD = "the answer to /help is on air"

    def __init__(self, node: VirtualNode, recording: Recording) -> None:
        self._node = node
        self._recording = recording
        self._asked: set[int] = set()
        self._next = CLOCK.monotonic()
        self.answered = False

    def ask_if_due(self) -> None:
        """Ask when it is time."""
        if self.answered or self.patience() > 0:
            return
        if not self._asked:
            self._recording.note("user", f"asks /help, and again every {ASK_AGAIN:g} s")
        self._asked.add(self._node.hear_text(self._node.users[0].num, "/help"))
        self._next += ASK_AGAIN

    def patience(self) -> float:
        """Return the seconds until the next question."""
        return ASK_AGAIN if self.answered else max(0.0, self._next - CLOCK.monotonic())

    def has_news(self) -> bool:
        """Whether an answer came that is not recorded yet."""
        return not self.answered and any(sent.reply_id in self._asked for sent in self._node.transmitted)

    def hear(self) -> None:
        """Record the first answer."""
        if self.has_news():
            self.answered = True
            self._recording.note("user", self.HEARD)


# -- the document


def render(events: Iterable[Event]) -> str:
    """Return the events as a text block of Markdown."""
    lines = [f"T+{event.at:5.1f} s  {event.source:<4}  {event.text}" for event in events]
    return "\n".join(["```text", *lines, "```"]) + "\n"


def parse(block: str) -> list[Event]:
    """Return the events of a block that `render` made."""
    found = map(EVENT.match, block.splitlines())
    return [Event(float(match["at"]), match["source"], match["text"]) for match in found if match]


def sequences(events: Iterable[Event]) -> dict[str, list[str]]:
    """Return each source's texts in order, without what varies between two runs, repetitions once."""
    texts_by_source: dict[str, list[str]] = {}
    for event in events:
        texts = texts_by_source.setdefault(event.source, [])
        text = VARIES.sub("…", event.text)
        if texts[-1:] != [text]:
            texts.append(text)
    return texts_by_source


def blocks(recorded: Mapping[str, Sequence[Event]]) -> dict[str, str]:
    """Return the document's blocks by name: each timeline, and the settings they were recorded with."""
    settings = ", ".join(f"`{name} = {value}`" for name, value in SHORTENED.items())
    made_with = (
        f"meshtastic {version('meshtastic')}, a virtual node of {NODES} nodes on loopback; the bot with {settings}.\n"
    )
    return {"recorded": made_with} | {name: render(events) for name, events in recorded.items()}


def fill(document: str, new: Mapping[str, str]) -> str:
    """Return the document with the named blocks replaced; ValueError names those that it has no markers for."""
    if missing := new.keys() - {match["name"] for match in BLOCK.finditer(document)}:
        raise ValueError(f"no markers for {', '.join(sorted(missing))}")

    def replaced(match: re.Match[str]) -> str:
        return match["head"] + new.get(match["name"], match["body"]) + match["tail"]

    return BLOCK.sub(replaced, document)


def differences(document: str, recorded: Mapping[str, Sequence[Event]]) -> list[str]:
    """Return one line for each timeline of the document that differs from the recorded one."""
    shown = {match["name"]: match["body"] for match in BLOCK.finditer(document)}
    return [
        f"{name}: the document shows {sequences(parse(shown.get(name, '')))}, recorded was {sequences(events)}"
        for name, events in recorded.items()
        if sequences(parse(shown.get(name, ""))) != sequences(events)
    ]


def record_all(scenarios: Sequence[Scenario]) -> dict[str, list[Event]]:
    """Record every scenario with both programs, side by side: they mostly wait."""
    starting = threading.Lock()
    runs = {f"{scenario.name} {contender}": (scenario, contender) for scenario in scenarios for contender in CONTENDERS}
    with ThreadPoolExecutor(len(runs)) as threads:
        waiting = {name: threads.submit(record, *run, starting) for name, run in runs.items()}
        return {name: future.result() for name, future in waiting.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, then write or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/record_timeline.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the document instead of writing it")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--only", choices=names, help=f"one scenario: {', '.join(names)}")
    options = parser.parse_args(arguments)
    recorded = record_all([scenario for scenario in SCENARIOS if options.only in {None, scenario.name}])
    document = DOCUMENT.read_text(encoding="utf-8")
    if not options.check:
        DOCUMENT.write_text(fill(document, blocks(recorded)), encoding="utf-8")
        return 0
    found = differences(document, recorded)
    print("\n".join(found) or f"{DOCUMENT.name} shows what happens")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
