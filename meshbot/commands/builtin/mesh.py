"""The commands that tell what the bot remembers of the mesh."""

from __future__ import annotations

from meshbot.commands.builtin.info import info_command
from meshbot.commands.builtin.my import my_command
from meshbot.commands.builtin.neighbors import neighbors_command
from meshbot.commands.builtin.nodes import nodes_command
from meshbot.commands.builtin.propag import propag_command
from meshbot.commands.builtin.stats import stats_command
from meshbot.commands.registry import Command
from meshbot.mesh_memory import MeshMemory
from meshbot.runtime import Clock


def mesh_commands(memory: MeshMemory, clock: Clock) -> tuple[Command, ...]:
    """Return them in the order in which help lists them."""
    return (
        nodes_command(memory, clock),
        info_command(memory, clock),
        my_command(memory, clock),
        stats_command(memory, clock),
        neighbors_command(memory),
        propag_command(memory),
    )
