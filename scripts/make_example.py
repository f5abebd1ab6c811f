"""Write meshbot.toml.example from config.py: every setting with its meaning, unit, bounds and default."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, Python looks for modules beside it alone

from config import Settings, allowed, effective  # noqa: E402 - found by the line above

EXAMPLE = ROOT / "meshbot.toml.example"
HEADER = """\
# MeshBot's settings. Copy to meshbot.toml (or /etc/meshbot/meshbot.toml) and change what you need; what you leave out
# keeps its default, the value shown. A variable MESHBOT_<NAME>, such as MESHBOT_TCP_HOST, goes before the file.
# Check with: .venv/bin/python main_bot.py --check-config
# This file is made from config.py by `make example`.
"""
UNCOMMENTED = {"tcp_host"}  # the one setting that nearly everybody has to change


def example() -> str:
    """Return the file's text."""
    defaults = effective(Settings()).splitlines()
    parts = [HEADER]
    for (name, field), line in zip(Settings.model_fields.items(), defaults, strict=True):
        shown = line if name in UNCOMMENTED else f"#{line}"
        parts.append(f"# {field.description}\n# Allowed: {allowed(field, 'en')}.\n{shown}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    EXAMPLE.write_text(example(), encoding="utf-8")
