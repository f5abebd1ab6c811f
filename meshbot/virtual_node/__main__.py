"""`python -m meshbot.virtual_node`: a node in software for anybody's client, with faults typed in by hand."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Final

from meshbot.virtual_node.faults import FAULTS, Fault, Value
from meshbot.virtual_node.packets import BROADCAST_NUM
from meshbot.virtual_node.server import VirtualNode

ALIASES: Final = {"cut": "drop", "silence": "mute"}
# EX_UNAVAILABLE: the port cannot be bound
EXIT_UNAVAILABLE: Final = 69
USAGE: Final = """\
!<fault> [name=value …]   switch a fault on, or let it happen (!cut is drop, !silence is mute)
!heal [fault]             switch one off, or all
!faults                   list them, * for those switched on
!nodes                    list the users
!say [user] text          a user (short name; the first one by default) writes to the node
!all [user] text          the same to everybody on the primary channel
!quit                     stop"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a node until a signal, !quit or the end of the input; return the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        node = VirtualNode(
            nodes=options.nodes,
            host=options.host,
            port=options.port,
            seed=options.seed,
            firmware_version=options.firmware,
            keys=options.keys,
            capacity=options.capacity,
            warm_size=options.warm,
            psram=options.psram,
            airtime=options.airtime,
            chatter=options.users_talk,
        )
        with node:
            _serve(node, interactive=options.commands or sys.stdin.isatty())
    except ValueError as error:
        print(f"virtual_node: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"virtual_node: {error.strerror}. Choose another --host or --port.", file=sys.stderr)
        return EXIT_UNAVAILABLE
    return 0


def _parser() -> argparse.ArgumentParser:
    faults = "\n".join(_describe(fault) for fault in FAULTS.values())
    parser = argparse.ArgumentParser(
        prog="python -m meshbot.virtual_node",
        description=__doc__,
        epilog=f"commands:\n{USAGE}\n\nfaults:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=4403, help="TCP port, 0 for any free one (%(default)s)")
    parser.add_argument(
        "--nodes", type=int, default=42, help="size of its node database, itself included (%(default)s)"
    )
    parser.add_argument("--keys", type=int, help="how many of the others have a public key (all but a few)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same mesh (%(default)s)")
    parser.add_argument(
        "--firmware",
        default="2.7.26",
        metavar="VERSION",
        help="version to behave like, 2.7.26 or 2.8.0 (%(default)s); !upgrade changes it while it runs",
    )
    parser.add_argument(
        "--capacity",
        type=int,
        metavar="NODES",
        help="room in its node database: 100 on an ESP32, 80 on an nRF52, with 2.8 on both 120; 250, 200 or 100 by the "
        "flash of an ESP32-S3 (for all, at least 250)",
    )
    parser.add_argument(
        "--warm",
        type=int,
        metavar="NODES",
        help="evicted nodes whose keys 2.8 keeps, 100 to 2000 by memory (150, with --psram 2000)",
    )
    parser.add_argument(
        "--psram", action="store_true", help="hardware with more memory: 2.8 also caches NODEINFOs, and hands over more"
    )
    parser.add_argument(
        "--airtime", type=_airtime, default=0.15, metavar="SECONDS", help="of a packet, or `preset` (%(default)s)"
    )
    parser.add_argument(
        "--users-talk", type=float, default=0.0, metavar="RATE", help="packets a second of chatter (none)"
    )
    parser.add_argument("--commands", action="store_true", help="read commands even if the input is no terminal")
    return parser


def _airtime(text: str) -> float | None:
    return None if text == "preset" else float(text)


def _serve(node: VirtualNode, *, interactive: bool) -> None:
    """Execute commands until a signal, the end of the input, or !quit."""
    keyed = sum(bool(user.public_key) for user in node.users)
    print(
        f"node {node.own.node_id}, {len(node.users) + 1} nodes, {keyed} users with a key, port {node.port}", flush=True
    )
    # None: stop
    inbox: SimpleQueue[str | None] = SimpleQueue()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda _number, _frame: inbox.put(None))
    if interactive:
        print(USAGE, flush=True)
        # daemon: it may wait for a line that never comes
        threading.Thread(target=_read, args=(inbox,), name="Virtual-Node-Input", daemon=True).start()
    while (line := inbox.get()) is not None:
        try:
            if not obey(node, line.strip()):
                break
        except ValueError as error:
            print(error, flush=True)


def _read(inbox: SimpleQueue[str | None]) -> None:
    for line in sys.stdin:
        inbox.put(line)
    inbox.put(None)


def obey(node: VirtualNode, line: str) -> bool:
    """Execute a line; return False for !quit. ValueError explains what is wrong."""
    word, _, rest = line.partition(" ")
    match word:
        case "":
            return True
        case "!quit":
            return False
        case "!faults":
            for fault in FAULTS.values():
                print("*" if fault.name in node.faults else " ", _describe(fault), flush=True)
        case "!nodes":
            for user in node.users:
                key = "🔑" if user.public_key else "  "
                print(f"{user.node_id} {user.short_name:4} {key} {user.long_name}", flush=True)
        case "!heal":
            node.heal(rest.strip() or None)
        case "!say" | "!all":
            _say(node, rest, None if word == "!say" else BROADCAST_NUM)
        case _ if word.startswith("!"):
            name = word.removeprefix("!")
            node.fault(ALIASES.get(name, name), **_parameters(rest))
        case _:
            _say(node, line, None)
    return True


def _say(node: VirtualNode, words: str, to: int | None) -> None:
    first, _, rest = words.partition(" ")
    speaker = next((user for user in node.users if user.short_name == first), None)
    if speaker is None and not node.users:
        raise ValueError("nobody else lives on this mesh: start it with more --nodes")
    user, text = (speaker, rest) if speaker else (node.users[0], words)
    node.hear_text(user.num, text, to)
    print(f"💬 {user.short_name} → {'everybody' if to else 'the node'}: {text}", flush=True)


def _parameters(words: str) -> dict[str, Value]:
    pairs = [word.partition("=") for word in words.split()]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise ValueError(f"{wrong[0]!r} is no parameter: write name=value")
    return {name: value for name, _, value in pairs}


def _describe(fault: Fault) -> str:
    knobs = " ".join(
        f"{knob.name}={knob.default:g}" if isinstance(knob.default, float | int) else f"{knob.name}={knob.default}"
        for knob in fault.parameters
    )
    return f"{fault.name:20} {fault.summary}" + (f" [{knobs}]" if knobs else "")


if __name__ == "__main__":
    sys.exit(main())
