"""`main_bot.py --demo`: at a terminal a conversation, elsewhere the fixed tour."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from meshbot.demo.console import converse
from meshbot.demo.stage import NODES, SHORTENED, Stage
from meshbot.demo.tour import tour


def main() -> int:
    """Run the demo; return its exit code."""
    interactive = sys.stdin is not None and sys.stdin.isatty()
    print(f"🛰️  Un nœud virtuel de {NODES} nœuds, et le vrai bot. Délais raccourcis par les réglages ordinaires :")
    print("   " + ", ".join(f"{name} = {value}" for name, value in SHORTENED.items()) + "\n")
    with tempfile.TemporaryDirectory(prefix="meshbot-demo-") as folder:
        stage = Stage(Path(folder), lambda line: print(f"   │ {line}", flush=True))
        with stage:
            code = converse(stage) if interactive else tour(stage)
        if stage.exit_code != 0:
            print(f"❌ le bot s'est arrêté avec le code {stage.exit_code}")
            return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
