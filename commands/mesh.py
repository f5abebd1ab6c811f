"""The commands that tell what the bot remembers of the mesh."""

from __future__ import annotations

from commands.info import info_command
from commands.my import my_command
from commands.neighbors import neighbors_command
from commands.nodes import nodes_command
from commands.propag import propag_command
from commands.registry import Command
from commands.stats import stats_command
from mesh_memory.memory import MeshMemory
from runtime.clock import Clock


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
