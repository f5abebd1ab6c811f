"""Which node a user means by a name, a short name, `!hex`, hex or its end; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from commands.language import Translate
from commands.language import mark as _

Node = tuple[int, str, str]  # number, long name, short name; a name may be empty
SHOWN = 4  # nodes named when several match: more would not fit one packet
ARGUMENT_SHOWN = 20  # characters
LEAST_END = 2  # hex digits; fewer would match every sixteenth node


def one_node(argument: str, nodes: Iterable[Node], tr: Translate) -> Node | str:
    """Return the one node that `argument` means, else the answer for the asker: unknown, or several."""
    found = matching(argument, nodes)
    if len(found) == 1:
        return found[0]
    shown = argument[:ARGUMENT_SHOWN]
    if not found:
        return tr(_("I know no node « {name} ».")).format(name=shown)
    listed = ", ".join(label(node) for node in found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
    return tr(_("« {name} » is {count} nodes: {nodes}")).format(name=shown, count=len(found), nodes=listed)


def matching(argument: str, nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes that `argument` can mean, by name: the whole id, else a whole name, else a part of either.

    A mark (`!`, `0x`) says that it is an id. Names compare without case and accents.
    """
    known = sorted(nodes, key=lambda node: (_plain(node[1]), node[0]))
    digits = _hex_digits(argument)
    marked = argument.strip().lower().startswith(("!", "0x"))
    wanted = _plain(argument)
    if not wanted:
        return []
    tests: list[Callable[[Node], bool]] = [lambda node: f"{node[0]:08x}" == digits]
    if not marked:
        tests.append(lambda node: wanted in {_plain(node[1]), _plain(node[2])})
    tests.append(lambda node: _ends_with(node, digits) or (not marked and _plain(node[1]).startswith(wanted)))
    if not marked:
        tests.append(lambda node: wanted in _plain(node[1]))
    return next((found for test in tests if (found := list(filter(test, known)))), [])


def label(node: Node) -> str:
    """Return the node's name and id."""
    num, long_name, short_name = node
    name = long_name or short_name
    return f"{name} !{num:08x}" if name else f"!{num:08x}"


def _hex_digits(argument: str) -> str:
    """Return the lower-case digits of an id or of its end, or nothing."""
    match = re.fullmatch(r"(?:!|0x)?([0-9a-f]{1,8})", argument.strip().lower())
    return match[1] if match else ""


def _ends_with(node: Node, digits: str) -> bool:
    return len(digits) >= LEAST_END and f"{node[0]:08x}".endswith(digits)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)).strip()
