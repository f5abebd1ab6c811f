"""Write meshbot.toml.example and the table of docs/settings.md from config.py: meaning, bounds and default of each."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Run as a script, Python looks for modules beside it alone
sys.path.insert(0, str(ROOT))

from config import LIVE, Settings, allowed, effective  # noqa: E402 - found by the line above

EXAMPLE = ROOT / "meshbot.toml.example"
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"
HEADER = """\
# MeshBot's settings. Copy to meshbot.toml (or /etc/meshbot/meshbot.toml) and change what you need; what you leave out
# keeps its default, the value shown. A variable MESHBOT_<NAME>, such as MESHBOT_TCP_HOST, goes before the file.
# Check with: meshbot check
# This file is made from config.py by `make example`.
"""
UNCOMMENTED = {"tcp_host"}  # the one setting that nearly every installation has to change


def example() -> str:
    """Return the file's text."""
    defaults = effective(Settings()).splitlines()
    parts = [HEADER]
    for (name, field), line in zip(Settings.model_fields.items(), defaults, strict=True):
        shown = line if name in UNCOMMENTED else f"#{line}"
        parts.append(f"# {field.description}\n# Allowed: {allowed(field, 'en')}.\n{shown}\n")
    return "\n".join(parts)


def table() -> str:
    """Return all settings as a Markdown table, in the order of config.py."""
    lines = ["| setting | default | allowed | meaning | reload |", "|---|---|---|---|---|"]
    for (name, field), line in zip(Settings.model_fields.items(), effective(Settings()).splitlines(), strict=True):
        default = line.partition(" = ")[2]
        cells = (
            f"`{name}`",
            f"`{default}`",
            allowed(field, "en"),
            str(field.description),
            "yes" if name in LIVE else "",
        )
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the settings page with the present table between its markers; ValueError if they are missing."""
    before, begin, rest = SETTINGS_PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{SETTINGS_PAGE.name} needs one line {BEGIN.strip()} and behind it one line {END}")
    return before + begin + table() + end + after


if __name__ == "__main__":
    EXAMPLE.write_text(example(), encoding="utf-8")
    SETTINGS_PAGE.write_text(page(), encoding="utf-8")
