"""Check that imports go one way, and that a library stays with the package that tames it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# From the top; a module may import what stands below it, nothing above, and nobody beside it
LAYERS: Final = (
    {"main_bot"},
    {"demo"},
    {"assembly"},
    {"telegram_bot"},
    {"commands", "housekeeping", "tcp_interface_manager"},
    {"mesh_memory"},
    {"node_manager", "outbox_keeper", "update_keeper"},
    {"mesh_link", "storage", "virtual_node", "web", "pictures"},
    {"config"},
    {"config_kinds"},
    {"config_sources"},
    {"runtime"},
)
LEVELS: Final = {name: level for level, names in enumerate(LAYERS) for name in names}
# Who may import them; the virtual node needs meshtastic's protobuf
LIBRARIES: Final = {
    "httpx": {"web"},
    "meshtastic": {"mesh_link", "virtual_node"},
    "pubsub": {"mesh_link"},
    "alembic": {"storage"},
    "sqlalchemy": {"storage"},
    "matplotlib": {"pictures"},
    "telegram": {"telegram_bot"},
}
OUTSIDE: Final = {"bench", "scripts", "tests"}  # import what they measure, make or test; nobody imports them


def wrongs(root: Path) -> list[str]:
    """Return one line for each import that the rules forbid, and for each module that has no place in them."""
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        owner = parts[0].removesuffix(".py")
        if owner in OUTSIDE or owner.startswith("."):
            continue
        if owner not in LEVELS:
            found.append(f"{'/'.join(parts)}: {owner} has no place in LAYERS of scripts/check_imports.py")
            continue
        for line, name in imported(path.read_text(encoding="utf-8")):
            if reason := refusal(owner, name):
                found.append(f"{'/'.join(parts)}:{line}: {owner} may not import {name}: {reason}")
    return found


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the top-level name of every absolute import, also of those inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.split(".")[0]


def refusal(owner: str, name: str) -> str:
    """Say why `owner` may not import `name`, or nothing."""
    if name in LIBRARIES and owner not in LIBRARIES[name]:
        return f"only {' and '.join(sorted(LIBRARIES[name]))} may"
    if name in OUTSIDE:
        return "it is not part of the program"
    if name in LEVELS and name != owner and LEVELS[name] <= LEVELS[owner]:
        return "it stands beside it" if LEVELS[name] == LEVELS[owner] else "it stands above"
    return ""


if __name__ == "__main__":
    complaints = wrongs(Path(__file__).resolve().parent.parent)
    print("\n".join(complaints) or "Imports go one way")
    sys.exit(bool(complaints))
