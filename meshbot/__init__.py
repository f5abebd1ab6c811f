"""MeshBot: everything but the four modules of the design card and the composition root."""
