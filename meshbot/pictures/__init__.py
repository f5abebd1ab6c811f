"""Pictures of figures, drawn by matplotlib in a process of their own; the only importer of `matplotlib`."""
