"""Check that imports go one way, that packages are used by their public names, and who may import a library."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

# From the top; a part may import what stands below it, nothing above, and nothing beside it
LAYERS: Final = (
    {"main_bot"},
    {"command_line"},
    {"assembly"},
    # No part of meshbot/ imports these, so all of them stand below
    {"config", "node_manager", "tcp_interface_manager"},
    {"meshbot.cli", "meshbot.demo", "meshbot.status_page", "meshbot.telegram_bot"},
    {"meshbot.doctor"},
    {"meshbot.control"},
    {"meshbot.commands.builtin"},
    {"meshbot.commands"},
    {"meshbot.mesh_memory"},
    {"meshbot.persistence", "meshbot.radio_backup"},
    {"meshbot.nodes", "meshbot.sending"},
    {"meshbot.mesh_link"},
    {"meshbot.storage", "meshbot.settings", "meshbot.web", "meshbot.pictures", "meshbot.virtual_node"},
    {"meshbot.installation"},
    {"meshbot.runtime"},
    {"meshbot.text", "meshbot.bounds", "meshbot.version"},
    {"meshbot"},  # the package itself holds nothing
)
LEVELS: Final = {name: level for level, names in enumerate(LAYERS) for name in names}
# Who may import them; the virtual node needs meshtastic's protobuf
LIBRARIES: Final = {
    "httpx": {"meshbot.web", "meshbot.telegram_bot"},  # python-telegram-bot's requests are httpx's
    "meshtastic": {"meshbot.mesh_link", "meshbot.virtual_node"},
    "pubsub": {"meshbot.mesh_link"},
    "alembic": {"meshbot.storage"},
    "sqlalchemy": {"meshbot.storage"},
    "cryptography": {"meshbot.radio_backup"},
    "jinja2": {"meshbot.status_page"},
    "prometheus_client": {"meshbot.status_page"},
    "waitress": {"meshbot.status_page"},
    "matplotlib": {"meshbot.pictures"},
    "segno": {"meshbot.pictures"},
    "telegram": {"meshbot.telegram_bot"},
    "zeroconf": {"meshbot.cli"},
}
SETTINGS_READERS: Final = {"main_bot", "command_line", "assembly"}  # nothing else reads settings
OUTSIDE: Final = {
    "bench",
    "chaos",
    "scripts",
    "tests",
    "hatch_build.py",
}  # import what they measure, make or test; nothing imports them
ROOTS: Final = {name.partition(".")[0] for name in LEVELS}


@dataclass(frozen=True)
class Import:
    """One import statement: `module` and, if it takes names from it, those."""

    line: int
    module: str
    names: tuple[str, ...] = ()


def violations(root: Path) -> list[str]:
    """Return one line for each import that the rules forbid, and for each module that has no place in them."""
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if parts[0] in OUTSIDE or parts[0].startswith("."):
            continue
        owner = part_of(".".join(parts).removesuffix(".py").removesuffix(".__init__"))
        if owner is None:
            found.append(f"{'/'.join(parts)}: it has no place in LAYERS of scripts/check_imports.py")
            continue
        for each in imports(path.read_text(encoding="utf-8")):
            reasons = (
                refusal(owner, each, name) or unexported(root, owner, each, name) for name in each.names or ("",)
            )
            if reason := next(filter(None, reasons), ""):
                found.append(f"{'/'.join(parts)}:{each.line}: {owner} may not import {each.module}: {reason}")
    return found


def imports(source: str) -> Iterator[Import]:
    """Yield every absolute import, also of those inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield Import(node.lineno, node.module, tuple(alias.name for alias in node.names))


def part_of(module: str) -> str | None:
    """Return the part of the program that a module belongs to, the innermost package of LAYERS."""
    name = module
    while name and name not in LEVELS:
        name = name.rpartition(".")[0]
    return None if name == "meshbot" != module else name or None


def refusal(owner: str, each: Import, name: str) -> str:
    """Say why `owner` may not have this import of `name`, or nothing."""
    top = each.module.partition(".")[0]
    allowed = LIBRARIES.get(top)
    if allowed and not any(owner == package or owner.startswith(f"{package}.") for package in allowed):
        return f"only {' and '.join(sorted(allowed))} may"
    if top in OUTSIDE:
        return "it is not part of the program"
    if top not in ROOTS:
        return ""
    # `from meshbot.commands import builtin` names a part as well
    target = f"{each.module}.{name}" if f"{each.module}.{name}" in LEVELS else part_of(each.module)
    if target is None:
        return "there is no such part"
    if target == "config" and owner not in SETTINGS_READERS:
        return "only assembly, command_line and main_bot read settings"
    if target == owner:
        return ""
    if LEVELS[target] <= LEVELS[owner]:
        return "it stands beside it" if LEVELS[target] == LEVELS[owner] else "it stands above"
    is_its_own_parent = owner.startswith(f"{target}.")
    if not is_its_own_parent and each.module not in {target, target.rpartition(".")[0]}:
        return f"only {target} itself uses its modules: take it from {target}"
    return ""


def unexported(root: Path, owner: str, each: Import, name: str) -> str:
    """Say that a package does not export `name` to `owner`, or nothing."""
    init = root.joinpath(*each.module.split("."), "__init__.py")
    is_outsider = each.module in LEVELS and owner != each.module and not owner.startswith(f"{each.module}.")
    if not name or f"{each.module}.{name}" in LEVELS or not is_outsider or not init.exists():
        return ""
    return "" if name in exports(init) else f"its __all__ does not name {name}"


@cache
def exports(init: Path) -> frozenset[str]:
    """Return what a package's `__all__` names."""
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


if __name__ == "__main__":
    complaints = violations(Path(__file__).resolve().parent.parent)
    print("\n".join(complaints) or "Imports go one way, by public names")
    sys.exit(bool(complaints))
