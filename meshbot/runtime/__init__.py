"""Threads and time: the lowest layer, which knows nothing of radios or people."""
