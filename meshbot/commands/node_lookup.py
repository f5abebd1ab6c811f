"""Which node a user means, and the names of nodes in answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from meshbot.commands.formatting import NAME_BYTES, as_many_as_fit, ident, name_of
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import PREFIX, Platform, Request
from meshbot.mesh_memory import NodeView
from meshbot.text import folded, one_line, shorten

QUOTED_BYTES: Final = 40  # of the user's words in an answer
WHOLE_END: Final = 4  # digits of an end of an id that are as good as a name, see mesh_memory/search.py
# An id that cannot be a name: whoever is called like it gets nothing of what is written to it
MARKED_ID: Final = re.compile(r"(?:!|0x)[0-9a-f]{2,8}", re.IGNORECASE)
IN_A_SENTENCE: Final = 24  # bytes of a node's name where an answer has only a few names


class Directory(Protocol):
    """The nodes of the mesh; MeshMemory is one."""

    def node(self, num: int) -> NodeView | None:
        """Return what is known of a node."""

    def find_nodes(self, text: str, *, longer: bool = False) -> list[NodeView]:
        """Return the nodes that a person means by a name, a short name, `!hex`, hex or its end.

        With `longer`, also those whose name goes on after these words, whoever is called exactly so.
        """


class FindNodes(Protocol):
    """Directory.find_nodes."""

    def __call__(self, text: str, *, longer: bool = False) -> list[NodeView]:
        """See Directory.find_nodes."""


def own_node(request: Request) -> int | str:
    """Return the number of the asker's node, else the answer to an asker without one."""
    if request.node is not None:
        return request.node
    if request.platform is Platform.CONSOLE:
        return request.translate(_("You ask without a node of the mesh: that is for nodes, and for Telegram users."))
    return request.translate(_("Your Telegram account has no node: the operator can set one in telegram_users."))


def one_node(request: Request, directory: Directory) -> NodeView | str:
    """Return the node that the argument means, else the answer: no argument, no match, or several."""
    if not request.argument:
        text = request.translate(_("Which node? Its name, short name or the end of its id: {question}"))
        return text.format(question=f"{PREFIX}{request.command} 1eef")
    return only_one(directory.find_nodes(request.argument), request.argument, request)


def only_one(found: Sequence[NodeView], wanted: str, request: Request) -> NodeView | str:
    """Return the only node found for the words `wanted`, else the answer: no match, or the list."""
    tr = request.translate
    if len(found) == 1:
        return found[0]
    if not found:
        return tr(_("I know no node « {name} ».")).format(name=shorten(one_line(wanted), QUOTED_BYTES))
    head = tr(_("{count} nodes match, which one?")).format(count=len(found))
    lines = (f"{ident(view.num)} {name_of(view)}{_formerly(view, tr)}" for view in found)
    return as_many_as_fit(head, lines, len(found), request.limit)


def addressees(names: Sequence[str], find_nodes: FindNodes) -> list[NodeView]:
    """Return the nodes that may be meant where a text follows the last of `names`, whose beginnings the others are.

    A node that calls itself `Zoé hello` must not get what is written to Zoé, nor one that calls itself `Alice` what
    people write to the node that they know as Alice Test.
    """
    found = [*find_nodes(names[-1], longer=True), *bearers(names[:-1], find_nodes)]
    return list({view.num: view for view in found}.values())


def bearers(beginnings: Iterable[str], find_nodes: FindNodes) -> list[NodeView]:
    """Return the nodes that any of these beginnings of a text names exactly, by name or id, each once."""
    named: dict[int, NodeView] = {}
    for name in beginnings:
        found = find_nodes(name)
        # of different ranks only the best is found: one exact match tells that all are
        if any(_is_exact(name, view) for view in found):
            named.update((view.num, view) for view in found)
    return list(named.values())


def _is_exact(name: str, view: NodeView) -> bool:
    wanted = folded(name)
    nums = view.num, *view.former_numbers
    is_id = len(wanted) >= WHOLE_END and any(f"{num:08x}".endswith(wanted) for num in nums)
    return is_id or wanted in {folded(view.long_name), folded(view.short_name)}


def renaming(view: NodeView, tr: Translate) -> str:
    """Return a warning if the node has had its name for less than a day: it may have taken another's; else nothing."""
    if not view.former_name:
        return ""
    text = tr(_("⚠️ {node} has had this name for less than a day; before: {former}."))
    return text.format(node=ident(view.num), former=shorten(view.former_name, IN_A_SENTENCE))


def _formerly(view: NodeView, tr: Translate) -> str:
    if not view.former_name:
        return ""
    return " " + tr(_("(before: {former})")).format(former=shorten(view.former_name, NAME_BYTES))


OldNumber = Callable[[int], int | None]


def moved_from_none(_num: int) -> None:
    """Take no node for another one's new number."""


def perhaps_formerly(num: int, old_number: OldNumber, tr: Translate) -> str:
    """Return whose key a number announces without having proven it: both are listed until then; else nothing."""
    old = old_number(num)
    return "" if old is None else tr(_("(was {end}?)")).format(end=f"{old:08x}"[-4:])


def called(directory: Directory, num: int, limit: int = NAME_BYTES) -> str:
    """Return a node's name in at most `limit` bytes, else its id."""
    view = directory.node(num)
    return name_of(view, limit) if view else ident(num)


def label(view: NodeView) -> str:
    """Return the node's name and its id, or the id alone."""
    name, num = name_of(view), ident(view.num)
    return num if name == num else f"{name} {num}"


def short_name_of(directory: Directory, num: int) -> str:
    """Return a node's short name, else the last four digits of its id."""
    view = directory.node(num)
    return (view.short_name if view is not None else "") or f"{num:08x}"[-4:]
