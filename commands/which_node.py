"""Which node a user means, out of those that the memory found; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from commands.language import Translate
from commands.language import mark as _
from mesh_memory.views import NodeView

SHOWN: Final = 4  # nodes named when several match: more would not fit one packet
NAME_SHOWN: Final = 20  # characters of what the user typed


class Directory(Protocol):
    """Who is on the mesh; MeshMemory is one."""

    def node(self, num: int) -> NodeView | None:
        """Return what is known of a node."""

    def find_nodes(self, text: str) -> list[NodeView]:
        """Return the nodes that a person means by a name, a short name, `!hex`, hex or its end."""


def only_one(found: Sequence[NodeView], text: str, tr: Translate) -> NodeView | str:
    """Return the one node found for `text`, else the answer for the asker: unknown, or several."""
    if len(found) == 1:
        return found[0]
    shown = text[:NAME_SHOWN]
    if not found:
        return tr(_("I know no node « {name} ».")).format(name=shown)
    listed = ", ".join(label(view) for view in found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
    return tr(_("« {name} » is {count} nodes: {nodes}")).format(name=shown, count=len(found), nodes=listed)


def label(view: NodeView) -> str:
    """Return the node's name, cut if it is long, and its id."""
    name = (view.long_name or view.short_name)[:NAME_SHOWN]
    return f"{name} !{view.num:08x}".lstrip()


def name_of(num: int, directory: Directory) -> str:
    """Return what people call a node: its name, cut if it is long, else its id."""
    view = directory.node(num)
    name = (view.long_name or view.short_name)[:NAME_SHOWN] if view is not None else ""
    return name or f"!{num:08x}"


def short_name_of(num: int, directory: Directory) -> str:
    """Return a node's short name, else the last four digits of its id."""
    view = directory.node(num)
    return (view.short_name if view is not None else "") or f"{num:08x}"[-4:]
