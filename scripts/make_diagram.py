"""Draw the link machine's states from its own table: `python scripts/make_diagram.py [--write FILE]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# Run as a script, Python looks beside it alone
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from meshbot.mesh_link import CLOSING_AFTER_STOP, TRANSITIONS, LinkEvent, LinkState

BEGIN = "<!-- link machine: begin -->"
END = "<!-- link machine: end -->"


def diagram() -> str:
    """Return the mermaid state diagram of TRANSITIONS; an event that does not change the state is not drawn."""
    lines = ["stateDiagram-v2", f"    [*] --> {LinkState.STOPPED.name}"]
    for state, row in TRANSITIONS.items():
        for target in LinkState:
            events = [event.name for event in LinkEvent if row.get(event) is target]
            if events and target is not state:
                lines.append(f"    {state.name} --> {target.name}: {', '.join(events)}")
    after_stop = ", ".join(event.name for event in CLOSING_AFTER_STOP)
    lines.append(f"    {LinkState.CLOSING.name} --> {LinkState.STOPPED.name}: {after_stop} after STOP")
    return "\n".join(lines) + "\n"


def embedded() -> str:
    """Return the block between the two markers of a document, markers included."""
    return f"{BEGIN}\n```mermaid\n{diagram()}```\n{END}"


def replaced(text: str) -> str:
    """Return the document with the present diagram between its markers; ValueError if it has not one pair of them."""
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"the document needs one line {BEGIN} and behind it one line {END}")
    return before + embedded() + after


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the diagram, or write it into FILE."""
    parser = argparse.ArgumentParser(description="Draw the link machine's states as a mermaid diagram.")
    parser.add_argument("--write", type=Path, metavar="FILE", help=f"replace what FILE has from {BEGIN} to {END}")
    file = parser.parse_args(arguments).write
    if file is None:
        print(diagram(), end="")
        return 0
    try:
        file.write_text(replaced(file.read_text("utf-8")), "utf-8")
    except (OSError, ValueError) as exc:
        print(f"❌ {file}: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
