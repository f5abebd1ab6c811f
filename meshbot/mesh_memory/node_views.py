"""What is known of one node, for an answer; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from meshbot import bounds
from meshbot.mesh_memory.geography import distance
from meshbot.mesh_memory.recorder import Place
from meshbot.mesh_memory.views import NodeView, is_unmessageable, position_of
from meshbot.storage import DAY, NodeRow, NodeState


class KnownNodes(Protocol):
    """Names, numbers and trusted keys of nodes, from memory; NodeManager is one."""

    @property
    def moved(self) -> Mapping[int, int]:
        """The old numbers of nodes that have another one now, each with that."""
        ...

    def numbers(self, num: int) -> tuple[int, ...]:
        """Return all numbers of the node that has this one, the present one first."""

    def person(self, num: int) -> NodeRow | None:
        """Return what is known of a node beside its key, under all its numbers."""

    def nodes(self) -> list[NodeRow]:
        """Return all nodes."""

    def public_key(self, num: int) -> bytes | None:
        """Return the node's trusted key."""


def node_view(
    numbers: Sequence[int],
    row: NodeRow | None,
    state: NodeState | None,
    here: Place | None,
    now: int,
    *,
    has_key: bool,
    signs: bool,
) -> NodeView:
    """Return it, `numbers` being the node's, the present one first, and `here` where our own node is."""
    num, *olds = numbers
    row, heard = row or NodeRow(num), state or NodeState(num, 0)
    position = position_of(row, heard, now)
    return NodeView(
        num=num,
        long_name=row.long_name,
        short_name=row.short_name,
        hw_model=row.hw_model,
        role=row.role,
        has_key=has_key,
        last_heard=bounds.past(heard.last_heard, now) or None,
        hops=heard.hops,
        via_mqtt=heard.via_mqtt,
        snr=heard.snr,
        rssi=heard.rssi,
        direct_at=bounds.past(heard.direct_at, now),
        battery=heard.battery,
        voltage=heard.voltage,
        utilization=heard.utilization,
        air_tx=heard.air_tx,
        metrics_at=bounds.past(heard.metrics_at, now),
        position=position,
        distance=distance(*here, position.latitude, position.longitude) if here and position else None,
        former_name=row.former_name if now - (row.renamed_at or 0) < DAY else "",
        former_numbers=tuple(olds),
        signs=signs,
        is_unmessageable=is_unmessageable(row),
    )
