"""Which node a user means, and how the nodes of a link are called."""

from __future__ import annotations

from commands.language import mark as _
from commands.registry import PREFIX, Request
from commands.words import as_many_as_fit, ident, name_of
from mesh_link.text import shorten
from mesh_memory.memory import MeshMemory
from mesh_memory.views import NodeView

ECHO_BYTES = 40  # of what was asked, told back


def one_node(request: Request, memory: MeshMemory) -> NodeView | str:
    """Return the node that the argument means, else what to answer: nothing was asked, none matches, several do."""
    tr, wanted = request.translate, request.argument
    if not wanted:
        text = tr(_("Which node? Its name, short name or the end of its id: {question}"))
        return text.format(question=f"{PREFIX}{request.command} 1eef")
    found = memory.find_nodes(wanted)
    if not found:
        return tr(_("I know no node called {name}.")).format(name=shorten(wanted, ECHO_BYTES))
    if len(found) == 1:
        return found[0]
    head = tr(_("{count} nodes match, which one?")).format(count=len(found))
    return as_many_as_fit(head, (f"{ident(view.num)} {name_of(view)}" for view in found), len(found))


def called(memory: MeshMemory, num: int) -> str:
    """Return how a node is called in a list."""
    view = memory.node(num)
    return name_of(view) if view else ident(num)
