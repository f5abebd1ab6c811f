"""What the bot remembers of its mesh: `memory.MeshMemory` is what the rest of the program talks to."""
