"""Writing behind: what is learnt is kept in memory and written in batches by one thread."""
